use super::half::Half;
use crate::{
    error::TaskError,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
    task::{Run, RunContext},
};

/// A half whose entry may be left behind in a queue when its owner takes it back: it is counted, and then empty.
///
/// It stands for a half that cannot be found again: its owner has no seat, or has given away the one in whose deque it lies.
pub(in crate::thread) struct Lent {
    half: Mutex<Option<Half>>,
    was_found: AtomicBool,
}

impl Lent {
    pub(super) fn new(half: Half) -> Self {
        Self {
            half: Mutex::new(Some(half)),
            was_found: AtomicBool::new(false),
        }
    }

    /// Whether nobody has found it in its queue, if it is in one.
    pub(in crate::thread) fn is_queued(&self) -> bool {
        !self.was_found.load(Acquire)
    }

    /// The owner takes the half back. False if another thread has it.
    pub(in crate::thread) fn take_back(&self) -> bool {
        let half = self.half.lock().take();
        half.map(Half::withdraw).is_some()
    }
}

impl Run for Lent {
    fn run(self: Arc<Self>, _: &RunContext<'_>) -> Option<Arc<dyn Run>> {
        self.was_found.store(true, Release);
        let half = self.half.lock().take();
        if let Some(half) = half {
            half.run();
        }
        None
    }

    /// Its owner takes it back.
    fn refuse(self: Arc<Self>, _: TaskError) {
        self.was_found.store(true, Release);
    }

    /// Its owner takes it back.
    fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>> {
        self.was_found.store(true, Release);
        None
    }
}
