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
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod state;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod worker;

#[cfg(not(unix))]
pub use absent::init;
pub use builder::ProcessPoolBuilder;
#[cfg(unix)]
pub use constructor::init;

#[cfg(not(unix))]
use absent::Shared;
#[cfg(unix)]
use pool::Shared;

use crate::{
    error::BuildError,
    executor::{Closed, Executor, Shutdown},
    future::host,
    ledger::{Ledger, Stats},
    sync::Arc,
    task::{CarrierHandle, Task},
};
use config::Config;
use std::{fmt, time::Instant};

/// A pool of processes: for work that may crash, leak, hang, or must be stopped at a deadline. Nothing is shared.
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

    fn begin_shutdown(&self, how: Shutdown) {
        self.0.0.begin_shutdown(how);
    }

    fn closed(&self) -> Closed {
        self.0.0.closed()
    }

    fn carrier(&self) -> Option<CarrierHandle> {
        Some(self.0.0.carrier())
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
