//! The backend as a value: chosen at run time, by a flag or the environment.

#[cfg(feature = "tokio")]
use crate::bridge::AsyncBridge;
#[cfg(all(feature = "cluster", unix))]
use crate::cluster::Cluster;
use crate::{
    executor::{Closed, Executor, Readmit, Shutdown, Throttle},
    inline::{Checked, Inline},
    ledger::{Ledger, Stats},
    process::ProcessPool,
    task::CarrierHandle,
    task::Task,
    thread::ThreadPool,
};
use std::{env, fmt, str::FromStr, time::Instant};

/// Names a backend.
///
/// # Examples
///
/// ```
/// use concurrent_futures::Backend;
///
/// let backend: Backend = "threads".parse().unwrap();
/// assert_eq!(backend, Backend::Threads);
/// assert_eq!(backend.to_string(), "threads");
/// assert!("quantum".parse::<Backend>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// [`Inline`]: "inline".
    Inline,
    /// [`Checked`]: "checked".
    Checked,
    /// [`ThreadPool`]: "threads".
    Threads,
    /// [`ProcessPool`]: "processes".
    Processes,
    /// An [async bridge](crate::AsyncBridge) with a runtime of its own: "async". Needs the feature `tokio`.
    Async,
    /// A `Cluster`: "cluster", whose address is in the environment, as `CONCURRENT_FUTURES_CLUSTER`. Needs the feature `cluster`.
    Cluster,
}

impl Backend {
    /// Every backend.
    pub const ALL: [Self; 6] = [
        Self::Inline,
        Self::Checked,
        Self::Threads,
        Self::Processes,
        Self::Async,
        Self::Cluster,
    ];

    /// Its name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Checked => "checked",
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Async => "async",
            Self::Cluster => "cluster",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no backend has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no backend {name:?}; there are: {}", Backend::ALL.map(Backend::name).join(", "))]
pub struct ParseBackendError {
    name: String,
}

impl FromStr for Backend {
    type Err = ParseBackendError;

    fn from_str(name: &str) -> Result<Self, ParseBackendError> {
        Self::ALL
            .into_iter()
            .find(|backend| backend.name() == name)
            .ok_or_else(|| ParseBackendError {
                name: name.to_owned(),
            })
    }
}

/// An executor whose backend is chosen at run time.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{AnyExecutor, Backend, Executor};
///
/// let name = "inline"; // from the command line, say
/// let executor = AnyExecutor::new(name.parse().unwrap());
/// assert_eq!(executor.backend(), Backend::Inline);
/// assert_eq!(executor.submit(|n: u32| n + 1, 41).result().unwrap(), 42);
/// ```
#[derive(Debug, Clone)]
pub struct AnyExecutor(Chosen);

#[derive(Debug, Clone)]
enum Chosen {
    Inline(Inline),
    Checked(Checked),
    Threads(ThreadPool),
    Processes(ProcessPool),
    #[cfg(feature = "tokio")]
    Async(AsyncBridge),
    #[cfg(all(feature = "cluster", unix))]
    Cluster(Cluster),
}

/// Runs `$call` on whichever backend it is.
macro_rules! on_backend {
    ($any:expr, $executor:ident => $call:expr) => {
        match &$any.0 {
            Chosen::Inline($executor) => $call,
            Chosen::Checked($executor) => $call,
            Chosen::Threads($executor) => $call,
            Chosen::Processes($executor) => $call,
            #[cfg(feature = "tokio")]
            Chosen::Async($executor) => $call,
            #[cfg(all(feature = "cluster", unix))]
            Chosen::Cluster($executor) => $call,
        }
    };
}

#[cfg(not(feature = "tokio"))]
const NO_RUNTIME: &str = "the backend \"async\" makes a tokio runtime, and this program was built without the feature \
                          `tokio` of `concurrent-futures`: switch it on, or use \"threads\"";

#[cfg(all(feature = "cluster", unix))]
fn cluster() -> Chosen {
    let cluster = Cluster::from_env().and_then(|builder| builder.build());
    Chosen::Cluster(cluster.unwrap_or_else(|error| panic!("{error}")))
}

#[cfg(not(all(feature = "cluster", unix)))]
fn cluster() -> Chosen {
    panic!(
        "the backend \"cluster\" needs the feature `cluster` of `concurrent-futures` and a Unix system: switch it on, or use \
         \"processes\""
    )
}

impl AnyExecutor {
    /// The environment variable that [`from_env`](Self::from_env) reads.
    pub const VARIABLE: &str = "CONCURRENT_FUTURES_BACKEND";

    /// An executor of this backend, as its own `new()` makes it.
    ///
    /// # Panics
    ///
    /// Panics where that does; for [`Backend::Async`] also without the feature `tokio`, for [`Backend::Cluster`] without the
    /// feature `cluster`, and where the cluster that the environment names cannot be joined.
    pub fn new(backend: Backend) -> Self {
        Self(match backend {
            Backend::Inline => Chosen::Inline(Inline::new()),
            Backend::Checked => Chosen::Checked(Checked::new()),
            Backend::Threads => Chosen::Threads(ThreadPool::new()),
            Backend::Processes => Chosen::Processes(ProcessPool::new()),
            #[cfg(feature = "tokio")]
            Backend::Async => Chosen::Async(AsyncBridge::new()),
            #[cfg(not(feature = "tokio"))]
            Backend::Async => panic!("{NO_RUNTIME}"),
            Backend::Cluster => cluster(),
        })
    }

    /// As [`new`](Self::new), with this many workers where the backend has workers of its own.
    ///
    /// # Panics
    ///
    /// Panics if `workers` is 0, and as [`new`](Self::new).
    pub fn with_workers(backend: Backend, workers: usize) -> Self {
        match backend {
            Backend::Threads => Self(Chosen::Threads(ThreadPool::with_workers(workers))),
            Backend::Processes => Self(Chosen::Processes(ProcessPool::with_workers(workers))),
            #[cfg(feature = "tokio")]
            Backend::Async => Self(Chosen::Async(AsyncBridge::with_workers(workers))),
            #[cfg(not(feature = "tokio"))]
            Backend::Async => panic!("{NO_RUNTIME}"),
            Backend::Inline | Backend::Checked | Backend::Cluster => {
                assert!(workers > 0, "{}", crate::BuildError::NoWorkers);
                Self::new(backend)
            }
        }
    }

    /// The backend that the environment variable `CONCURRENT_FUTURES_BACKEND` names; threads if it is not set.
    ///
    /// # Errors
    ///
    /// Fails if the variable names no backend.
    pub fn from_env() -> Result<Self, ParseBackendError> {
        match env::var_os(Self::VARIABLE) {
            None => Ok(Self::new(Backend::Threads)),
            Some(name) => name.to_string_lossy().parse().map(Self::new),
        }
    }

    /// Which backend it is.
    pub fn backend(&self) -> Backend {
        match &self.0 {
            Chosen::Inline(_) => Backend::Inline,
            Chosen::Checked(_) => Backend::Checked,
            Chosen::Threads(_) => Backend::Threads,
            Chosen::Processes(_) => Backend::Processes,
            #[cfg(feature = "tokio")]
            Chosen::Async(_) => Backend::Async,
            #[cfg(all(feature = "cluster", unix))]
            Chosen::Cluster(_) => Backend::Cluster,
        }
    }
}

impl Executor for AnyExecutor {
    fn execute(&self, task: Task) {
        on_backend!(self, executor => executor.execute(task));
    }

    fn ledger(&self) -> &Ledger {
        on_backend!(self, executor => executor.ledger())
    }

    fn workers(&self) -> usize {
        on_backend!(self, executor => executor.workers())
    }

    fn begin_shutdown(&self, how: Shutdown) {
        on_backend!(self, executor => executor.begin_shutdown(how));
    }

    fn closed(&self) -> Closed {
        on_backend!(self, executor => executor.closed())
    }

    fn read_ahead(&self) -> usize {
        on_backend!(self, executor => executor.read_ahead())
    }

    fn readmit(&self) -> Readmit {
        on_backend!(self, executor => executor.readmit())
    }

    fn throttle(&self) -> Option<Throttle> {
        on_backend!(self, executor => executor.throttle())
    }

    fn carrier(&self) -> Option<CarrierHandle> {
        on_backend!(self, executor => executor.carrier())
    }

    fn stats(&self) -> Stats {
        on_backend!(self, executor => executor.stats())
    }

    fn wait_closed(&self, until: Option<Instant>) -> bool {
        on_backend!(self, executor => executor.wait_closed(until))
    }
}
