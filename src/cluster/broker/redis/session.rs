//! One connection, as the cluster sees it.

use super::{
    super::{
        Arrival, BlobKey, ClientId, Delivery, Ended, Fault, Outgoing, Place, Position, Recall, Recalled,
        Registered, Returned, Session, Submitted, WorkerId,
    },
    Shared,
    link::Link,
    replies, scripts,
};
use crate::sync::Arc;
use redis::{Value, cmd};
use std::time::Duration;

/// So many tasks go through the server in one step: in that time it does nothing else.
pub(super) const BATCH: usize = 512;

pub(super) struct RedisSession {
    pub(super) link: Link,
    pub(super) shared: Arc<Shared>,
}

impl RedisSession {
    pub(super) fn new(link: Link, shared: Arc<Shared>) -> Self {
        Self { link, shared }
    }
}

/// How long the server is to block; it takes zero for "without end".
pub(super) fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// In a list of arguments; no label is empty.
pub(super) fn label(place: &Place) -> &[u8] {
    place.label.as_deref().unwrap_or_default().as_bytes()
}

impl Session for RedisSession {
    fn now(&mut self) -> Result<u64, Fault> {
        let time = replies::list(self.link.ask(&cmd("TIME"))?);
        match (
            time.first().and_then(replies::number),
            time.get(1).and_then(replies::number),
        ) {
            (Some(seconds), Some(micros)) => Ok(seconds * 1_000_000 + micros),
            _ => Err(Fault::Refused("it does not tell the time".to_owned())),
        }
    }

    fn put(&mut self, key: &BlobKey, bytes: &[u8]) -> Result<(), Fault> {
        self.put_blob(key, bytes)
    }

    fn get(&mut self, key: &BlobKey) -> Result<Option<Vec<u8>>, Fault> {
        self.get_blob(key)
    }

    fn remove(&mut self, keys: &[BlobKey]) -> Result<(), Fault> {
        self.remove_blobs(keys)
    }

    fn workers(&mut self) -> Result<Vec<Registered>, Fault> {
        let found = self
            .link
            .step(&scripts::WORKERS, &[&self.shared.keys.workers], &[])?;
        let worker = |value: Value| {
            let mut parts = replies::list(value).into_iter();
            Some(Registered {
                worker: WorkerId(String::from_utf8(replies::bytes(parts.next()?)?).ok()?),
                silent_for: Duration::from_millis(replies::number(&parts.next()?)?),
                record: replies::bytes(parts.next()?)?,
            })
        };
        Ok(replies::list(found).into_iter().filter_map(worker).collect())
    }

    fn enlist(&mut self, client: &ClientId) -> Result<(), Fault> {
        self.enlist_client(client)
    }

    fn renew(&mut self, client: &ClientId) -> Result<Option<u64>, Fault> {
        self.renew_client(client)
    }

    fn submit(
        &mut self,
        client: &ClientId,
        label: Option<&str>,
        most: usize,
        batch: &[Outgoing<'_>],
    ) -> Result<Submitted, Fault> {
        self.submit_batch(client, label, most, batch)
    }

    fn results(&mut self, client: &ClientId, after: Position, wait: Duration) -> Result<Vec<Arrival>, Fault> {
        self.read_results(client, after, wait)
    }

    fn recall(&mut self, recalls: &[Recall]) -> Result<Vec<Recalled>, Fault> {
        self.recall_batch(recalls)
    }

    fn leave(&mut self, client: &ClientId) -> Result<(), Fault> {
        let keys = &self.shared.keys;
        let mut unlink = cmd("UNLINK");
        unlink.arg(keys.client(client)).arg(keys.results(client));
        self.link.ask(&unlink).map(drop)
    }

    fn fetch(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, Fault> {
        self.fetch_tasks(worker, labels, most, wait)
    }

    fn reclaim(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        idle: Duration,
        most: usize,
    ) -> Result<Vec<Delivery>, Fault> {
        self.reclaim_tasks(worker, labels, idle, most)
    }

    fn beat(&mut self, worker: &WorkerId, record: &[u8], in_hand: &[Place]) -> Result<Vec<Place>, Fault> {
        self.beat_all(worker, record, in_hand)
    }

    fn living(&mut self, clients: &[ClientId]) -> Result<Vec<bool>, Fault> {
        self.which_live(clients)
    }

    fn finish(&mut self, worker: &WorkerId, ended: &[Ended]) -> Result<Vec<bool>, Fault> {
        self.finish_batch(worker, ended)
    }

    fn hand_back(&mut self, worker: &WorkerId, returned: &[Returned]) -> Result<(), Fault> {
        self.return_batch(worker, returned)
    }

    fn ask(&mut self, requests: &[(WorkerId, Vec<u8>)]) -> Result<(), Fault> {
        self.ask_workers(requests)
    }

    fn tell(&mut self, notices: &[(ClientId, Vec<u8>)]) -> Result<(), Fault> {
        self.tell_clients(notices)
    }

    fn hear(&mut self, worker: &WorkerId, wait: Duration) -> Result<Vec<Vec<u8>>, Fault> {
        self.hear_requests(worker, wait)
    }

    fn retire(&mut self, worker: &WorkerId) -> Result<(), Fault> {
        self.retire_worker(worker)
    }
}
