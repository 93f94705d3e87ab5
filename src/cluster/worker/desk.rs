//! What a worker has in hand, and what follows from it: without threads, without I/O, without a clock.
//!
//! Whoever holds the desk acts on what it says. `W` is the work as the pool has it.

use super::{
    super::{
        broker::{ClientId, Delivery, Place, Returned},
        message::{Report, Treatment},
    },
    clients::Clients,
    done::{Done, Ends},
    pace::Pace,
};
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// So many futures are in hand for each process.
const FUTURES_PER_SLOT: usize = 64;

/// No more are fetched at once.
const MOST_AT_ONCE: usize = 512;

/// What has waited so long behind longer work is handed back: rule 11.
const WAITED_TOO_LONG: Duration = Duration::from_millis(200);

/// The start of what runs for longer is told without having been asked for: rule 8.
const TOLD_AFTER: Duration = Duration::from_millis(2);

/// A request may overtake the task that it is about, but not by more.
const OVERTAKES_BY: Duration = Duration::from_secs(30);
const MOST_EARLY: usize = 10_000;

/// At this delivery a task runs alone, and behind it it does not run any more: rule 9.
const ALONE_AT: u32 = 4;

/// What the desk wants to know of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) client: ClientId,
    pub(super) number: u64,
    pub(super) is_async: bool,
    /// How often it was delivered.
    pub(super) times: u32,
}

/// What is to be done with a task that was delivered so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Run,
    /// With nothing else in hand.
    Alone,
    /// It has taken too many workers along.
    Fail,
}

/// Rule 9.
pub(super) fn verdict(times: u32) -> Verdict {
    match times {
        0..ALONE_AT => Verdict::Run,
        ALONE_AT => Verdict::Alone,
        _ => Verdict::Fail,
    }
}

struct Held<W> {
    label: Label,
    work: W,
    stage: Stage,
    is_told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is to run alone, and other work is in hand.
    Kept,
    /// With the pool, since then.
    Waiting(Instant),
    /// It is known to run since then.
    Running(Instant),
    /// What it came to is among those to be finished.
    Ended,
}

/// A task has started, and its client is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start<W> {
    pub(super) client: ClientId,
    pub(super) number: u64,
    pub(super) work: W,
}

pub(super) struct Desk<W> {
    slots: usize,
    held: HashMap<Place, Held<W>>,
    /// Delivered, and not looked at.
    unopened: VecDeque<Delivery>,
    /// Being looked at.
    opening: Vec<Place>,
    /// Those that are to run alone, each with nothing else in hand.
    alone: VecDeque<Place>,
    alone_runs: Option<Place>,
    running: Vec<Place>,
    /// With the pool and not ended.
    calls: usize,
    futures: usize,
    /// Waiting to be told.
    starts: Vec<Start<W>>,
    pub(super) ends: Ends,
    returned: Vec<Returned>,
    pub(super) clients: Clients,
    /// Requests about tasks that are not there, or not yet.
    early: VecDeque<(Instant, ClientId, u64, Treatment)>,
    pace: Pace,
    draining: bool,
}

impl<W: Clone> Desk<W> {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots,
            held: HashMap::new(),
            unopened: VecDeque::new(),
            opening: Vec::new(),
            alone: VecDeque::new(),
            alone_runs: None,
            running: Vec::new(),
            calls: 0,
            futures: 0,
            starts: Vec::new(),
            ends: Ends::default(),
            returned: Vec::new(),
            clients: Clients::default(),
            early: VecDeque::new(),
            pace: Pace::default(),
            draining: false,
        }
    }

    /// How many more tasks are to be fetched: rule 11.
    pub(super) fn capacity(&self, now: Instant) -> usize {
        let is_closed = self.draining || !self.alone.is_empty() || self.alone_runs.is_some();
        if is_closed || self.futures >= FUTURES_PER_SLOT * self.slots {
            return 0;
        }
        let long = self.calls_running_for(now, Pace::is_long).min(self.slots);
        // Behind what is long nothing is to wait.
        let wanted = long + (self.slots - long) * (1 + self.pace.ahead());
        wanted
            .saturating_sub(self.calls + self.unopened.len())
            .min(MOST_AT_ONCE)
    }

    fn calls_running_for(&self, now: Instant, is_meant: impl Fn(Duration) -> bool) -> usize {
        self.running
            .iter()
            .filter_map(|place| self.held.get(place))
            .filter(|held| {
                matches!(held.stage, Stage::Running(since)
                    if !held.label.is_async && is_meant(now.saturating_duration_since(since)))
            })
            .count()
    }

    /// Whether the end of what runs is worth being looked for.
    pub(super) fn is_short(&self) -> bool {
        self.pace.is_short()
    }

    pub(super) fn delivered(&mut self, deliveries: impl IntoIterator<Item = Delivery>) {
        self.unopened.extend(deliveries);
    }

    /// All that was not looked at. It stays held until it is on the desk, or [`opened`](Self::opened).
    pub(super) fn open_all(&mut self) -> Vec<Delivery> {
        let all: Vec<_> = self.unopened.drain(..).collect();
        self.opening
            .extend(all.iter().map(|delivery| delivery.place.clone()));
        all
    }

    /// Nothing is being looked at any more, but for what is left.
    pub(super) fn opened(&mut self, left: impl IntoIterator<Item = Delivery>) {
        self.opening.clear();
        self.unopened.extend(left);
    }

    /// Takes a task that is to run. `true` if it may go to the pool now; else it waits until [`next_alone`](Self::next_alone)
    /// gives it.
    pub(super) fn admit(&mut self, place: Place, label: Label, work: W, now: Instant) -> bool {
        let is_alone = verdict(label.times) == Verdict::Alone;
        let stage = if is_alone {
            self.alone.push_back(place.clone());
            Stage::Kept
        } else {
            *self.count(label.is_async) += 1;
            Stage::Waiting(now)
        };
        let held = Held {
            label,
            work,
            stage,
            is_told: false,
        };
        self.held.insert(place, held);
        !is_alone
    }

    fn count(&mut self, is_async: bool) -> &mut usize {
        if is_async {
            &mut self.futures
        } else {
            &mut self.calls
        }
    }

    /// A task that was to run alone, and now can.
    pub(super) fn next_alone(&mut self, now: Instant) -> Option<W> {
        if self.alone_runs.is_some() || self.calls + self.futures > 0 || !self.unopened.is_empty() {
            return None;
        }
        loop {
            let place = self.alone.pop_front()?;
            if let Some(held) = self.held.get_mut(&place)
                && held.stage == Stage::Kept
            {
                held.stage = Stage::Waiting(now);
                let (is_async, work) = (held.label.is_async, held.work.clone());
                *self.count(is_async) += 1;
                self.alone_runs = Some(place);
                return Some(work);
            }
        }
    }

    /// Its first item has started. True if that is to be told now.
    pub(super) fn started(&mut self, place: &Place, is_asked_for: bool, now: Instant) -> bool {
        let Some(held) = self.held.get_mut(place) else {
            return false;
        };
        if !matches!(held.stage, Stage::Waiting(_)) {
            return false;
        }
        held.stage = Stage::Running(now);
        self.running.push(place.clone());
        if is_asked_for {
            self.tell_start(place);
        }
        is_asked_for
    }

    /// Has its start be told, if it was not.
    pub(super) fn tell_start(&mut self, place: &Place) {
        if let Some(held) = self.held.get_mut(place)
            && !std::mem::replace(&mut held.is_told, true)
        {
            self.starts.push(Start {
                client: held.label.client.clone(),
                number: held.label.number,
                work: held.work.clone(),
            });
        }
    }

    /// Whether the pool is to be asked what has started: something is in hand of which no client has heard.
    pub(super) fn has_untold(&self) -> bool {
        self.calls + self.futures > 0
            && self
                .held
                .values()
                .any(|held| !held.is_told && matches!(held.stage, Stage::Waiting(_) | Stage::Running(_)))
    }

    /// Those whose start is to be told.
    pub(super) fn take_starts(&mut self, now: Instant) -> Vec<Start<W>> {
        let due: Vec<_> = self
            .running
            .iter()
            .filter(|place| {
                self.held.get(*place).is_some_and(|held| {
                    !held.is_told
                        && matches!(held.stage, Stage::Running(since)
                            if now.saturating_duration_since(since) >= TOLD_AFTER)
                })
            })
            .cloned()
            .collect();
        for place in due {
            self.tell_start(&place);
        }
        std::mem::take(&mut self.starts)
    }

    /// They could not be told.
    pub(super) fn starts_again(&mut self, starts: Vec<Start<W>>) {
        self.starts.extend(starts);
    }

    /// A task has ended, or will not run. Its calls took so long, if any ran.
    pub(super) fn ended(&mut self, place: &Place, report: Option<Report>, took: Duration) {
        let Some(held) = self.held.get(place) else {
            return; // It was lost to others.
        };
        if held.stage == Stage::Ended {
            return;
        }
        let (client, is_async) = (held.label.client.clone(), held.label.is_async);
        self.leave_pool(place, Stage::Ended);
        if !is_async && !took.is_zero() {
            self.pace.measured(took);
        }
        self.ends.push(Done::new(place.clone(), client, report));
    }

    fn leave_pool(&mut self, place: &Place, stage: Stage) {
        let Some(held) = self.held.get_mut(place) else {
            return;
        };
        let before = std::mem::replace(&mut held.stage, stage);
        let is_async = held.label.is_async;
        match before {
            Stage::Waiting(_) => *self.count(is_async) -= 1,
            Stage::Running(_) => {
                *self.count(is_async) -= 1;
                if let Some(at) = self.running.iter().position(|running| running == place) {
                    self.running.swap_remove(at);
                }
            }
            Stage::Kept => self.alone.retain(|kept| kept != place),
            Stage::Ended => {}
        }
        if self.alone_runs.as_ref() == Some(place) {
            self.alone_runs = None;
        }
    }

    /// The engine knows of the end.
    pub(super) fn finished(&mut self, place: &Place) {
        self.forget(place);
    }

    fn forget(&mut self, place: &Place) -> Option<W> {
        self.leave_pool(place, Stage::Ended);
        self.held.remove(place).map(|held| held.work)
    }

    /// Those that have waited for too long while nothing is free here (rule 11); once the worker is to leave, all that have not
    /// started. What is to run alone is not among them: it would lose the count of its deliveries.
    pub(super) fn overdue(&self, now: Instant) -> Vec<W> {
        let are_calls_stuck = self.calls_running_for(now, |_| true) >= self.slots;
        let futures_running = self.running.len() - self.calls_running_for(now, |_| true);
        let are_futures_stuck = are_calls_stuck || futures_running >= FUTURES_PER_SLOT * self.slots;
        if !self.draining && !are_calls_stuck && !are_futures_stuck {
            return Vec::new();
        }
        self.held
            .values()
            .filter(|held| {
                let is_stuck = if held.label.is_async {
                    are_futures_stuck
                } else {
                    are_calls_stuck
                };
                let is_late = |since| now.saturating_duration_since(since) >= WAITED_TOO_LONG;
                matches!(held.stage, Stage::Waiting(since)
                    if held.label.times < ALONE_AT && (self.draining || is_stuck && is_late(since)))
            })
            .map(|held| held.work.clone())
            .collect()
    }

    /// A task was taken back from the pool, to be queued again.
    pub(super) fn hand_back(&mut self, returned: Returned) {
        if self.held.contains_key(&returned.place) {
            self.leave_pool(&returned.place, Stage::Ended);
            self.returned.push(returned);
        }
    }

    pub(super) fn take_returned(&mut self) -> Vec<Returned> {
        std::mem::take(&mut self.returned)
    }

    pub(super) fn returned_again(&mut self, returned: Vec<Returned>) {
        self.returned.extend(returned);
    }

    /// The task that a request is about. If it is not there, the request is kept for a while: the task may be about to come.
    pub(super) fn asked(
        &mut self,
        client: &ClientId,
        number: u64,
        treatment: Treatment,
        now: Instant,
    ) -> Option<W> {
        let found = self.held.values().find(|held| {
            held.label.number == number && held.label.client == *client && held.stage != Stage::Ended
        });
        if let Some(held) = found {
            return Some(held.work.clone());
        }
        while self.early.len() >= MOST_EARLY
            || self
                .early
                .front()
                .is_some_and(|(at, ..)| now.saturating_duration_since(*at) > OVERTAKES_BY)
        {
            self.early.pop_front();
        }
        self.early.push_back((now, client.clone(), number, treatment));
        None
    }

    /// What was asked of this task before it came.
    pub(super) fn asked_before(&mut self, client: &ClientId, number: u64) -> Option<Treatment> {
        let at = self
            .early
            .iter()
            .position(|(_, of, about, _)| *about == number && of == client)?;
        self.early.remove(at).map(|(.., treatment)| treatment)
    }

    /// The tasks that the worker holds on the engine.
    pub(super) fn holds(&self) -> Vec<Place> {
        let unopened = self.unopened.iter().map(|delivery| delivery.place.clone());
        self.held
            .keys()
            .chain(&self.opening)
            .cloned()
            .chain(unopened)
            .collect()
    }

    /// Another worker has the task now. What runs of it here is to be stopped.
    pub(super) fn lost(&mut self, place: &Place) -> Option<W> {
        self.unopened.retain(|delivery| delivery.place != *place);
        let is_over = self.held.get(place)?.stage == Stage::Ended;
        let work = self.forget(place);
        work.filter(|_| !is_over)
    }

    /// Clients whose tasks are with the pool.
    pub(super) fn clients_in_hand(&self) -> Vec<ClientId> {
        let mut clients: Vec<_> = self
            .held
            .values()
            .filter(|held| held.stage != Stage::Ended)
            .map(|held| held.label.client.clone())
            .collect();
        clients.sort_unstable();
        clients.dedup();
        clients
    }

    /// What is in hand of clients that are gone is removed from the queue, and to be stopped: rule 10.
    pub(super) fn abandon(&mut self) -> Vec<W> {
        let gone: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| held.stage != Stage::Ended && !self.clients.is_there(&held.label.client))
            .map(|(place, held)| (place.clone(), held.work.clone()))
            .collect();
        for (place, _) in &gone {
            self.ended(place, None, Duration::ZERO);
        }
        gone.into_iter().map(|(_, work)| work).collect()
    }

    /// Nothing more is fetched, and what has not started is handed back: rule 13. What was to run alone, or was not looked at, is
    /// taken over by others in time.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        self.unopened.clear();
        while let Some(place) = self.alone.front().cloned() {
            self.forget(&place);
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether nothing is left that the engine or a client would have to hear of.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.ends.is_empty() && self.returned.is_empty() && self.unopened.is_empty()
    }

    /// Whether the engine is to be told of something.
    pub(super) fn has_news(&self) -> bool {
        !self.ends.is_empty() || !self.returned.is_empty() || !self.starts.is_empty()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// With the pool, and not ended.
    pub(super) fn with_pool(&self) -> usize {
        self.calls + self.futures
    }

    pub(super) fn in_hand(&self) -> usize {
        self.held.len() + self.unopened.len()
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
