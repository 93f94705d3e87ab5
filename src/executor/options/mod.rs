//! How to run, apart from what to run: the same verbs once more, with options and with a context.

mod reserve;
mod retrying;
mod state;
mod verbs;

pub use reserve::Reserving;
pub use retrying::{Copies, Retrying};
pub use state::{State, WithState};

use super::{Executor, Group};
use crate::{
    sync::Arc,
    task::{Anywhere, AsyncBound, Bound, Context, Crossing, Enter, Settings},
};
use std::{fmt, marker::PhantomData, num::NonZeroUsize, time::Duration};

/// The verbs of an executor with options. Made by [`Executor::options`].
///
/// `options()`, [`with`](Self::with) and [`group`](Self::group) combine in any order. `C` is the context that
/// [`with`](Self::with) binds, if one is bound, and `M` says what the verbs ask of work and data: that of the
/// trait ([`Anywhere`]), or only `Send`
/// ([`InProcess`](crate::backend::InProcess)). `A` says whether a task may be tried again ([`Retrying`]) or not ([`AtMostOnce`]).
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
pub struct Options<E, C = NoContext, M = Anywhere, A = AtMostOnce> {
    executor: E,
    settings: Settings,
    context: C,
    mode: PhantomData<(M, A)>,
}

/// Each task of these options is run at most once.
#[derive(Debug, Clone, Copy)]
pub struct AtMostOnce;

/// Options without a context.
#[derive(Debug, Clone, Copy)]
pub struct NoContext;

/// The context of a [`With`].
pub struct WithContext<C, M>(Context<C, M>);

/// The verbs of an executor with data that every call shares. Made by [`Executor::with`].
///
/// Work takes `(&C, T)`, async work `(Arc<C>, T)`. The context is sent to each worker once, not once per task.
pub type With<E, C, M = Anywhere, A = AtMostOnce> = Options<E, WithContext<C, M>, M, A>;

impl<E: Executor, M> Options<E, NoContext, M> {
    pub(crate) fn new(executor: E) -> Self {
        Self {
            executor,
            settings: Settings::default(),
            context: NoContext,
            mode: PhantomData,
        }
    }
}

impl<E, C, M, A> Options<E, C, M, A> {
    /// The same, for the members of a group.
    pub(super) fn of_group(mut self, group: Arc<dyn Enter>) -> Self {
        self.settings.group = Some(group);
        self
    }
}

impl<E: Executor, C, M, A> Options<E, C, M, A> {
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
    pub fn with<D>(&self, context: D) -> With<E, D, M, A>
    where
        D: Send + Sync + 'static,
        M: Crossing<D>,
    {
        Options {
            executor: self.executor.clone(),
            settings: self.settings.clone(),
            context: WithContext(Context::new(context)),
            mode: PhantomData,
        }
    }

    /// A group of tasks that succeed or fail as one, run with these options.
    pub fn group<R: Send + 'static>(&self) -> Group<R, E, C, M, A>
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

impl<E, C, M, A> With<E, C, M, A> {
    fn bind<F>(&self, work: F) -> Bound<F, C, M> {
        Bound(work, self.context.0.clone())
    }

    fn bind_async<F>(&self, work: F) -> AsyncBound<F, C, M> {
        AsyncBound(work, self.context.0.clone())
    }
}

impl<E: Clone, C: Clone, M, A> Clone for Options<E, C, M, A> {
    fn clone(&self) -> Self {
        Self {
            executor: self.executor.clone(),
            settings: self.settings.clone(),
            context: self.context.clone(),
            mode: PhantomData,
        }
    }
}

impl<C, M> Clone for WithContext<C, M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E, C, M, A> fmt::Debug for Options<E, C, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
