//! Counters that many threads add to without sharing a cache line.

use super::Stats;
use crate::sync::global::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed},
};

/// More stripes than the threads that usually submit and run at once; beyond that, threads share.
const STRIPES: usize = 8;

/// One thread's share of the counters. 128 bytes: CPUs fetch cache lines of 64 bytes in pairs.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Stripe {
    pub(super) submitted: AtomicU64,
    pub(super) started: AtomicU64,
    pub(super) succeeded: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) killed: AtomicU64,
}

#[derive(Default)]
pub(super) struct Stripes([Stripe; STRIPES]);

impl Stripes {
    /// The stripe of the calling thread.
    pub(super) fn mine(&self) -> &Stripe {
        &self.0[stripe_of_this_thread() % STRIPES]
    }

    pub(super) fn total(&self) -> Stats {
        let sum = |counter: fn(&Stripe) -> &AtomicU64| -> u64 {
            self.0
                .iter()
                .map(|stripe| counter(stripe).load(Acquire))
                .fold(0, u64::wrapping_add)
        };
        // Ends are read before starts and starts before submissions, so that no difference is below zero
        // for longer than one such read; what is left of that is cut off.
        let (succeeded, failed, killed) = (sum(|s| &s.succeeded), sum(|s| &s.failed), sum(|s| &s.killed));
        let cancelled = sum(|s| &s.cancelled);
        let started = sum(|s| &s.started);
        let submitted = sum(|s| &s.submitted);
        Stats {
            submitted,
            queued: submitted.saturating_sub(started + cancelled),
            running: started.saturating_sub(succeeded + failed + killed),
            succeeded,
            failed,
            cancelled: cancelled + killed,
            ..Stats::default()
        }
    }
}

/// A small number that differs between threads that were born one after another.
pub(crate) fn stripe_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: usize = NEXT.fetch_add(1, Relaxed));
    MINE.try_with(|mine| *mine).unwrap_or(0)
}
