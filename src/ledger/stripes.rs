//! Counters that many threads add to without sharing a cache line, and most without an atomic addition.

use super::Stats;
use crate::sync::global::atomic::{
    AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// So many threads at a time have a stripe to themselves. They add by a load and a store, which is several times as fast.
const ALONE: usize = 16;

/// The others share these.
const SHARED: usize = 4;

pub(crate) const STRIPES: usize = ALONE + SHARED;

/// The stripe of a thread, in everything that has stripes.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stripe: usize,
    /// No other thread adds there.
    alone: bool,
}

impl Place {
    pub(crate) fn of_this_thread() -> Self {
        crate::sync::thread_local!(static MINE: Held = Held(Place::free()));
        let shared = Self {
            stripe: ALONE,
            alone: false,
        };
        MINE.try_with(|held| held.0).unwrap_or(shared)
    }

    /// One that no other thread has, if there is one.
    fn free() -> Self {
        static LATER: AtomicUsize = AtomicUsize::new(0);
        let first_free = |taken: u32| {
            let stripe = taken.trailing_ones();
            ((stripe as usize) < ALONE).then_some(taken | 1 << stripe)
        };
        // Pairs with the release in `Held::drop`: what the thread before has added is seen.
        match TAKEN.fetch_update(Acquire, Relaxed, first_free) {
            Ok(before) => Self {
                stripe: before.trailing_ones() as usize,
                alone: true,
            },
            Err(_) => Self {
                stripe: ALONE + LATER.fetch_add(1, Relaxed) % SHARED,
                alone: false,
            },
        }
    }
}

/// A bit for each stripe that a thread has to itself.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A thread's place until it ends.
struct Held(Place);

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.alone {
            TAKEN.fetch_and(!(1 << self.0.stripe), Release);
        }
    }
}

/// A number that goes up, on a stripe.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `more` on the stripe of `place`; what is taken away is a number that wraps.
    #[inline]
    pub(crate) fn add(&self, more: u64, place: Place) {
        if place.alone {
            self.0.store(self.0.load(Relaxed).wrapping_add(more), Release);
        } else {
            self.0.fetch_add(more, Release);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Acquire)
    }
}

/// One thread's share of the counters. 128 bytes: CPUs fetch cache lines of 64 bytes in pairs.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Stripe {
    pub(super) submitted: Counter,
    pub(super) started: Counter,
    pub(super) succeeded: Counter,
    pub(super) failed: Counter,
    pub(super) cancelled: Counter,
    pub(super) killed: Counter,
}

#[derive(Default)]
pub(super) struct Stripes([Stripe; STRIPES]);

impl Stripes {
    /// Adds to one of the counters.
    #[inline]
    pub(super) fn add(&self, counter: fn(&Stripe) -> &Counter, more: u64) {
        let place = Place::of_this_thread();
        counter(&self.0[place.stripe]).add(more, place);
    }

    pub(super) fn total(&self) -> Stats {
        let sum = |counter: fn(&Stripe) -> &Counter| -> u64 {
            self.0
                .iter()
                .map(|stripe| counter(stripe).get())
                .fold(0, u64::wrapping_add)
                // What is taken back may be seen before what it is taken from, which lies in another stripe.
                .cast_signed()
                .max(0)
                .cast_unsigned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Barrier, thread};

    #[test]
    fn nothing_is_lost_with_more_threads_than_stripes_and_one_after_another() {
        const THREADS: u64 = 24;
        let stripes = Stripes::default();
        for _ in 0..3 {
            let all_there = Barrier::new(24);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        stripes.add(|stripe| &stripe.submitted, 1);
                        all_there.wait();
                        (0..1000).for_each(|_| stripes.add(|stripe| &stripe.submitted, 1));
                    });
                }
            });
        }
        assert_eq!(stripes.total().submitted, 3 * THREADS * 1001);
    }

    #[test]
    fn what_is_taken_back_before_it_is_seen_leaves_nothing() {
        let stripes = Stripes::default();
        stripes.add(|stripe| &stripe.succeeded, 1);
        stripes.add(|stripe| &stripe.failed, u64::MAX);
        stripes.add(|stripe| &stripe.cancelled, u64::MAX);
        let stats = stripes.total();
        assert_eq!((stats.succeeded, stats.failed, stats.cancelled), (1, 0, 0));
        assert_eq!((stats.queued, stats.running), (0, 0));
    }

    #[test]
    fn a_place_is_given_to_one_thread_at_a_time() {
        let both = Barrier::new(2);
        let place = || {
            let place = Place::of_this_thread();
            both.wait();
            place
        };
        let (one, other) = thread::scope(|scope| {
            let (one, other) = (scope.spawn(place), scope.spawn(place));
            (one.join().unwrap(), other.join().unwrap())
        });
        assert!(one.stripe != other.stripe || !one.alone && !other.alone);
    }
}
