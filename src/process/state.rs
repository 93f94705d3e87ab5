//! What the pool's one lock guards: the queue, the workers and how far the end is; and what follows for whom.

use super::{
    config::Config,
    flight::Flight,
    link::frame::{ANNOUNCE, TIMED},
    worker::{Phase, Worker},
};
use crate::{
    error::TaskError,
    ledger::Ledger,
    remote::{EntryPlace, News, place_of},
    running::record,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Carrier, Entry, Parcel},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Weak,
    time::{Duration, Instant},
};

/// How far a pool's end has come. Only ever goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Everybody may submit.
    Open,
    /// Callbacks of the pool's own tasks may submit; it closes when nothing is left.
    Finishing,
    /// As `Finishing`; what has not started does not start.
    Cancelling,
    /// As `Cancelling`; what runs is killed.
    Killing,
    /// Nothing runs and nothing will.
    Closed,
}

/// So much work is sent ahead to a worker that is busy: enough that it never waits, little enough to take it back.
const AHEAD: Duration = Duration::from_micros(200);
pub(super) const MOST_AHEAD: usize = 48;

/// A worker that has so many batches gets more only so many at a time: what costs most is not the bytes but making them
/// seen.
pub(super) const TOGETHER: usize = 16;

pub(super) struct State {
    pub(super) stage: Stage,
    pub(super) queue: VecDeque<Arc<dyn Parcel>>,
    pub(super) workers: Vec<Worker>,
    /// Workers that the supervisor shall start, or is starting.
    pub(super) to_start: usize,
    /// Workers that shall be there although there is no work for them.
    pub(super) at_least: usize,
    /// Starts that failed, one after another.
    pub(super) failed_starts: u32,
    /// How often starts were given up, and why the last time.
    pub(super) failures: (u64, Option<TaskError>),
    /// Starts have failed, again and again, while there are workers to do the work: no more are tried for a while.
    pub(super) no_starts_until: Option<Instant>,
    /// Workers that were lost and not replaced.
    pub(super) lost: u64,
    pub(super) restarted: u64,
    /// Threads that look for answers all the time, so that workers need not ring.
    pub(super) attending: usize,
    /// Grows whenever a long body gets further.
    pub(super) moved: u64,
    /// The supervisor sleeps without a limit, so it has to be woken when there is something to watch over.
    pub(super) supervisor_dozes: bool,
    /// Something was asked of the supervisor.
    pub(super) poke: bool,
    pub(super) next_batch: u64,
    /// A moving average of how long batches take, in nanoseconds.
    nanos_per_batch: u64,
    /// The pool itself, for contexts to tell when they are no longer used.
    carrier: Weak<dyn Carrier>,
    /// By the address of the entry.
    places: HashMap<usize, EntryPlace>,
    /// The one that was asked for last: mostly it is asked for again.
    last_place: Option<(usize, EntryPlace)>,
}

impl State {
    pub(super) fn new(carrier: Weak<dyn Carrier>) -> Self {
        Self {
            stage: Stage::Open,
            queue: VecDeque::new(),
            workers: Vec::new(),
            to_start: 0,
            at_least: 0,
            failed_starts: 0,
            failures: (0, None),
            no_starts_until: None,
            lost: 0,
            restarted: 0,
            attending: 0,
            moved: 0,
            supervisor_dozes: false,
            poke: false,
            next_batch: 1,
            nanos_per_batch: 1_000_000,
            carrier,
            places: HashMap::new(),
            last_place: None,
        }
    }

    /// The place of an entry; asked for once.
    pub(super) fn place(&mut self, entry: &'static Entry) -> Result<EntryPlace, TaskError> {
        let address = (&raw const *entry).addr();
        if let Some((of, place)) = self.last_place
            && of == address
        {
            return Ok(place);
        }
        let place = match self.places.get(&address) {
            Some(place) => *place,
            None => place_of(entry)?,
        };
        self.places.insert(address, place);
        self.last_place = Some((address, place));
        Ok(place)
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.queue.is_empty() && self.workers.iter().all(|worker| !worker.is_wanted())
    }

    /// A long body is on its way from or to some worker.
    pub(super) fn is_streaming(&self) -> bool {
        self.workers.iter().any(|worker| worker.is_streaming())
    }

    /// Takes in what all workers have added, and hands out what waits.
    pub(super) fn go_on(&mut self, config: &Config, ledger: &Ledger, news: &mut News) {
        for worker in &mut self.workers {
            if worker.wild || !worker.has_news() {
                continue;
            }
            let was_starting = worker.phase == Phase::Starting;
            match worker.take_in(ledger, news) {
                Ok(taken) => {
                    // Who attends looks again by itself.
                    self.poke |= taken.more && self.attending == 0;
                    self.moved += u64::from(taken.moved);
                    if let Some(nanos) = taken.nanos.checked_div(taken.ended) {
                        self.nanos_per_batch = self.nanos_per_batch.midpoint(nanos);
                    }
                }
                Err(nonsense) => {
                    worker.take_back(true, ledger, news);
                    worker.went_wild(&nonsense);
                }
            }
            if was_starting && worker.phase == Phase::Ready {
                self.failed_starts = 0;
                self.no_starts_until = None;
                self.poke = true;
            }
        }
        self.hand_out(config, ledger, news);
    }

    /// Gives what waits to workers that have room, and has more of them started if there are too few.
    pub(super) fn hand_out(&mut self, config: &Config, ledger: &Ledger, news: &mut News) {
        loop {
            self.take_again(news);
            if self.stage >= Stage::Cancelling {
                break;
            }
            while self.hand_out_one(config, ledger, news) {}
            self.drop_what_waits_no_more(news);
            self.ask_for_workers(config);
            while self.hand_out_one(config, ledger, news) {}
            if !self.queue.is_empty() || !self.take_back_for_idle(config, ledger, news) {
                break;
            }
        }
        for worker in &mut self.workers {
            worker.wake_for_batches();
        }
    }

    /// Puts what has to be carried again in front of the others; once the pool is cancelled, it is cancelled too.
    pub(super) fn take_again(&mut self, news: &mut News) {
        if self.stage >= Stage::Cancelling {
            news.cancel.append(&mut news.again);
        }
        while let Some(parcel) = news.again.pop() {
            self.queue.push_front(parcel);
        }
    }

    /// What was cancelled while it waited must neither keep the pool open nor stand before others.
    fn drop_what_waits_no_more(&mut self, news: &mut News) {
        while self.queue.front().is_some_and(|parcel| parcel.waiting() == 0)
            && let Some(parcel) = self.queue.pop_front()
        {
            match parcel.load(1) {
                // Something was added just now.
                Some((load, _)) => {
                    parcel.unload(load);
                    self.queue.push_front(parcel);
                    return;
                }
                None => news.gone.push(parcel),
            }
        }
    }

    fn hand_out_one(&mut self, config: &Config, ledger: &Ledger, news: &mut News) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let Some(chosen) = self.choose_worker(config) else {
            return false;
        };
        let Some(parcel) = self.queue.pop_front() else {
            return false;
        };
        let place = match self.place(parcel.call().entry) {
            Ok(place) => place,
            Err(error) => {
                news.refuse.push((parcel, error));
                return true;
            }
        };
        let Some((load, more)) = parcel.load(config.workers) else {
            // Cancelled while it waited.
            news.gone.push(parcel);
            return true;
        };
        let mut asked = 0;
        if parcel.tells_start() || ledger.max_pending().is_some() {
            asked |= ANNOUNCE;
        }
        if record::is_on(ledger.id().number()) || parcel.wants_times() {
            asked |= TIMED;
        }
        let id = self.next_batch;
        let worker = &mut self.workers[chosen];
        match worker.send(id, &parcel, place, load, asked, &self.carrier) {
            Ok(slot) => {
                self.next_batch += 1;
                if let Some(place) = parcel.place() {
                    place.store(place_in(worker.number, slot), Relaxed);
                }
                parcel.sent_to(worker.wires.child.pid());
                if more {
                    self.queue.push_back(parcel);
                }
                if self.supervisor_dozes {
                    self.supervisor_dozes = false;
                    self.poke = true;
                }
                true
            }
            Err(load) => {
                // There is room as soon as the worker has taken something; if not, it would wait for ever.
                if let Err(nonsense) = worker.down.check() {
                    worker.take_back(true, ledger, news);
                    worker.went_wild(&nonsense);
                }
                let came_back = parcel.unload(load);
                if !came_back {
                    news.wake.push(parcel.clone());
                }
                if came_back || more {
                    self.queue.push_front(parcel);
                }
                false
            }
        }
    }

    /// The worker that gets the next batch: one that is idle, the first of them so that the others stay asleep; else
    /// the one with the least to do, up to what may be sent ahead.
    fn choose_worker(&self, config: &Config) -> Option<usize> {
        let busy = self
            .workers
            .iter()
            .filter(|worker| worker.in_flight() > 0 && worker.phase <= Phase::Ready)
            .count();
        let idle = |phase| {
            self.workers
                .iter()
                .position(|worker| worker.takes_work() && worker.in_flight() == 0 && worker.phase == phase)
        };
        if busy < config.workers
            && let Some(idle) = idle(Phase::Ready).or_else(|| idle(Phase::Starting))
        {
            return Some(idle);
        }
        if self.alive() < config.workers && self.may_start() {
            // The queue has to show how many more are needed; who comes late takes over what was sent ahead.
            return None;
        }
        let first = self.queue.front()?;
        if self.queue.len() == 1 && !first.is_worth_a_batch() {
            // Nothing waits behind it, and whoever is done first asks for it.
            return None;
        }
        let is_future = first.call().is_async();
        let ahead = AHEAD.as_nanos() / u128::from(self.nanos_per_batch.max(1));
        let ahead = usize::try_from(ahead).map_or(MOST_AHEAD, |ahead| ahead.clamp(1, MOST_AHEAD));
        let load = |worker: &Worker| {
            if is_future {
                worker.futures()
            } else {
                worker.calls()
            }
        };
        let most = if is_future {
            config.async_concurrency
        } else {
            1 + ahead
        };
        let is_few = !is_future && self.queue.len() < TOGETHER;
        self.workers
            .iter()
            .enumerate()
            .filter(|(_, worker)| worker.takes_work() && worker.phase == Phase::Ready && load(worker) < most)
            .filter(|(_, worker)| !is_few || worker.calls() < TOGETHER)
            // The spare worker stays one.
            .filter(|(_, worker)| worker.in_flight() > 0)
            // A call that is killed takes the futures beside it along.
            .min_by_key(|(_, worker)| (!is_future && worker.futures() > 0, load(worker)))
            .map(|(index, _)| index)
    }

    /// An idle worker takes over what waits behind another one's long task. True if something was taken back.
    fn take_back_for_idle(&mut self, config: &Config, ledger: &Ledger, news: &mut News) -> bool {
        if self.workers.len() < 2 {
            return false;
        }
        let has_idle = self
            .workers
            .iter()
            .any(|worker| worker.phase == Phase::Ready && worker.in_flight() == 0 && worker.takes_work());
        let busy = self
            .workers
            .iter()
            .filter(|worker| worker.in_flight() > 0 && worker.phase <= Phase::Ready)
            .count();
        if !has_idle || busy == 0 || busy >= config.workers {
            return false;
        }
        let victim = self
            .workers
            .iter_mut()
            .filter(|worker| worker.in_flight() > 0)
            .filter(|worker| worker.phase == Phase::Starting || worker.stalled || worker.is_running())
            .map(|worker| (worker.unstarted(), worker))
            .filter(|(unstarted, _)| *unstarted > 0)
            .max_by_key(|(unstarted, _)| *unstarted);
        let Some((_, victim)) = victim else { return false };
        victim.take_back(false, ledger, news);
        !news.again.is_empty()
    }

    /// Workers that are there or about to be.
    pub(super) fn alive(&self) -> usize {
        self.to_start
            + self
                .workers
                .iter()
                .filter(|worker| worker.phase <= Phase::Ready)
                .count()
    }

    /// Whether it is worth trying: not for a while after starts have failed.
    fn may_start(&self) -> bool {
        self.no_starts_until.is_none_or(|until| until <= Instant::now())
    }

    /// Has the supervisor start as many workers as there is work for.
    pub(super) fn ask_for_workers(&mut self, config: &Config) {
        if self.stage >= Stage::Cancelling {
            return;
        }
        let spare = usize::from(config.spare_worker);
        let most = config.workers + spare;
        let alive = self.alive();
        if alive >= most {
            return;
        }
        let waiting = self
            .queue
            .iter()
            .take(most)
            .map(|parcel| parcel.waiting())
            .fold(0, usize::saturating_add);
        let starting = self.to_start
            + self
                .workers
                .iter()
                .filter(|worker| worker.phase == Phase::Starting && worker.in_flight() == 0)
                .count();
        let mut wanted = waiting.saturating_sub(starting);
        wanted = wanted.max(self.at_least.saturating_sub(alive));
        if config.spare_worker && self.stage == Stage::Open && alive + wanted > 0 {
            let in_use = self
                .workers
                .iter()
                .filter(|worker| worker.in_flight() > 0)
                .count();
            wanted = wanted.max((in_use + 1).saturating_sub(alive));
        }
        let wanted = wanted.min(most - alive);
        if wanted == 0 {
            return;
        }
        if self.may_start() {
            self.to_start += wanted;
            self.poke = true;
        } else if self.supervisor_dozes {
            // It has to wake up for the time when they may be started.
            self.supervisor_dozes = false;
            self.poke = true;
        }
    }

    /// Has the supervisor start a worker in the place of one that is gone, for what was sent ahead to those that are
    /// busy: it is not in the queue, so nobody else asks.
    pub(super) fn ask_for_missing(&mut self, config: &Config) {
        if self.stage >= Stage::Cancelling || !self.may_start() || self.alive() >= config.workers {
            return;
        }
        let is_idle = |worker: &Worker| worker.phase <= Phase::Ready && worker.in_flight() == 0;
        let has_more = |worker: &Worker| worker.is_running() && worker.unstarted() > 0;
        if !self.workers.iter().any(is_idle) && self.workers.iter().any(has_more) {
            self.to_start += 1;
            self.poke = true;
        }
    }

    /// The worker and the slot that a task's place names.
    pub(super) fn find(&mut self, place: u64) -> Option<(&mut Worker, usize)> {
        let (number, slot) = read_place(place)?;
        let worker = self.workers.iter_mut().find(|worker| worker.number == number)?;
        Some((worker, slot))
    }

    /// Takes everything away that has not started, from the queue and from the workers.
    pub(super) fn take_all_back(&mut self, ledger: &Ledger, news: &mut News) {
        for worker in &mut self.workers {
            worker.take_back(true, ledger, news);
        }
        news.cancel.extend(self.queue.drain(..));
        news.cancel.append(&mut news.again);
    }

    /// Kills what runs. The outcomes are `Cancelled`.
    pub(super) fn kill_all(&mut self, ledger: &Ledger, news: &mut News) {
        for worker in &mut self.workers {
            for slot in 0..worker.flights.len() {
                let state = worker.link.slot(slot);
                if let Some(flight) = &mut worker.flights[slot] {
                    flight.kill(state, ledger, news);
                }
            }
            worker.kill();
        }
        news.cancel.append(&mut news.again);
    }

    /// Buries a dead worker: gives back what it had. `None` if it is not there.
    pub(super) fn remove(&mut self, number: u64) -> Option<(Worker, Vec<(usize, Flight)>)> {
        let at = self.workers.iter().position(|worker| worker.number == number)?;
        let mut worker = self.workers.remove(at);
        let flights = worker.take_flights();
        Some((worker, flights))
    }
}

/// Where a task is: 0 is nowhere.
fn place_in(worker: u64, slot: u16) -> u64 {
    (worker << 16) | (u64::from(slot) + 1)
}

fn read_place(place: u64) -> Option<(u64, usize)> {
    let slot = (place & 0xFFFF).checked_sub(1)?;
    Some((place >> 16, usize::try_from(slot).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        assert_eq!(read_place(0), None);
        assert_eq!(read_place(place_in(0, 0)), Some((0, 0)));
        assert_eq!(read_place(place_in(70_000, 1023)), Some((70_000, 1023)));
    }
}
