//! The one thread that starts workers, hears of their deaths, and watches what nobody else looks at.
//!
//! It runs no foreign code: neither callbacks nor decoding.

use super::{
    config::GRACE,
    logs,
    pool::Shared,
    start,
    state::{Stage, State},
    worker::{Phase, Wires, Worker},
};
use crate::{
    error::{TaskError, WorkerDeath},
    panic,
    remote::News,
    sync::Arc,
    sys::{
        channel::{self, poll_readable},
        child::Reaped,
    },
    task::Carrier,
};
use std::{
    collections::BTreeSet,
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

/// How often it looks around while there is something to watch over.
const TICK: Duration = Duration::from_millis(100);

/// The same where the system does not tell of a death.
const CLOSE_TICK: Duration = Duration::from_millis(15);

/// So many starts may fail, one after another, before what waits fails with the reason.
const MOST_FAILED_STARTS: u32 = 3;

/// After that nothing is started for so long, if there are workers that do the work meanwhile.
const BETWEEN_STARTS: Duration = Duration::from_secs(1);

/// So much of what a worker says in plain words is kept.
const MOST_TEXT: usize = 64 * 1024;

/// A worker that is stopped for so long holds up no shutdown.
const STOPPED_TOO_LONG: u32 = 10;

pub(super) fn start(shared: Arc<Shared>) -> io::Result<()> {
    std::thread::Builder::new()
        .name("process-pool".into())
        .spawn(move || {
            let supervised = shared.clone();
            if panic::catch(|| Supervisor::new(shared).run()).is_err() {
                give_up(&supervised);
            }
        })
        .map(|_| ())
}

/// A mistake in this file must not become a hang: nobody is left to supervise, so nothing will run any more. The kernel
/// kills the workers when this thread ends.
fn give_up(shared: &Shared) {
    let mut news = News::default();
    let mut state = shared.lock();
    state.stage = Stage::Closed;
    shared.ledger.refuse_from_now_on();
    state.take_all_back(&shared.ledger, &mut news);
    state.kill_all(&shared.ledger, &mut news);
    shared.release(state, news);
    shared.readiness.notify_all();
    shared.latch.open();
}

struct Supervisor {
    shared: Arc<Shared>,
    next_number: u64,
    /// What is waited for: the same workers as in the state, kept alive meanwhile.
    watched: Vec<(u64, Arc<Wires>)>,
    /// The last batch that had been handed out at the last tick.
    last_batch: u64,
    /// How far long bodies had moved when it last looked.
    moved: u64,
    next_tick: Instant,
    /// Ticks that each worker was found stopped during a shutdown, by number.
    stopped: Vec<(u64, u32)>,
    /// Workers that have closed their channel, which says so for ever, and live: by number.
    hung_up: BTreeSet<u64>,
}

impl Supervisor {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            next_number: 1,
            watched: Vec::new(),
            last_batch: 0,
            moved: 0,
            next_tick: Instant::now(),
            stopped: Vec::new(),
            hung_up: BTreeSet::new(),
        }
    }

    fn run(mut self) {
        loop {
            self.start_wanted();
            let timeout = {
                let mut news = News::default();
                let shared = self.shared.clone();
                let mut state = shared.lock();
                shared.arm(&mut state, &mut news);
                if state.at_least > 0 {
                    shared.readiness.notify_all();
                }
                self.tick_if_due(&mut state, &mut news);
                if self.close_if_at_rest(&mut state) {
                    state.stage = Stage::Closed;
                    let left: Vec<_> = state.queue.drain(..).collect();
                    drop(state);
                    news.refuse
                        .extend(left.into_iter().map(|parcel| (parcel, TaskError::ShutDown)));
                    news.publish(&shared.ledger);
                    shared.readiness.notify_all();
                    self.watched.clear();
                    logs::flush();
                    shared.latch.open();
                    return;
                }
                self.watched.clear();
                self.watched.extend(
                    state
                        .workers
                        .iter()
                        .map(|worker| (worker.number, worker.wires.clone())),
                );
                let timeout = self.timeout(&mut state);
                let starts = state.to_start > 0;
                let got_on = std::mem::replace(&mut self.moved, state.moved) != state.moved;
                let attends = got_on && state.attending == 0 && state.is_streaming();
                shared.release_supervised(state, news);
                if attends {
                    // As long as a long body gets on, nobody rings for its pieces.
                    shared.attend(&|| false);
                }
                if starts || attends {
                    Some(Duration::ZERO)
                } else {
                    timeout
                }
            };
            self.wait(timeout);
        }
    }

    /// Sleeps until something happens, and takes the bells and deaths in.
    fn wait(&mut self, timeout: Option<Duration>) {
        let mut fds = vec![self.shared.hears.as_fd()];
        for (number, wires) in &self.watched {
            if !self.hung_up.contains(number) {
                fds.push(wires.socket.as_fd());
            }
            if let Some(death) = wires.child.death_fd() {
                fds.push(death);
            }
        }
        let mut ready = Vec::new();
        if poll_readable(&fds, &mut ready, timeout).is_err() {
            // Out of kernel memory, say. Nothing that is waited for gets lost by looking again a little later.
            std::thread::sleep(CLOSE_TICK);
            return;
        }
        if ready.first() == Some(&true) {
            channel::drain(self.shared.hears.as_fd(), &mut Vec::new());
        }
        let mut at = 1;
        let mut dead = Vec::new();
        for (number, wires) in &self.watched {
            let mut text = Vec::new();
            let mut may_be_dead = wires.child.death_fd().is_none();
            if !self.hung_up.contains(number) {
                if ready.get(at) == Some(&true) && channel::drain(wires.socket.as_fd(), &mut text).closed {
                    may_be_dead = true;
                    self.hung_up.insert(*number);
                }
                at += 1;
            }
            if wires.child.death_fd().is_some() {
                may_be_dead |= ready.get(at) == Some(&true);
                at += 1;
            }
            if !text.is_empty() {
                let mut state = self.shared.lock();
                if let Some(worker) = state.workers.iter_mut().find(|worker| worker.number == *number) {
                    worker.text.append(&mut text);
                    worker.text.truncate(MOST_TEXT);
                }
            }
            if may_be_dead {
                let fate = wires.child.try_reap();
                if fate != Reaped::Running {
                    // It may have said why just before.
                    channel::drain(wires.socket.as_fd(), &mut text);
                    dead.push((*number, fate, text));
                } else if self.hung_up.contains(number) && wires.child.death_fd().is_none() {
                    wires.child.kill();
                }
            }
        }
        for (number, fate, text) in dead {
            self.bury(number, fate, text);
        }
    }

    /// A worker is dead: takes in what it left, and sees to what it had.
    fn bury(&mut self, number: u64, fate: Reaped, mut text: Vec<u8>) {
        self.hung_up.remove(&number);
        let shared = self.shared.clone();
        let mut news = News::default();
        let mut state = shared.lock();
        if let Some(worker) = state.workers.iter_mut().find(|worker| worker.number == number)
            && !worker.wild
        {
            // It adds nothing more, so this comes to an end.
            while match worker.take_in(&shared.ledger, &mut news) {
                Ok(taken) => taken.more,
                Err(nonsense) => {
                    worker.went_wild(&nonsense);
                    false
                }
            } {}
        }
        let Some((mut worker, flights)) = state.remove(number) else {
            return;
        };
        worker.link.kill_programs();
        worker.text.append(&mut text);
        let death = describe(&worker, fate);
        for (slot, flight) in flights {
            flight.bury(worker.link.slot(slot), &death, &shared.ledger, &mut news);
        }
        let was_wanted = worker.phase < Phase::Leaving || worker.phase == Phase::Killed;
        if worker.phase == Phase::Starting || worker.wild && !worker.was_ready {
            self.start_failed(
                &mut state,
                worker.failure.take().unwrap_or(TaskError::WorkerDied(death)),
                &mut news,
            );
        } else if was_wanted && worker.leaves_until.is_none() && state.stage == Stage::Open {
            state.lost += 1;
        }
        state.hand_out(&shared.config, &shared.ledger, &mut news);
        state.ask_for_missing(&shared.config);
        shared.release_supervised(state, news);
    }

    fn start_failed(&mut self, state: &mut State, reason: TaskError, news: &mut News) {
        state.failed_starts += 1;
        if state.failed_starts < MOST_FAILED_STARTS {
            return;
        }
        state.failed_starts = 0;
        state.take_again(news);
        if state.workers.iter().all(|worker| worker.phase != Phase::Ready) {
            for parcel in state.queue.drain(..) {
                news.fail.push((parcel, reason.clone()));
            }
        } else {
            state.no_starts_until = Some(Instant::now() + BETWEEN_STARTS);
        }
        state.at_least = 0;
        state.failures = (state.failures.0 + 1, Some(reason));
        self.shared.readiness.notify_all();
    }

    /// Starts what was asked for.
    fn start_wanted(&mut self) {
        loop {
            if self.shared.lock().to_start == 0 {
                return;
            }
            let number = self.next_number;
            self.next_number += 1;
            let started = start::start(number, &self.shared.config);
            let mut news = News::default();
            let shared = self.shared.clone();
            let mut state = shared.lock();
            state.to_start = state.to_start.saturating_sub(1);
            match started {
                Ok(mut worker) => {
                    if state.lost > 0 {
                        state.lost -= 1;
                        state.restarted += 1;
                    }
                    if state.attending == 0 {
                        worker.arm();
                    }
                    if state.stage >= Stage::Killing {
                        worker.kill();
                    }
                    state.workers.push(worker);
                }
                Err(error) => {
                    let reason = TaskError::WorkerDied(WorkerDeath::not_started(error));
                    self.start_failed(&mut state, reason, &mut news);
                }
            }
            state.hand_out(&shared.config, &shared.ledger, &mut news);
            shared.release_supervised(state, news);
        }
    }

    /// What has to be looked at now and then.
    fn tick_if_due(&mut self, state: &mut State, news: &mut News) {
        let now = Instant::now();
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK;
        let closing = state.stage > Stage::Open;
        let idle_timeout = self.shared.config.idle_timeout;
        let in_use = state
            .workers
            .iter()
            .filter(|worker| worker.in_flight() > 0)
            .count();
        let spare = if self.shared.config.spare_worker && in_use > 0 {
            in_use + 1
        } else {
            0
        };
        let keep = state.at_least.max(spare);
        let mut alive = state.alive();
        for worker in &mut state.workers {
            worker.send_forgets();
            let is_idle = worker.in_flight() == 0;
            if let (Some(limit), Phase::Ready, true) = (idle_timeout, worker.phase, is_idle)
                && worker.idle_since.elapsed() >= limit
                && alive > keep
                && worker.unsent_is_empty()
            {
                worker.dismiss(GRACE);
                alive -= 1;
            }
            // One that retires may have futures to run to their end first.
            if worker.phase == Phase::Leaving && !worker.is_wanted() && worker.leaves_until.is_none() {
                worker.leaves_until = Some(now + GRACE);
            }
            let is_overdue = worker.leaves_until.is_some_and(|until| until <= now);
            if worker.is_stuck(now) {
                worker.take_back(true, &self.shared.ledger, news);
                worker.kill();
            }
            if is_overdue
                || worker.phase == Phase::Leaving && !worker.is_wanted() && worker.wires.child.is_stopped()
            {
                worker.kill();
            }
            if worker.phase <= Phase::Ready && !is_idle {
                let stopped =
                    (worker.stalled || !worker.is_running() || closing) && worker.wires.child.is_stopped();
                if stopped && !worker.stalled {
                    // What it was sent and has not started is for others.
                    worker.stalled = true;
                    worker.take_back(true, &self.shared.ledger, news);
                }
                if closing && self.is_stopped_too_long(worker.number, stopped) {
                    worker.kill();
                }
                if !stopped {
                    worker.stalled = false;
                }
            } else if worker.stalled && !worker.wires.child.is_stopped() {
                worker.stalled = false;
            }
        }
        state.hand_out(&self.shared.config, &self.shared.ledger, news);
        state.ask_for_missing(&self.shared.config);
    }

    fn is_stopped_too_long(&mut self, number: u64, stopped: bool) -> bool {
        self.stopped.retain(|(of, _)| stopped || *of != number);
        if !stopped {
            return false;
        }
        if let Some((_, ticks)) = self.stopped.iter_mut().find(|(of, _)| *of == number) {
            *ticks += 1;
            return *ticks >= STOPPED_TOO_LONG;
        }
        self.stopped.push((number, 1));
        false
    }

    /// Sends the workers away once nothing is left to do. True when they are gone.
    fn close_if_at_rest(&self, state: &mut State) -> bool {
        if state.stage == Stage::Open || !state.is_at_rest() || self.shared.ledger.is_held() {
            return false;
        }
        state.to_start = 0;
        for worker in &mut state.workers {
            match worker.phase {
                // It has run nothing, so there is nothing that it would have to put in order.
                Phase::Starting => worker.kill(),
                Phase::Ready if worker.stalled => worker.kill(),
                Phase::Ready => worker.dismiss(GRACE),
                Phase::Leaving | Phase::Killed => {}
            }
        }
        state.workers.is_empty()
    }

    /// How long it may sleep. `None` is until somebody wakes it.
    fn timeout(&mut self, state: &mut State) -> Option<Duration> {
        let blind = state
            .workers
            .iter()
            .any(|worker| worker.wires.child.death_fd().is_none());
        if blind {
            return Some(CLOSE_TICK);
        }
        let was_active = std::mem::replace(&mut self.last_batch, state.next_batch) != state.next_batch;
        let has_work = !state.queue.is_empty()
            || state.at_least > state.alive()
            || state
                .workers
                .iter()
                .any(|worker| worker.in_flight() > 0 || !worker.unsent_is_empty());
        if state.stage > Stage::Open && state.is_at_rest() {
            // Callbacks may run, or have ended just now; nobody wakes this thread when the last has.
            return Some(CLOSE_TICK);
        }
        let in_between = state
            .workers
            .iter()
            .any(|worker| worker.phase != Phase::Ready || worker.stalled);
        if was_active || has_work || in_between && !state.workers.is_empty() {
            return Some(self.next_tick.saturating_duration_since(Instant::now()));
        }
        if let Some(until) = state.no_starts_until
            && !state.queue.is_empty()
        {
            // Nobody is there to take it, and nobody else asks for workers once they may be started again.
            return Some(until.saturating_duration_since(Instant::now()).max(CLOSE_TICK));
        }
        state.supervisor_dozes = true;
        let limit = self.shared.config.idle_timeout?;
        if state.alive() <= state.at_least {
            return None;
        }
        let next = state
            .workers
            .iter()
            .filter_map(|worker| worker.idle_since.checked_add(limit))
            .map(|until| until.saturating_duration_since(Instant::now()))
            .min()?;
        Some(next.max(TICK))
    }
}

fn describe(worker: &Worker, fate: Reaped) -> WorkerDeath {
    let pid = worker.wires.child.pid();
    let death = match fate {
        Reaped::Signalled(signal) => WorkerDeath::by_signal(pid, signal),
        Reaped::Exited(code) => WorkerDeath::by_exit(pid, code),
        Reaped::Running | Reaped::Unknown => WorkerDeath::unexplained(pid),
    };
    if worker.text.is_empty() {
        death
    } else {
        death.noting(String::from_utf8_lossy(&worker.text))
    }
}
