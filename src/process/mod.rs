#![doc = include_str!("README.md")]

#[cfg(not(unix))]
mod absent;
mod builder;
#[cfg(unix)]
mod child;
mod config;
#[cfg(unix)]
mod constructor;
#[cfg(unix)]
mod flight;
#[cfg(unix)]
mod link;
#[cfg(all(unix, not(feature = "tracing")))]
#[path = "no_logs.rs"]
mod logs;
#[cfg(all(unix, feature = "tracing"))]
mod logs;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod report;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod state;
#[cfg(unix)]
mod supervisor;
#[cfg(all(test, target_os = "linux", not(concurrent_futures_loom)))]
mod tests;
#[cfg(unix)]
mod times;
#[cfg(unix)]
mod worker;

#[cfg(not(unix))]
pub(crate) use absent::init;
pub use builder::ProcessPoolBuilder;
#[cfg(unix)]
pub(crate) use constructor::init;
#[cfg(all(unix, feature = "cluster"))]
pub(crate) use constructor::is_marked;

#[cfg(not(unix))]
use absent::Shared;
#[cfg(unix)]
use pool::Shared;

use crate::{
    error::BuildError,
    executor::{Closed, Executor, Readmit, Shutdown, Throttle},
    future::host,
    ledger::{Ledger, Stats},
    sync::Arc,
    task::{CarrierHandle, Task},
};
use config::Config;
use std::{fmt, time::Instant};

/// A pool of processes: for work that may crash, leak or hang, or must be stopped at a deadline. Nothing is shared.
///
/// The calls are those of every [`Executor`]; work is a function or a closure that captures nothing, and what it takes and
/// returns is [`Portable`](crate::Portable). Workers are this executable, started again when there is work for them. They
/// never get to `main`, so there is nothing to register and nothing to guard; see [`init`](crate::init) for the few builds where that needs
/// a word. Tested on Linux; built for macOS and not
/// yet run there. On a system that is not Unix, building one is an error.
///
/// # What a death costs
///
/// A worker that dies (a signal, `abort`, `exit`, out of memory) fails the task it was running with
/// [`TaskError::WorkerDied`](crate::TaskError::WorkerDied) and nothing else. Items of a map that were done keep their results, those that had not
/// started run elsewhere, none runs twice; the worker is replaced when it is needed. A task runs at most once unless
/// [`options().retries(n)`](crate::Options::retries) allows more.
///
/// # Stopping
///
/// A deadline ([`Options::timeout`](crate::Options::timeout), counted from when the task starts), [`kill`](crate::TaskFuture::kill) and
/// [`Shutdown::Kill`] kill the worker with `SIGKILL`; a future that shares its worker with others is dropped at its next await
/// instead. [`cancel`](crate::TaskFuture::cancel) is exact, and on a running task raises what
/// [`cancel_requested`](crate::cancel_requested) sees over there. When this process dies, however it dies, its workers do.
///
/// # What a worker is like
///
/// Standard output and error are this program's, standard input is empty. Ctrl-C is the parent's to handle: workers catch it
/// and do nothing, programs that tasks start are interrupted as usual. The program's constructors have all run, its `main`
/// has not: statics are as they were at the start, and stay as tasks leave them until the worker is replaced. A panic
/// that does not unwind (`panic = "abort"`) is a death like any other.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)] {
/// use concurrent_futures::{Executor, ProcessPool, TaskError};
///
/// fn parse(text: String) -> usize {
///     if text.is_empty() { std::process::abort() } // stands for a crash in a C library
///     text.len()
/// }
///
/// let pool = ProcessPool::with_workers(2);
/// let crash = pool.submit(parse, String::new());
/// let fine = pool.submit(parse, "four".to_string());
/// let Err(TaskError::WorkerDied(death)) = crash.result() else { unreachable!() };
/// assert_eq!(death.signal(), Some(6));
/// assert_eq!(fine.result().unwrap(), 4);
/// # }
/// ```
#[derive(Clone)]
pub struct ProcessPool(Arc<Handle>);

/// What the handles share; neither the supervisor nor tasks hold it.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        let pool = &self.0;
        pool.begin_shutdown(pool.config().on_drop);
        if !host::is_inside(pool.ledger().id()) {
            pool.wait_closed(None);
        }
    }
}

impl ProcessPool {
    /// A pool with as many workers as there are CPUs that this program may use.
    ///
    /// # Panics
    ///
    /// Panics where [`ProcessPoolBuilder::build`] fails.
    pub fn new() -> Self {
        Self::builder().build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A pool with this many workers.
    ///
    /// # Panics
    ///
    /// Panics if `workers` is 0, and as [`new`](Self::new).
    pub fn with_workers(workers: usize) -> Self {
        Self::builder()
            .workers(workers)
            .build()
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Configures a pool.
    pub fn builder() -> ProcessPoolBuilder {
        ProcessPoolBuilder::new()
    }

    fn build(config: Config) -> Result<Self, BuildError> {
        Shared::build(config).map(|shared| Self(Arc::new(Handle(shared))))
    }

    /// Starts all workers and waits until they can take work, their initializers included.
    ///
    /// From then on as many are kept, whatever [`idle_timeout`](ProcessPoolBuilder::idle_timeout) says.
    ///
    /// # Errors
    ///
    /// Fails with the reason of the last start if workers cannot be started, and if the pool is shut down.
    pub fn warm_up(&self) -> Result<(), BuildError> {
        self.0.0.warm_up()
    }

    /// The process ids of the workers that there are now.
    pub fn worker_pids(&self) -> Vec<u32> {
        self.0.0.worker_pids()
    }
}

impl Default for ProcessPool {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for ProcessPool {
    /// Tasks of the in-process verbs do not come here: this executor has none.
    fn execute(&self, task: Task) {
        drop(task);
    }

    fn ledger(&self) -> &Ledger {
        self.0.0.ledger()
    }

    fn workers(&self) -> usize {
        self.0.0.config().workers
    }

    fn readmit(&self) -> Readmit {
        // No task comes this way either, and what may come later must not keep the pool.
        Arc::new(drop)
    }

    fn begin_shutdown(&self, how: Shutdown) {
        self.0.0.begin_shutdown(how);
    }

    fn closed(&self) -> Closed {
        self.0.0.closed()
    }

    fn carrier(&self) -> Option<CarrierHandle> {
        Some(self.0.0.carrier())
    }

    fn throttle(&self) -> Option<Throttle> {
        self.0.0.throttle()
    }

    fn stats(&self) -> Stats {
        self.0.0.stats()
    }

    fn wait_closed(&self, until: Option<Instant>) -> bool {
        self.0.0.wait_closed(until)
    }
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.fmt(f)
    }
}
