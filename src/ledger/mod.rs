//! What an executor keeps about its tasks: who it is, how many there are, how many may wait.
//!
//! A task names its executor by a small number and not by a counted reference: a reference count that every
//! submission and every completion touches would be the slowest thing about a small task. The rare ones who
//! start from a task and need its executor (a cancellation, a kill) look the number up in a registry.

mod bound;
mod holds;
mod report;
mod room;
mod stripes;

use crate::{
    running,
    runtime::Driver,
    sync::{
        Arc,
        global::{
            RwLock,
            atomic::{AtomicU32, Ordering},
        },
    },
};
use bound::Bound;
use holds::Holds;
pub(crate) use holds::{AtRest, Hold, Waiting};
use report::Reporters;
pub(crate) use report::{Report, Reporter, WorkerSeen};
pub(crate) use room::{Room, WaitForRoom};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Weak, atomic::AtomicBool},
};
use stripes::Stripes;
pub(crate) use stripes::{Counter, Place, STRIPES};

/// Names an executor for as long as the program runs. Clones of an executor share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutorId(u32);

impl ExecutorId {
    /// The id that no executor has: they are numbered from zero.
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// What tells it from all others.
    #[inline]
    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

/// The books of one executor: its identity, its counters and its bound on waiting tasks.
///
/// A backend owns one and passes it to every task it runs; the verbs of [`Executor`](crate::Executor) keep
/// it. Clones are handles on the same books.
///
/// # Examples
///
/// ```
/// use concurrent_futures::backend::Ledger;
///
/// let ledger = Ledger::new();
/// assert_eq!(ledger.stats().submitted, 0);
/// assert_ne!(ledger.id(), Ledger::new().id());
/// ```
#[derive(Clone)]
pub struct Ledger(Arc<Books>);

/// How the arguments and results of an executor's tasks travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As they are.
    Here,
    /// Through the wire format and back, as if to another process.
    Checked,
}

struct Books {
    id: ExecutorId,
    mode: Mode,
    counts: Stripes,
    bound: Option<Bound>,
    /// The runtime that polls the executor's futures, if it is not the executor itself who does.
    driver: Option<Driver>,
    stop_requested: AtomicBool,
    lost: AtomicBool,
    refuses: AtomicBool,
    holds: Holds,
    reporter: Reporters,
}

/// What is added to take one away.
const ONE_LESS: u64 = u64::MAX;

static REGISTRY: RwLock<BTreeMap<ExecutorId, Weak<Books>>> = RwLock::new(BTreeMap::new());

impl Ledger {
    /// Opens the books of a new executor, which may have any number of tasks waiting.
    pub fn new() -> Self {
        Self::with_bound(None)
    }

    /// Opens the books of an executor that keeps outside submitters waiting while `max_pending` tasks are
    /// queued. `None` is no bound.
    pub fn with_bound(max_pending: Option<usize>) -> Self {
        Self::open(max_pending, Mode::Here, None)
    }

    /// Opens the books of an executor on a runtime.
    pub(crate) fn driven_by(driver: Driver, max_pending: Option<usize>) -> Self {
        Self::open(max_pending, Mode::Here, Some(driver))
    }

    /// Opens the books of an executor that sends every argument and result through the wire format.
    pub(crate) fn checked() -> Self {
        Self::open(None, Mode::Checked, None)
    }

    fn open(max_pending: Option<usize>, mode: Mode, driver: Option<Driver>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        crate::panic::install_hook();
        let id = ExecutorId(NEXT.fetch_add(1, Ordering::Relaxed));
        let books = Arc::new(Books {
            id,
            mode,
            counts: Stripes::default(),
            bound: max_pending.map(Bound::new),
            driver,
            stop_requested: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            refuses: AtomicBool::new(false),
            holds: Holds::default(),
            reporter: Reporters::new(),
        });
        REGISTRY.write().insert(id, Arc::downgrade(&books));
        Self(books)
    }

    /// The executor these books belong to, if it still exists.
    pub(crate) fn of(id: ExecutorId) -> Option<Self> {
        REGISTRY.read().get(&id)?.upgrade().map(Self)
    }

    /// Who the executor is.
    pub fn id(&self) -> ExecutorId {
        self.0.id
    }

    /// The counters, as they stand.
    pub fn stats(&self) -> Stats {
        self.0.counts.total()
    }

    /// How many tasks may wait, if that is bounded.
    pub fn max_pending(&self) -> Option<usize> {
        self.0.bound.as_ref().map(Bound::max)
    }

    /// Asks every running task of the executor to stop: `cancel_requested()` is true in them from now on.
    pub fn request_stop(&self) {
        self.raise_stop();
        self.tell_of_stop();
    }

    /// The first half of [`request_stop`](Self::request_stop): those who ask see it.
    pub(crate) fn raise_stop(&self) {
        self.0.stop_requested.store(true, Ordering::Release);
    }

    /// The second half: those who wait are told.
    pub(crate) fn tell_of_stop(&self) {
        running::raised();
        self.stop_waiting();
    }

    /// As [`request_stop`](Self::request_stop), because those who run the tasks are gone: what does not start was not
    /// cancelled by anybody, but shut down.
    pub(crate) fn lose(&self) {
        self.0.lost.store(true, Ordering::Release);
        self.request_stop();
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Acquire)
    }

    /// The executor takes nothing more from outside: maps stop pulling items, and submitters that wait for room
    /// go on and are refused.
    pub fn refuse_from_now_on(&self) {
        self.0.refuses.store(true, Ordering::SeqCst);
        if let Some(bound) = &self.0.bound {
            bound.close();
        }
    }

    #[inline]
    pub(crate) fn refuses(&self) -> bool {
        self.0.refuses.load(Ordering::SeqCst)
    }

    pub(crate) fn driver(&self) -> Option<Driver> {
        self.0.driver
    }

    #[inline]
    pub(crate) fn mode(&self) -> Mode {
        self.0.mode
    }

    #[inline]
    pub(crate) fn stop_requested(&self) -> bool {
        self.0.stop_requested.load(Ordering::Acquire)
    }

    pub(crate) fn submitted(&self, tasks: u64) {
        self.0.counts.add(|stripe| &stripe.submitted, tasks);
    }

    pub(crate) fn started(&self, tasks: u64) {
        self.0.counts.add(|stripe| &stripe.started, tasks);
    }

    pub(crate) fn succeeded(&self, tasks: u64) {
        self.0.counts.add(|stripe| &stripe.succeeded, tasks);
    }

    pub(crate) fn failed(&self, tasks: u64) {
        self.0.counts.add(|stripe| &stripe.failed, tasks);
    }

    /// A task that was counted as succeeded had not: its value could not be read.
    pub(crate) fn failed_after_all(&self) {
        self.0.counts.add(|stripe| &stripe.succeeded, ONE_LESS);
        self.0.counts.add(|stripe| &stripe.failed, 1);
    }

    /// A task that has failed is to be tried again: it counts as one that was not started.
    pub(crate) fn retried(&self) {
        self.0.counts.add(|stripe| &stripe.failed, ONE_LESS);
        self.0.counts.add(|stripe| &stripe.started, ONE_LESS);
    }

    /// A task that was cancelled is counted elsewhere.
    pub(crate) fn not_cancelled(&self) {
        self.0.counts.add(|stripe| &stripe.cancelled, ONE_LESS);
    }

    /// Tasks that ended before they started.
    pub(crate) fn cancelled(&self, tasks: u64) {
        self.0.counts.add(|stripe| &stripe.cancelled, tasks);
    }

    /// Tasks that will never start: because nobody wants them to (`cancelled`), or because nobody can run them.
    pub(crate) fn refused(&self, tasks: u64, cancelled: bool) {
        if cancelled {
            self.cancelled(tasks);
        } else {
            self.started(tasks);
            self.failed(tasks);
        }
    }

    /// Tasks that had started, or were about to, were stopped.
    pub(crate) fn killed(&self, tasks: u64) {
        self.0.counts.add(|stripe| &stripe.killed, tasks);
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("id", &self.0.id.0)
            .field("stats", &self.stats())
            .finish()
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        REGISTRY.write().remove(&self.id);
    }
}

/// The counters of an executor. Items of a `map` count as tasks.
///
/// Each number is exact once things are at rest; taken while tasks run, the numbers belong to slightly
/// different moments, and `queued` and `running` never read below zero.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Executor, ThreadPool};
///
/// let pool = ThreadPool::with_workers(2);
/// assert_eq!(pool.submit(|n: u32| n + 1, 1).result().unwrap(), 2);
/// let stats = pool.stats();
/// assert_eq!((stats.submitted, stats.succeeded, stats.queued), (1, 1, 0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Tasks handed over so far, refused ones included.
    pub submitted: u64,
    /// Tasks that have not started.
    pub queued: u64,
    /// Tasks that have started and not ended.
    pub running: u64,
    /// Tasks that ended with a value.
    pub succeeded: u64,
    /// Tasks that panicked, passed their deadline, died or could not cross, or whose workers could not be made ready.
    pub failed: u64,
    /// Tasks that were cancelled, stopped by `kill`, or refused because the executor was shut down.
    pub cancelled: u64,
    /// Workers that were started in the place of one that was lost.
    pub workers_restarted: u64,
    /// Threads beyond the worker count that exist because a worker waits inside a task (promise 9).
    pub spare_threads: u64,
}
