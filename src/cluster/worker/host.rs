//! What the threads of a worker share.

use super::steps::take_back;
use super::{
    super::{
        broker::WorkerId,
        clock::Clock,
        message::{Report, WorkerRecord},
        names::fresh_name,
    },
    contexts::Contexts,
    desk::Desk,
    done::Which,
    forwarded::Forwarded,
    hears::{End, Hears},
};
use crate::{
    error::BuildError,
    executor::{Executor, Shutdown},
    process::ProcessPool,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    task::CarrierHandle,
};
use std::time::{Duration, Instant};

/// What a worker is, and how it keeps time.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// Processes.
    pub(super) slots: usize,
    pub(super) labels: Vec<String>,
    pub(super) build: String,
    /// Waits at the engine end after this time, so that a request to stop is seen.
    pub(super) longest_wait: Duration,
    pub(super) beat_every: Duration,
    /// A worker that has not renewed its hold on a task for so long has lost it.
    pub(super) hold_lost_after: Duration,
    pub(super) give_up_after: Duration,
}

impl Config {
    pub(super) fn new(slots: usize, labels: Vec<String>, build: String) -> Self {
        Self {
            slots,
            labels,
            build,
            longest_wait: Duration::from_millis(500),
            beat_every: Duration::from_secs(5),
            hold_lost_after: Duration::from_secs(15),
            give_up_after: Duration::from_secs(600),
        }
    }
}

/// Why a worker ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was told to, and nothing is left to do.
    Drained,
    /// The engine cannot be reached, for this long.
    Alone(String),
    /// The engine does not let it in.
    Refused(String),
    /// A thread of it has panicked.
    Broken,
}

pub(super) struct Host {
    pub(super) worker: WorkerId,
    pub(super) config: Config,
    machine: String,
    pub(super) pool: ProcessPool,
    pub(super) carrier: CarrierHandle,
    pub(super) desk: Mutex<Desk<Arc<Forwarded>>>,
    pub(super) contexts: Contexts,
    /// The engine is to be told of something.
    news: Condvar,
    /// More may be fetched.
    room: Condvar,
    /// The fetching thread looks for what ends, and finishes it.
    attending: AtomicBool,
    /// The fetching thread may have more than the desk knows of.
    pub(super) fetching: AtomicBool,
    /// The first thread has nothing to look for.
    dozes: AtomicBool,
    /// Tasks that have ended so far.
    ended: AtomicU64,
    pub(super) clock: Mutex<Clock>,
    pub(super) next_blob: AtomicU64,
    pub(super) malformed: AtomicU64,
    /// It was told to stop.
    pub(super) stop: Arc<AtomicBool>,
    ending: Mutex<Option<Ending>>,
    heard_of_engine: Mutex<Instant>,
    /// When the holds were last renewed.
    renewed: Mutex<Instant>,
}

/// The fetching thread looks at the pool for so long at most before it fetches more.
const LONGEST_ROUND: Duration = Duration::from_millis(1);

/// So often it looks without anything having ended, if tasks are short.
const PATIENCE: u32 = 5;

/// How often the pool is asked what has started, while somebody may want to know.
const TICK: Duration = Duration::from_millis(2);

/// How often the desk is looked through while nothing happens.
const SLOW_TICK: Duration = Duration::from_millis(100);

impl Host {
    pub(super) fn new(config: Config, stop: Arc<AtomicBool>) -> Result<Arc<Self>, BuildError> {
        let pool = ProcessPool::builder()
            .workers(config.slots)
            // Whoever stops services often signals all processes of one, and what runs is to be finished.
            .initializer(|()| crate::sys::worker::ignore_termination(), ())
            .build()?;
        let carrier = pool.carrier().ok_or(BuildError::NotInitialized)?;
        Ok(Arc::new(Self {
            worker: WorkerId(format!("w{}", fresh_name())),
            machine: host_name(),
            desk: Mutex::new(Desk::new(config.slots)),
            config,
            pool,
            carrier,
            contexts: Contexts::default(),
            news: Condvar::new(),
            room: Condvar::new(),
            attending: AtomicBool::new(false),
            fetching: AtomicBool::new(false),
            dozes: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            clock: Mutex::new(Clock::default()),
            next_blob: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            stop,
            ending: Mutex::new(None),
            heard_of_engine: Mutex::new(Instant::now()),
            renewed: Mutex::new(Instant::now()),
        }))
    }

    /// What it says of itself.
    pub(super) fn record(&self) -> WorkerRecord {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let restarted = self.pool.stats().workers_restarted;
        let desk = self.desk.lock();
        WorkerRecord {
            host: self.machine.clone(),
            pid: std::process::id(),
            slots: small(self.config.slots),
            labels: self.config.labels.clone(),
            build: self.config.build.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            running: small(desk.running()),
            in_hand: small(desk.in_hand()),
            restarted,
        }
    }

    /// Gives what may run alone now to the pool.
    pub(super) fn start_next_alone(&self) {
        let next = self.desk.lock().next_alone(Instant::now());
        if let Some(task) = next {
            task.start(&self.carrier);
        }
    }

    /// Looks for ends in the pool for a moment. Who calls this finishes what has ended.
    pub(super) fn attend(&self) {
        self.attending.store(true, SeqCst);
        let start = Instant::now();
        let mut quiet = 0;
        loop {
            let (with_pool, is_short) = {
                let desk = self.desk.lock();
                (desk.with_pool(), desk.is_short())
            };
            let ended = self.ended.load(SeqCst);
            if with_pool == 0 || start.elapsed() > LONGEST_ROUND {
                break;
            }
            let all = ended + with_pool as u64;
            self.carrier.0.attend(&|| self.ended.load(SeqCst) >= all);
            quiet = if self.ended.load(SeqCst) == ended {
                quiet + 1
            } else {
                0
            };
            if quiet > 0 && (!is_short || quiet >= PATIENCE) {
                break;
            }
        }
        self.attending.store(false, SeqCst);
    }

    /// Waits until the engine is to be told of something, or it is time to look.
    pub(super) fn wait_for_news(&self) {
        let mut desk = self.desk.lock();
        if desk.has_news() && !self.attending.load(SeqCst) {
            return;
        }
        let tick = if desk.has_untold() { TICK } else { SLOW_TICK };
        self.dozes.store(tick == SLOW_TICK, SeqCst);
        self.news.wait_until(&mut desk, Instant::now() + tick);
        self.dozes.store(false, SeqCst);
    }

    /// What was fetched may run for longer: then its start is to be told before long.
    pub(super) fn look_soon(&self) {
        if self.dozes.load(SeqCst) && self.desk.lock().has_untold() {
            self.news.notify_one();
        }
    }

    /// Waits until more may be fetched, for a moment.
    pub(super) fn wait_for_room(&self) {
        let mut desk = self.desk.lock();
        let now = Instant::now();
        if desk.capacity(now) == 0 {
            self.room.wait_until(&mut desk, now + SLOW_TICK);
        }
    }

    /// Somebody has put something on the desk that the engine is to be told of.
    pub(super) fn tell_finisher(&self) {
        self.news.notify_one();
    }

    /// What ended small was finished by who attends; the rest is left to the other thread.
    pub(super) fn pass_on_large(&self) {
        if self.desk.lock().ends.has_large() {
            self.news.notify_one();
        }
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending.lock().clone()
    }

    pub(super) fn end(&self, why: Ending) {
        self.ending.lock().get_or_insert(why);
        self.news.notify_one();
        self.room.notify_one();
    }

    /// The engine has answered.
    pub(super) fn engine_is_there(&self) {
        *self.heard_of_engine.lock() = Instant::now();
    }

    /// The holds were renewed by a beat that began then.
    pub(super) fn renewed(&self, began: Instant) {
        *self.renewed.lock() = began;
    }

    /// Others are about to take over what it has in hand, or have: what has not started is not to start here (rule 7: its client may take it back
    /// over there, and then it never runs).
    pub(super) fn let_go_of_what_is_lost(&self) {
        if self.renewed.lock().elapsed() < self.config.hold_lost_after * 4 / 5 {
            return;
        }
        let unstarted = self.desk.lock().unstarted();
        if !unstarted.is_empty() {
            // What is still its own when the engine is back goes back into the queue.
            take_back(self, &unstarted);
            self.tell_finisher();
        }
    }

    /// How long the engine has not answered.
    pub(super) fn alone_for(&self) -> Duration {
        self.heard_of_engine.lock().elapsed()
    }

    /// Starts to drain if it was told to stop; ends if nothing is left.
    pub(super) fn drain_if_told(&self) {
        if !self.stop.load(SeqCst) {
            return;
        }
        let mut desk = self.desk.lock();
        if !desk.is_draining() {
            desk.drain();
            self.room.notify_one();
        }
        let is_over = desk.is_empty() && !self.fetching.load(SeqCst);
        drop(desk);
        if is_over {
            self.end(Ending::Drained);
        }
    }

    /// Ends the processes of its pool.
    pub(super) fn close_pool(&self) {
        self.desk.lock().clear();
        self.pool.begin_shutdown(Shutdown::Kill);
        self.pool
            .wait_closed(Some(Instant::now() + Duration::from_secs(6)));
    }

    /// Ends to be finished by this thread now.
    pub(super) fn take_ends(&self, which: Which) -> Vec<super::done::Done> {
        /// More are not finished in one step.
        const MOST: usize = 512;
        self.desk.lock().ends.take(MOST, which)
    }
}

impl Hears for Host {
    fn started(&self, task: &Forwarded) {
        let now = Instant::now();
        let is_news = self.desk.lock().started(&task.place, task.task().announce, now);
        if is_news {
            self.news.notify_one();
        }
    }

    fn ended(&self, task: &Forwarded, end: End) {
        let report = Report::Ended {
            number: task.task().number,
            took: u64::try_from(end.took.as_nanos()).unwrap_or(u64::MAX),
            outcomes: end.outcomes,
            ran: end.ran,
        };
        self.desk.lock().ended(&task.place, Some(report), end.took);
        self.ended.fetch_add(1, SeqCst);
        if !self.attending.load(SeqCst) {
            self.news.notify_one();
            self.room.notify_one();
        }
    }

    fn host(&self) -> &str {
        &self.machine
    }

    fn worker(&self) -> &str {
        &self.worker.0
    }

    fn engine_time(&self, at: u64) -> u64 {
        self.clock.lock().there(at)
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
