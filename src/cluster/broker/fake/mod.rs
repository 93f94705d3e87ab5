//! An engine in memory, for tests: it keeps what the seam promises, and drops, delays, repeats and forgets when it is told to.
//!
//! Its time is its own: it goes on when a test says so ([`FakeBroker::advance`]), and by itself never. Operations do not wait: they return
//! what there is. One that is [patient](FakeBroker::patient) does wait, for threads that are run against it.

mod queues;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod troubles;

use super::{Broker, ClientId, Fault, Session};
use crate::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use store::Store;
use troubles::{Trouble, Troubles};

/// What it keeps, as it was at some time.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot(Store);

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // They are answers to different questions.
struct State {
    store: Store,
    troubles: Troubles,
    is_away: bool,
    is_full: bool,
    refuses: bool,
    repeats: bool,
    /// Grows with each break of all connections. A session of an older count is broken.
    breaks: u64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something has changed, for those who wait.
    changed: Condvar,
    waits: bool,
}

/// The engine. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct FakeBroker(Arc<Shared>);

impl FakeBroker {
    /// One that never waits.
    pub(crate) fn new() -> Self {
        Self::with_waits(false)
    }

    /// One whose operations wait, in real time, for as long as they are asked to.
    pub(crate) fn patient() -> Self {
        Self::with_waits(true)
    }

    fn with_waits(waits: bool) -> Self {
        let broker = Self(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            waits,
        }));
        // At the time zero everything would lie at the place that is before all others.
        broker.advance(Duration::from_secs(1));
        broker
    }

    fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let answer = act(&mut self.0.state.lock());
        self.0.changed.notify_all();
        answer
    }

    // What happens to it.

    /// Its time goes on: holds and leases age, and end.
    pub(crate) fn advance(&self, by: Duration) {
        self.change(|state| state.store.advance(by));
    }

    /// It cannot be reached, or can be again. All sessions that there are break, and none is opened meanwhile.
    pub(crate) fn away(&self, is_away: bool) {
        self.change(|state| {
            state.is_away = is_away;
            state.breaks += 1;
        });
    }

    /// All sessions that there are break.
    pub(crate) fn disconnect(&self) {
        self.change(|state| state.breaks += 1);
    }

    /// After so many others an operation fails, and has not happened.
    pub(crate) fn fail_before(&self, skipped: u64) {
        self.change(|state| state.troubles.plan(skipped, Trouble::Before));
    }

    /// After so many others an operation happens, and its answer is lost.
    pub(crate) fn fail_after(&self, skipped: u64) {
        self.change(|state| state.troubles.plan(skipped, Trouble::After));
    }

    /// From here on one in so many operations fails, before or after it has happened; which ones, the seed says.
    pub(crate) fn fail_at_random(&self, seed: u64, one_in: u64) {
        self.change(|state| state.troubles.at_random(seed, one_in));
    }

    /// Nothing that was planned fails any more.
    pub(crate) fn fail_no_more(&self) {
        self.change(|state| state.troubles.none());
    }

    /// It lets nobody submit, or does again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.change(|state| state.refuses = refuses);
    }

    /// It has no room for tasks and payloads, or has again.
    pub(crate) fn full(&self, is_full: bool) {
        self.change(|state| state.is_full = is_full);
    }

    /// The next fetch takes over a task that another worker has, as if that one had lost its hold.
    pub(crate) fn repeat(&self) {
        self.change(|state| state.repeats = true);
    }

    /// All data is gone; sessions live on.
    pub(crate) fn wipe(&self) {
        self.restart_with(Store::default());
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.0.state.lock().store.clone())
    }

    /// Data is as it was; time is not. All sessions break: data goes back in time only with another server, or a new process of it.
    pub(crate) fn roll_back(&self, snapshot: &Snapshot) {
        self.restart_with(snapshot.0.clone());
        self.disconnect();
    }

    /// Puts other data in the place of what it has. That takes a moment, so that no position is given out twice.
    fn restart_with(&self, mut store: Store) {
        self.change(|state| {
            let passed = state.store.now.saturating_sub(store.now);
            store.advance(passed + Duration::from_millis(1));
            state.store = store;
        });
    }

    /// The lease of a client is over.
    pub(crate) fn expire_lease(&self, client: &ClientId) {
        self.change(|state| state.store.end_lease(client));
    }

    // What a test can see of it.

    /// How long it has been there.
    pub(crate) fn now(&self) -> Duration {
        self.0.state.lock().store.now
    }

    /// How many tasks lie in a queue, held ones included.
    pub(crate) fn queued(&self, label: Option<&str>) -> usize {
        self.0.state.lock().store.queues.len(label)
    }

    pub(crate) fn blobs(&self) -> usize {
        self.0.state.lock().store.blobs.len()
    }

    /// A line for each task, lease, row, request and payload that it still has.
    pub(crate) fn left(&self) -> Vec<String> {
        self.0.state.lock().store.left()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left().is_empty()
    }
}

impl Broker for FakeBroker {
    fn open(&self) -> Result<Box<dyn Session>, Fault> {
        let state = self.0.state.lock();
        if state.is_away {
            return Err(Fault::Away("the fake is away".to_owned()));
        }
        Ok(Box::new(session::FakeSession::new(self.0.clone(), state.breaks)))
    }

    fn address(&self) -> String {
        "fake".to_owned()
    }
}
