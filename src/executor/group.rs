use super::{AtMostOnce, Executor, NoContext, Options, With};
use crate::{
    error::TaskError,
    future::{TaskFuture, WeakHandle, host, waiter::Report},
    ledger::ExecutorId,
    sync::{Arc, Mutex},
    task::{Anywhere, InProcess, Portable},
};
use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Tasks that succeed or fail as one. Made by [`Executor::group`].
///
/// When the first one fails, those that have not started are cancelled, async ones that have are ended at their next
/// await, and all others are asked to stop ([`cancel_requested`](crate::cancel_requested)); what is submitted afterwards
/// does not run. Joining or awaiting the group returns after all of them have ended, with everything they held dropped;
/// only a call on a thread that goes on after its deadline is not waited for. Dropping it, or a future that awaits it, does to all what the first failure does to the rest;
/// [`detach`](Self::detach) is the way out.
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

/// The tasks of a group, apart from how they are submitted.
struct Members<R: Send + 'static> {
    progress: Arc<Progress>,
    futures: Mutex<Vec<TaskFuture<R>>>,
    detached: bool,
}

/// What members report to.
struct Progress(Mutex<State>);

#[derive(Default)]
struct State {
    /// Weak: the members report here, and would keep each other.
    handles: Vec<WeakHandle>,
    ended: usize,
    /// The number of the first task that failed or was cancelled.
    failed: Option<usize>,
    joiner: Option<Waker>,
}

impl Report for Progress {
    fn ended(&self, number: usize) {
        let mut state = self.0.lock();
        state.ended += 1;
        let unsuccessful = state.handles[number]
            .upgrade()
            .is_some_and(|member| !member.succeeded());
        let others = if unsuccessful && state.failed.is_none() {
            state.failed = Some(number);
            state.handles.clone()
        } else {
            Vec::new()
        };
        let joiner = state.joiner.take();
        drop(state);
        // Cancelling drops what others captured and reports here again: never under the lock.
        for other in others.iter().filter_map(WeakHandle::upgrade) {
            other.stop();
        }
        if let Some(joiner) = joiner {
            crate::panic::contain(|| joiner.wake());
        }
    }

    /// None outlives the group.
    fn waits_for_rest(&self) -> bool {
        true
    }
}

impl<R: Send + 'static> Members<R> {
    fn add(&self, submit: impl FnOnce() -> TaskFuture<R>) {
        if self.progress.0.lock().failed.is_some() {
            return;
        }
        let future = submit();
        let mut futures = self.futures.lock();
        let number = futures.len();
        let handle = future.handle();
        let mut state = self.progress.0.lock();
        state.handles.push(handle.downgrade());
        let failed_meanwhile = state.failed.is_some();
        drop(state);
        let reports = future.report_to(self.progress.clone(), number);
        futures.push(future);
        drop(futures);
        if !reports {
            self.progress.ended(number);
        }
        if failed_meanwhile {
            handle.stop();
        }
    }

    /// The executor of all members, if there are any.
    fn executor(&self) -> Option<ExecutorId> {
        self.futures.lock().first().map(TaskFuture::executor)
    }

    /// Everybody has ended, or the joiner's waker is kept.
    fn poll_ended(&self, waker: &Waker) -> Poll<()> {
        let members = self.futures.lock().len();
        let waker = waker.clone();
        let mut state = self.progress.0.lock();
        if state.ended == members {
            return Poll::Ready(());
        }
        let replaced = state.joiner.replace(waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// The values in the order of submission, or the error of the one that failed first.
    fn into_outcome(self) -> Result<Vec<R>, TaskError> {
        let futures = std::mem::take(&mut *self.futures.lock());
        let failed = self.progress.0.lock().failed;
        let mut outcomes = futures.into_iter().map(TaskFuture::result);
        match failed {
            Some(number) => Err(outcomes
                .nth(number)
                .and_then(Result::err)
                .unwrap_or(TaskError::Cancelled)),
            None => outcomes.collect(),
        }
    }

    fn stop(&self) {
        let handles = self.progress.0.lock().handles.clone();
        for member in handles.iter().filter_map(WeakHandle::upgrade) {
            member.stop();
        }
    }
}

impl<R: Send + 'static> Drop for Members<R> {
    fn drop(&mut self) {
        if !self.detached {
            self.stop();
        }
    }
}

impl<R, E, C, M, A> Group<R, E, C, M, A>
where
    R: Send + 'static,
    E: Executor,
{
    pub(super) fn new(options: Options<E, C, M, A>) -> Self {
        let members = Members {
            progress: Arc::new(Progress(Mutex::default())),
            futures: Mutex::default(),
            detached: false,
        };
        Self { options, members }
    }

    /// How many tasks were submitted.
    pub fn len(&self) -> usize {
        self.members.futures.lock().len()
    }

    /// Whether none was submitted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until all have ended, and returns their values in the order they were submitted.
    ///
    /// # Errors
    ///
    /// Returns the error of the task that failed first.
    ///
    /// # Panics
    ///
    /// Panics where [`TaskFuture::result`] would instead of waiting for ever; there, await the group.
    pub fn join(self) -> Result<Vec<R>, TaskError> {
        if self.members.poll_ended(Waker::noop()).is_pending() {
            host::refuse_deadlock(self.members.executor(), host::AWAIT);
            host::block_on(None, || false, |waker| self.members.poll_ended(waker));
        }
        self.members.into_outcome()
    }

    /// Cancels what has not started, ends async tasks at their next await, and asks what else runs to stop.
    pub fn cancel(&self) {
        self.members.stop();
    }

    /// Lets the tasks run although nobody asks for their outcomes.
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
        let ended = members.poll_ended(cx.waker());
        host::polled(ended.is_pending());
        ended.map(|()| self.0.take().expect("seen above").into_outcome())
    }
}

impl<R, E> Group<R, E>
where
    R: Portable,
    E: Executor,
{
    /// See [`Executor::submit`].
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
    {
        self.members.add(|| self.options.submit(work, arg));
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: Fn(T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members.add(|| self.options.submit_async(work, arg));
    }
}

impl<R, E> Group<R, E, NoContext, InProcess>
where
    R: Send + 'static,
    E: Executor,
{
    /// Calls a closure on a worker, once.
    pub fn spawn<F>(&self, work: F)
    where
        F: FnOnce() -> R + Send + 'static,
    {
        self.members.add(|| self.options.spawn(work));
    }

    /// Runs a future on a worker.
    pub fn spawn_async<Fut>(&self, future: Fut)
    where
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members.add(|| self.options.spawn_async(future));
    }

    /// See [`Executor::submit`].
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: FnOnce(T) -> R + Send + 'static,
        T: Send + 'static,
    {
        self.members.add(|| self.options.submit(work, arg));
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: FnOnce(T) -> Fut + Send + 'static,
        T: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members.add(|| self.options.submit_async(work, arg));
    }
}

impl<R, E, C> Group<R, E, super::WithContext<C, Anywhere>>
where
    R: Portable,
    E: Executor,
    C: Portable + Sync,
{
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
    {
        self.members
            .add(|| With::<E, C, Anywhere>::submit(&self.options, work, arg));
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: Fn(Arc<C>, T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members
            .add(|| With::<E, C, Anywhere>::submit_async(&self.options, work, arg));
    }
}

impl<R, E, C> Group<R, E, super::WithContext<C, InProcess>, InProcess>
where
    R: Send + 'static,
    E: Executor,
    C: Send + Sync + 'static,
{
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(&C, T) -> R + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.members.add(|| self.options.submit(work, arg));
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: Fn(Arc<C>, T) -> Fut + Send + Sync + 'static,
        T: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members.add(|| self.options.submit_async(work, arg));
    }
}

impl<R, E, C, M, A> fmt::Debug for Group<R, E, C, M, A>
where
    R: Send + 'static,
    E: Executor,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.members.progress.0.lock();
        f.debug_struct("Group")
            .field("members", &state.handles.len())
            .field("ended", &state.ended)
            .field("failed", &state.failed.is_some())
            .finish_non_exhaustive()
    }
}
