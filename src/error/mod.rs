//! What can go wrong: with a task ([`TaskError`]), with building an executor ([`BuildError`]), with a
//! submission that does not wait ([`TrySubmitError`]), with a shutdown that has a limit ([`StillRunning`]).

#[cfg(feature = "cluster")]
mod cluster;
mod death;
mod refusal;
mod task_panic;

#[cfg(feature = "cluster")]
pub use cluster::ClusterError;
pub use death::WorkerDeath;
pub(crate) use death::name_of as signal_name;
pub use refusal::{BuildError, StillRunning, TrySubmitError};
pub use task_panic::TaskPanic;

use std::{sync::Arc, time::Duration};

/// Why a task has no value.
///
/// The task's own errors are not here: work that returns a `Result` succeeded, whatever is in it, and the
/// caller gets `Ok(Err(..))`.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{TaskError, ThreadPool};
///
/// let pool = ThreadPool::with_workers(1);
/// let error = pool.spawn(|| -> u32 { panic!("no {}", 7) }).result().unwrap_err();
/// let TaskError::Panicked(panic) = &error else { unreachable!() };
/// assert_eq!(panic.message(), "no 7");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The work panicked. The worker that ran it went on with the next task.
    #[error("{0}")]
    Panicked(TaskPanic),
    /// The task was cancelled before it started, or stopped by `kill`.
    #[error("the task was cancelled")]
    Cancelled,
    /// The task passed its own deadline (`options().timeout(..)`), given here.
    #[error("the task passed its deadline of {0:?}")]
    TimedOut(Duration),
    /// The caller's time to wait for a whole map (`Map::timeout`) was over before this outcome was there.
    #[error("the wait for this outcome timed out")]
    WaitTimedOut,
    /// The worker process that ran the task died.
    #[error("{0}")]
    WorkerDied(WorkerDeath),
    /// The argument or the result could not be turned into bytes.
    #[error("could not encode {0}")]
    Encode(CodecError),
    /// The argument or the result could not be read back from its bytes.
    #[error("could not decode {0}")]
    Decode(CodecError),
    /// The cluster could not be reached for too long, or has no worker that can run the task. Whether it has run is not known.
    #[error("{0}")]
    Unavailable(Unavailable),
    /// The executor was shut down before the task could run, or the async runtime that ran it was ended.
    #[error("the executor is shut down")]
    ShutDown,
}

impl TaskError {
    /// Whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Whether it counts as cancelled: nobody wanted the task to run any more.
    pub(crate) fn is_cancellation(&self) -> bool {
        matches!(self, Self::Cancelled | Self::ShutDown)
    }

    /// Whether the task passed its own deadline. A wait that ran out of time is not meant.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Self::TimedOut(_))
    }

    /// Whether the task panicked.
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Whether the executor was shut down before the task could run.
    pub fn is_shut_down(&self) -> bool {
        matches!(self, Self::ShutDown)
    }
}

/// Why a cluster does not run a task.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{TaskError, Unavailable};
///
/// let error = TaskError::Unavailable(Unavailable::new("the server has not answered for 60s"));
/// assert_eq!(error.to_string(), "the server has not answered for 60s");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(Arc<String>);

impl Unavailable {
    /// For this reason, which is a whole sentence.
    pub fn new(reason: impl std::fmt::Display) -> Self {
        Self(Arc::new(reason.to_string()))
    }
}

/// What could not cross between memory and bytes, and why.
///
/// # Examples
///
/// ```
/// use concurrent_futures::CodecError;
///
/// let error = CodecError::new("the argument", "sockets do not cross");
/// assert_eq!(error.to_string(), "the argument: sockets do not cross");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {}", .0.what, .0.reason)]
pub struct CodecError(Arc<Uncrossable>);

#[derive(Debug)]
struct Uncrossable {
    what: &'static str,
    reason: String,
}

impl CodecError {
    /// `what` (for example "the argument") could not cross for this `reason`.
    pub fn new(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self(Arc::new(Uncrossable {
            what,
            reason: reason.to_string(),
        }))
    }

    /// What could not cross: "the argument", "the result" or "the context".
    pub fn what(&self) -> &str {
        self.0.what
    }

    /// The reason, in the words of the type's own serde implementation where it has some.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

const _: () = assert!(
    size_of::<TaskError>() <= 16,
    "an outcome must stay small: it travels with every result"
);
