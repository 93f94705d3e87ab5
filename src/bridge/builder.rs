use super::{AsyncBridge, runtimes::Runtime, shared::Shared};
use crate::{error::BuildError, executor::Shutdown, sys::stack};
use futures::task::Spawn;
use std::time::Duration;

/// As many blocking calls run at once unless told otherwise: tokio's number. They wait more than they run.
const DEFAULT_MAX_BLOCKING: usize = 512;

pub(super) struct Config {
    #[cfg_attr(not(feature = "tokio"), allow(dead_code))]
    pub(super) workers: usize,
    pub(super) max_blocking: usize,
    pub(super) max_pending: Option<usize>,
    pub(super) rate_limit: Option<(usize, Duration)>,
    pub(super) name: String,
    pub(super) stack_size: usize,
    pub(super) on_drop: Shutdown,
}

/// Configures an [`AsyncBridge`]. Made by [`AsyncBridge::builder`].
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "tokio")] {
/// use concurrent_futures::AsyncBridge;
///
/// let bridge = AsyncBridge::builder().workers(2).max_blocking(8).name("io").build().unwrap();
/// let name = bridge.spawn(|| std::thread::current().name().map(String::from)).result().unwrap();
/// assert!(name.unwrap().starts_with("io-"));
/// # }
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct AsyncBridgeBuilder {
    config: Config,
}

impl AsyncBridgeBuilder {
    pub(super) fn new() -> Self {
        let config = Config {
            workers: num_cpus::get(),
            max_blocking: DEFAULT_MAX_BLOCKING,
            max_pending: None,
            rate_limit: None,
            name: "bridge".into(),
            stack_size: stack::default_size(),
            on_drop: Shutdown::Finish,
        };
        Self { config }
    }

    /// How many threads the bridge's own runtime has; of no meaning on a runtime that is there already. The default is
    /// the number of CPUs this program may use, read now (affinity and cgroup quota count).
    pub fn workers(mut self, workers: usize) -> Self {
        self.config.workers = workers;
        self
    }

    /// How many blocking calls run at the same time (512). Their threads are started when they are needed, and leave
    /// after ten seconds without work.
    pub fn max_blocking(mut self, calls: usize) -> Self {
        self.config.max_blocking = calls;
        self
    }

    /// How many tasks may wait. Who submits more from outside waits until there is room
    /// ([`AsyncBridge::try_submit`] gives the argument back instead); the bridge's own tasks are never held up.
    ///
    /// A map reads at most so many items ahead.
    pub fn max_pending(mut self, tasks: usize) -> Self {
        self.config.max_pending = Some(tasks);
        self
    }

    /// How many tasks start at most within any time of this length: a limit of calls to somebody else's server, say.
    ///
    /// Those that wait start in the order in which they were submitted, items of a map and attempts at one task counted each. They
    /// count as queued, for [`max_pending`](Self::max_pending) too. A shutdown that finishes runs them at this rate.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// use concurrent_futures::AsyncBridge;
    /// use std::time::{Duration, Instant};
    ///
    /// let per = Duration::from_millis(20);
    /// let polite = AsyncBridge::builder().rate_limit(2, per).build().unwrap();
    /// let start = Instant::now();
    /// assert_eq!(polite.map_async(|n| async move { n + 1 }, 0..6).map(Result::unwrap).sum::<i32>(), 21);
    /// assert!(start.elapsed() >= per * 2);
    /// # }
    /// ```
    pub fn rate_limit(mut self, tasks: usize, per: Duration) -> Self {
        self.config.rate_limit = Some((tasks, per));
        self
    }

    /// What the threads are called: `name-0`, ... for the bridge's own runtime, `name-blocking-0`, ... beside it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = name.into();
        self
    }

    /// The stack of each thread, in bytes (2 MiB, or what `RUST_MIN_STACK` says).
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.config.stack_size = bytes;
        self
    }

    /// How the bridge is shut down when its last handle is dropped ([`Shutdown::Finish`]).
    pub fn on_drop(mut self, how: Shutdown) -> Self {
        self.config.on_drop = how;
        self
    }

    /// Builds a bridge on a tokio runtime of its own, with timers and I/O.
    ///
    /// # Errors
    ///
    /// Fails with 0 workers, with `max_blocking(0)` or `max_pending(0)`, with a `rate_limit` of nothing, and where the system does not start a thread.
    #[cfg(feature = "tokio")]
    pub fn build(self) -> Result<AsyncBridge, BuildError> {
        self.check()?;
        let threads = std::sync::atomic::AtomicUsize::new(0);
        let name = self.config.name.clone();
        let next_name = move || {
            let number = threads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            format!("{name}-{number}")
        };
        let build = || {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(self.config.workers)
                .thread_stack_size(self.config.stack_size)
                .thread_name_fn(next_name)
                .enable_all()
                .build()
        };
        // Where the system starts no thread tokio panics.
        let runtime = crate::panic::catch(build)
            .unwrap_or_else(|caught| {
                Err(std::io::Error::other(
                    crate::error::TaskPanic::new(caught).to_string(),
                ))
            })
            .map_err(BuildError::StartRuntime)?;
        self.build_over(Runtime::owned(runtime))
    }

    /// Builds a bridge on a tokio runtime that is there; see [`AsyncBridge::from_handle`].
    ///
    /// # Errors
    ///
    /// Fails with 0 workers and with `max_blocking(0)` or `max_pending(0)`, and with a `rate_limit` of nothing.
    #[cfg(feature = "tokio")]
    pub fn build_on(self, handle: tokio::runtime::Handle) -> Result<AsyncBridge, BuildError> {
        self.build_over(Runtime::borrowed(handle))
    }

    /// Builds a bridge on any runtime; see [`AsyncBridge::from_spawner`].
    ///
    /// # Errors
    ///
    /// Fails with 0 workers and with `max_blocking(0)` or `max_pending(0)`, and with a `rate_limit` of nothing.
    pub fn build_on_spawner(
        self,
        spawner: impl Spawn + Send + Sync + 'static,
    ) -> Result<AsyncBridge, BuildError> {
        self.build_over(Runtime::foreign(spawner))
    }

    fn build_over(self, runtime: Runtime) -> Result<AsyncBridge, BuildError> {
        self.check()?;
        Ok(AsyncBridge::over(Shared::new(self.config, runtime)))
    }

    fn check(&self) -> Result<(), BuildError> {
        if self.config.workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if self.config.max_blocking == 0 {
            return Err(BuildError::NoBlocking);
        }
        if self.config.max_pending == Some(0) {
            return Err(BuildError::NoRoom);
        }
        BuildError::check_rate(self.config.rate_limit)?;
        Ok(())
    }
}

impl std::fmt::Debug for AsyncBridgeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncBridgeBuilder")
            .field("workers", &self.config.workers)
            .field("max_blocking", &self.config.max_blocking)
            .field("max_pending", &self.config.max_pending)
            .field("rate_limit", &self.config.rate_limit)
            .field("name", &self.config.name)
            .field("stack_size", &self.config.stack_size)
            .field("on_drop", &self.config.on_drop)
            .finish()
    }
}
