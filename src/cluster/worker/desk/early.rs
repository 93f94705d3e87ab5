//! Requests about tasks that are not there: such a task has ended, or is about to come.

use crate::cluster::{broker::ClientId, message::Treatment};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A request may overtake the task that it is about, but not by more.
pub(super) const OVERTAKES_BY: Duration = Duration::from_secs(30);
const MOST: usize = 10_000;

#[derive(Default)]
pub(super) struct Early(VecDeque<Request>);

struct Request {
    at: Instant,
    client: ClientId,
    number: u64,
    treatment: Treatment,
}

impl Early {
    pub(super) fn keep(&mut self, client: ClientId, number: u64, treatment: Treatment, now: Instant) {
        let is_old = |request: &Request| now.saturating_duration_since(request.at) > OVERTAKES_BY;
        while self.0.len() >= MOST || self.0.front().is_some_and(is_old) {
            self.0.pop_front();
        }
        self.0.push_back(Request {
            at: now,
            client,
            number,
            treatment,
        });
    }

    /// What was asked of this task.
    pub(super) fn take(&mut self, client: &ClientId, number: u64) -> Option<Treatment> {
        let is_meant = |request: &Request| request.number == number && request.client == *client;
        let at = self.0.iter().position(is_meant)?;
        self.0.remove(at).map(|request| request.treatment)
    }
}
