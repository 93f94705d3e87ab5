//! Taking back what has not started, and stopping what has (rule 7).

use super::{
    Client, Engine, State,
    flights::{Errand, Flight, Leg, Recalling},
};
use crate::{
    cluster::message::Treatment,
    future::aside,
    remote::News,
    sync::{
        MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Parcel, Reaction, Whereabouts},
};
use std::time::{Duration, Instant};

/// So long an answer is waited for. It takes a millisecond if all goes well; a worker that does not answer may be gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is known of a task that somebody wants to stop.
pub(super) enum Found {
    /// No worker has it, and none will get it.
    TakenBack,
    Started,
    /// It has ended, or waits where it was made.
    Nowhere,
    /// Nobody can say at the moment.
    Unknown,
}

fn treatment(reaction: Reaction) -> Option<Treatment> {
    match reaction {
        Reaction::Leave => None,
        Reaction::AskToStop => Some(Treatment::AskToStop),
        Reaction::Drop => Some(Treatment::Drop),
        Reaction::Kill | Reaction::KillAndTell => Some(Treatment::Kill),
    }
}

impl Client {
    pub(super) fn intercept_task(&self, place: &AtomicU64, decide: &mut dyn FnMut(Whereabouts) -> Reaction) {
        let mut news = News::default();
        let mut state = self.lock();
        let until = Instant::now() + PATIENCE;
        let (number, found) = loop {
            let number = place.load(Relaxed);
            match state.find(number) {
                Some(found) => break (number, found),
                None => {
                    state = self.ask(state, number);
                    if self.changed.wait_until(&mut state, until).timed_out() {
                        break (number, Found::Unknown);
                    }
                }
            }
        };
        match found {
            Found::Unknown => state.ask_no_more(number, &mut news),
            Found::Nowhere => {
                decide(Whereabouts::Waiting);
            }
            Found::TakenBack => {
                if let Some(flight) = state.flights.take(number) {
                    let (parcel, label, load) = (flight.parcel, flight.label, flight.load);
                    // Under the lock: before anybody can hand it out again it is decided whether it shall run.
                    state.give_back(parcel, label, load, &mut news);
                }
                decide(Whereabouts::Waiting);
            }
            Found::Started => {
                if let Some(flight) = state.flights.get_mut(number) {
                    flight.note_started(1, &self.ledger);
                }
                let reaction = decide(Whereabouts::Started);
                state.react(number, reaction);
            }
        }
        self.release(state, news);
    }

    /// Has the sender ask for a task that the engine has.
    pub(super) fn ask<'a>(&'a self, mut state: MutexGuard<'a, State>, number: u64) -> MutexGuard<'a, State> {
        let Some(flight) = state.flights.get_mut(number) else {
            return state;
        };
        if let (Recalling::No | Recalling::Missed, Some(place)) = (flight.recalling, flight.place()) {
            flight.recalling = Recalling::Asked;
            state.flights.errands.push_back(Errand {
                number,
                place,
                running: Treatment::Leave,
            });
            if std::mem::take(&mut state.sender_sleeps) {
                self.to_send.notify_one();
            }
        }
        state
    }

    /// All that has not started of a map is taken back, as far as that can be known; `decide` says what becomes of the rest.
    pub(super) fn intercept_map(&self, parcel: &dyn Parcel, decide: &mut dyn FnMut(Whereabouts) -> Reaction) {
        let mut news = News::default();
        let mut state = self.lock();
        let numbers = state.flights.of(parcel);
        for &number in &numbers {
            let Some(flight) = state.flights.get_mut(number) else {
                continue;
            };
            match flight.leg {
                Leg::Ashore => state.came_back(number, &mut news),
                // It is asked for below, when the engine has it.
                Leg::Sending | Leg::Unsure => flight.recalling = Recalling::Missed,
                Leg::Stored(_) => {
                    let running = treatment(decide(Whereabouts::Started)).unwrap_or(Treatment::Leave);
                    state.send_errand(number, running);
                }
            }
        }
        self.release(state, news);
        self.wait_for_withdrawn(&numbers);
    }

    /// Waits until it is known of each of these how much of it has started, for a moment.
    pub(super) fn wait_for_withdrawn(&self, numbers: &[u64]) {
        let mut until = Instant::now() + PATIENCE;
        let mut left = usize::MAX;
        let mut news = News::default();
        let mut state = self.lock();
        loop {
            let mut waits = 0;
            for &number in numbers {
                let Some(flight) = state.flights.get_mut(number) else {
                    continue;
                };
                match (flight.leg, flight.recalling) {
                    (Leg::Sending, _) => waits += 1,
                    (_, recalling) if recalling.is_pending() => waits += 1,
                    (Leg::Stored(Some(_)), Recalling::Missed) => {
                        state.send_errand(number, Treatment::AskToStop);
                        waits += 1;
                    }
                    (Leg::Ashore, Recalling::Missed) => state.came_back(number, &mut news),
                    _ => {}
                }
            }
            if waits == 0 || aside::is_telling() || !matches!(state.engine, Engine::Connected) {
                break;
            }
            if waits < left {
                // It gets on.
                (left, until) = (waits, Instant::now() + PATIENCE);
            }
            if std::mem::take(&mut state.sender_sleeps) {
                self.to_send.notify_one();
            }
            if self.changed.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        self.release(state, news);
    }
}

impl State {
    /// What is known of a task; `None` if it has to be asked or waited for.
    pub(super) fn find(&mut self, number: u64) -> Option<Found> {
        let connected = matches!(self.engine, Engine::Connected);
        let Some(flight) = self.flights.get_mut(number) else {
            // Of what has just ended the future is to know it before it is asked.
            return (self.telling == 0 || aside::is_telling()).then_some(Found::Nowhere);
        };
        if flight.recalling == Recalling::TakenBack {
            return Some(Found::TakenBack);
        }
        if flight.noted > 0 {
            return Some(Found::Started);
        }
        match flight.leg {
            Leg::Ashore => Some(Found::TakenBack),
            // Nobody takes answers in while this thread does not get on.
            _ if !connected || aside::is_telling() => Some(Found::Unknown),
            Leg::Unsure | Leg::Stored(None) => Some(Found::Unknown),
            Leg::Sending | Leg::Stored(Some(_)) => None,
        }
    }

    /// Nobody waits for it any more. If it has come back by now, it is to run after all.
    pub(super) fn ask_no_more(&mut self, number: u64, news: &mut News) {
        let Some(flight) = self.flights.get_mut(number) else {
            return;
        };
        match std::mem::replace(&mut flight.recalling, Recalling::No) {
            Recalling::TakenBack => self.came_back(number, news),
            // Who has put it there waits for it.
            Recalling::Withdrawn => flight.recalling = Recalling::Withdrawn,
            _ => {}
        }
    }

    /// Asks for what has not started of a batch, and says what is to become of the rest. Somebody waits for it.
    pub(super) fn send_errand(&mut self, number: u64, running: Treatment) {
        if let Some(flight) = self.flights.get_mut(number)
            && let Some(place) = flight.place()
        {
            flight.recalling = Recalling::Withdrawn;
            self.flights.errands.push_back(Errand {
                number,
                place,
                running,
            });
        } else if let Some(flight) = self.flights.get_mut(number) {
            // It is asked for when the engine has it.
            flight.recalling = Recalling::Missed;
        }
    }

    /// It is not waited for any more: whatever the engine and the workers have of it is to go.
    pub(super) fn withdraw(&mut self, number: u64) {
        if let Some(place) = self.flights.get(number).and_then(Flight::place) {
            self.flights.errands.push_back(Errand {
                number,
                place,
                running: Treatment::Kill,
            });
        }
    }

    /// Does with a started task what was decided.
    fn react(&mut self, number: u64, reaction: Reaction) {
        let Some(running) = treatment(reaction) else {
            return;
        };
        let Some(flight) = self.flights.get_mut(number) else {
            return;
        };
        if let Some(place) = flight.place() {
            self.flights.errands.push_back(Errand {
                number,
                place,
                running,
            });
        }
        match reaction {
            // Its outcome is there already; whatever comes of it is of no interest.
            Reaction::Kill => {
                self.flights.take(number);
            }
            Reaction::KillAndTell => {
                if let Some(flight) = self.flights.get_mut(number) {
                    flight.ends_quietly = true;
                    if let Some(place) = flight.parcel.place() {
                        place.store(0, Relaxed);
                    }
                }
            }
            _ => {}
        }
    }
}
