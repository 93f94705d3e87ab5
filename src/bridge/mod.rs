#![doc = include_str!("README.md")]

mod blocking;
mod builder;
mod pollers;
mod runtimes;
mod shared;
mod watch;

pub use builder::AsyncBridgeBuilder;

use crate::{
    error::BuildError,
    executor::{Closed, Executor, Readmit, Shutdown, Throttle, WorkersShown, verbs::in_process_verbs},
    ledger::{Ledger, Stats},
    sync::Arc,
    task::Task,
};
use futures::task::Spawn;
use shared::Shared;
use std::{fmt, time::Instant};

/// Futures on an async runtime, and blocking calls beside it: thousands of waits at once, on a runtime that the program
/// already has or on one of its own. Shares the program's memory.
///
/// `submit_async`, `map_async` and `spawn_async` run futures on the runtime, as many at once as there are. `submit`,
/// `map` and `spawn` call functions that may block, on threads beside it (what asyncio calls `to_thread`), at most
/// [`max_blocking`](AsyncBridgeBuilder::max_blocking) at once. Both give a [`TaskFuture`](crate::TaskFuture), to be
/// awaited in async code, on any runtime, and blocked on anywhere else. `Handle::current()` finds the bridge's runtime
/// in both kinds of work.
///
/// The methods here take work that captures and values without serde; generic code uses those of [`Executor`].
///
/// # Blocking in async code
///
/// A blocking wait (`result()`, a map's `next`, `join`, `shutdown`) in async code stops the runtime's thread. On tokio
/// with several threads another one takes over, as with `block_in_place`. Where the wait could only end if the very
/// thread went on (a current-thread runtime waits for a task of a bridge on itself; a task waits for its own bridge on
/// another runtime; anything that `futures`' executors poll waits for a bridge on an unknown runtime) it panics and
/// says what to do instead: await. In `spawn_blocking`, in `block_in_place` and in this bridge's own blocking calls all
/// waits are fine. Async code of a runtime other than tokio and `futures` cannot be told from any other thread, nor can a
/// current-thread runtime while the guard of another one (`Handle::enter`) is held in its async code: there, do not block.
///
/// # The end
///
/// Clones are handles on the same bridge. The last one dropped shuts it down and waits for the tasks it accepted
/// ([`AsyncBridgeBuilder::on_drop`] changes how); dropped in async code, in its own tasks, or on a thread of its runtime, it
/// only starts that: await [`closed`](Executor::closed) to know the end. It does not wait either for a runtime that polls
/// nothing for two seconds while tasks need it, as a current-thread one after the end of `block_on`. If somebody ends the
/// tokio runtime under it, every future that needs it, and whatever has not started, resolves as
/// [`TaskError::ShutDown`](crate::TaskError::ShutDown) at once (on other runtimes, when the bridge next has to use them);
/// blocking calls that run finish and keep their values.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "tokio")] {
/// use concurrent_futures::AsyncBridge;
/// use std::time::Duration;
///
/// let bridge = AsyncBridge::new();
/// // A thousand waits at once, and a call that blocks meanwhile.
/// let naps = bridge.map_async(|n: u32| async move {
///     tokio::time::sleep(Duration::from_millis(10)).await;
///     n
/// }, 0..1_000);
/// let file = bridge.spawn(|| std::fs::read_to_string("Cargo.toml"));
/// assert_eq!(naps.map(Result::unwrap).sum::<u32>(), 499_500);
/// assert!(file.result().unwrap().is_ok());
/// # }
/// ```
#[derive(Clone)]
pub struct AsyncBridge(Arc<Handle>);

/// What the handles share; pollers and threads do not hold it.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

#[cfg(feature = "tokio")]
impl AsyncBridge {
    /// A bridge on a tokio runtime of its own, with one thread per CPU that this program may use.
    ///
    /// # Panics
    ///
    /// Panics if the system does not start the threads; [`builder`](Self::builder) gives an error instead.
    pub fn new() -> Self {
        Self::unwrap(Self::builder().build())
    }

    /// A bridge on a tokio runtime of its own, with this many threads, and this many blocking calls at once.
    ///
    /// # Panics
    ///
    /// Panics if `workers` is 0 and as [`new`](Self::new).
    pub fn with_workers(workers: usize) -> Self {
        Self::unwrap(Self::builder().workers(workers).max_blocking(workers).build())
    }

    /// A bridge on the tokio runtime that this is called in; see [`from_handle`](Self::from_handle).
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::AsyncBridge;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let bridge = AsyncBridge::current();
    /// let parsed = bridge.submit(|text: &str| text.parse::<u32>(), "42"); // on a thread beside the runtime
    /// assert_eq!(parsed.await.unwrap(), Ok(42));
    /// # });
    /// ```
    #[track_caller]
    pub fn current() -> Self {
        let Ok(handle) = tokio::runtime::Handle::try_current() else {
            panic!(
                "`AsyncBridge::current()` was called outside of a tokio runtime; call it in async code, or make a bridge \
                 with a runtime of its own by `AsyncBridge::new()`"
            )
        };
        Self::from_handle(handle)
    }

    /// A bridge on a tokio runtime that is there, multi-thread or current-thread.
    ///
    /// A current-thread runtime runs its tasks only while somebody is in its `block_on`; so do the futures of the
    /// bridge.
    pub fn from_handle(handle: tokio::runtime::Handle) -> Self {
        Self::unwrap(Self::builder().build_on(handle))
    }
}

impl AsyncBridge {
    /// A bridge on any runtime that can spawn a future.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{AsyncBridge, ThreadPool};
    ///
    /// // The threads of this crate are such a runtime. `examples/smol_bridge.rs` shows another.
    /// let bridge = AsyncBridge::from_spawner(ThreadPool::with_workers(2));
    /// let (future, call) = (bridge.spawn_async(async { 6 * 7 }), bridge.spawn(|| 6 * 7));
    /// assert_eq!((future.result().unwrap(), call.result().unwrap()), (42, 42));
    /// ```
    pub fn from_spawner(spawner: impl Spawn + Send + Sync + 'static) -> Self {
        Self::unwrap(Self::builder().build_on_spawner(spawner))
    }

    /// Configures a bridge.
    pub fn builder() -> AsyncBridgeBuilder {
        AsyncBridgeBuilder::new()
    }

    fn over(shared: Arc<Shared>) -> Self {
        Self(Arc::new(Handle(shared)))
    }

    #[track_caller]
    fn unwrap(built: Result<Self, BuildError>) -> Self {
        built.unwrap_or_else(|error| panic!("{error}"))
    }
}

#[cfg(feature = "tokio")]
impl Default for AsyncBridge {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for AsyncBridge {
    fn execute(&self, task: Task) {
        self.0.0.submit(task);
    }

    fn ledger(&self) -> &Ledger {
        &self.0.0.ledger
    }

    /// How many blocking calls run at the same time; futures may be as many as there are.
    fn workers(&self) -> usize {
        self.0.0.blocking.max
    }

    fn begin_shutdown(&self, how: Shutdown) {
        self.0.0.begin_shutdown(how);
    }

    fn closed(&self) -> Closed {
        self.0.0.lifecycle.latch().closed()
    }

    fn is_inside(&self) -> bool {
        self.0.0.is_inside()
    }

    fn readmit(&self) -> Readmit {
        let shared = self.0.0.clone();
        Arc::new(move |task| shared.resubmit(task))
    }

    fn throttle(&self) -> Option<Throttle> {
        self.0.0.throttle.clone()
    }

    fn stats(&self) -> Stats {
        self.0.0.stats()
    }

    fn wait_closed(&self, until: Option<Instant>) -> bool {
        self.0.0.wait_closed(until)
    }
}

in_process_verbs!(
    AsyncBridge,
    "AsyncBridge::from_spawner(concurrent_futures::ThreadPool::with_workers(2))"
);

impl fmt::Debug for AsyncBridge {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bridge = &self.0.0;
        f.debug_struct("AsyncBridge")
            .field("name", &bridge.config.name)
            .field("runtime", &bridge.runtime)
            .field("stage", &bridge.lifecycle.stage())
            .field("pollers", &bridge.pollers)
            .field("blocking", &bridge.blocking)
            .field("suspended", &bridge.lifecycle.suspended())
            .field("doing", &WorkersShown(&bridge.ledger))
            .field("stats", &bridge.ledger.stats())
            .finish_non_exhaustive()
    }
}
