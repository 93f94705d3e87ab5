//! What reports of workers mean for the flights they are about.

use super::{
    Client, State,
    flights::{Flight, Leg, Recalling, RunsOn},
};
use crate::{
    cluster::{
        broker::{BlobKey, Fault, Position, Session},
        message::{Outcome, Payload, Ran, Report},
    },
    error::{CodecError, TaskError},
    ledger::Ledger,
    remote::News,
    running::record::{self, Share},
    sys::clock,
    task::{Answer, Load, failure, short},
};
use std::time::{Duration, Instant};

/// Chunks for a cluster last this many times as long as those for a thread: each costs a way over the network.
const LONGER: u32 = 10;

/// A report whose payloads are here.
pub(super) enum Fetched {
    Ended {
        number: u64,
        took: u64,
        outcomes: Vec<Came>,
        ran: Vec<Ran>,
    },
    Other(Report),
}

/// Outcomes of items in a row.
pub(super) enum Came {
    Together {
        items: u32,
        values: Vec<u8>,
    },
    One(Result<Value, TaskError>),
    /// So many did not run.
    Unrun(u32),
}

pub(super) enum Value {
    Encoded(Vec<u8>),
    Bare(Vec<u8>),
}

impl Came {
    fn items(&self) -> u32 {
        match self {
            Self::Together { items, .. } | Self::Unrun(items) => *items,
            Self::One(_) => 1,
        }
    }
}

/// Whether these are so many short values, and nothing else.
fn are_short(items: u32, values: &[u8]) -> bool {
    let mut rest = values;
    for _ in 0..items {
        match short::split(rest) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.is_empty()
}

impl Client {
    /// Fetches what lies apart. `Incomplete` if it is not there: then the task has to run once more.
    pub(super) fn fetch(&self, session: &mut dyn Session, report: Report) -> Result<Fetched, Fault> {
        let Report::Ended {
            number,
            took,
            outcomes,
            ran,
        } = report
        else {
            return Ok(Fetched::Other(report));
        };
        let mut came = Vec::with_capacity(outcomes.len());
        let mut used = Vec::new();
        for outcome in outcomes {
            let value = match outcome {
                Outcome::Together { items, values } if are_short(items, &values) => {
                    came.push(Came::Together { items, values });
                    continue;
                }
                Outcome::Unrun => {
                    match came.last_mut() {
                        Some(Came::Unrun(items)) => *items += 1,
                        _ => came.push(Came::Unrun(1)),
                    }
                    continue;
                }
                Outcome::Together { .. } => Err(TaskError::Decode(CodecError::new(
                    "the result",
                    "the worker has sent something that is no row of results",
                ))),
                Outcome::Value(bytes) => Ok(Value::Encoded(bytes)),
                Outcome::Bare(Payload::Here(bytes)) => Ok(Value::Bare(bytes)),
                Outcome::Failed(bytes) => Err(failure::read(&bytes)),
                Outcome::ValueApart(key) => match Self::get(session, key, &mut used)? {
                    Some(bytes) => Ok(Value::Encoded(bytes)),
                    None => return Ok(Fetched::Other(Report::Incomplete { number })),
                },
                Outcome::Bare(Payload::Apart(key)) => match Self::get(session, key, &mut used)? {
                    Some(bytes) => Ok(Value::Bare(bytes)),
                    None => return Ok(Fetched::Other(Report::Incomplete { number })),
                },
            };
            came.push(Came::One(value));
        }
        if !used.is_empty() {
            self.lock().flights.litter.append(&mut used);
        }
        Ok(Fetched::Ended {
            number,
            took,
            outcomes: came,
            ran,
        })
    }

    fn get(
        session: &mut dyn Session,
        key: BlobKey,
        used: &mut Vec<BlobKey>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let bytes = session.get(&key)?;
        used.push(key);
        Ok(bytes)
    }
}

impl State {
    /// Takes in what a worker has reported.
    pub(super) fn take_in(
        &mut self,
        fetched: Fetched,
        moved: Option<Position>,
        ledger: &Ledger,
        news: &mut News,
    ) {
        match fetched {
            Fetched::Ended {
                number,
                took,
                outcomes,
                ran,
            } => {
                self.note_times(number, ran, ledger);
                self.ended(number, took, outcomes, ledger, news);
            }
            Fetched::Other(Report::Started { number, worker, .. }) => {
                let Some(flight) = self.flights.get_mut(number) else {
                    return;
                };
                flight.runs_on = Some(RunsOn {
                    worker,
                    since: Instant::now(),
                });
                if flight.recalling.is_pending() {
                    flight.recalling = Recalling::No;
                }
                flight.note_started(1, ledger);
            }
            Fetched::Other(Report::Moved { number }) => {
                if let Some(flight) = self.flights.get_mut(number) {
                    flight.runs_on = None;
                    flight.leg = Leg::Stored(moved);
                    if flight.recalling.is_pending() {
                        flight.recalling = Recalling::Missed;
                    }
                }
            }
            Fetched::Other(Report::Incomplete { number }) => {
                // Which of the two is missing is not said, and storing a context once more does no harm.
                self.contexts.clear();
                self.flights.renumber(number);
            }
            Fetched::Other(Report::Gone { places }) => {
                for (number, time, at) in places {
                    let leg = Leg::Stored(Some(Position(time, at)));
                    if self.flights.get(number).is_some_and(|flight| flight.leg == leg) {
                        self.came_back(number, news);
                    }
                }
            }
            Fetched::Other(Report::Told { worker, question }) => self.standing.answered(worker, question),
            Fetched::Other(Report::Ended { .. }) => unreachable!("its payloads were fetched"),
        }
    }

    /// Passes on to who records what processes elsewhere have done, by the clock of this one.
    fn note_times(&self, number: u64, ran: Vec<Ran>, ledger: &Ledger) {
        let executor = ledger.id().number();
        if !record::is_on(executor) {
            return;
        }
        let Some(flight) = self.flights.get(number) else {
            return;
        };
        let work = &flight.parcel.call().entry.name;
        let name = Some(flight.parcel.name()).filter(|name| *name != work());
        for ran in ran {
            let share = Share {
                host: Some(self.fleet.host_of(&ran.worker)),
                pid: ran.pid,
                work,
                name: name.map(Into::into),
                items: ran.items.min(flight.load.items),
                failed: ran.failed.min(ran.items).min(flight.load.items),
                is_turn: flight.parcel.call().is_async(),
                died: ran.died,
                decode: ran.decode,
                run: ran.run,
                encode: ran.encode,
            };
            let at = self.clock.here(ran.began);
            record::ran_elsewhere(
                executor,
                flight.parcel.number(),
                at,
                share.not_after(at, clock::precise()),
            );
        }
    }

    fn ended(&mut self, number: u64, took: u64, outcomes: Vec<Came>, ledger: &Ledger, news: &mut News) {
        let Some(flight) = self.flights.get_mut(number) else {
            return;
        };
        let unrun: u32 = outcomes
            .iter()
            .map(|came| if let Came::Unrun(items) = came { *items } else { 0 })
            .fold(0, u32::saturating_add);
        if unrun > 0 && flight.recalling == Recalling::Asked {
            flight.recalling = Recalling::TakenBack;
            return;
        }
        let was_recalled = flight.recalling != Recalling::No;
        let Some(mut flight) = self.flights.take(number) else {
            return;
        };
        if flight.ends_quietly {
            news.tell(&flight.parcel);
            return;
        }
        let all = flight.load.items;
        let ran = all.saturating_sub(unrun);
        flight.note_started(ran, ledger);
        let mut load = flight.load.split_off(0);
        let mut behind = outcomes.iter().map(Came::items).fold(0, u32::saturating_add);
        for came in outcomes {
            if load.items == 0 {
                break;
            }
            behind = behind.saturating_sub(came.items());
            match came {
                Came::Unrun(items) => {
                    let rest = load.split_off(items.min(load.items));
                    let unrun = std::mem::replace(&mut load, rest);
                    if behind == 0 {
                        self.give_back(flight.parcel.clone(), flight.label.clone(), unrun, news);
                    } else if was_recalled {
                        // In the books what is killed has started.
                        flight.note_started(flight.noted + unrun.items, ledger);
                        flight.fail_items(&unrun, &TaskError::Cancelled);
                    } else {
                        // Something behind it has ended, so the parcel does not take it back.
                        self.flights
                            .add(flight.parcel.clone(), flight.label.clone(), unrun);
                    }
                }
                Came::Together { items, values } if items <= load.items => {
                    flight.parcel.arrived_together(load.first, items, &values);
                    skip(&mut load, items, unrun > 0);
                }
                Came::Together { .. } => break,
                Came::One(outcome) => {
                    let answer = match outcome {
                        Ok(Value::Encoded(bytes)) if bytes.len() <= short::LONGEST => {
                            flight.parcel.arrived(load.first, Answer::Value(&bytes));
                            skip(&mut load, 1, unrun > 0);
                            continue;
                        }
                        Ok(Value::Encoded(bytes)) => Answer::LargeValue(bytes),
                        Ok(Value::Bare(bytes)) => Answer::Bare(bytes),
                        Err(reason) => Answer::Failed(reason),
                    };
                    flight.parcel.arrived(load.first, answer);
                    skip(&mut load, 1, unrun > 0);
                }
            }
        }
        if load.items > 0 {
            let reason = TaskError::Decode(CodecError::new(
                "the result",
                "the worker has sent too few of them",
            ));
            flight.fail_items(&load, &reason);
        }
        flight
            .parcel
            .batch_ended(ran, Duration::from_nanos(took) / LONGER);
        news.tell(&flight.parcel);
    }

    /// It fails, wherever it is.
    pub(super) fn fail(&mut self, number: u64, reason: &TaskError, ledger: &Ledger, news: &mut News) {
        if let Some(mut flight) = self.flights.take(number) {
            if !flight.ends_quietly {
                flight.note_started(flight.load.items, ledger);
                flight.fail_items(&flight.load, reason);
            }
            news.tell(&flight.parcel);
        }
    }

    /// It was removed from the engine before any worker had it.
    pub(super) fn came_back(&mut self, number: u64, news: &mut News) {
        let Some(flight) = self.flights.get_mut(number) else {
            return;
        };
        if flight.recalling == Recalling::Asked {
            flight.recalling = Recalling::TakenBack;
        } else if let Some(flight) = self.flights.take(number) {
            if flight.ends_quietly {
                news.tell(&flight.parcel);
            } else {
                self.give_back(flight.parcel, flight.label, flight.load, news);
            }
        }
    }
}

/// The first items are done with. Their bytes only matter if some of the others are still needed.
fn skip(load: &mut Load, items: u32, cuts: bool) {
    if cuts {
        *load = load.split_off(items);
    } else {
        load.first += u64::from(items);
        load.items -= items;
    }
}

impl Flight {
    pub(super) fn note_started(&mut self, items: u32, ledger: &Ledger) {
        if items > self.noted && !self.ends_quietly {
            self.parcel.clone().started(items - self.noted, ledger);
        }
        self.noted = self.noted.max(items);
    }

    fn fail_items(&self, load: &Load, reason: &TaskError) {
        for item in load.first..load.first + u64::from(load.items) {
            self.parcel.arrived(item, Answer::Failed(reason.clone()));
        }
    }
}
