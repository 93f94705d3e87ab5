#![doc = include_str!("README.md")]

mod address;
mod broker;
mod build;
mod builder;
mod client;
mod clock;
mod constructor;
mod local_server;
mod local_workers;
mod message;
#[cfg(test)]
mod model;
mod names;
mod worker;

pub use builder::ClusterBuilder;
pub(crate) use constructor::init;

use crate::{
    error::BuildError,
    executor::{Closed, Executor, Readmit, Shutdown, Throttle},
    future::host,
    ledger::{Ledger, Stats},
    sync::Arc,
    task::{CarrierHandle, Task},
};
use client::{Client, Lane};
use local_server::LocalServer;
use local_workers::LocalWorkers;
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Workers on every machine that can reach a server of Redis or Valkey: the same calls as on one machine, with nothing lost when workers,
/// clients or the server die.
///
/// The calls are those of every [`Executor`]; work is a function or a closure that captures nothing, and what it takes and returns is
/// [`Portable`](crate::Portable). Needs the feature `cluster`, and a Unix system.
///
/// # Workers
///
/// A worker is this executable, started by whatever starts programs on your machines, with an address in its environment:
///
/// ```text
/// CONCURRENT_FUTURES_WORKER=rediss://worker:password@broker:6379 ./program
/// ```
///
/// It never gets to `main`. It runs tasks in as many processes as there are CPUs, so a crash costs one task. More of its environment:
///
/// | variable | what it says |
/// |---|---|
/// | `CONCURRENT_FUTURES_POOL` | the name of the pool (`default`), as in [`ClusterBuilder::pool`] |
/// | `CONCURRENT_FUTURES_SLOTS` | how many tasks run at once |
/// | `CONCURRENT_FUTURES_LABELS` | what tasks may ask for with [`requires`](Self::requires), separated by commas |
/// | `CONCURRENT_FUTURES_CA` | a file with the certificates to trust, in PEM, instead of the system's |
/// | `CONCURRENT_FUTURES_INSECURE` | `1` allows a connection to another machine that is not encrypted |
/// | `CONCURRENT_FUTURES_WORKER_HOLD` | after so many seconds without a sign of life a worker's tasks are given to others (15); the same for all workers of a pool |
/// | `CONCURRENT_FUTURES_WORKER_GIVE_UP` | after so many seconds without the server the worker ends (600) |
///
/// Workers join and leave at any time. `SIGTERM` makes one hand back what has not started and finish what runs.
///
/// # What is promised
///
/// A task is run at least once, its result is recorded at most once for each time that it was stored, and delivered to the caller exactly
/// once. It runs a second time if its worker was thought dead: killed, cut off, or stopped for longer than 15 s. A process that dies under
/// a task fails it with [`TaskError::WorkerDied`](crate::TaskError::WorkerDied), as on a [`ProcessPool`](crate::ProcessPool).
///
/// Whatever happens to the server (a restart, a kill, wiped data), this client submits again what the server has lost. If it cannot be
/// reached for [`give_up_after`](ClusterBuilder::give_up_after), every future resolves with
/// [`TaskError::Unavailable`](crate::TaskError::Unavailable). When this program dies, what it has queued is removed unrun a minute
/// later, and what runs is stopped.
///
/// [`cancel`](crate::TaskFuture::cancel) is exact: true means that the task will never run. While the server cannot be
/// reached it cannot be known of what was submitted there, and `cancel` of that is false.
///
/// What it does not do: a task that waits for others of the same cluster holds its place meanwhile, so give each
/// layer of a program its own pool.
///
/// # Examples
///
/// ```no_run
/// use concurrent_futures::{Cluster, Executor, TaskError};
///
/// fn crunch<E: Executor>(executor: &E) -> Result<u64, TaskError> {
///     executor.map(|n: u64| n * n, 0..1_000).sum()
/// }
///
/// let cluster = Cluster::connect("rediss://client:password@broker:6379")?.pool("crunch").build()?;
/// assert_eq!(crunch(&cluster).unwrap(), 332_833_500);
/// # Ok::<(), concurrent_futures::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Cluster {
    handle: Arc<Handle>,
    label: Option<Arc<str>>,
}

/// What the handles share; neither the threads nor tasks hold it.
struct Handle {
    client: Arc<Client>,
    workers: Option<LocalWorkers>,
    // Ends last.
    _server: Option<LocalServer>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let client = &self.client;
        client.begin_shutdown(client.config.on_drop);
        if !host::is_inside(client.ledger.id()) {
            client.closed().wait(None);
        }
    }
}

/// A worker that has joined a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterWorker {
    /// The machine.
    pub host: String,
    /// The process id there.
    pub pid: u32,
    /// How many tasks it runs at once.
    pub slots: usize,
    /// What tasks may ask for.
    pub labels: Vec<String>,
    /// How many tasks it was running when it was last heard of.
    pub running: usize,
}

impl Cluster {
    /// Configures a cluster whose server is at this address: `rediss://user:password@host:port`, `redis://…` on this machine,
    /// `unix:///path`.
    ///
    /// # Errors
    ///
    /// Fails if the address makes no sense. Nothing is connected before [`ClusterBuilder::build`].
    pub fn connect(address: &str) -> Result<ClusterBuilder, BuildError> {
        ClusterBuilder::to(address)
    }

    /// Configures the cluster whose address is in the environment, as `CONCURRENT_FUTURES_CLUSTER`; the variables `CONCURRENT_FUTURES_POOL`,
    /// `CONCURRENT_FUTURES_CA` and `CONCURRENT_FUTURES_INSECURE` count as well.
    ///
    /// # Errors
    ///
    /// Fails if the variable is not set or makes no sense.
    pub fn from_env() -> Result<ClusterBuilder, BuildError> {
        ClusterBuilder::from_env()
    }

    /// Configures a cluster on this machine alone: a server of its own, from `valkey-server` or `redis-server` in `PATH`, on a socket that only
    /// this user can open, and one worker. Both end with it. For tests, and to try things.
    ///
    /// # Errors
    ///
    /// Fails if there is no server, or it does not start.
    pub fn local() -> Result<ClusterBuilder, BuildError> {
        ClusterBuilder::local()
    }

    /// The same cluster, for tasks that only workers with this label get.
    ///
    /// # Panics
    ///
    /// Panics if `label` is not 1 to 64 letters, digits, `-`, `_` or `.`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use concurrent_futures::{Cluster, Executor};
    ///
    /// # let cluster = Cluster::from_env()?.build()?;
    /// let trained = cluster.requires("gpu").submit(|epochs: u32| epochs * 2, 10);
    /// # Ok::<(), concurrent_futures::BuildError>(())
    /// ```
    #[must_use = "the label is that of the tasks submitted through what this returns"]
    pub fn requires(&self, label: &str) -> Self {
        if let Err(error) = address::check_name(label) {
            panic!("{error}");
        }
        Self {
            handle: self.handle.clone(),
            label: Some(label.into()),
        }
    }

    /// The workers that are there, as this client saw them last: a second ago while it has tasks, five seconds ago else.
    pub fn cluster_workers(&self) -> Vec<ClusterWorker> {
        self.handle.client.cluster_workers()
    }

    /// Waits until so many tasks can run at once, for at most `limit`. False if it is not so by then.
    pub fn wait_for_slots(&self, slots: usize, limit: Duration) -> bool {
        let until = Instant::now().checked_add(limit);
        self.handle.client.wait_for_slots(slots, until)
    }

    /// The process ids of the workers that this program has started itself.
    pub fn local_worker_pids(&self) -> Vec<u32> {
        self.handle
            .workers
            .as_ref()
            .map_or_else(Vec::new, LocalWorkers::pids)
    }
}

impl Executor for Cluster {
    /// Tasks of the in-process verbs do not come here: this executor has none.
    fn execute(&self, task: Task) {
        drop(task);
    }

    fn ledger(&self) -> &Ledger {
        &self.handle.client.ledger
    }

    /// How many tasks the workers that are there run at once; at least 1.
    fn workers(&self) -> usize {
        self.handle.client.slots()
    }

    fn readmit(&self) -> Readmit {
        // No task comes this way either, and what may come later must not keep the cluster.
        Arc::new(drop)
    }

    fn begin_shutdown(&self, how: Shutdown) {
        self.handle.client.begin_shutdown(how);
    }

    fn closed(&self) -> Closed {
        self.handle.client.closed()
    }

    fn carrier(&self) -> Option<CarrierHandle> {
        let client = self.handle.client.clone();
        Some(match &self.label {
            None => CarrierHandle(client),
            Some(label) => CarrierHandle(Arc::new(Lane {
                client,
                label: label.clone(),
            })),
        })
    }

    fn throttle(&self) -> Option<Throttle> {
        self.handle.client.throttle()
    }

    fn stats(&self) -> Stats {
        self.handle.client.stats()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("pool", &self.handle.client.config.pool)
            .field("label", &self.label)
            .field("server", &self.handle.client.address())
            .field("workers", &self.handle.client.slots())
            .field("stats", &self.handle.client.ledger.stats())
            .finish_non_exhaustive()
    }
}
