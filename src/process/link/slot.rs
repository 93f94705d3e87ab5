//! What both sides must agree on about one batch: which of its items have started.

use crate::{
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    sys::clock,
};
use std::time::Duration;

/// The work is asked to stop.
pub(crate) const ASKED_TO_STOP: u32 = 1;
/// A future is to be dropped.
pub(crate) const TO_BE_DROPPED: u32 = 2;

/// The control word of a batch: how many of its items have started (low half), and how many may (high half).
///
/// The worker claims an item by raising the first; the parent takes items back by lowering the second. Both are one
/// compare-and-swap, so an item is either started or taken back, never both (rule 1).
#[repr(C, align(64))]
pub(crate) struct Slot {
    claim: AtomicU64,
    stop: AtomicU32,
    /// When the worker began with it, by its coarse clock; 0 before that.
    began: AtomicU64,
}

fn word(started: u32, limit: u32) -> u64 {
    u64::from(started) | u64::from(limit) << 32
}

#[allow(clippy::cast_possible_truncation)] // The two halves.
fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

impl Slot {
    /// A new batch of so many items, none of them started. By the parent, before the worker hears of it.
    pub(crate) fn fill(&self, items: u32) {
        self.stop.store(0, Relaxed);
        self.began.store(0, Relaxed);
        self.claim.store(word(0, items), Release);
    }

    /// The worker starts the next item. Returns how many may start by now, this one included; `None` if it may not.
    pub(crate) fn claim(&self) -> Option<u32> {
        let claimed = self.claim.fetch_update(AcqRel, Acquire, |now| {
            let (started, limit) = halves(now);
            (started < limit).then(|| word(started + 1, limit))
        });
        claimed.ok().map(|before| halves(before).1)
    }

    /// Orders what the caller has written before every later claim, and what was written before every earlier claim
    /// before what the caller reads next.
    pub(crate) fn touch(&self) {
        self.claim.fetch_add(0, AcqRel);
    }

    /// The parent takes back all items that have not started, but for the first `keep` of them. Returns the number of
    /// items that had started and the new and the old limit.
    pub(crate) fn take_back(&self, keep: u32) -> (u32, u32, u32) {
        let mut met = (0, 0, 0);
        let _ = self.claim.fetch_update(AcqRel, Acquire, |now| {
            let (started, limit) = halves(now);
            let new = started.saturating_add(keep).min(limit);
            met = (started, new, limit);
            (new < limit).then(|| word(started, new))
        });
        met
    }

    /// The worker begins with the batch.
    pub(crate) fn begin(&self) {
        self.began.store(clock::coarse(), Relaxed);
    }

    /// How long ago the worker began with it, as far as it has said so.
    pub(crate) fn age(&self) -> Duration {
        match self.began.load(Relaxed) {
            0 => Duration::ZERO,
            began => Duration::from_nanos(clock::coarse().saturating_sub(began)),
        }
    }

    /// Items that have started, and may.
    pub(crate) fn progress(&self) -> (u32, u32) {
        halves(self.claim.load(Acquire))
    }

    pub(crate) fn ask(&self, to: u32) {
        self.stop.fetch_max(to, Release);
    }

    pub(crate) fn asked(&self) -> u32 {
        self.stop.load(Acquire)
    }
}

#[cfg(all(test, concurrent_futures_loom))]
impl Slot {
    pub(super) fn new(items: u32) -> Self {
        let slot = Self {
            claim: AtomicU64::new(0),
            stop: AtomicU32::new(0),
            began: AtomicU64::new(0),
        };
        slot.fill(items);
        slot
    }
}

#[cfg(all(test, not(concurrent_futures_loom)))]
mod tests {
    use super::*;
    use std::thread;

    fn slot(items: u32) -> Slot {
        let slot = Slot {
            claim: AtomicU64::new(0),
            stop: AtomicU32::new(7),
            began: AtomicU64::new(7),
        };
        slot.fill(items);
        slot
    }

    #[test]
    fn items_are_claimed_one_by_one_up_to_the_limit() {
        let slot = slot(2);
        assert_eq!(slot.asked(), 0);
        assert_eq!(
            [slot.claim(), slot.claim(), slot.claim()],
            [Some(2), Some(2), None]
        );
        assert_eq!(slot.progress(), (2, 2));
    }

    #[test]
    fn what_has_not_started_can_be_taken_back() {
        let slot = slot(10);
        assert_eq!(slot.claim(), Some(10));
        slot.touch();
        assert_eq!(slot.take_back(4), (1, 5, 10));
        assert_eq!(slot.take_back(0), (1, 1, 5));
        assert_eq!(slot.take_back(0), (1, 1, 1));
        assert_eq!(slot.claim(), None);
    }

    #[test]
    fn an_item_is_started_or_taken_back_and_never_both() {
        for _ in 0..200 {
            let slot = slot(100);
            let (claimed, back) = thread::scope(|scope| {
                let worker = scope.spawn(|| (0..100).filter(|_| slot.claim().is_some()).count());
                let parent = scope.spawn(|| {
                    let (_, new, old) = slot.take_back(3);
                    (old - new) as usize
                });
                (worker.join().unwrap(), parent.join().unwrap())
            });
            assert_eq!(claimed + back, 100);
        }
    }
}
