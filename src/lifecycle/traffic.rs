//! Counts what goes into the queues and what has been dealt with, to know when nothing is left.

use crate::ledger::{Counter, Place, STRIPES};

/// Each thread counts on a stripe of its own, 128 bytes apart: one counter for all would be the busiest cache
/// line of its executor.
#[derive(Default)]
pub(super) struct Traffic([Stripe; STRIPES]);

#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    came_in: Counter,
    went_out: Counter,
}

impl Traffic {
    /// A task is about to be queued.
    pub(super) fn came_in(&self) {
        let place = Place::of_this_thread();
        self.0[place.stripe].came_in.add(1, place);
    }

    /// Tasks that were queued have been run, or found not to need it.
    pub(super) fn went_out(&self, tasks: u64) {
        let place = Place::of_this_thread();
        self.0[place.stripe].went_out.add(tasks, place);
    }

    /// `Some` of how many have come in if, at one moment during this call, all of them had gone out.
    ///
    /// The outs are read before the ins, and neither ever falls. At the moment between the two readings the true
    /// number of outs is at least what was read, and that of ins at most: if those are equal, nothing was left.
    pub(super) fn all_out(&self) -> Option<u64> {
        let outs: u64 = self.0.iter().map(|stripe| stripe.went_out.get()).sum();
        let ins: u64 = self.0.iter().map(|stripe| stripe.came_in.get()).sum();
        (ins == outs).then_some(ins)
    }
}
