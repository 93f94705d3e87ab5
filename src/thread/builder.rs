use super::{Handle, ThreadPool, shared::Shared};
use crate::{error::BuildError, executor::Shutdown, sync::Arc, sys::stack};
use std::time::Duration;

pub(super) type Hook = Box<dyn Fn() + Send + Sync>;

pub(super) struct Config {
    pub(super) workers: usize,
    pub(super) name: String,
    pub(super) stack_size: usize,
    pub(super) max_pending: Option<usize>,
    pub(super) rate_limit: Option<(usize, Duration)>,
    pub(super) initializer: Option<Hook>,
    pub(super) finalizer: Option<Hook>,
    pub(super) on_drop: Shutdown,
}

/// Configures a [`ThreadPool`]. Made by [`ThreadPool::builder`].
///
/// # Examples
///
/// ```
/// use concurrent_futures::ThreadPool;
///
/// let pool = ThreadPool::builder().workers(2).name("io").stack_size(512 * 1024).build().unwrap();
/// let name = pool.spawn(|| std::thread::current().name().map(String::from)).result().unwrap();
/// assert!(name.unwrap().starts_with("io-"));
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ThreadPoolBuilder {
    config: Config,
}

impl ThreadPoolBuilder {
    pub(super) fn new() -> Self {
        let config = Config {
            workers: num_cpus::get(),
            name: "worker".into(),
            stack_size: stack::default_size(),
            max_pending: None,
            rate_limit: None,
            initializer: None,
            finalizer: None,
            on_drop: Shutdown::Finish,
        };
        Self { config }
    }

    /// How many tasks run at the same time. The default is the number of CPUs this program may use, read now
    /// (affinity and cgroup quota count).
    pub fn workers(mut self, workers: usize) -> Self {
        self.config.workers = workers;
        self
    }

    /// What the threads are called: `name-0`, `name-1`, ...; spare threads `name-spare-0`, ...
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = name.into();
        self
    }

    /// The stack of each thread, in bytes (2 MiB, or what `RUST_MIN_STACK` says).
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.config.stack_size = bytes;
        self
    }

    /// How many tasks may wait. Who submits more from outside waits until there is room
    /// ([`ThreadPool::try_submit`] gives the argument back instead); the pool's own tasks are never held up.
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
    /// use concurrent_futures::ThreadPool;
    /// use std::time::{Duration, Instant};
    ///
    /// let per = Duration::from_millis(20);
    /// let polite = ThreadPool::builder().rate_limit(2, per).build().unwrap();
    /// let start = Instant::now();
    /// assert_eq!(polite.map(|n| n + 1, 0..6).map(Result::unwrap).sum::<i32>(), 21);
    /// assert!(start.elapsed() >= per * 2);
    /// ```
    pub fn rate_limit(mut self, tasks: usize, per: Duration) -> Self {
        self.config.rate_limit = Some((tasks, per));
        self
    }

    /// Runs on every thread of the pool, spare ones included, before its first task.
    ///
    /// One that panics is tried three times. A worker that cannot be prepared is given up; when none is left,
    /// what waits fails with the panic, and the next submission tries again.
    pub fn initializer(mut self, initializer: impl Fn() + Send + Sync + 'static) -> Self {
        self.config.initializer = Some(Box::new(initializer));
        self
    }

    /// Runs on every thread that was initialized, after its last task.
    pub fn finalizer(mut self, finalizer: impl Fn() + Send + Sync + 'static) -> Self {
        self.config.finalizer = Some(Box::new(finalizer));
        self
    }

    /// How the pool is shut down when its last handle is dropped ([`Shutdown::Finish`]).
    pub fn on_drop(mut self, how: Shutdown) -> Self {
        self.config.on_drop = how;
        self
    }

    /// Builds the pool and starts its threads.
    ///
    /// # Errors
    ///
    /// Fails with 0 workers, with `max_pending(0)`, with a `rate_limit` of nothing, and where the system does not start a thread (then those
    /// that were started are stopped).
    pub fn build(self) -> Result<ThreadPool, BuildError> {
        if self.config.workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if self.config.max_pending == Some(0) {
            return Err(BuildError::NoRoom);
        }
        BuildError::check_rate(self.config.rate_limit)?;
        let (shared, seats) = Shared::new(self.config);
        // From here on, dropping the pool stops what was started.
        let pool = ThreadPool(Arc::new(Handle(shared)));
        for seat in seats {
            pool.0
                .0
                .start_thread(Some(seat))
                .map_err(BuildError::StartWorker)?;
        }
        Ok(pool)
    }
}

impl std::fmt::Debug for ThreadPoolBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadPoolBuilder")
            .field("workers", &self.config.workers)
            .field("name", &self.config.name)
            .field("stack_size", &self.config.stack_size)
            .field("max_pending", &self.config.max_pending)
            .field("rate_limit", &self.config.rate_limit)
            .field("on_drop", &self.config.on_drop)
            .finish_non_exhaustive()
    }
}
