//! A connection to the fake: each operation as the seam has it, with what goes wrong.

use super::{
    super::{
        Arrival, BlobKey, ClientId, Delivery, Ended, Fault, Outgoing, Place, Position, Recall, Recalled,
        Registered, Returned, Session, Submitted, WorkerId,
    },
    Shared, State, Trouble,
};
use crate::sync::Arc;
use std::time::{Duration, Instant};

/// When the fake's time began, in microseconds since 1970.
const BEGINNING: u128 = 1_700_000_000_000_000;

/// One connection.
pub(super) struct FakeSession {
    shared: Arc<Shared>,
    /// Breaks of all connections until it was opened; `None` since it has failed by itself.
    breaks: Option<u64>,
}

impl FakeSession {
    pub(super) fn new(shared: Arc<Shared>, breaks: u64) -> Self {
        Self {
            shared,
            breaks: Some(breaks),
        }
    }

    /// One operation.
    fn step<T>(&mut self, act: impl FnOnce(&mut State) -> T) -> Result<T, Fault> {
        let mut act = Some(act);
        self.wait_for(Duration::ZERO, |state| act.take().map(|act| act(state)))
            .map(|answer| answer.expect("it was done at once"))
    }

    /// One operation that stores something large.
    fn step_with_room<T>(&mut self, act: impl FnOnce(&mut State) -> T) -> Result<T, Fault> {
        self.step(|state| (!state.is_full).then(|| act(state)))?
            .ok_or_else(|| Fault::Full("the fake is full".to_owned()))
    }

    /// One operation that waits until there is something to return. `None` if there was nothing until the end.
    fn wait_for<T>(
        &mut self,
        wait: Duration,
        mut act: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let ends = Instant::now() + wait;
        let mut state = self.shared.state.lock();
        if self.breaks != Some(state.breaks) || state.is_away {
            self.breaks = None;
            return Err(Fault::Away("the connection to the fake is broken".to_owned()));
        }
        let trouble = state.troubles.next();
        if let Some(trouble) = trouble {
            if trouble == Trouble::After {
                act(&mut state);
                self.shared.changed.notify_all();
            }
            self.breaks = None;
            return Err(Fault::Away(format!("the connection broke {trouble:?}")));
        }
        loop {
            if let Some(answer) = act(&mut state) {
                self.shared.changed.notify_all();
                return Ok(Some(answer));
            }
            if !self.shared.waits || self.shared.changed.wait_until(&mut state, ends).timed_out() {
                return Ok(None);
            }
            if self.breaks != Some(state.breaks) {
                self.breaks = None;
                return Err(Fault::Away("the connection broke while it waited".to_owned()));
            }
        }
    }

    /// The same for a list: an empty one is nothing.
    fn wait_for_some<T>(
        &mut self,
        wait: Duration,
        mut act: impl FnMut(&mut State) -> Vec<T>,
    ) -> Result<Vec<T>, Fault> {
        let found = self.wait_for(wait, |state| Some(act(state)).filter(|found| !found.is_empty()))?;
        Ok(found.unwrap_or_default())
    }
}

impl Session for FakeSession {
    fn now(&mut self) -> Result<u64, Fault> {
        let since = self.step(|state| state.store.now)?;
        Ok(u64::try_from(BEGINNING + since.as_micros()).expect("tests are short"))
    }

    fn put(&mut self, key: &BlobKey, bytes: &[u8]) -> Result<(), Fault> {
        self.step_with_room(|state| {
            let stored = (bytes.to_vec(), state.store.now);
            state.store.blobs.insert(key.clone(), stored);
        })
    }

    fn get(&mut self, key: &BlobKey) -> Result<Option<Vec<u8>>, Fault> {
        self.step(|state| state.store.blobs.get(key).map(|(bytes, _)| bytes.clone()))
    }

    fn remove(&mut self, keys: &[BlobKey]) -> Result<(), Fault> {
        self.step(|state| state.store.blobs.retain(|key, _| !keys.contains(key)))
    }

    fn workers(&mut self) -> Result<Vec<Registered>, Fault> {
        self.step(|state| state.store.workers())
    }

    fn enlist(&mut self, client: &ClientId) -> Result<(), Fault> {
        self.step(|state| state.store.enlist(client))
    }

    fn renew(&mut self, client: &ClientId) -> Result<Option<u64>, Fault> {
        self.step(|state| state.store.renew(client))
    }

    fn submit(
        &mut self,
        client: &ClientId,
        label: Option<&str>,
        most: usize,
        batch: &[Outgoing<'_>],
    ) -> Result<Submitted, Fault> {
        self.step_with_room(|state| {
            if state.refuses {
                return Err(Fault::Refused("the fake lets nobody submit".to_owned()));
            }
            Ok(state.store.submit(client, label, most, batch))
        })?
    }

    fn results(&mut self, client: &ClientId, after: Position, wait: Duration) -> Result<Vec<Arrival>, Fault> {
        self.wait_for_some(wait, |state| state.store.results(client, after))
    }

    fn recall(&mut self, recalls: &[Recall]) -> Result<Vec<Recalled>, Fault> {
        self.step(|state| state.store.recall(recalls))
    }

    fn leave(&mut self, client: &ClientId) -> Result<(), Fault> {
        self.step(|state| state.store.leave(client))
    }

    fn fetch(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, Fault> {
        self.wait_for_some(wait, |state| {
            let mut deliveries = if state.repeats && most > 0 {
                let now = state.store.now;
                state.store.queues.snatch(worker, labels, now)
            } else {
                Vec::new()
            };
            state.repeats &= deliveries.is_empty();
            deliveries.extend(state.store.fetch(worker, labels, most - deliveries.len()));
            deliveries
        })
    }

    fn reclaim(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        idle: Duration,
        most: usize,
    ) -> Result<Vec<Delivery>, Fault> {
        self.step(|state| state.store.reclaim(worker, labels, idle, most))
    }

    fn beat(&mut self, worker: &WorkerId, record: &[u8], in_hand: &[Place]) -> Result<Vec<Place>, Fault> {
        self.step(|state| state.store.beat(worker, record, in_hand))
    }

    fn living(&mut self, clients: &[ClientId]) -> Result<Vec<bool>, Fault> {
        self.step(|state| state.store.living(clients))
    }

    fn finish(&mut self, worker: &WorkerId, ended: &[Ended]) -> Result<Vec<bool>, Fault> {
        self.step(|state| state.store.finish(worker, ended))
    }

    fn hand_back(&mut self, worker: &WorkerId, returned: &[Returned]) -> Result<(), Fault> {
        self.step(|state| state.store.hand_back(worker, returned))
    }

    fn ask(&mut self, requests: &[(WorkerId, Vec<u8>)]) -> Result<(), Fault> {
        self.step(|state| state.store.ask(requests))
    }

    fn tell(&mut self, notices: &[(ClientId, Vec<u8>)]) -> Result<(), Fault> {
        self.step(|state| state.store.tell(notices))
    }

    fn hear(&mut self, worker: &WorkerId, wait: Duration) -> Result<Vec<Vec<u8>>, Fault> {
        self.wait_for_some(wait, |state| state.store.hear(worker))
    }

    fn retire(&mut self, worker: &WorkerId) -> Result<(), Fault> {
        self.step(|state| state.store.retire(worker))
    }
}
