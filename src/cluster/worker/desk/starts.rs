//! Which clients are to hear that a task of theirs runs: rule 8.

use super::{Desk, Stage};
use crate::cluster::broker::{ClientId, Place};
use std::time::{Duration, Instant};

/// The start of what runs for longer is told without having been asked for: rule 8.
const TOLD_AFTER: Duration = Duration::from_millis(2);

/// A task has started, and its client is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster::worker) struct Start<W> {
    pub(in crate::cluster::worker) client: ClientId,
    pub(in crate::cluster::worker) number: u64,
    pub(in crate::cluster::worker) work: W,
}

impl<W: Clone> Desk<W> {
    /// Has its start be told, if it was not.
    pub(in crate::cluster::worker) fn tell_start(&mut self, place: &Place) {
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

    /// The same once more: somebody asks.
    pub(in crate::cluster::worker) fn tell_start_again(&mut self, place: &Place) {
        if let Some(held) = self.held.get_mut(place) {
            held.is_told = false;
        }
        self.tell_start(place);
    }

    /// All starts of tasks of this client that it has not heard of.
    pub(in crate::cluster::worker) fn take_starts_of(&mut self, client: &ClientId) -> Vec<Start<W>> {
        for place in self.running.clone() {
            if self
                .held
                .get(&place)
                .is_some_and(|held| held.label.client == *client)
            {
                self.tell_start(&place);
            }
        }
        self.starts
            .extract_if(.., |start| start.client == *client)
            .collect()
    }

    /// Whether the pool is to be asked what has started: something is in hand of which no client has heard.
    pub(in crate::cluster::worker) fn has_untold(&self) -> bool {
        self.calls + self.futures > 0
            && self
                .held
                .values()
                .any(|held| !held.is_told && matches!(held.stage, Stage::Waiting(_) | Stage::Running(_)))
    }

    /// Those whose start is to be told.
    pub(in crate::cluster::worker) fn take_starts(&mut self, now: Instant) -> Vec<Start<W>> {
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
    pub(in crate::cluster::worker) fn starts_again(&mut self, starts: Vec<Start<W>>) {
        self.starts.extend(starts);
    }
}
