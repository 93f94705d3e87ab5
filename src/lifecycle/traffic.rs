//! Counts what goes into the queues and what has been dealt with, to know when nothing is left.

use crate::{
    ledger::stripe_of_this_thread,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

const STRIPES: usize = 8;

/// Each thread counts on a stripe of its own, 128 bytes apart: one counter for all would be the busiest cache
/// line of its executor.
#[derive(Default)]
pub(super) struct Traffic([Stripe; STRIPES]);

#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    came_in: AtomicU64,
    went_out: AtomicU64,
}

impl Traffic {
    fn mine(&self) -> &Stripe {
        &self.0[stripe_of_this_thread() % STRIPES]
    }

    /// A task is about to be queued.
    pub(super) fn came_in(&self) {
        self.mine().came_in.fetch_add(1, SeqCst);
    }

    /// Tasks that were queued have been run, or found not to need it.
    pub(super) fn went_out(&self, tasks: u64) {
        self.mine().went_out.fetch_add(tasks, SeqCst);
    }

    /// `Some` of how many have come in if, at one moment during this call, all of them had gone out.
    ///
    /// The outs are read before the ins, and neither ever falls. At the moment between the two readings the true
    /// number of outs is at least what was read, and that of ins at most: if those are equal, nothing was left.
    pub(super) fn all_out(&self) -> Option<u64> {
        let outs: u64 = self.0.iter().map(|stripe| stripe.went_out.load(SeqCst)).sum();
        let ins: u64 = self.0.iter().map(|stripe| stripe.came_in.load(SeqCst)).sum();
        (ins == outs).then_some(ins)
    }
}
