//! What all threads see of a pool: everybody who submits, waits or cancels acts here, under one lock.

use super::{
    child::{DEEPEST, depth},
    config::Config,
    constructor,
    link::{
        bulk,
        slot::{ASKED_TO_STOP, TO_BE_DROPPED},
    },
    state::{Stage, State, TOGETHER},
    supervisor,
};
use crate::{
    error::{BuildError, TaskError},
    executor::{Closed, Latch, Shutdown, Throttle, WorkersShown},
    future::host,
    ledger::{Ledger, Reporter, Stats},
    remote::{News, check_location, place_of},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    sys::channel,
    task::{Admission, Carrier, CarrierHandle, Parcel, Reaction, Whereabouts},
    timeline,
};
use std::{
    fmt,
    os::fd::{AsFd, OwnedFd},
    sync::Weak,
    time::{Duration, Instant},
};

/// A waiter looks at the answers itself for so long before it parks; rule 4.
const PATIENCE: Duration = Duration::from_micros(20);

/// It may have a limit for its wait: it moves long bodies for at most so long, then the supervisor goes on.
const LONGEST: Duration = Duration::from_millis(5);
const LOOKS_PER_YIELD: u32 = 16;

pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) ledger: Ledger,
    throttle: Option<Throttle>,
    pub(super) state: Mutex<State>,
    pub(super) latch: Latch,
    /// Somebody waits for workers to get ready.
    pub(super) readiness: Condvar,
    /// Wakes the supervisor.
    bell: OwnedFd,
    pub(super) hears: OwnedFd,
    /// Contexts that are no longer used.
    forgotten: Mutex<Vec<u64>>,
}

impl Shared {
    pub(super) fn build(config: Config) -> Result<Arc<Self>, BuildError> {
        if !constructor::is_in_place() {
            return Err(BuildError::NotInitialized);
        }
        check_location().map_err(BuildError::Misplaced)?;
        if depth() >= DEEPEST {
            return Err(BuildError::TooDeep(depth()));
        }
        if let Some(initializer) = &config.initializer {
            place_of(initializer.entry).map_err(BuildError::Initializer)?;
        }
        let (hears, bell) = channel::pair().map_err(BuildError::StartWorker)?;
        let ledger = Ledger::with_bound(config.max_pending);
        let shared = Arc::new_cyclic(|this: &Weak<Self>| Self {
            throttle: Throttle::of(config.rate_limit, &ledger),
            ledger,
            config,
            state: Mutex::new(State::new(this.clone())),
            latch: Latch::new(),
            readiness: Condvar::new(),
            bell,
            hears,
            forgotten: Mutex::new(Vec::new()),
        });
        shared.ledger.reports_through(
            "ProcessPool".to_owned(),
            Arc::downgrade(&shared) as Weak<dyn Reporter>,
        );
        timeline::executor_opened(&shared.ledger);
        supervisor::start(shared.clone()).map_err(BuildError::StartWorker)?;
        Ok(shared)
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn throttle(&self) -> Option<Throttle> {
        self.throttle.clone()
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn closed(&self) -> Closed {
        self.latch.closed()
    }

    pub(super) fn carrier(self: &Arc<Self>) -> CarrierHandle {
        CarrierHandle(self.clone())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Lets the lock go and passes on what happened under it.
    pub(super) fn release(&self, state: MutexGuard<'_, State>, news: News) {
        self.pass_on(state, news, true);
    }

    /// As [`release`](Self::release), by the supervisor, who looks by itself whether the pool is at rest. Told of that by
    /// itself, it would never sleep while somebody holds the pool open.
    pub(super) fn release_supervised(&self, state: MutexGuard<'_, State>, news: News) {
        self.pass_on(state, news, false);
    }

    fn pass_on(&self, mut state: MutexGuard<'_, State>, mut news: News, tell_of_rest: bool) {
        state.take_again(&mut news);
        if tell_of_rest && state.stage > Stage::Open && state.is_at_rest() {
            state.poke = true;
        }
        let poke = std::mem::take(&mut state.poke);
        // Until it is told, the pool is not at rest.
        let _telling = (!news.is_silent()).then(|| self.ledger.hold());
        drop(state);
        if poke {
            self.poke();
        }
        news.publish(&self.ledger);
        self.ledger.wake_who_has_room();
    }

    /// Wakes the supervisor.
    pub(super) fn poke(&self) {
        channel::ring(self.bell.as_fd());
    }

    /// Takes in and hands out; for who holds the lock already.
    pub(super) fn go_on(&self, state: &mut State, news: &mut News) {
        for context in self.forgotten.lock().drain(..) {
            for worker in &mut state.workers {
                worker.forget(context);
            }
        }
        state.go_on(&self.config, &self.ledger, news);
    }

    pub(super) fn begin_shutdown(&self, how: Shutdown) {
        let target = match how {
            Shutdown::Finish => Stage::Finishing,
            Shutdown::Cancel => Stage::Cancelling,
            Shutdown::Kill => Stage::Killing,
        };
        if target > Stage::Finishing {
            self.ledger.request_stop();
        }
        let mut news = News::default();
        let mut state = self.lock();
        state.stage = state.stage.max(target);
        state.at_least = 0;
        self.readiness.notify_all();
        self.ledger.refuse_from_now_on();
        self.go_on(&mut state, &mut news);
        if state.stage == Stage::Cancelling || state.stage == Stage::Killing {
            state.take_all_back(&self.ledger, &mut news);
            for worker in &state.workers {
                worker.ask_all_to_stop();
            }
        }
        if state.stage == Stage::Killing {
            state.kill_all(&self.ledger, &mut news);
        }
        state.poke = true;
        self.release(state, news);
    }

    pub(super) fn wait_closed(&self, until: Option<Instant>) -> bool {
        self.latch.closed().wait(until)
    }

    /// Starts all workers and waits until they can take work.
    pub(super) fn warm_up(&self) -> Result<(), BuildError> {
        host::blocking(|| {
            let mut state = self.lock();
            let failures = state.failures.0;
            state.at_least = self.config.workers;
            state.ask_for_workers(&self.config);
            self.poke();
            loop {
                let ready = state
                    .workers
                    .iter()
                    .filter(|worker| worker.phase == super::worker::Phase::Ready)
                    .count();
                if ready >= self.config.workers {
                    return Ok(());
                }
                if state.stage > Stage::Open {
                    return Err(BuildError::NotReady(TaskError::ShutDown));
                }
                if let (now, Some(reason)) = &state.failures
                    && *now != failures
                {
                    return Err(BuildError::NotReady(reason.clone()));
                }
                self.readiness.wait(&mut state);
            }
        })
    }

    pub(super) fn stats(&self) -> Stats {
        self.look();
        let mut stats = self.ledger.stats();
        stats.workers_restarted = self.lock().restarted;
        stats
    }

    /// The process ids of the workers that are there.
    pub(super) fn worker_pids(&self) -> Vec<u32> {
        let state = self.lock();
        state
            .workers
            .iter()
            .map(|worker| worker.wires.child.pid())
            .collect()
    }

    /// No thread looks at the answers all the time any more: workers have to ring. Looks once more, for what came in
    /// before they knew (rule 3).
    pub(super) fn arm(&self, state: &mut State, news: &mut News) {
        if state.attending == 0 {
            for worker in &mut state.workers {
                worker.arm();
            }
        }
        self.go_on(state, news);
    }
}

impl Carrier for Shared {
    fn carry(self: Arc<Self>, parcel: Arc<dyn Parcel>, admission: Admission) {
        let is_let_in = admission == Admission::Accepted || host::is_inside(self.ledger.id());
        let mut state = self.lock();
        if state.stage == Stage::Open || state.stage == Stage::Finishing && is_let_in {
            let mut news = News::default();
            state.queue.push_back(parcel);
            if state.queue.len().is_multiple_of(TOGETHER) {
                // Who submits many keeps the workers going meanwhile.
                self.go_on(&mut state, &mut news);
            } else {
                state.hand_out(&self.config, &self.ledger, &mut news);
            }
            self.release(state, news);
        } else {
            drop(state);
            // An attempt that follows another was let in by a pool that was cancelled meanwhile.
            let is_cancelled = admission == Admission::Accepted && self.ledger.stop_requested();
            parcel.refuse(if is_cancelled {
                TaskError::Cancelled
            } else {
                TaskError::ShutDown
            });
        }
    }

    fn look(&self) {
        let mut news = News::default();
        let mut state = self.lock();
        self.go_on(&mut state, &mut news);
        for worker in &mut state.workers {
            worker.note_started(&self.ledger);
        }
        self.release(state, news);
    }

    fn awaited(&self) {
        let mut state = self.lock();
        if state.attending > 0 {
            // Who attends arms when he stops.
            return;
        }
        for worker in &mut state.workers {
            worker.arm();
        }
        let has_news = state.workers.iter().any(|worker| worker.has_news());
        drop(state);
        if has_news {
            // Not here: the caller may hold locks that those who are told want.
            self.poke();
        }
    }

    fn attend(&self, done: &dyn Fn() -> bool) -> bool {
        if done() {
            return true;
        }
        let mut state = self.lock();
        state.attending += 1;
        for worker in &mut state.workers {
            worker.disarm();
        }
        drop(state);
        let start = Instant::now();
        let (mut since, mut patience) = (start, PATIENCE);
        let is_done = 'looking: loop {
            for _ in 0..LOOKS_PER_YIELD {
                if let Some(mut state) = self.state.try_lock()
                    && state.workers.iter().any(|worker| worker.has_news())
                {
                    let mut news = News::default();
                    let moved = state.moved;
                    self.go_on(&mut state, &mut news);
                    if state.moved != moved {
                        // Both sides copy at the same time: neither sleeps between two pieces.
                        since = Instant::now();
                        patience = if state.is_streaming() {
                            bulk::PATIENCE
                        } else {
                            PATIENCE
                        };
                    }
                    self.release(state, news);
                }
                if done() {
                    break 'looking true;
                }
                std::hint::spin_loop();
            }
            if since.elapsed() > patience || start.elapsed() > LONGEST {
                break false;
            }
            std::thread::yield_now();
        };
        let mut news = News::default();
        let mut state = self.lock();
        state.attending -= 1;
        self.arm(&mut state, &mut news);
        // From here on that is the supervisor's.
        state.poke |= patience > PATIENCE && state.is_streaming() && state.attending == 0;
        self.release(state, news);
        is_done || done()
    }

    fn intercept(&self, task: &dyn Parcel, decide: &mut dyn FnMut(Whereabouts) -> Reaction) {
        let mut news = News::default();
        let mut state = self.lock();
        self.go_on(&mut state, &mut news);
        match task.place() {
            Some(place) => self.intercept_task(
                &mut state,
                place.load(std::sync::atomic::Ordering::Relaxed),
                decide,
                &mut news,
            ),
            None => self.intercept_all(&mut state, task, decide, &mut news),
        }
        // What was given up is waited for now, if only by the pool.
        self.arm(&mut state, &mut news);
        self.release(state, news);
    }

    fn forget(&self, context: u64) {
        self.forgotten.lock().push(context);
        self.poke();
    }
}

impl Shared {
    fn intercept_task(
        &self,
        state: &mut State,
        place: u64,
        decide: &mut dyn FnMut(Whereabouts) -> Reaction,
        news: &mut News,
    ) {
        let Some((worker, slot)) = state.find(place) else {
            decide(Whereabouts::Waiting);
            return;
        };
        let link = worker.link.clone();
        let Some(flight) = &mut worker.flights[slot] else {
            decide(Whereabouts::Waiting);
            return;
        };
        flight.take_back(link.slot(slot), 0, &self.ledger, news);
        if flight.abandoned {
            decide(Whereabouts::Waiting);
            return;
        }
        // Noted, so that it is not given back as unstarted by a worker that has written over the slot.
        flight.note_started(flight.load.items.min(flight.answered + 1), &self.ledger);
        match decide(Whereabouts::Started) {
            Reaction::Leave => {}
            Reaction::AskToStop => link.slot(slot).ask(ASKED_TO_STOP),
            Reaction::Drop => {
                link.slot(slot).ask(TO_BE_DROPPED);
                worker.wake();
            }
            Reaction::Kill => worker.stop(slot, &self.ledger, news),
            Reaction::KillAndTell => {
                flight.tells_its_end = true;
                worker.stop(slot, &self.ledger, news);
            }
        }
    }

    fn intercept_all(
        &self,
        state: &mut State,
        parcel: &dyn Parcel,
        decide: &mut dyn FnMut(Whereabouts) -> Reaction,
        news: &mut News,
    ) {
        for worker in &mut state.workers {
            for slot in 0..worker.flights.len() {
                let control = worker.link.slot(slot);
                let Some(flight) = &mut worker.flights[slot] else {
                    continue;
                };
                if !std::ptr::addr_eq(Arc::as_ptr(&flight.parcel), parcel) {
                    continue;
                }
                flight.take_back(control, 0, &self.ledger, news);
                if flight.abandoned {
                    continue;
                }
                match decide(Whereabouts::Started) {
                    Reaction::AskToStop => control.ask(ASKED_TO_STOP),
                    Reaction::Kill => worker.stop(slot, &self.ledger, news),
                    _ => {}
                }
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ProcessPool");
        shown.field("workers", &self.config.workers);
        // Never blocks.
        if let Some(state) = self.state.try_lock() {
            let processes: Vec<_> = state
                .workers
                .iter()
                .map(|worker| (worker.wires.child.pid(), worker.phase, worker.in_flight()))
                .collect();
            shown
                .field("stage", &state.stage)
                .field("queued", &state.queue.len())
                .field("processes", &processes);
        }
        shown
            .field("doing", &WorkersShown(&self.ledger))
            .field("stats", &self.ledger.stats())
            .finish_non_exhaustive()
    }
}
