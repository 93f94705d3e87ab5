use super::Inbox;
use crate::{
    future::{TaskFuture, host, waiter::Report},
    sync::Arc,
};
use std::time::{Duration, Instant};

/// When [`wait`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnWhen {
    /// When one task has ended, however it ended.
    FirstCompleted,
    /// When one task has failed, or all have ended. A cancelled task has not failed.
    FirstFailure,
    /// When all tasks have ended.
    AllCompleted,
}

/// What [`wait`] gives back: every future, on one side or the other, in the order they were given.
#[derive(Debug)]
#[must_use = "the futures are in here: dropping them detaches their tasks"]
pub struct Waited<R> {
    /// The tasks that have ended.
    pub done: Vec<TaskFuture<R>>,
    /// The tasks that have not.
    pub pending: Vec<TaskFuture<R>>,
}

/// Waits for several tasks, of one executor or several.
///
/// Returns when `when` says, or after `limit` (`None` waits as long as it takes). Running out of time is not
/// an error; nothing happens to the tasks.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{ReturnWhen, ThreadPool, wait};
///
/// let pool = ThreadPool::with_workers(2);
/// let waited = wait((0..3).map(|n| pool.spawn(move || n)), ReturnWhen::AllCompleted, None);
/// assert_eq!((waited.done.len(), waited.pending.len()), (3, 0));
/// ```
pub fn wait<R: Send + 'static>(
    futures: impl IntoIterator<Item = TaskFuture<R>>,
    when: ReturnWhen,
    limit: Option<Duration>,
) -> Waited<R> {
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let may_block = limit != Some(Duration::ZERO);
    let futures: Vec<_> = futures.into_iter().collect();
    let inbox = Arc::new(Inbox::default());
    for (number, future) in futures.iter().enumerate() {
        if !may_block {
            // All that is done here is to look.
            future.look();
        }
        if !future.report_to(inbox.clone(), number) {
            inbox.ended(number);
        }
    }
    let mut ended = vec![false; futures.len()];
    let mut left = futures.len();
    let mut enough = left == 0;
    // What has ended already is taken in whole before the question is put: all of it is `done`.
    loop {
        let next = inbox.try_next().or_else(|| {
            if enough || left == 0 || !may_block {
                None
            } else {
                let pending = futures.iter().zip(&ended).filter(|(_, ended)| !**ended);
                host::refuse_deadlock(pending.map(|(future, _)| future.executor()), host::AWAIT);
                inbox.wait_next(until)
            }
        });
        let Some(number) = next else { break };
        ended[number] = true;
        left -= 1;
        enough |= match when {
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstFailure => futures[number].has_failed(),
            ReturnWhen::AllCompleted => left == 0,
        };
    }
    let mut waited = Waited {
        done: Vec::new(),
        pending: Vec::new(),
    };
    for (future, ended) in futures.into_iter().zip(ended) {
        if ended {
            waited.done.push(future);
        } else {
            future.stop_reporting();
            waited.pending.push(future);
        }
    }
    waited
}
