#![doc = include_str!("README.md")]

mod builder;
mod entry;
mod here;
mod idle;
mod join;
mod places;
mod queues;
#[cfg(all(test, concurrent_futures_shuttle))]
mod scenarios;
mod scope;
mod shared;
#[cfg(all(test, concurrent_futures_loom))]
mod sleep_models;
mod worker;

pub use builder::ThreadPoolBuilder;
pub use scope::{Scope, ScopedFuture};

use crate::{
    executor::{Closed, Executor, Readmit, Shutdown, Throttle, WorkersShown, verbs::in_process_verbs},
    future::host,
    ledger::{Ledger, Stats},
    sync::Arc,
    task::Task,
};
use futures::task::{FutureObj, Spawn, SpawnError};
use shared::Shared;
use std::{fmt, time::Instant};

/// A work-stealing pool of threads: for CPU-bound work and for blocking I/O. Shares the program's memory.
///
/// Tasks from outside start in the order they were submitted; what a task submits itself runs newest first on
/// its own worker and is stolen by idle ones. A task may submit to its own pool and wait for it, at any depth:
/// see [`TaskFuture::result`](crate::TaskFuture::result).
///
/// The methods here take work that captures and values without serde; generic code uses those of [`Executor`].
/// Clones are handles on the same pool. The last one dropped shuts it down and waits for the tasks it accepted
/// ([`ThreadPoolBuilder::on_drop`] changes how).
///
/// # Examples
///
/// ```
/// use concurrent_futures::ThreadPool;
///
/// let pool = ThreadPool::new();
/// let lengths: Vec<usize> = pool.map(|word: &str| word.len(), ["a", "bb"]).map(Result::unwrap).collect();
/// assert_eq!(lengths, [1, 2]);
/// ```
#[derive(Clone)]
pub struct ThreadPool(Arc<Handle>);

/// What the handles share; the pool's threads do not hold it.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        let pool = &self.0;
        pool.begin_shutdown(pool.config.on_drop);
        if !host::is_inside(pool.ledger.id()) {
            pool.lifecycle.wait_closed(None);
        }
    }
}

impl ThreadPool {
    /// A pool with one worker per CPU that this program may use.
    ///
    /// # Panics
    ///
    /// Panics if the system does not start the threads; [`builder`](Self::builder) gives an error instead.
    pub fn new() -> Self {
        Self::builder().build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A pool with this many workers.
    ///
    /// # Panics
    ///
    /// Panics if `workers` is 0 and as [`new`](Self::new).
    pub fn with_workers(workers: usize) -> Self {
        Self::builder()
            .workers(workers)
            .build()
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Configures a pool.
    pub fn builder() -> ThreadPoolBuilder {
        ThreadPoolBuilder::new()
    }
}

impl Default for ThreadPool {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for ThreadPool {
    fn execute(&self, task: Task) {
        self.0.0.submit(task);
    }

    fn ledger(&self) -> &Ledger {
        &self.0.0.ledger
    }

    fn workers(&self) -> usize {
        self.0.0.config.workers
    }

    fn begin_shutdown(&self, how: Shutdown) {
        self.0.0.begin_shutdown(how);
    }

    fn closed(&self) -> Closed {
        self.0.0.lifecycle.latch().closed()
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
        self.0.0.lifecycle.wait_closed(until)
    }
}

/// The pool as a runtime for whoever spawns futures: [`AsyncBridge::from_spawner`](crate::AsyncBridge::from_spawner), and
/// code that is generic over [`Spawn`].
impl Spawn for ThreadPool {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status()?;
        drop(self.spawn_async(future));
        Ok(())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.0.0.ledger.refuses() && !self.is_inside() {
            return Err(SpawnError::shutdown());
        }
        Ok(())
    }
}

in_process_verbs!(ThreadPool, "ThreadPool::with_workers(2)");

impl fmt::Debug for ThreadPool {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pool = &self.0.0;
        f.debug_struct("ThreadPool")
            .field("name", &pool.config.name)
            .field("workers", &pool.config.workers)
            .field("threads", &pool.alive())
            .field("stage", &pool.stage())
            .field("queued", &pool.queues.len())
            .field("suspended", &pool.lifecycle.suspended())
            .field("idle", &pool.idle)
            .field("places", &pool.places)
            .field("doing", &WorkersShown(&pool.ledger))
            .field("stats", &pool.ledger.stats())
            .finish_non_exhaustive()
    }
}
