use crate::{executor::Shutdown, sync::Arc, task::Entry};
use std::{ffi::OsString, path::PathBuf, time::Duration};

/// So long may a worker that was told to leave run its exit handlers.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Futures that a worker can run at once: some of its slots are kept for calls.
pub(super) const MOST_FUTURES: usize = 900;

/// What a pool was built with.
pub(super) struct Config {
    pub(super) workers: usize,
    pub(super) max_pending: Option<usize>,
    pub(super) rate_limit: Option<(usize, Duration)>,
    pub(super) initializer: Option<Initializer>,
    pub(super) max_tasks: Option<u64>,
    pub(super) max_memory: Option<u64>,
    pub(super) memory_limit: Option<u64>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) environment: Vec<(OsString, Option<OsString>)>,
    pub(super) current_dir: Option<PathBuf>,
    pub(super) stack_size: Option<usize>,
    pub(super) async_concurrency: usize,
    pub(super) kill_tree: bool,
    pub(super) spare_worker: bool,
    pub(super) on_drop: Shutdown,
}

/// Work that every worker runs before all other.
pub(super) struct Initializer {
    pub(super) entry: &'static Entry,
    pub(super) argument: Arc<Vec<u8>>,
}
