mod members;
mod verbs;

use super::{AtMostOnce, Executor, NoContext, Options};
use crate::{error::TaskError, future::host, task::Anywhere};
use members::Members;
use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Tasks that succeed or fail as one. Made by [`Executor::group`].
///
/// When the first one fails, those that have not started are cancelled, async ones that have are ended at their next
/// await, and all others are asked to stop ([`cancel_requested`](crate::cancel_requested)); what is submitted afterwards
/// does not run, and counts as cancelled. Joining or awaiting the group returns after all of them have ended, with everything they held dropped: nothing outlives it.
/// Only a call on a thread that goes on after the deadline of its own task is not waited for. [`keep_going`](Self::keep_going) is for tasks that
/// do not depend on each other.
///
/// Dropping a group does to all what the first failure does to the rest, and waits for their end as joining does. In async code a
/// drop cannot wait, and only does the first: await the group. [`detach`](Self::detach) is the way out.
///
/// Groups nest: when a task that waits for a group is asked to stop, so are the tasks of that group.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{TaskError, ThreadPool};
///
/// let pool = ThreadPool::with_workers(2);
/// let group = pool.group();
/// group.submit(|n: u32| n + 1, 1);
/// group.submit(|_: u32| panic!("one for all"), 2);
/// assert!(matches!(group.join(), Err(TaskError::Panicked(_))));
/// ```
#[must_use = "dropping a group cancels what has not started: `join` it, await it, or call `.detach()`"]
pub struct Group<R, E, C = NoContext, M = Anywhere, A = AtMostOnce>
where
    R: Send + 'static,
    E: Executor,
{
    options: Options<E, C, M, A>,
    members: Members<R>,
}

impl<R, E, C, M, A> Group<R, E, C, M, A>
where
    R: Send + 'static,
    E: Executor,
{
    pub(super) fn new(options: Options<E, C, M, A>) -> Self {
        let members = Members::new();
        Self {
            options: options.of_group(members.progress()),
            members,
        }
    }

    /// How many tasks were submitted.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether none was submitted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From now on a failure cancels nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    ///
    /// let group = ThreadPool::with_workers(1).group().keep_going();
    /// for n in [1, 0, 2] {
    ///     group.spawn(move || 10 / n);
    /// }
    /// let outcomes = group.join_all();
    /// assert!(outcomes[1].is_err());
    /// assert_eq!((outcomes[0].as_ref().unwrap(), outcomes[2].as_ref().unwrap()), (&10, &5));
    /// ```
    pub fn keep_going(self) -> Self {
        self.members.keep_going();
        self
    }

    /// Gives the group a deadline, counted from this call.
    ///
    /// What has not ended by then is [killed](crate::TaskFuture::kill): what is queued never runs, worker processes that are at it are killed, futures are
    /// dropped at their next await, and a call on a thread is asked to stop. The group waits for all of them, and joining
    /// it gives [`TaskError::TimedOut`]. A task that is submitted later does not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{TaskError, ThreadPool, cancel_requested};
    /// use std::time::Duration;
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// let group = pool.group().deadline(Duration::from_millis(20));
    /// group.spawn(|| while !cancel_requested() {});
    /// group.spawn(|| ());
    /// assert!(matches!(group.join(), Err(TaskError::TimedOut(_))));
    /// ```
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.members.set_deadline(limit);
        self
    }

    /// Waits until all have ended, and returns their values in the order they were submitted.
    ///
    /// # Errors
    ///
    /// Returns the error of the task that failed first, or [`TaskError::TimedOut`] with the group's own deadline if that came before.
    ///
    /// # Panics
    ///
    /// Panics where [`TaskFuture::result`](crate::TaskFuture::result) would instead of waiting for ever; there, await the group.
    pub fn join(self) -> Result<Vec<R>, TaskError> {
        self.members.join();
        self.members.take_values()
    }

    /// Waits until all have ended, and returns every outcome in the order they were submitted.
    ///
    /// # Panics
    ///
    /// As [`join`](Self::join). In async code, `join_all_async` is the one to await.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{TaskError, ThreadPool};
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// let group = pool.group();
    /// group.spawn(|| 1);
    /// group.spawn(|| panic!("no"));
    /// group.spawn(|| 3);
    /// let outcomes = group.join_all();
    /// assert_eq!(*outcomes[0].as_ref().unwrap(), 1);
    /// assert!(matches!(outcomes[1], Err(TaskError::Panicked(_))));
    /// assert!(matches!(outcomes[2], Err(TaskError::Cancelled)));
    /// ```
    pub fn join_all(self) -> Vec<Result<R, TaskError>> {
        self.members.join();
        self.members.take_outcomes()
    }

    /// As [`join_all`](Self::join_all), in async code.
    pub async fn join_all_async(self) -> Vec<Result<R, TaskError>> {
        let members = self.members;
        std::future::poll_fn(|cx| {
            let ended = members.poll_joined(cx.waker());
            host::polled(ended.is_pending());
            ended
        })
        .await;
        members.take_outcomes()
    }

    /// Cancels what has not started, ends async tasks at their next await, and asks what else runs to stop.
    pub fn cancel(&self) {
        self.members.stop();
    }

    /// Lets the tasks run although nobody asks for their outcomes, and without the group's deadline.
    pub fn detach(mut self) {
        self.members.detached = true;
    }
}

impl<R, E, C, M, A> IntoFuture for Group<R, E, C, M, A>
where
    R: Send + 'static,
    E: Executor,
{
    type Output = Result<Vec<R>, TaskError>;
    type IntoFuture = Joining<R>;

    fn into_future(self) -> Joining<R> {
        Joining(Some(self.members))
    }
}

/// A group that is being awaited.
#[must_use = "nothing waits until this is awaited"]
pub struct Joining<R: Send + 'static>(Option<Members<R>>);

impl<R: Send + 'static> Unpin for Joining<R> {}

impl<R: Send + 'static> Future for Joining<R> {
    type Output = Result<Vec<R>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let members = self.0.as_ref().expect("not polled again after it was ready");
        let ended = members.poll_joined(cx.waker());
        host::polled(ended.is_pending());
        ended.map(|()| self.0.take().expect("seen above").take_values())
    }
}

impl<R, E, C, M, A> fmt::Debug for Group<R, E, C, M, A>
where
    R: Send + 'static,
    E: Executor,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (members, ended, failed) = self.members.counts();
        f.debug_struct("Group")
            .field("members", &members)
            .field("ended", &ended)
            .field("failed", &failed)
            .finish_non_exhaustive()
    }
}
