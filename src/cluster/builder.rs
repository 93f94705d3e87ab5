use super::{
    Cluster, Handle,
    address::{Address, check_name},
    broker::redis::RedisBroker,
    build::build_id,
    client::{Client, Config},
    constructor,
    local_server::LocalServer,
    local_workers::LocalWorkers,
};
use crate::{
    error::{BuildError, ClusterError},
    executor::Shutdown,
    remote::check_location,
    sync::Arc,
};
use std::{env, fmt, path::PathBuf, time::Duration};

/// Configures a [`Cluster`]. Made by [`Cluster::connect`], [`Cluster::local`] and [`Cluster::from_env`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClusterBuilder {
    place: Place,
    insecure: bool,
    ca: Option<PathBuf>,
    pool: String,
    workers: usize,
    slots: usize,
    labels: Vec<String>,
    max_pending: Option<usize>,
    rate_limit: Option<(usize, Duration)>,
    queue_limit: usize,
    give_up_after: Duration,
    hold: Duration,
    on_drop: Shutdown,
}

enum Place {
    /// It may have a password: never shown.
    At(String),
    Local(LocalServer),
}

/// The variable that says where the server is, for who chooses the backend by the environment.
const ADDRESS: &str = "CONCURRENT_FUTURES_CLUSTER";

impl ClusterBuilder {
    fn new(place: Place) -> Self {
        Self {
            place,
            insecure: false,
            ca: None,
            pool: "default".to_owned(),
            workers: 0,
            slots: num_cpus::get(),
            labels: Vec::new(),
            max_pending: None,
            rate_limit: None,
            queue_limit: 100_000,
            give_up_after: Duration::from_secs(60),
            hold: Duration::from_secs(15),
            on_drop: Shutdown::Finish,
        }
    }

    pub(super) fn to(address: &str) -> Result<Self, BuildError> {
        // That it is encrypted where it must be is asked when all is known.
        Address::parse(address, true, None).map_err(BuildError::Cluster)?;
        Ok(Self::new(Place::At(address.to_owned())))
    }

    pub(super) fn from_env() -> Result<Self, BuildError> {
        let variable = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let Some(address) = variable(ADDRESS) else {
            let reason = format!("the variable {ADDRESS} is not set; it is to say where the server is");
            return Err(BuildError::Cluster(ClusterError::Address(reason)));
        };
        let mut builder = Self::to(&address)?;
        builder.pool = variable("CONCURRENT_FUTURES_POOL").unwrap_or(builder.pool);
        builder.ca = variable("CONCURRENT_FUTURES_CA").map(PathBuf::from);
        builder.insecure = variable("CONCURRENT_FUTURES_INSECURE").is_some_and(|value| value == "1");
        Ok(builder)
    }

    pub(super) fn local() -> Result<Self, BuildError> {
        let server = LocalServer::start().map_err(BuildError::Cluster)?;
        let mut builder = Self::new(Place::Local(server));
        builder.workers = 1;
        builder.hold = Duration::from_secs(3);
        Ok(builder)
    }

    /// The name of the pool (`default`): clients and workers of the same name meet. 1 to 64 letters, digits, `-`, `_` or `.`.
    pub fn pool(mut self, name: impl Into<String>) -> Self {
        self.pool = name.into();
        self
    }

    /// How many workers this program starts itself, on this machine. They end with it, and are started again when they die. None unless the
    /// cluster is [local](Cluster::local), which has one.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many tasks each worker that this program starts itself runs at once: one per CPU, unless told otherwise.
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = slots;
        self
    }

    /// A label of the workers that this program starts itself; see [`Cluster::requires`].
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// Allows a connection to another machine that is not encrypted.
    pub fn insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// A file with the certificates to trust, in PEM, instead of those of the system.
    pub fn ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// How many tasks may wait. Who submits more waits until there is room. A map reads at most so many items ahead.
    pub fn max_pending(mut self, tasks: usize) -> Self {
        self.max_pending = Some(tasks);
        self
    }

    /// How many tasks start at most within any time of this length, of those that this client submits.
    pub fn rate_limit(mut self, tasks: usize, per: Duration) -> Self {
        self.rate_limit = Some((tasks, per));
        self
    }

    /// How many tasks may lie on the server (100,000), of all clients of the pool: its memory is its limit. The rest waits in the clients.
    pub fn queue_limit(mut self, tasks: usize) -> Self {
        self.queue_limit = tasks;
        self
    }

    /// How long the server may be away before every future of this client resolves with an error (60 s).
    pub fn give_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = limit;
        self
    }

    /// After how long a worker that is not heard of has lost its tasks to others (15 s; 3 s on a [local](Cluster::local) cluster). In whole
    /// seconds, at least 1. It is for the workers that this program starts itself; all workers of a pool are to have the same, others by
    /// `CONCURRENT_FUTURES_WORKER_HOLD`.
    pub fn hold(mut self, limit: Duration) -> Self {
        self.hold = limit;
        self
    }

    /// What happens when the last handle is dropped; [`Shutdown::Finish`] unless told otherwise.
    pub fn on_drop(mut self, how: Shutdown) -> Self {
        self.on_drop = how;
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// [`BuildError::Cluster`] if the server cannot be reached, refuses, or is not fit for it; the errors of
    /// [`ProcessPoolBuilder::build`](crate::ProcessPoolBuilder::build) where workers would not notice that they are some.
    pub fn build(self) -> Result<Cluster, BuildError> {
        self.check()?;
        let (url, server) = match self.place {
            Place::At(url) => (url, None),
            Place::Local(server) => (server.url(), Some(server)),
        };
        let address = Address::parse(&url, self.insecure, self.ca.clone()).map_err(BuildError::Cluster)?;
        let build = build_id().map_err(BuildError::StartWorker)?;
        let broker = RedisBroker::new(address, &self.pool, build).map_err(BuildError::Cluster)?;
        broker.check().map_err(BuildError::Cluster)?;
        let config = Config {
            pool: self.pool.clone(),
            build: build.to_owned(),
            max_pending: self.max_pending,
            rate_limit: self.rate_limit,
            queue_limit: self.queue_limit.max(1),
            give_up_after: self.give_up_after,
            own_slots: self.workers * self.slots,
            on_drop: self.on_drop,
        };
        // First, because they end by themselves if the client cannot connect.
        let workers = if self.workers == 0 {
            None
        } else {
            Some(LocalWorkers::start(super::local_workers::Plan {
                address: url,
                pool: self.pool,
                workers: self.workers,
                slots: self.slots,
                labels: self.labels,
                insecure: self.insecure,
                ca: self.ca,
                hold: self.hold,
                is_private: server.is_some(),
            })?)
        };
        let client = Client::new(Box::new(broker), config);
        client.connect()?;
        Ok(Cluster {
            handle: Arc::new(Handle {
                client,
                workers,
                _server: server,
            }),
            label: None,
        })
    }

    fn check(&self) -> Result<(), BuildError> {
        if !constructor::is_in_place() {
            return Err(BuildError::NotInitialized);
        }
        check_location().map_err(BuildError::Misplaced)?;
        if self.slots == 0 {
            return Err(BuildError::NoWorkers);
        }
        if self.max_pending == Some(0) {
            return Err(BuildError::NoRoom);
        }
        BuildError::check_rate(self.rate_limit)?;
        for name in self.labels.iter().chain([&self.pool]) {
            check_name(name).map_err(BuildError::Cluster)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBuilder")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
