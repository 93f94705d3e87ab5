//! What keeps an executor open although no worker has it: something about an ended task that is still to be told, a task
//! that waits to be tried again.

use super::Ledger;
use crate::sync::global::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
};
use std::{
    collections::BTreeMap,
    sync::{OnceLock, Weak},
};

/// Somebody to be told that an executor is no longer held open.
pub(crate) trait AtRest: Send + Sync {
    fn came_to_rest(&self);
}

/// Somebody who waits outside of the queues, and has to hear when what has not started shall not start.
pub(crate) trait Waiting: Send + Sync {
    fn stopped(&self);
}

#[derive(Default)]
pub(super) struct Holds {
    count: AtomicUsize,
    next: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Weak<dyn Waiting>>>,
    at_rest: OnceLock<Weak<dyn AtRest>>,
}

/// An executor is held open for as long as this lives.
#[must_use]
pub(crate) struct Hold {
    ledger: Ledger,
    waiting: Option<u64>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let holds = &self.ledger.0.holds;
        if let Some(number) = self.waiting {
            let gone = holds.waiting.lock().remove(&number);
            drop(gone);
        }
        if holds.count.fetch_sub(1, SeqCst) == 1
            && let Some(executor) = holds.at_rest.get().and_then(Weak::upgrade)
        {
            executor.came_to_rest();
        }
    }
}

impl Ledger {
    /// Whom to tell when the last hold is gone. Of use for an executor that nothing else makes look then.
    pub(crate) fn tell_at_rest(&self, executor: Weak<dyn AtRest>) {
        let _ = self.0.holds.at_rest.set(executor);
    }

    /// Holds the executor open.
    pub(crate) fn hold(&self) -> Hold {
        self.0.holds.count.fetch_add(1, SeqCst);
        Hold {
            ledger: self.clone(),
            waiting: None,
        }
    }

    /// As [`hold`](Self::hold), for somebody who waits. One who comes when the executor has been stopped is not told: he
    /// has to look.
    pub(crate) fn hold_for(&self, who: Weak<dyn Waiting>) -> Hold {
        let mut hold = self.hold();
        let number = self.0.holds.next.fetch_add(1, SeqCst);
        self.0.holds.waiting.lock().insert(number, who);
        hold.waiting = Some(number);
        hold
    }

    pub(crate) fn is_held(&self) -> bool {
        self.0.holds.count.load(SeqCst) > 0
    }

    /// Tells those who wait that they need not.
    pub(super) fn stop_waiting(&self) {
        let waiting = std::mem::take(&mut *self.0.holds.waiting.lock());
        for who in waiting.into_values().filter_map(|who| who.upgrade()) {
            who.stopped();
        }
    }
}
