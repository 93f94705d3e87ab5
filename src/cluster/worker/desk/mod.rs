//! What a worker has in hand, and what follows from it: without threads, without I/O, without a clock.
//!
//! Whoever holds the desk acts on what it says. `W` is the work as the pool has it.

mod early;
mod letting_go;
mod limits;
mod starts;

use super::{
    super::{
        broker::{ClientId, Delivery, Place, Returned},
        message::{Report, Treatment},
    },
    clients::Clients,
    done::{Done, Ends},
    pace::Pace,
};
use early::Early;
use starts::Start;
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// At this delivery a task runs alone, and behind it it does not run any more: rule 9.
const ALONE_AT: u32 = 4;

/// What the desk wants to know of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster::worker) struct Label {
    pub(in crate::cluster::worker) client: ClientId,
    pub(in crate::cluster::worker) number: u64,
    pub(in crate::cluster::worker) is_async: bool,
    /// How often it was delivered.
    pub(in crate::cluster::worker) times: u32,
}

/// What is to be done with a task that was delivered so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster::worker) enum Verdict {
    Run,
    /// With nothing else in hand.
    Alone,
    /// It has taken too many workers along.
    Fail,
}

/// Rule 9.
pub(in crate::cluster::worker) fn verdict(times: u32) -> Verdict {
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

pub(in crate::cluster::worker) struct Desk<W> {
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
    pub(in crate::cluster::worker) ends: Ends,
    returned: Vec<Returned>,
    pub(in crate::cluster::worker) clients: Clients,
    early: Early,
    pace: Pace,
    draining: bool,
}

impl<W: Clone> Desk<W> {
    pub(in crate::cluster::worker) fn new(slots: usize) -> Self {
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
            early: Early::default(),
            pace: Pace::default(),
            draining: false,
        }
    }

    /// Whether the end of what runs is worth being looked for.
    pub(in crate::cluster::worker) fn is_short(&self) -> bool {
        self.pace.is_short()
    }

    pub(in crate::cluster::worker) fn delivered(&mut self, deliveries: impl IntoIterator<Item = Delivery>) {
        let before = self.unopened.len();
        for delivery in deliveries {
            // The answer that brought it the first time may have come after all.
            let is_here = self.held.contains_key(&delivery.place)
                || self.opening.contains(&delivery.place)
                || self
                    .unopened
                    .iter()
                    .take(before)
                    .any(|other| other.place == delivery.place);
            if !is_here {
                self.unopened.push_back(delivery);
            }
        }
    }

    /// All that was not looked at. It stays held until it is on the desk, or [`opened`](Self::opened).
    pub(in crate::cluster::worker) fn open_all(&mut self) -> Vec<Delivery> {
        let all: Vec<_> = self.unopened.drain(..).collect();
        self.opening
            .extend(all.iter().map(|delivery| delivery.place.clone()));
        all
    }

    /// Nothing is being looked at any more, but for what is left.
    pub(in crate::cluster::worker) fn opened(&mut self, left: impl IntoIterator<Item = Delivery>) {
        self.opening.clear();
        self.unopened.extend(left);
    }

    /// Takes a task that is to run. `true` if it may go to the pool now; else it waits until [`next_alone`](Self::next_alone)
    /// gives it.
    pub(in crate::cluster::worker) fn admit(
        &mut self,
        place: Place,
        label: Label,
        work: W,
        now: Instant,
    ) -> bool {
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

    /// A task that was to run alone, and now can: nothing else would be lost with this worker.
    pub(in crate::cluster::worker) fn next_alone(&mut self, now: Instant) -> Option<W> {
        if self.alone_runs.is_some()
            || self.held.len() > 1
            || !self.unopened.is_empty()
            || !self.opening.is_empty()
        {
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
    pub(in crate::cluster::worker) fn started(
        &mut self,
        place: &Place,
        is_asked_for: bool,
        now: Instant,
    ) -> bool {
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

    /// A task has ended, or will not run. Its calls took so long, if any ran.
    pub(in crate::cluster::worker) fn ended(
        &mut self,
        place: &Place,
        report: Option<Report>,
        took: Duration,
    ) {
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
    pub(in crate::cluster::worker) fn finished(&mut self, place: &Place) {
        self.forget(place);
    }

    fn forget(&mut self, place: &Place) -> Option<W> {
        self.leave_pool(place, Stage::Ended);
        self.held.remove(place).map(|held| held.work)
    }

    /// The task that a request is about. If it is not there, the request is kept for a while: the task may be about to come.
    pub(in crate::cluster::worker) fn asked(
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
        self.early.keep(client.clone(), number, treatment, now);
        None
    }

    /// What was asked of this task before it came.
    pub(in crate::cluster::worker) fn asked_before(
        &mut self,
        client: &ClientId,
        number: u64,
    ) -> Option<Treatment> {
        self.early.take(client, number)
    }

    /// The tasks that the worker holds on the engine.
    pub(in crate::cluster::worker) fn holds(&self) -> Vec<Place> {
        let unopened = self.unopened.iter().map(|delivery| delivery.place.clone());
        self.held
            .keys()
            .chain(&self.opening)
            .cloned()
            .chain(unopened)
            .collect()
    }

    pub(in crate::cluster::worker) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether nothing is left that the engine or a client would have to hear of.
    pub(in crate::cluster::worker) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.ends.is_empty() && self.returned.is_empty() && self.unopened.is_empty()
    }

    /// Whether the engine is to be told of something.
    pub(in crate::cluster::worker) fn has_news(&self) -> bool {
        !self.ends.is_empty() || !self.returned.is_empty() || !self.starts.is_empty()
    }

    pub(in crate::cluster::worker) fn running(&self) -> usize {
        self.running.len()
    }

    /// With the pool, and not ended.
    pub(in crate::cluster::worker) fn with_pool(&self) -> usize {
        self.calls + self.futures
    }

    pub(in crate::cluster::worker) fn in_hand(&self) -> usize {
        self.held.len() + self.unopened.len()
    }
}

#[cfg(test)]
mod tests;
