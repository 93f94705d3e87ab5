use super::{
    ProcessPool,
    config::{Config, Initializer, MOST_FUTURES},
};
use crate::{
    error::{BuildError, TaskError},
    executor::{Shutdown, submit::assert_captures_nothing},
    sync::Arc,
    task::{Anywhere, Crossing, EntryOf, Plain, Portable, guarded},
};
use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

/// Configures a [`ProcessPool`]. Made by [`ProcessPool::builder`].
///
/// # Examples
///
/// ```
/// # #[cfg(unix)] {
/// use concurrent_futures::{Executor, ProcessPool};
/// use std::sync::OnceLock;
///
/// static DICTIONARY: OnceLock<Vec<String>> = OnceLock::new();
///
/// let words = ["ant", "bee"].map(String::from).to_vec();
/// let pool = ProcessPool::builder()
///     .workers(1)
///     .initializer(|words| DICTIONARY.set(words).unwrap(), words)
///     .max_tasks_per_worker(1_000)
///     .env("LANG", "C")
///     .build()
///     .unwrap();
/// let knows = |word: String| DICTIONARY.get().unwrap().contains(&word);
/// assert!(pool.submit(knows, "bee".to_string()).result().unwrap());
/// # }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ProcessPoolBuilder {
    config: Config,
    /// Why the initializer cannot be sent.
    failed: Option<TaskError>,
}

impl ProcessPoolBuilder {
    pub(super) fn new() -> Self {
        Self {
            config: Config {
                workers: num_cpus::get(),
                max_pending: None,
                rate_limit: None,
                initializer: None,
                max_tasks: None,
                max_memory: None,
                memory_limit: None,
                idle_timeout: None,
                environment: Vec::new(),
                current_dir: None,
                stack_size: None,
                async_concurrency: 64,
                kill_tree: false,
                spare_worker: false,
                on_drop: Shutdown::Finish,
            },
            failed: None,
        }
    }

    /// How many processes there are at most. They are started when there is work for them
    /// ([`ProcessPool::warm_up`] starts them ahead). The default is the number of CPUs this program may use, read now
    /// (affinity and cgroup quota count).
    pub fn workers(mut self, workers: usize) -> Self {
        self.config.workers = workers;
        self
    }

    /// How many tasks may wait. Who submits more waits until there is room. A map reads at most so many items ahead.
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
    /// # #[cfg(unix)] {
    /// use concurrent_futures::{Executor, ProcessPool};
    /// use std::time::{Duration, Instant};
    ///
    /// let per = Duration::from_millis(20);
    /// let polite = ProcessPool::builder().workers(1).rate_limit(2, per).build().unwrap();
    /// let start = Instant::now();
    /// assert_eq!(polite.map(|n: u64| n + 1, 0..6u64).map(Result::unwrap).sum::<u64>(), 21);
    /// assert!(start.elapsed() >= per * 2);
    /// # }
    /// ```
    pub fn rate_limit(mut self, tasks: usize, per: Duration) -> Self {
        self.config.rate_limit = Some((tasks, per));
        self
    }

    /// Calls `work` with `arg` once in every worker, before its first task.
    ///
    /// One that panics or kills its worker is tried three times, each in a process of its own; then what waits fails
    /// with the reason, and the next submission tries again.
    pub fn initializer<F, T>(mut self, work: F, arg: T) -> Self
    where
        F: Fn(T) + Copy + Send + Sync + 'static,
        T: Portable,
    {
        const { assert_captures_nothing::<F>() };
        let _ = work;
        let mut argument = Vec::new();
        let encoded = guarded(|| <Anywhere as Crossing<T>>::encode("the initializer", &arg, &mut argument));
        self.failed = encoded.err();
        self.config.initializer = Some(Initializer {
            entry: EntryOf::<Plain<F>, T, (), Anywhere>::CALL,
            argument: Arc::new(argument),
        });
        self
    }

    /// Replaces each worker after it has run so many tasks; items of a map count as tasks. At least 1.
    pub fn max_tasks_per_worker(mut self, tasks: u64) -> Self {
        self.config.max_tasks = Some(tasks.max(1));
        self
    }

    /// Replaces a worker after the task that leaves it with more than this in use, in bytes of resident memory. A guard
    /// against leaks: the task itself is not stopped ([`memory_limit`](Self::memory_limit) does that).
    pub fn max_memory_per_worker(mut self, bytes: u64) -> Self {
        self.config.max_memory = Some(bytes);
        self
    }

    /// The address space of each worker, in bytes (`RLIMIT_AS`). A task that asks for more gets no memory, which as
    /// a rule aborts the worker: the task fails with [`TaskError::WorkerDied`].
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.config.memory_limit = Some(bytes);
        self
    }

    /// Ends workers that had nothing to do for so long. Without it they stay; so do those that
    /// [`warm_up`](ProcessPool::warm_up) has started.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.config.idle_timeout = Some(limit);
        self
    }

    /// Sets an environment variable in the workers.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.config.environment.push((name.into(), Some(value.into())));
        self
    }

    /// Removes an environment variable in the workers.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.config.environment.push((name.into(), None));
        self
    }

    /// The folder that the workers start in.
    pub fn current_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.current_dir = Some(path.into());
        self
    }

    /// Runs tasks on a thread with a stack of so many bytes, instead of the worker's first thread, whose stack is as large
    /// as the system's limit says (8 MiB, as a rule).
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.config.stack_size = Some(bytes);
        self
    }

    /// How many futures each worker runs at once (64). At least 1, at most 900.
    ///
    /// Calls go to workers without futures where there are some. Where they share a worker, futures wait while a call runs, and
    /// a call that is killed or passes its deadline takes them along: keep the two in pools of their own if that matters.
    pub fn async_concurrency(mut self, futures: usize) -> Self {
        self.config.async_concurrency = futures;
        self
    }

    /// Gives every worker a process group of its own, and ends what is left of it when the worker ends: programs that its
    /// tasks started. Ctrl-C in a terminal then does not reach these programs; the parent has to stop the task. When this
    /// process itself is killed its workers die, and these programs live on.
    pub fn kill_tree(mut self, whole: bool) -> Self {
        self.config.kill_tree = whole;
        self
    }

    /// Keeps one worker more than there are started and ready, so that one that is lost is replaced without a wait.
    pub fn spare_worker(mut self, spare: bool) -> Self {
        self.config.spare_worker = spare;
        self
    }

    /// How the pool is shut down when its last handle is dropped ([`Shutdown::Finish`]).
    pub fn on_drop(mut self, how: Shutdown) -> Self {
        self.config.on_drop = how;
        self
    }

    /// Builds the pool. No process is started yet.
    ///
    /// # Errors
    ///
    /// Fails with 0 workers, with `max_pending(0)`, with a `rate_limit` of nothing, with an `async_concurrency` out of bounds, with an initializer whose argument cannot be encoded, on a system that
    /// is not Unix, more than ten workers deep, and where a worker would not notice that it is one (see
    /// [`init`](crate::init)).
    pub fn build(self) -> Result<ProcessPool, BuildError> {
        if self.config.workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if self.config.max_pending == Some(0) {
            return Err(BuildError::NoRoom);
        }
        BuildError::check_rate(self.config.rate_limit)?;
        if !(1..=MOST_FUTURES).contains(&self.config.async_concurrency) {
            return Err(BuildError::AsyncConcurrency(self.config.async_concurrency));
        }
        if let Some(error) = self.failed {
            return Err(BuildError::Initializer(error));
        }
        ProcessPool::build(self.config)
    }
}

impl fmt::Debug for ProcessPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolBuilder")
            .field("workers", &self.config.workers)
            .field("max_tasks_per_worker", &self.config.max_tasks)
            .field("on_drop", &self.config.on_drop)
            .finish_non_exhaustive()
    }
}
