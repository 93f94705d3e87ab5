//! Where items come in: one thread puts them in, one by one and without a lock; those who take them, by the chunk, share a
//! lock of their own.
//!
//! Items lie in blocks, which are filled from the first slot to the last and linked in that order. Who puts an item in then
//! counts it; who takes has seen the count. So neither ever looks at a slot that the other is at.
#![allow(unsafe_code)]

use crate::sync::{
    Arc, UnsafeCell,
    atomic::{
        AtomicUsize,
        Ordering::{Acquire, Release},
    },
};
use std::{mem::MaybeUninit, sync::OnceLock};

/// Slots of the first block: most maps are small.
const FIRST_BLOCK: usize = if cfg!(concurrent_futures_loom) { 1 } else { 16 };

/// Blocks grow up to so many bytes, and so many slots.
const BLOCK_BYTES: usize = 64 * 1024;
const MOST_SLOTS: usize = 8192;

struct Block<T> {
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    next: OnceLock<Arc<Self>>,
}

// SAFETY: what moves between threads through a shared block is a `T`, which is `Send`. Accesses to a slot do not overlap: it
// is written once, by the one `Inlet`, before it is counted, and read once, by the one `Outlet`, after that. No `&T` is given out.
unsafe impl<T: Send> Sync for Block<T> {}

impl<T> Block<T> {
    fn new(slots: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: (0..slots)
                .map(|_| UnsafeCell::new(MaybeUninit::uninit()))
                .collect(),
            next: OnceLock::new(),
        })
    }
}

/// How many items have been put in. On cache lines of its own: it is written for every item.
#[repr(align(128))]
struct Count(AtomicUsize);

/// The end where items are put in. There is one, and it is not cloned.
pub(super) struct Inlet<T> {
    block: Arc<Block<T>>,
    /// Slots of the block that are in use.
    used: usize,
    /// Items in the blocks before.
    before: usize,
    count: Arc<Count>,
}

/// The end where items are taken out. There is one; it drops what is left.
pub(super) struct Outlet<T> {
    block: Arc<Block<T>>,
    /// Slots of the block that were emptied.
    used: usize,
    taken: usize,
    count: Arc<Count>,
}

pub(super) fn inlet<T>() -> (Inlet<T>, Outlet<T>) {
    let block = Block::new(FIRST_BLOCK);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let inlet = Inlet {
        block: block.clone(),
        used: 0,
        before: 0,
        count: count.clone(),
    };
    let outlet = Outlet {
        block,
        used: 0,
        taken: 0,
        count,
    };
    (inlet, outlet)
}

impl<T> Inlet<T> {
    /// Puts in up to `most` items, each of which can be taken from the moment that `put` is called for it. False if there were
    /// fewer.
    #[inline]
    pub(super) fn put_from(
        &mut self,
        items: &mut impl Iterator<Item = T>,
        most: usize,
        put: impl Fn(),
    ) -> bool {
        let mut left = most;
        while left > 0 {
            if self.used == self.block.slots.len() {
                self.add_block();
            }
            let end = self.block.slots.len().min(self.used + left);
            left -= end - self.used;
            let slots = &self.block.slots[self.used..end];
            let mut used = Used::of(&mut self.used);
            for slot in slots {
                let Some(item) = items.next() else { return false };
                // SAFETY: the slot lies in the block and behind all that were counted, so the outlet does not touch it, and there is
                // no other inlet. It is empty: each slot is filled once.
                slot.with_mut(|slot| unsafe { (*slot).write(item) });
                used.now += 1;
                // Pairs with `len`: who sees the count sees the item, and the block that it lies in.
                self.count.0.store(self.before + used.now, Release);
                put();
            }
        }
        true
    }

    #[cold]
    fn add_block(&mut self) {
        let most = (BLOCK_BYTES / size_of::<T>().max(1)).clamp(FIRST_BLOCK, MOST_SLOTS);
        let next = Block::new((self.block.slots.len() * 2).min(most));
        // Set once per block, by its one inlet.
        let _ = self.block.next.set(next.clone());
        self.block = next;
        self.before += self.used;
        self.used = 0;
    }

    /// How many were put in so far.
    pub(super) fn put_in(&self) -> usize {
        self.before + self.used
    }
}

/// A number that is kept in a register while it goes up, and put back also if the item iterator panics.
struct Used<'a> {
    place: &'a mut usize,
    now: usize,
}

impl<'a> Used<'a> {
    fn of(place: &'a mut usize) -> Self {
        let now = *place;
        Self { place, now }
    }
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        *self.place = self.now;
    }
}

impl<T> Outlet<T> {
    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.count.0.load(Acquire) - self.taken
    }

    /// Takes the first of those that wait, `most` of them at most.
    pub(super) fn take(&mut self, most: usize) -> Vec<T> {
        let mut left = most.min(self.len());
        let mut items = Vec::with_capacity(left);
        while left > 0 {
            if self.used == self.block.slots.len() {
                let next = self
                    .block
                    .next
                    .get()
                    .expect("an item lies behind this block")
                    .clone();
                self.block = next;
                self.used = 0;
            }
            let end = self.block.slots.len().min(self.used + left);
            // SAFETY: these slots were filled: `len` has counted them. They are emptied once: `used` goes up, and there is no
            // other outlet.
            let take_out =
                |slot: &UnsafeCell<MaybeUninit<T>>| slot.with(|slot| unsafe { (*slot).assume_init_read() });
            items.extend(self.block.slots[self.used..end].iter().map(take_out));
            left -= end - self.used;
            self.taken += end - self.used;
            self.used = end;
        }
        items
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        // In the end every item is taken; the blocks go one by one, not nested.
        drop(self.take(usize::MAX));
    }
}

#[cfg(all(test, not(concurrent_futures_loom)))]
mod tests {
    use super::*;
    use std::{
        collections::VecDeque,
        panic::{AssertUnwindSafe, catch_unwind},
        thread,
    };

    #[test]
    fn items_come_out_in_order_across_blocks() {
        let (mut inlet, mut outlet) = inlet();
        let mut expected = VecDeque::new();
        let mut next = 0_usize;
        for round in 0..200 {
            let items = next..next + round * 7 % 300;
            assert!(inlet.put_from(&mut items.clone(), items.len(), || ()));
            next = items.end;
            expected.extend(items);
            let taken = outlet.take(round * 11 % 250);
            assert_eq!(taken, expected.drain(..taken.len()).collect::<Vec<_>>());
            assert_eq!(outlet.len(), expected.len());
        }
        assert_eq!(inlet.put_in(), next);
    }

    #[test]
    fn items_of_no_size_and_large_ones_pass() {
        let (mut units, mut outlet) = inlet();
        assert!(!units.put_from(&mut std::iter::repeat_n((), 100_000), 100_001, || ()));
        assert_eq!(outlet.take(usize::MAX).len(), 100_000);
        let (mut large, mut outlet) = inlet();
        assert!(large.put_from(&mut (0..40_u8).map(|n| [n; 10_000]), 40, || ()));
        assert!((0..40).all(|n| outlet.take(1) == [[n; 10_000]]));
    }

    #[test]
    fn every_item_is_dropped_once() {
        let witness = Arc::new(());
        let (mut inlet, mut outlet) = inlet();
        let mut items = std::iter::repeat_n(witness.clone(), 999).chain(std::iter::from_fn(|| panic!()));
        let all = AssertUnwindSafe(|| inlet.put_from(&mut items, 1000, || ()));
        assert!(catch_unwind(all).is_err());
        drop(items);
        assert_eq!((inlet.put_in(), Arc::strong_count(&witness)), (999, 1000));
        drop(outlet.take(10));
        assert_eq!(Arc::strong_count(&witness), 990);
        drop(outlet);
        assert_eq!(Arc::strong_count(&witness), 1);
        drop(inlet);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn two_threads_lose_nothing() {
        const ITEMS: usize = 100_000;
        let (mut inlet, mut outlet) = inlet();
        let taker = thread::spawn(move || {
            let mut all = Vec::new();
            while all.len() < ITEMS {
                let some = outlet.take(1000);
                if some.is_empty() {
                    thread::yield_now();
                }
                all.extend(some);
            }
            all
        });
        inlet.put_from(&mut (0..ITEMS).map(Box::new), ITEMS, || ());
        let all = taker.join().unwrap();
        assert!(all.into_iter().map(|boxed| *boxed).eq(0..ITEMS));
    }
}

#[cfg(all(test, concurrent_futures_loom))]
mod models {
    use super::*;

    /// Blocks of one and two slots: an item is put in and another block is added while the other end takes.
    #[test]
    fn what_is_counted_can_be_taken() {
        loom::model(|| {
            let (mut inlet, mut outlet) = inlet();
            let putting = loom::thread::spawn(move || {
                inlet.put_from(&mut (0..4), 4, || ());
            });
            let mut all = outlet.take(2);
            all.extend(outlet.take(1));
            putting.join().unwrap();
            all.extend(outlet.take(usize::MAX));
            assert_eq!(all, [0, 1, 2, 3]);
        });
    }
}
