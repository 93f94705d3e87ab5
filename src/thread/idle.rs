//! Who sleeps and whom to wake (rules 4 and 5 of `README.md`).

use crate::{
    future::waiter::Parker,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst, fence},
    },
    sys::barrier,
};
use std::fmt;

/// One seat that looks for work without having any.
const SEARCHING: usize = 1;
/// One seat that sleeps.
const SLEEPING: usize = 1 << 16;

fn searching(counts: usize) -> usize {
    counts % SLEEPING
}

fn sleeping(counts: usize) -> usize {
    counts / SLEEPING
}

pub(super) struct Idle {
    /// How many seats search (low half) and sleep (high half).
    counts: AtomicUsize,
    /// The seats that sleep. The counts are changed under this lock where they say who sleeps.
    sleepers: Mutex<Vec<usize>>,
    /// By seat.
    parkers: Vec<Parker>,
}

impl Idle {
    pub(super) fn new(seats: usize) -> Self {
        Self {
            counts: AtomicUsize::new(0),
            sleepers: Mutex::new(Vec::with_capacity(seats)),
            parkers: (0..seats).map(|_| Parker::default()).collect(),
        }
    }

    /// There is new work: wakes a sleeper, unless somebody searches already and will find it.
    pub(super) fn notify(&self) {
        // Pairs with the heavy one in `sleep`: either this sees the sleeper, or the sleeper sees the work.
        barrier::light();
        let counts = self.counts.load(SeqCst);
        if sleeping(counts) == 0 {
            return;
        }
        if searching(counts) > 0 {
            // Who searches may have found other work just now, and not have seen this. Pairs with the fence in `found`.
            fence(SeqCst);
            if searching(self.counts.load(SeqCst)) > 0 {
                return;
            }
        }
        self.wake_one();
    }

    fn wake_one(&self) {
        let mut sleepers = self.sleepers.lock();
        if searching(self.counts.load(SeqCst)) > 0 {
            return;
        }
        // The lowest seat, so that the others sleep on: their caches are cold.
        let Some(lowest) = (0..sleepers.len()).min_by_key(|&at| sleepers[at]) else {
            return;
        };
        let seat = sleepers.swap_remove(lowest);
        self.counts.fetch_sub(SLEEPING - SEARCHING, SeqCst);
        drop(sleepers);
        self.parkers[seat].unpark();
    }

    /// Everybody is to look at the state of the pool.
    pub(super) fn wake_all(&self) {
        let woken = {
            let mut sleepers = self.sleepers.lock();
            self.counts
                .fetch_sub(sleepers.len() * (SLEEPING - SEARCHING), SeqCst);
            std::mem::take(&mut *sleepers)
        };
        for seat in woken {
            self.parkers[seat].unpark();
        }
    }

    /// A seat without work begins to search. False if enough others do: then it should sleep at once.
    pub(super) fn begin_search(&self) -> bool {
        // Half of the seats at most: each searcher looks at all others' queues. Of two seats both: one that sleeps between
        // any two tasks of a rush costs who wakes it more.
        let limit = self.parkers.len().div_ceil(2).max(2);
        let before = self.counts.fetch_add(SEARCHING, SeqCst);
        if searching(before) >= limit {
            self.counts.fetch_sub(SEARCHING, SeqCst);
            return false;
        }
        true
    }

    /// A searching seat found work. If it was the last that searched and there is more, another has to: while
    /// it searched, nobody was woken.
    pub(super) fn found(&self, is_there_more: impl Fn() -> bool) {
        if searching(self.counts.fetch_sub(SEARCHING, SeqCst)) == 1 {
            // Pairs with the fence in `notify`: who left its work to this seat did so before, and is seen.
            fence(SeqCst);
            if is_there_more() {
                self.notify();
            }
        }
    }

    /// A searching seat found nothing. It has to look once more before it sleeps, which [`sleep`](Self::sleep)
    /// does: who came with work meanwhile relied on it.
    pub(super) fn give_up(&self) {
        self.counts.fetch_sub(SEARCHING, SeqCst);
    }

    /// Sleeps until woken, unless there is work after all. The seat does not search when this is called, and
    /// searches when it returns.
    pub(super) fn sleep(&self, seat: usize, is_there_work: impl Fn() -> bool) {
        {
            let mut sleepers = self.sleepers.lock();
            sleepers.push(seat);
            self.counts.fetch_add(SLEEPING, SeqCst);
        }
        // Pairs with the light one in `notify`.
        barrier::heavy();
        if is_there_work() && self.get_up(seat) {
            return;
        }
        self.parkers[seat].park(None);
    }

    /// Takes a seat from the sleepers. False if somebody has woken it: its wake-up is on the way.
    fn get_up(&self, seat: usize) -> bool {
        let mut sleepers = self.sleepers.lock();
        let Some(at) = sleepers.iter().position(|&sleeper| sleeper == seat) else {
            return false;
        };
        sleepers.swap_remove(at);
        self.counts.fetch_sub(SLEEPING - SEARCHING, SeqCst);
        true
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts.load(SeqCst);
        f.debug_struct("Idle")
            .field("searching", &searching(counts))
            .field("sleeping", &sleeping(counts))
            .finish_non_exhaustive()
    }
}
