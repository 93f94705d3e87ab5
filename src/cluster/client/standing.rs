//! How things stand with the workers, for who asks (rule 8): what starts there is not announced at once.

use super::{Client, Engine, State, flights::Leg};
use crate::{
    cluster::{
        broker::{Fault, Session, WorkerId},
        message::{self, Request},
    },
    future::{aside, host},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// So long an answer is waited for. A worker that does not answer in that time is not asked again before the next census.
const PATIENCE: Duration = Duration::from_millis(250);

/// What was asked, and who has answered.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The number of the last question.
    asked: u64,
    sent: u64,
    /// The last question that each worker has answered.
    answered: BTreeMap<String, u64>,
    mute: BTreeSet<String>,
}

impl Standing {
    pub(super) fn has_to_ask(&self) -> bool {
        self.asked > self.sent
    }

    pub(super) fn answered(&mut self, worker: String, question: u64) {
        self.mute.remove(&worker);
        self.answered.insert(worker, question);
    }

    /// A census has told who is there.
    pub(super) fn counted(&mut self) {
        self.mute.clear();
    }
}

impl State {
    /// Those who have not answered this question.
    fn silent(&self, question: u64) -> Vec<String> {
        let workers = self.fleet.workers.iter().map(|(id, _)| id);
        workers
            .filter(|id| !self.standing.mute.contains(*id))
            .filter(|id| {
                self.standing
                    .answered
                    .get(*id)
                    .is_none_or(|answered| *answered < question)
            })
            .cloned()
            .collect()
    }

    fn has_unknown(&self) -> bool {
        let is_unknown = |flight: &super::flights::Flight| flight.leg != Leg::Ashore && flight.noted == 0;
        self.flights.iter().any(|(_, flight)| is_unknown(flight))
    }
}

impl Client {
    /// Asks all workers what has started, and waits for their answers for a moment.
    pub(super) fn ask_how_it_stands(&self) {
        let mut state = self.lock();
        if !matches!(state.engine, Engine::Connected) || !state.has_unknown() || aside::is_telling() {
            return;
        }
        state.standing.asked += 1;
        let question = state.standing.asked;
        if std::mem::take(&mut state.sender_sleeps) {
            self.to_send.notify_one();
        }
        drop(state);
        let until = Instant::now() + PATIENCE;
        host::blocking(|| {
            let mut state = self.lock();
            while matches!(state.engine, Engine::Connected) {
                let is_sent = state.standing.sent >= question;
                let silent = state.silent(question);
                if is_sent && silent.is_empty() {
                    break;
                }
                if self.changed.wait_until(&mut state, until).timed_out() {
                    state.standing.mute.extend(silent);
                    break;
                }
            }
        });
    }

    /// Sends the last question, if it was not sent.
    pub(super) fn send_question(&self, session: &mut dyn Session) -> Result<bool, Fault> {
        let mut state = self.lock();
        if !state.standing.has_to_ask() {
            return Ok(false);
        }
        if state.fleet.slots() < self.config.own_slots.max(1) {
            // Workers that have only just come may be at work already.
            drop(state);
            let registered = session.workers()?;
            state = self.lock();
            state
                .fleet
                .update(&registered, &self.config.build, Instant::now());
        }
        let question = state.standing.asked;
        state.standing.sent = question;
        let request = message::write(&Request::Tell {
            client: state.name.clone(),
            question,
        });
        let requests: Vec<_> = state
            .silent(question)
            .into_iter()
            .map(|worker| (WorkerId(worker), request.clone()))
            .collect();
        drop(state);
        if !requests.is_empty() {
            session.ask(&requests)?;
        }
        Ok(true)
    }
}
