use super::{Timeline, assemble::assemble};
use crate::{ledger::Ledger, running::record::Recorder, sync::global::Mutex, sys::clock};
use std::collections::BTreeMap;

/// Notes that are kept unless told otherwise: some 200 MB.
const MOST_NOTES: usize = 2_000_000;

/// A recording that goes on until it is [finished](Self::finish) or dropped. Made by
/// [`Executor::record`](crate::Executor::record).
///
/// It keeps no handle on the executor. Tasks that were submitted before it began are in it from their next step on.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Executor, ThreadPool};
///
/// let (pool, other) = (ThreadPool::with_workers(2), ThreadPool::with_workers(1));
/// let recording = pool.record().also(&other);
/// let sum = pool.submit(|n: u32| n + 1, 1).result().unwrap();
/// assert_eq!(other.options().name("double").submit(|n: u32| 2 * n, sum).result().unwrap(), 4);
///
/// let timeline = recording.finish();
/// assert_eq!(timeline.tasks.len(), 2);
/// assert_eq!(&*timeline.tasks[1].label, "double");
/// assert!(timeline.tasks[1].submitted >= timeline.tasks[0].ended);
/// ```
#[must_use = "it ends when it is dropped"]
pub struct Recording {
    recorder: Recorder,
    executors: Mutex<BTreeMap<u32, String>>,
}

impl Recording {
    /// Of the executor that has this ledger.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let recording = Self {
            recorder: Recorder::new(MOST_NOTES),
            executors: Mutex::default(),
        };
        recording.add(ledger);
        recording
    }

    /// Records the executor that has this ledger as well.
    pub(crate) fn add(&self, ledger: &Ledger) {
        let number = ledger.id().number();
        self.executors.lock().insert(number, ledger.executor().to_owned());
        self.recorder.add(number);
    }

    /// Keeps at most so many notes: the first. A call on a thread is two of them, in a process three, of some 100 bytes each.
    pub fn keep(self, notes: usize) -> Self {
        self.recorder.keep(notes);
        self
    }

    /// What was recorded so far.
    pub fn timeline(&self) -> Timeline {
        let notes = self.recorder.notes();
        let executors = self.executors.lock().clone();
        assemble(
            notes,
            &Recorder::threads(),
            &executors,
            self.recorder.since(),
            clock::precise(),
        )
    }

    /// Ends the recording.
    ///
    /// What has not ended has no slice. Of the last items of a map on a process pool a few may miss theirs if this is called right after their
    /// outcomes were there: where an idle worker has taken the rest of a batch over, the other one tells a moment later what it did. After a
    /// shutdown of the pool nothing is missing.
    pub fn finish(self) -> Timeline {
        self.timeline()
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("executors", &*self.executors.lock())
            .finish_non_exhaustive()
    }
}
