//! A process for each test, which has to end as it began.

use crate::harness;
use concurrent_futures::ThreadPool;

/// As [`harness::alone`]. Of the program there is one thing that stays: the runtime that all threads share.
pub(crate) fn alone<F: FnOnce() + Send + 'static>(body: F) {
    if harness::is_alone() {
        drop(ThreadPool::with_workers(1).spawn(|| ()).result());
    }
    harness::alone(body);
}
