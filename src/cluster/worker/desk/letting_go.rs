//! How a worker comes to have tasks in hand no longer, other than by their end: they are others', nobody's, or it leaves.

use super::{Desk, Stage};
use crate::cluster::{
    broker::{ClientId, Place, Returned},
    message::Report,
};
use std::time::Duration;

impl<W: Clone> Desk<W> {
    /// A task was taken back from the pool, to be queued again.
    pub(in crate::cluster::worker) fn hand_back(&mut self, returned: Returned) {
        if self.held.contains_key(&returned.place) {
            self.leave_pool(&returned.place, Stage::Ended);
            self.returned.push(returned);
        }
    }

    pub(in crate::cluster::worker) fn take_returned(&mut self) -> Vec<Returned> {
        std::mem::take(&mut self.returned)
    }

    pub(in crate::cluster::worker) fn returned_again(&mut self, returned: Vec<Returned>) {
        self.returned.extend(returned);
    }

    /// Another worker has the task now. What runs of it here is to be stopped.
    pub(in crate::cluster::worker) fn lost(&mut self, place: &Place) -> Option<W> {
        self.unopened.retain(|delivery| delivery.place != *place);
        let is_over = self.held.get(place)?.stage == Stage::Ended;
        let work = self.forget(place);
        work.filter(|_| !is_over)
    }

    /// Clients whose tasks are with the pool.
    pub(in crate::cluster::worker) fn clients_in_hand(&self) -> Vec<ClientId> {
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
    pub(in crate::cluster::worker) fn abandon(&mut self) -> Vec<W> {
        let gone: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| held.stage != Stage::Ended && !self.clients.is_there(&held.label.client))
            .map(|(place, held)| (place.clone(), held.label.number, held.work.clone()))
            .collect();
        for (place, number, _) in &gone {
            // If its client is there after all, because the data went back in time, it submits the task again.
            self.ended(
                place,
                Some(Report::Incomplete { number: *number }),
                Duration::ZERO,
            );
        }
        gone.into_iter().map(|(_, _, work)| work).collect()
    }

    /// The worker ends, and nothing that still comes of its tasks is true of them: others take them over.
    pub(in crate::cluster::worker) fn clear(&mut self) {
        self.draining = true;
        self.held.clear();
    }

    /// Nothing more is fetched, and what has not started is handed back: rule 13. What was to run alone, or was not looked at, is
    /// taken over by others in time.
    pub(in crate::cluster::worker) fn drain(&mut self) {
        self.draining = true;
        self.unopened.clear();
        while let Some(place) = self.alone.front().cloned() {
            self.forget(&place);
        }
    }
}
