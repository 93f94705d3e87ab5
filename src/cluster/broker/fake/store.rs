//! What the fake keeps, and each operation as one step on it. Nothing here fails or waits.

use super::{
    super::{
        Arrival, BlobKey, ClientId, Delivery, Ended, Outgoing, Place, Position, Recall, Recalled, Registered,
        Returned, Submitted, WorkerId,
    },
    queues::{Holder, Positions, Queues},
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

/// As on the real engine.
pub(super) const LEASE: Duration = Duration::from_secs(60);
const WORKER_IS_SHOWN_FOR: Duration = Duration::from_secs(60);
/// So many results are in one answer. Few, so that who takes the first answer for all is found out.
const MOST_AT_ONCE: usize = 64;

const UNREAD_IS_KEPT_FOR: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, Clone)]
struct Lease {
    ends: Duration,
    last_number: u64,
}

/// A row of results.
#[derive(Debug, Clone, Default)]
struct Row {
    arrivals: VecDeque<Arrival>,
    positions: Positions,
    written: Duration,
}

#[derive(Debug, Clone)]
struct Record {
    bytes: Vec<u8>,
    heard_of: Duration,
}

#[derive(Debug, Clone, Default)]
struct Requests {
    bodies: Vec<Vec<u8>>,
    written: Duration,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    pub(super) now: Duration,
    pub(super) queues: Queues,
    leases: BTreeMap<ClientId, Lease>,
    rows: BTreeMap<ClientId, Row>,
    workers: BTreeMap<WorkerId, Record>,
    requests: BTreeMap<WorkerId, Requests>,
    /// With the time when they were stored.
    pub(super) blobs: HashMap<BlobKey, (Vec<u8>, Duration)>,
}

impl Store {
    /// Time goes on, and what is over by then is gone.
    pub(super) fn advance(&mut self, by: Duration) {
        self.now += by;
        let now = self.now;
        self.leases.retain(|_, lease| lease.ends > now);
        self.rows.retain(|_, row| row.written + UNREAD_IS_KEPT_FOR > now);
        self.requests
            .retain(|_, requests| requests.written + UNREAD_IS_KEPT_FOR > now);
        self.workers
            .retain(|_, record| record.heard_of + WORKER_IS_SHOWN_FOR > now);
        self.blobs
            .retain(|_, (_, stored)| *stored + UNREAD_IS_KEPT_FOR > now);
    }

    pub(super) fn workers(&self) -> Vec<Registered> {
        self.workers
            .iter()
            .map(|(worker, record)| Registered {
                worker: worker.clone(),
                record: record.bytes.clone(),
                silent_for: self.now.saturating_sub(record.heard_of),
            })
            .collect()
    }

    pub(super) fn enlist(&mut self, client: &ClientId) {
        let ends = self.now + LEASE;
        self.leases
            .entry(client.clone())
            .and_modify(|lease| lease.ends = ends)
            .or_insert(Lease { ends, last_number: 0 });
    }

    pub(super) fn renew(&mut self, client: &ClientId) -> Option<u64> {
        let lease = self.leases.get_mut(client)?;
        lease.ends = self.now + LEASE;
        Some(lease.last_number)
    }

    pub(super) fn submit(
        &mut self,
        client: &ClientId,
        label: Option<&str>,
        most: usize,
        batch: &[Outgoing<'_>],
    ) -> Submitted {
        let Some(lease) = self.leases.get_mut(client) else {
            return Submitted::Unknown;
        };
        let mut stored = Vec::new();
        for task in batch {
            if task.number <= lease.last_number {
                stored.push(None);
                continue;
            }
            if self.queues.len(label) >= most {
                break;
            }
            stored.push(Some(self.queues.push(label, task.body, self.now)));
            lease.last_number = task.number;
        }
        Submitted::Stored(stored)
    }

    pub(super) fn results(&mut self, client: &ClientId, after: Position) -> Vec<Arrival> {
        let Some(row) = self.rows.get_mut(client) else {
            return Vec::new();
        };
        row.arrivals.retain(|arrival| arrival.position > after);
        row.arrivals.iter().take(MOST_AT_ONCE).cloned().collect()
    }

    pub(super) fn recall(&mut self, recalls: &[Recall]) -> Vec<Recalled> {
        let recall_one = |recall: &Recall| match self.queues.holder(&recall.place) {
            Holder::Gone => Recalled::Gone,
            Holder::Nobody => {
                self.queues.remove(&recall.place);
                Recalled::Removed
            }
            Holder::Worker(worker) => {
                add_request(&mut self.requests, worker, &recall.request, self.now);
                Recalled::Told
            }
        };
        recalls.iter().map(recall_one).collect()
    }

    pub(super) fn leave(&mut self, client: &ClientId) {
        self.leases.remove(client);
        self.rows.remove(client);
    }

    pub(super) fn end_lease(&mut self, client: &ClientId) {
        self.leases.remove(client);
    }

    pub(super) fn fetch(&mut self, worker: &WorkerId, labels: &[String], most: usize) -> Vec<Delivery> {
        self.queues.deliver(worker, labels, most, self.now)
    }

    pub(super) fn reclaim(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        idle: Duration,
        most: usize,
    ) -> Vec<Delivery> {
        self.queues.take_over(worker, labels, idle, most, self.now)
    }

    pub(super) fn beat(&mut self, worker: &WorkerId, record: &[u8], in_hand: &[Place]) -> Vec<Place> {
        let record = Record {
            bytes: record.to_vec(),
            heard_of: self.now,
        };
        self.workers.insert(worker.clone(), record);
        let (held, lost): (Vec<&Place>, Vec<&Place>) = in_hand
            .iter()
            .partition(|place| self.queues.is_held_by(place, worker));
        for place in held {
            self.queues.renew_hold(place, self.now);
        }
        lost.into_iter().cloned().collect()
    }

    pub(super) fn living(&self, clients: &[ClientId]) -> Vec<bool> {
        clients
            .iter()
            .map(|client| self.leases.contains_key(client))
            .collect()
    }

    pub(super) fn finish(&mut self, worker: &WorkerId, ended: &[Ended]) -> Vec<bool> {
        let finish_one = |ended: &Ended| {
            if !self.queues.is_held_by(&ended.place, worker) {
                return false;
            }
            self.queues.remove(&ended.place);
            let is_there = self.leases.contains_key(&ended.client);
            if let (true, Some(result)) = (is_there, &ended.result) {
                self.add_to_row(&ended.client, result, None);
            }
            is_there
        };
        ended.iter().map(finish_one).collect()
    }

    pub(super) fn hand_back(&mut self, worker: &WorkerId, returned: &[Returned]) {
        for Returned {
            place,
            client,
            body,
            notice,
        } in returned
        {
            if !self.queues.is_held_by(place, worker) {
                continue;
            }
            self.queues.remove(place);
            // What nobody waits for is not queued again.
            if self.leases.contains_key(client) {
                let moved = self.queues.push(place.label.as_deref(), body, self.now);
                self.add_to_row(client, notice, Some(moved));
            }
        }
    }

    pub(super) fn ask(&mut self, requests: &[(WorkerId, Vec<u8>)]) {
        for (worker, request) in requests {
            add_request(&mut self.requests, worker, request, self.now);
        }
    }

    pub(super) fn tell(&mut self, notices: &[(ClientId, Vec<u8>)]) {
        for (client, notice) in notices {
            if self.leases.contains_key(client) {
                self.add_to_row(client, notice, None);
            }
        }
    }

    fn add_to_row(&mut self, client: &ClientId, body: &[u8], moved: Option<Position>) {
        let row = self.rows.entry(client.clone()).or_default();
        row.written = self.now;
        row.arrivals.push_back(Arrival {
            position: row.positions.next(self.now),
            body: body.to_vec(),
            moved,
        });
    }

    pub(super) fn hear(&mut self, worker: &WorkerId) -> Vec<Vec<u8>> {
        self.requests
            .remove(worker)
            .map_or_else(Vec::new, |requests| requests.bodies)
    }

    pub(super) fn retire(&mut self, worker: &WorkerId) {
        self.workers.remove(worker);
        self.requests.remove(worker);
    }

    /// A line for everything that is left of tasks and clients. Records of workers are not: they go by themselves.
    pub(super) fn left(&self) -> Vec<String> {
        let mut left = self.queues.left();
        left.extend(
            self.leases
                .keys()
                .map(|client| format!("the lease of {}", client.0)),
        );
        left.extend(
            self.rows
                .keys()
                .map(|client| format!("the results of {}", client.0)),
        );
        left.extend(
            self.requests
                .keys()
                .map(|worker| format!("requests to {}", worker.0)),
        );
        left.extend(self.blobs.keys().map(|blob| format!("the payload {}", blob.0)));
        left
    }
}

fn add_request(all: &mut BTreeMap<WorkerId, Requests>, worker: &WorkerId, request: &[u8], now: Duration) {
    let requests = all.entry(worker.clone()).or_default();
    requests.bodies.push(request.to_vec());
    requests.written = now;
}
