//! The word by which one side learns that the other sleeps (rule 3).

use crate::sync::atomic::{
    AtomicU32,
    Ordering::{Relaxed, SeqCst},
    fence,
};

/// What the sleeper is to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Wish {
    /// Only what cannot wait. For a worker, that something is added; for the parent, that a worker needs something.
    Urgent = 1,
    /// The rest as well. For a worker, that something is taken; for the parent, that an item was answered.
    All = 2,
}

const AWAKE: u32 = 0;

/// Says that somebody sleeps, or is about to.
#[repr(transparent)]
pub(crate) struct Bell(AtomicU32);

impl Bell {
    #[cfg(all(test, concurrent_futures_loom))]
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(AWAKE))
    }

    /// What is added from now on is announced. What was added before has to be looked for after this, and is then seen: the
    /// fence orders the store before that look.
    pub(super) fn set(&self, wish: Wish) {
        self.0.store(wish as u32, Relaxed);
        fence(SeqCst);
    }

    /// Nobody sleeps any more.
    pub(super) fn clear(&self) {
        self.0.store(AWAKE, Relaxed);
    }

    /// Called after something was added or taken. True if somebody has to be woken; then for one caller only. The
    /// fence orders the addition before the look.
    #[must_use]
    pub(super) fn take(&self, done: Wish) -> bool {
        fence(SeqCst);
        self.take_ordered(done)
    }

    /// As [`take`](Self::take), where something else orders the addition before the look: or where it is no harm that it is
    /// seen later.
    #[must_use]
    pub(super) fn take_ordered(&self, done: Wish) -> bool {
        self.0.load(Relaxed) >= done as u32 && self.0.swap(AWAKE, Relaxed) != AWAKE
    }
}
