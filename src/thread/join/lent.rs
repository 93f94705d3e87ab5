use super::half::Half;
use crate::{
    error::TaskError,
    sync::{Arc, Mutex},
    task::{Run, RunContext},
};

/// A half whose entry may be left behind in a queue when its owner takes it back: it is counted, and then empty.
///
/// It stands for a half that cannot be found again: its owner has no seat, or has given away the one in whose deque it lies.
pub(in crate::thread) struct Lent(Mutex<Option<Half>>);

impl Lent {
    pub(super) fn new(half: Half) -> Self {
        Self(Mutex::new(Some(half)))
    }

    /// The owner takes the half back. False if another thread has it.
    pub(in crate::thread) fn take_back(&self) -> bool {
        let half = self.0.lock().take();
        half.map(Half::withdraw).is_some()
    }
}

impl Run for Lent {
    fn run(self: Arc<Self>, _: &RunContext<'_>) -> Option<Arc<dyn Run>> {
        let half = self.0.lock().take();
        if let Some(half) = half {
            half.run();
        }
        None
    }

    /// Its owner takes it back.
    fn refuse(self: Arc<Self>, _: TaskError) {}

    /// Its owner takes it back.
    fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>> {
        None
    }
}
