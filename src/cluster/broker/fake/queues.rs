//! The queues of the fake: what lies where, and who holds what.

use super::super::{Delivery, Place, Position, WorkerId};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A worker's hold on an entry.
#[derive(Debug, Clone)]
struct Hold {
    worker: WorkerId,
    since: Duration,
    times: u32,
}

/// Who has an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder<'a> {
    /// It is not there.
    Gone,
    /// Nobody has ever had it.
    Nobody,
    Worker(&'a WorkerId),
}

#[derive(Debug, Clone)]
struct Entry {
    body: Vec<u8>,
    /// Nobody has ever had it if there is none.
    hold: Option<Hold>,
}

/// Gives out positions as a stream of Redis does: the time in milliseconds, and a number within it. They grow even if the time does not.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(Position);

impl Positions {
    pub(super) fn next(&mut self, now: Duration) -> Position {
        let now = Position(u64::try_from(now.as_millis()).expect("tests are short"), 0);
        self.0 = now.max(Position(self.0.0, self.0.1 + 1));
        self.0
    }
}

#[derive(Debug, Clone, Default)]
struct Queue {
    entries: BTreeMap<Position, Entry>,
    positions: Positions,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Queues(BTreeMap<Option<String>, Queue>);

impl Queues {
    pub(super) fn len(&self, label: Option<&str>) -> usize {
        self.0
            .get(&label.map(str::to_owned))
            .map_or(0, |queue| queue.entries.len())
    }

    pub(super) fn push(&mut self, label: Option<&str>, body: &[u8], now: Duration) -> Position {
        let queue = self.0.entry(label.map(str::to_owned)).or_default();
        let position = queue.positions.next(now);
        let entry = Entry {
            body: body.to_vec(),
            hold: None,
        };
        queue.entries.insert(position, entry);
        position
    }

    pub(super) fn holder(&self, place: &Place) -> Holder<'_> {
        let queue = self.0.get(&place.label);
        match queue.and_then(|queue| queue.entries.get(&place.position)) {
            None => Holder::Gone,
            Some(Entry { hold: None, .. }) => Holder::Nobody,
            Some(Entry { hold: Some(hold), .. }) => Holder::Worker(&hold.worker),
        }
    }

    pub(super) fn is_held_by(&self, place: &Place, worker: &WorkerId) -> bool {
        self.holder(place) == Holder::Worker(worker)
    }

    pub(super) fn remove(&mut self, place: &Place) {
        if let Some(queue) = self.0.get_mut(&place.label) {
            queue.entries.remove(&place.position);
        }
    }

    /// The worker has it as if it had only just come.
    pub(super) fn renew_hold(&mut self, place: &Place, now: Duration) {
        let entry = self
            .0
            .get_mut(&place.label)
            .and_then(|queue| queue.entries.get_mut(&place.position));
        if let Some(hold) = entry.and_then(|entry| entry.hold.as_mut()) {
            hold.since = now;
        }
    }

    /// What nobody has ever had goes to this worker, the oldest first.
    pub(super) fn deliver(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        most: usize,
        now: Duration,
    ) -> Vec<Delivery> {
        self.hand_out(worker, labels, most, now, |hold| hold.is_none())
    }

    /// What was held for so long goes to this worker, even if it was its own: it has not renewed it either.
    pub(super) fn take_over(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        idle: Duration,
        most: usize,
        now: Duration,
    ) -> Vec<Delivery> {
        self.hand_out(worker, labels, most, now, |hold| {
            hold.is_some_and(|hold| hold.since + idle <= now)
        })
    }

    /// An entry that another worker has goes to this one.
    pub(super) fn snatch(&mut self, worker: &WorkerId, labels: &[String], now: Duration) -> Vec<Delivery> {
        self.hand_out(worker, labels, 1, now, |hold| {
            hold.is_some_and(|hold| hold.worker != *worker)
        })
    }

    fn hand_out(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        most: usize,
        now: Duration,
        wanted: impl Fn(Option<&Hold>) -> bool,
    ) -> Vec<Delivery> {
        // A label that is named twice is one queue.
        let read: BTreeSet<Option<String>> = labels.iter().cloned().map(Some).chain([None]).collect();
        let mut deliveries = Vec::new();
        // Tasks with a label come first: others may run the rest.
        for (label, queue) in self.0.iter_mut().rev().filter(|(label, _)| read.contains(*label)) {
            for (position, entry) in &mut queue.entries {
                if deliveries.len() == most {
                    return deliveries;
                }
                if !wanted(entry.hold.as_ref()) {
                    continue;
                }
                let times = entry.hold.as_ref().map_or(0, |hold| hold.times) + 1;
                entry.hold = Some(Hold {
                    worker: worker.clone(),
                    since: now,
                    times,
                });
                deliveries.push(Delivery {
                    place: Place {
                        label: label.clone(),
                        position: *position,
                    },
                    body: entry.body.clone(),
                    times,
                });
            }
        }
        deliveries
    }

    /// A line for every entry that is left.
    pub(super) fn left(&self) -> Vec<String> {
        self.0
            .iter()
            .flat_map(|(label, queue)| queue.entries.iter().map(move |(at, entry)| (label, at, entry)))
            .map(|(label, at, entry)| {
                let holder = entry.hold.as_ref().map_or("nobody", |hold| &hold.worker.0);
                format!(
                    "the task at {at} of queue {}, held by {holder}",
                    label.as_deref().unwrap_or("-")
                )
            })
            .collect()
    }
}
