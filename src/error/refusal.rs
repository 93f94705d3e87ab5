use std::{fmt, io, time::Duration};

/// Why an executor could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An executor needs at least one worker.
    #[error("an executor needs at least one worker; leave `workers` out to get one per CPU")]
    NoWorkers,
    /// `max_pending(0)` would refuse every task.
    #[error("`max_pending` must be at least 1: a bound of 0 would refuse every task")]
    NoRoom,
    /// A rate limit that lets no task start, or every one.
    #[error("`rate_limit` must allow at least 1 task, within a time longer than 0")]
    NoRate,
    /// `max_blocking(0)` would let no blocking call run.
    #[error("`max_blocking` must be at least 1; leave it out to get 512")]
    NoBlocking,
    /// A worker process cannot run so many futures at once.
    #[error("`async_concurrency` must be between 1 and 900, and not {0}")]
    AsyncConcurrency(usize),
    /// This system has no processes that the crate could use; threads are there everywhere.
    #[error("worker processes need a Unix system, which this is not; use a `ThreadPool`")]
    Unsupported,
    /// A worker process would not notice that it is one and would run `main` a second time.
    #[error(
        "this build has no constructor that makes a worker process of the executable when it is started as one; call \
         `concurrent_futures::init()` as the first statement of `main`"
    )]
    NotInitialized,
    /// The crate is not a part of the executable that would be started again.
    #[error("worker processes cannot be started from here: {0}")]
    Misplaced(&'static str),
    /// Processes that start processes that start processes.
    #[error(
        "this is a worker process of a worker process and so on, {0} deep: a task that makes a pool of processes whose \
         tasks do the same?"
    )]
    TooDeep(u32),
    /// The initializer's argument could not be encoded.
    #[error("the initializer cannot be sent to worker processes: {0}")]
    Initializer(#[source] super::TaskError),
    /// A worker process did not get ready.
    #[error("a worker process did not get ready: {0}")]
    NotReady(#[source] super::TaskError),
    /// The operating system did not start a worker thread.
    #[error("could not start a worker thread: {0}")]
    StartWorker(#[source] io::Error),
    /// The cluster could not be joined.
    #[cfg(feature = "cluster")]
    #[error("{0}")]
    Cluster(#[source] super::ClusterError),
    /// The operating system did not give what an async runtime needs.
    #[error("could not start an async runtime: {0}")]
    StartRuntime(#[source] io::Error),
}

impl BuildError {
    pub(crate) fn check_rate(limit: Option<(usize, Duration)>) -> Result<(), Self> {
        match limit {
            Some((0, _) | (_, Duration::ZERO)) => Err(Self::NoRate),
            _ => Ok(()),
        }
    }
}

/// A submission that does not wait was refused; the argument comes back.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Executor, Shutdown, ThreadPool, TrySubmitError};
///
/// let pool = ThreadPool::with_workers(1);
/// pool.shutdown(Shutdown::Finish);
/// let refused = pool.try_submit(|name: String| name.len(), "kept".to_string()).unwrap_err();
/// assert!(matches!(&refused, TrySubmitError::ShutDown(_)));
/// assert_eq!(refused.into_inner(), "kept");
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrySubmitError<T> {
    /// As many tasks wait as `max_pending` allows.
    #[error("as many tasks are waiting as `max_pending` allows")]
    Full(T),
    /// The executor is shut down.
    #[error("the executor is shut down")]
    ShutDown(T),
}

impl<T> TrySubmitError<T> {
    /// The argument that was not taken.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(argument) | Self::ShutDown(argument) => argument,
        }
    }
}

impl<T> fmt::Debug for TrySubmitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::ShutDown(_) => "ShutDown(..)",
        })
    }
}

/// A shutdown with a limit was not over in time. It goes on; waiting again is possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the shutdown is not over: {running} tasks are running, {queued} are queued")]
pub struct StillRunning {
    pub(crate) running: u64,
    pub(crate) queued: u64,
}

impl StillRunning {
    /// Tasks that were running when the limit was reached.
    pub fn running(&self) -> u64 {
        self.running
    }

    /// Tasks that were still queued when the limit was reached.
    pub fn queued(&self) -> u64 {
        self.queued
    }
}
