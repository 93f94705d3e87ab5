//! Options with retries.

use super::{AtMostOnce, Options};
use crate::{error::TaskError, sync::Arc, task::RetryPolicy};
use std::time::Duration;

/// Tasks of these options may be tried again, each time with a copy of the argument. See [`Options::retries`].
#[derive(Debug, Clone, Copy)]
pub struct Retrying;

/// What options ask of arguments: nothing, or that they can be cloned for another attempt.
#[diagnostic::on_unimplemented(
    message = "a task that may be tried again needs an argument that can be cloned, and `{T}` cannot",
    label = "not `Clone`, and these options have `retries(..)`",
    note = "add `#[derive(Clone)]`, pass an `Arc`, or leave `retries(..)` out"
)]
pub trait Copies<T>: Send + Sync + 'static {
    /// Makes another one, where one may be needed.
    #[doc(hidden)]
    const COPY: fn(&T) -> Option<T>;
}

impl<T> Copies<T> for AtMostOnce {
    const COPY: fn(&T) -> Option<T> = |_| None;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Copies<T> for Retrying {
    const COPY: fn(&T) -> Option<T> = |argument| Some(argument.clone());
}

impl<E, C, M, A> Options<E, C, M, A> {
    /// How often a task is tried again that fails; `retries(2)` is three attempts at most.
    ///
    /// By default, that is a task that was lost with its worker process ([`TaskError::WorkerDied`]) or stopped at its
    /// deadline ([`TaskError::TimedOut`]); [`retry_if`](Options::retry_if) chooses otherwise. Never tried again are a task that was
    /// cancelled, killed or asked to stop, one that its executor has refused, and one whose work still runs: a call on a thread
    /// that goes on after its deadline. So attempts do not overlap. [`attempt()`](crate::attempt) tells the work which one it is.
    ///
    /// The future resolves with the value of the first attempt that succeeds, or with the error of the last; if that is a death, it has the
    /// [earlier](crate::WorkerDeath::earlier) ones too. Between attempts the task counts as queued: `cancel` is true. A deadline counts for
    /// each attempt.
    ///
    /// From here on the verbs ask for arguments that can be cloned and work that can be called again (`Fn`); `spawn` is not
    /// there. A map runs each item as a task of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use concurrent_futures::{Executor, ProcessPool, TaskError};
    ///
    /// fn crash(_: ()) {
    ///     std::process::abort()
    /// }
    /// let pool = ProcessPool::with_workers(1);
    /// let crashed = pool.options().retries(2).submit(crash, ()).result();
    /// let Err(TaskError::WorkerDied(death)) = crashed else { unreachable!() };
    /// assert_eq!(death.earlier().len(), 2);
    /// # }
    /// ```
    pub fn retries(self, times: u32) -> Options<E, C, M, Retrying> {
        self.retrying(|policy| policy.retries = times)
    }

    fn retrying(self, change: impl FnOnce(&mut RetryPolicy)) -> Options<E, C, M, Retrying> {
        let Self {
            executor,
            mut settings,
            context,
            ..
        } = self;
        let mut policy = settings.retry.as_deref().cloned().unwrap_or_default();
        change(&mut policy);
        settings.retry = Some(Arc::new(policy));
        Options {
            executor,
            settings,
            context,
            mode: std::marker::PhantomData,
        }
    }
}

impl<E, C, M> Options<E, C, M, Retrying> {
    /// How long to wait before another attempt: about `first` before the first of them, then twice as long each time, up to
    /// `most`. Without it there is no wait.
    ///
    /// Each wait is drawn at random between half of that and the whole, so that tasks that failed together do not come back
    /// together ("equal jitter": M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). No worker is
    /// held meanwhile; only on [`Inline`](crate::Inline) it is the calling thread that waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool, attempt};
    /// use std::time::Duration;
    ///
    /// let (first, most) = (Duration::from_millis(1), Duration::from_secs(1));
    /// let patient = ThreadPool::new().options().retries(5).backoff(first, most).retry_if(|error| error.is_panicked());
    /// let flaky = |_: ()| assert!(attempt() > 2, "the server is busy");
    /// assert!(patient.submit(flaky, ()).result().is_ok());
    /// ```
    pub fn backoff(self, first: Duration, most: Duration) -> Self {
        self.retrying(|policy| policy.backoff = Some((first, most)))
    }

    /// After which errors a task is tried again, in the place of the default.
    ///
    /// The condition sees what would be the outcome. It is asked on a thread for callbacks, and on
    /// [`Inline`](crate::Inline) on the calling one; if it panics, there is no further attempt. An error that work
    /// *returns* is a value, and not asked about; nor is a result that cannot be read back from another process, which is found
    /// out when the outcome is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, TaskError, ThreadPool, attempt};
    ///
    /// fn flaky(_: ()) -> u32 {
    ///     assert!(attempt() == 3, "not yet");
    ///     attempt()
    /// }
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// let stubborn = pool.options().retries(2).retry_if(|error| matches!(error, TaskError::Panicked(_)));
    /// assert_eq!(stubborn.submit(flaky, ()).result().unwrap(), 3);
    /// ```
    pub fn retry_if(self, condition: impl Fn(&TaskError) -> bool + Send + Sync + 'static) -> Self {
        self.retrying(|policy| policy.retry_if = Some(Arc::new(condition)))
    }
}
