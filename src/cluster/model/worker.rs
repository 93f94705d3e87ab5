//! The smallest worker that keeps the rules.

use super::super::{
    broker::{Broker, Delivery, Ended, Fault, Place, Returned, Session, WorkerId, fake::FakeBroker},
    message::{self, Outcome, Payload, Report, Request, Task},
};
use std::time::Duration;

/// Whoever has not renewed a hold for so long has lost it.
pub(in crate::cluster) const HOLD: Duration = Duration::from_secs(15);

#[derive(Debug)]
enum Stage {
    Waiting,
    /// It was handed back, and there was no answer.
    Unsure,
    /// For its client, if that is there.
    Done(Option<Report>),
}

#[derive(Debug)]
struct Held {
    place: Place,
    body: Vec<u8>,
    task: Task,
    stage: Stage,
    /// When it was last known to be ours.
    confirmed: Duration,
}

pub(in crate::cluster) struct Worker {
    fake: FakeBroker,
    name: WorkerId,
    lives: u32,
    labels: Vec<String>,
    session: Option<Box<dyn Session>>,
    in_hand: Vec<Held>,
}

impl Worker {
    pub(in crate::cluster) fn new(fake: &FakeBroker, name: &str, labels: &[&str]) -> Self {
        Self {
            fake: fake.clone(),
            name: WorkerId(name.to_owned()),
            lives: 1,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            session: None,
            in_hand: Vec::new(),
        }
    }

    /// One operation, with a new session if there is none.
    fn ask<T>(
        &mut self,
        act: impl FnOnce(&mut dyn Session, &WorkerId) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.fake.open()?,
        };
        let answer = act(&mut *session, &self.name)?;
        self.session = Some(session);
        Ok(answer)
    }

    pub(in crate::cluster) fn fetch(&mut self, most: usize) {
        let labels = self.labels.clone();
        let deliveries = self.ask(|session, name| session.fetch(name, &labels, most, Duration::ZERO));
        self.take(deliveries.unwrap_or_default());
    }

    pub(in crate::cluster) fn reclaim(&mut self) {
        let labels = self.labels.clone();
        let deliveries = self.ask(|session, name| session.reclaim(name, &labels, HOLD, 2));
        self.take(deliveries.unwrap_or_default());
    }

    fn take(&mut self, deliveries: Vec<Delivery>) {
        let confirmed = self.fake.now();
        for Delivery { place, body, .. } in deliveries {
            // It can come back to who has had it all the time.
            if let Some(held) = self.in_hand.iter_mut().find(|held| held.place == place) {
                held.confirmed = confirmed;
                if matches!(held.stage, Stage::Unsure) {
                    held.stage = Stage::Waiting;
                }
                continue;
            }
            self.in_hand.push(Held {
                place,
                task: message::read(&body).expect("nobody else writes here"),
                body,
                stage: Stage::Waiting,
                confirmed,
            });
        }
    }

    /// Runs one of the tasks in hand, if it is ours beyond doubt and its client is there.
    pub(in crate::cluster) fn run(&mut self, call: &mut dyn FnMut(&Task, Vec<u8>) -> Outcome) {
        let now = self.fake.now();
        let is_next = |held: &Held| matches!(held.stage, Stage::Waiting) && held.confirmed + HOLD > now;
        let Some(at) = self.in_hand.iter().position(is_next) else {
            return;
        };
        let task = self.in_hand[at].task.clone();
        let number = task.number;
        let Ok(living) = self.ask(|session, _| session.living(std::slice::from_ref(&task.client))) else {
            return;
        };
        let argument = match task.payload.clone() {
            _ if !living[0] => {
                self.in_hand[at].stage = Stage::Done(Some(Report::Incomplete { number }));
                return;
            }
            Payload::Here(argument) => Ok(Some(argument)),
            Payload::Apart(key) => self.ask(|session, _| session.get(&key)),
        };
        let report = match argument {
            Err(_) => return,
            Ok(None) => Report::Incomplete { number },
            Ok(Some(argument)) => ended(number, call(&task, argument)),
        };
        self.in_hand[at].stage = Stage::Done(Some(report));
    }

    /// What has ended goes to the clients.
    pub(in crate::cluster) fn finish(&mut self) {
        let done: Vec<Ended> = self
            .in_hand
            .iter()
            .filter_map(|held| {
                let Stage::Done(report) = &held.stage else {
                    return None;
                };
                Some(Ended {
                    place: held.place.clone(),
                    client: held.task.client.clone(),
                    result: report.as_ref().map(message::write),
                })
            })
            .collect();
        if self.ask(|session, name| session.finish(name, &done)).is_ok() {
            self.in_hand.retain(|held| !matches!(held.stage, Stage::Done(_)));
        }
    }

    pub(in crate::cluster) fn hand_back(&mut self) {
        let is_waiting = |held: &Held| matches!(held.stage, Stage::Waiting);
        let returned: Vec<Returned> = self
            .in_hand
            .iter()
            .filter(|held| is_waiting(held))
            .map(|held| Returned {
                place: held.place.clone(),
                client: held.task.client.clone(),
                body: held.body.clone(),
                notice: message::write(&Report::Moved {
                    number: held.task.number,
                }),
            })
            .collect();
        if self
            .ask(|session, name| session.hand_back(name, &returned))
            .is_ok()
        {
            self.in_hand.retain(|held| !is_waiting(held));
        } else {
            let waiting = self.in_hand.iter_mut().filter(|held| is_waiting(held));
            waiting.for_each(|held| held.stage = Stage::Unsure);
        }
    }

    /// Renews the holds, and lets go of what is lost.
    pub(in crate::cluster) fn beat(&mut self) {
        let confirmed = self.fake.now();
        let places: Vec<Place> = self.in_hand.iter().map(|held| held.place.clone()).collect();
        let Ok(lost) = self.ask(|session, name| session.beat(name, b"", &places)) else {
            return;
        };
        self.in_hand.retain(|held| !lost.contains(&held.place));
        for held in &mut self.in_hand {
            held.confirmed = confirmed;
            if matches!(held.stage, Stage::Unsure) {
                held.stage = Stage::Waiting;
            }
        }
    }

    /// Gives back what clients want back.
    pub(in crate::cluster) fn hear(&mut self) {
        for request in self
            .ask(|session, name| session.hear(name, Duration::ZERO))
            .unwrap_or_default()
        {
            let Request::Stop { client, number, .. } =
                message::read(&request).expect("nobody else writes here")
            else {
                continue;
            };
            let is_meant = |held: &&mut Held| {
                (&held.task.client, held.task.number) == (&client, number)
                    && matches!(held.stage, Stage::Waiting)
            };
            if let Some(held) = self.in_hand.iter_mut().find(is_meant) {
                held.stage = Stage::Done(Some(ended(number, Outcome::Unrun)));
            }
        }
    }

    /// Its process dies, and another one takes its place.
    pub(in crate::cluster) fn die(&mut self) {
        self.lives += 1;
        let stem = self.name.0.split('x').next().unwrap_or_default();
        self.name = WorkerId(format!("{stem}x{}", self.lives));
        self.session = None;
        self.in_hand.clear();
    }

    /// False if it has something in hand still, or that did not work.
    pub(in crate::cluster) fn retire(&mut self) -> bool {
        self.in_hand.is_empty() && self.ask(|session, name| session.retire(name)).is_ok()
    }
}

fn ended(number: u64, outcome: Outcome) -> Report {
    Report::Ended {
        number,
        took: 0,
        outcomes: vec![outcome],
        ran: Vec::new(),
    }
}
