//! How to run, apart from what to run: the same verbs once more, with options and with a context.

use super::{Executor, Group, Map, submit};
use crate::{
    future::TaskFuture,
    sync::Arc,
    task::{Anywhere, AsyncBound, Bound, Context, Crossing, InProcess, Plain, Portable, Settings},
};
use std::{fmt, future::Future, num::NonZeroUsize, time::Duration};

/// The verbs of an executor with options. Made by [`Executor::options`].
///
/// `options()`, [`with`](Self::with) and [`group`](Self::group) combine in any order. `C` is the context that
/// [`with`](Self::with) binds, if one is bound, and `M` says what the verbs ask of work and data: that of the
/// trait ([`Anywhere`]), or only `Send`
/// ([`InProcess`]).
///
/// # Examples
///
/// ```
/// use concurrent_futures::{TaskError, ThreadPool, cancel_requested};
/// use std::time::Duration;
///
/// let pool = ThreadPool::with_workers(1);
/// let late = pool.options().name("late").timeout(Duration::from_millis(20)).spawn(|| {
///     while !cancel_requested() {
///         std::thread::yield_now();
///     }
/// });
/// assert_eq!(late.name(), Some("late"));
/// assert!(matches!(late.result(), Err(TaskError::TimedOut(_))));
/// ```
#[must_use = "options do nothing until a verb is called on them"]
pub struct Options<E, C = NoContext, M = Anywhere> {
    executor: E,
    settings: Settings,
    context: C,
    mode: std::marker::PhantomData<M>,
}

/// Options without a context.
#[derive(Debug, Clone, Copy)]
pub struct NoContext;

/// The context of a [`With`].
pub struct WithContext<C, M>(Context<C, M>);

/// The verbs of an executor with data that every call shares. Made by [`Executor::with`].
///
/// Work takes `(&C, T)`, async work `(Arc<C>, T)`. The context is sent to each worker once, not once per task.
pub type With<E, C, M = Anywhere> = Options<E, WithContext<C, M>, M>;

impl<E: Executor, M> Options<E, NoContext, M> {
    pub(crate) fn new(executor: E) -> Self {
        Self {
            executor,
            settings: Settings::default(),
            context: NoContext,
            mode: std::marker::PhantomData,
        }
    }
}

impl<E: Executor, C, M> Options<E, C, M> {
    /// The deadline of each task, counted from when it starts; of each item, for a map.
    ///
    /// A task that passes it resolves as [`TaskError::TimedOut`](crate::TaskError::TimedOut). A process is
    /// killed and a future is dropped at its next await; a thread cannot be stopped: there the work is asked
    /// to stop ([`cancel_requested`](crate::cancel_requested)) and goes on until it does.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.settings.timeout = Some(limit);
        self
    }

    /// A name for the tasks, shown in `Debug` output.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// How often a task is tried again that was lost with its worker process, or stopped there at its deadline.
    ///
    /// Without it a task is run at most once. Where work cannot be lost or stopped (on threads, on the caller's
    /// thread) there is nothing to try again: a panic is an outcome like any other.
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
    /// assert!(matches!(crashed, Err(TaskError::WorkerDied(_))));
    /// assert_eq!(pool.stats().workers_restarted, 2);
    /// # }
    /// ```
    pub fn retries(mut self, times: u32) -> Self {
        self.settings.retries = times;
        self
    }

    /// How many items of a map travel together; without it, as many as their time suggests.
    ///
    /// # Panics
    ///
    /// Panics if `items` is 0.
    pub fn chunk_size(mut self, items: usize) -> Self {
        self.settings.chunk_size = Some(at_least_one("chunk_size", items));
        self
    }

    /// How many items a map reads ahead of its consumer (65,536 unless told otherwise).
    ///
    /// # Panics
    ///
    /// Panics if `items` is 0.
    pub fn buffer_size(mut self, items: usize) -> Self {
        self.settings.buffer_size = Some(at_least_one("buffer_size", items));
        self
    }

    /// How many items of a map run at once, at most: a semaphore, without writing one.
    ///
    /// Items are read ahead as without it. Those that wait start as others end, whether or not the map is iterated;
    /// work that goes on after its deadline, as it may on a thread, has not ended. The bound is that of one map: single
    /// tasks and groups have none. On a [`ProcessPool`](crate::ProcessPool) with more workers than `items`, each item
    /// travels alone, whatever [`chunk_size`](Self::chunk_size) says.
    ///
    /// # Panics
    ///
    /// Panics if `items` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    /// use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    ///
    /// static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    ///
    /// /// Says how many connections there are.
    /// fn fetch(_page: u32) -> usize {
    ///     let connections = CONNECTIONS.fetch_add(1, SeqCst) + 1;
    ///     std::thread::yield_now(); // stands for the network
    ///     CONNECTIONS.fetch_sub(1, SeqCst);
    ///     connections
    /// }
    ///
    /// let polite = ThreadPool::with_workers(8).options().max_in_flight(3);
    /// assert!(polite.map(fetch, 0..100).all(|connections| connections.unwrap() <= 3));
    ///
    /// let mut asynchronously = polite.map_async(|page| async move { fetch(page) }, 0..100);
    /// assert!(asynchronously.all(|connections| connections.unwrap() <= 3));
    /// ```
    pub fn max_in_flight(mut self, items: usize) -> Self {
        self.settings.max_in_flight = Some(at_least_one("max_in_flight", items));
        self
    }

    /// The same options again, for code that does not know whether it has an executor or its options.
    pub fn options(&self) -> Self
    where
        C: Clone,
    {
        self.clone()
    }

    /// The same with another context in the place of the one there is.
    pub fn with<D>(&self, context: D) -> With<E, D, M>
    where
        D: Send + Sync + 'static,
        M: Crossing<D>,
    {
        Options {
            executor: self.executor.clone(),
            settings: self.settings.clone(),
            context: WithContext(Context::new(context)),
            mode: std::marker::PhantomData,
        }
    }

    /// A group of tasks that succeed or fail as one, run with these options.
    pub fn group<R: Send + 'static>(&self) -> Group<R, E, C, M>
    where
        C: Clone,
    {
        Group::new(self.clone())
    }
}

#[track_caller]
fn at_least_one(option: &str, items: usize) -> NonZeroUsize {
    NonZeroUsize::new(items).unwrap_or_else(|| panic!("`{option}` must be at least 1"))
}

/// Work of the trait's verbs: portable, so that it runs anywhere.
impl<E: Executor> Options<E> {
    /// See [`Executor::submit`].
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        R: Portable,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call::<_, _, _, Anywhere>(&self.executor, Plain(work), arg, &self.settings)
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output: Portable> + Send + 'static,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call_async::<_, _, _, _, Anywhere>(&self.executor, Plain(work), arg, &self.settings)
    }

    /// See [`Executor::map`].
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(I::Item) -> R + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        R: Portable,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::map::<_, _, _, Anywhere>(&self.executor, Plain(work), items, &self.settings)
    }

    /// See [`Executor::map_async`].
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(I::Item) -> Fut + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        Fut: Future<Output: Portable> + Send + 'static,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::map_async::<_, _, _, _, Anywhere>(&self.executor, Plain(work), items, &self.settings)
    }
}

/// Work of the trait's verbs with a context.
impl<E: Executor, C: Portable + Sync> With<E, C> {
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        R: Portable,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call::<_, _, _, Anywhere>(&self.executor, self.bind(work), arg, &self.settings)
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(Arc<C>, T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output: Portable> + Send + 'static,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call_async::<_, _, _, _, Anywhere>(&self.executor, self.bind_async(work), arg, &self.settings)
    }

    /// See [`Executor::map`]; work takes the context by reference before its item.
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(&C, I::Item) -> R + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        R: Portable,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::map::<_, _, _, Anywhere>(&self.executor, self.bind(work), items, &self.settings)
    }

    /// See [`Executor::map_async`]; work takes the context as an `Arc` before its item.
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(Arc<C>, I::Item) -> Fut + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        Fut: Future<Output: Portable> + Send + 'static,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::map_async::<_, _, _, _, Anywhere>(
            &self.executor,
            self.bind_async(work),
            items,
            &self.settings,
        )
    }
}

/// Work that stays in this process: it may capture, and values need no serde.
impl<E: Executor> Options<E, NoContext, InProcess> {
    /// Calls a closure on a worker, once.
    pub fn spawn<F, R>(&self, work: F) -> TaskFuture<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        submit::spawn(&self.executor, work, &self.settings)
    }

    /// Runs a future on the workers.
    pub fn spawn_async<Fut>(&self, future: Fut) -> TaskFuture<Fut::Output>
    where
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        submit::spawn_async(&self.executor, future, &self.settings)
    }

    /// See [`Executor::submit`].
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: FnOnce(T) -> R + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        submit::spawn(&self.executor, move || work(arg), &self.settings)
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: FnOnce(T) -> Fut + Send + 'static,
        T: Send + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        submit::spawn_async(&self.executor, async move { work(arg).await }, &self.settings)
    }

    /// See [`Executor::map`].
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        R: Send + 'static,
    {
        submit::map::<_, _, _, InProcess>(&self.executor, Plain(work), items, &self.settings)
    }

    /// See [`Executor::map_async`].
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(I::Item) -> Fut + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        submit::map_async::<_, _, _, _, InProcess>(&self.executor, Plain(work), items, &self.settings)
    }
}

/// Work with a context that stays in this process.
impl<E: Executor, C: Send + Sync + 'static> With<E, C, InProcess> {
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(&C, T) -> R + Send + Sync + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        submit::call::<_, _, _, InProcess>(&self.executor, self.bind(work), arg, &self.settings)
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(Arc<C>, T) -> Fut + Send + Sync + 'static,
        T: Send + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        submit::call_async::<_, _, _, _, InProcess>(
            &self.executor,
            self.bind_async(work),
            arg,
            &self.settings,
        )
    }

    /// See [`Executor::map`]; work takes the context by reference before its item.
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(&C, I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        R: Send + 'static,
    {
        submit::map::<_, _, _, InProcess>(&self.executor, self.bind(work), items, &self.settings)
    }

    /// See [`Executor::map_async`]; work takes the context as an `Arc` before its item.
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(Arc<C>, I::Item) -> Fut + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        submit::map_async::<_, _, _, _, InProcess>(
            &self.executor,
            self.bind_async(work),
            items,
            &self.settings,
        )
    }
}

impl<E, C, M> With<E, C, M> {
    fn bind<F>(&self, work: F) -> Bound<F, C, M> {
        Bound(work, self.context.0.clone())
    }

    fn bind_async<F>(&self, work: F) -> AsyncBound<F, C, M> {
        AsyncBound(work, self.context.0.clone())
    }
}

impl<E: Clone, C: Clone, M> Clone for Options<E, C, M> {
    fn clone(&self) -> Self {
        Self {
            executor: self.executor.clone(),
            settings: self.settings.clone(),
            context: self.context.clone(),
            mode: std::marker::PhantomData,
        }
    }
}

impl<C, M> Clone for WithContext<C, M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E, C, M> fmt::Debug for Options<E, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
