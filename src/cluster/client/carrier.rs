//! How the verbs see the client: as who carries parcels to workers elsewhere.

use super::{Client, State, send::context_key};
use crate::{
    error::TaskError,
    future::host,
    lifecycle::Stage,
    remote::News,
    sync::Arc,
    task::{Admission, Carrier, Parcel, Reaction, Whereabouts},
};

/// So many batches stand ready to be sent; the rest can wait where it is.
const READY: usize = 512;

/// So many batches of maps are on their way before results have to come back: enough for the workers while messages travel.
const MAPS_AHEAD: usize = 32;
const MAPS_AHEAD_PER_SLOT: usize = 4;

/// The way to workers that have a label.
pub(in crate::cluster) struct Lane {
    pub(in crate::cluster) client: Arc<Client>,
    pub(in crate::cluster) label: Arc<str>,
}

impl Client {
    fn take(&self, parcel: Arc<dyn Parcel>, label: Option<Arc<str>>, admission: Admission) {
        let is_let_in = admission == Admission::Accepted || host::is_inside(self.ledger.id());
        let mut state = self.lock();
        if state.stage == Stage::Open || state.stage == Stage::Finishing && is_let_in {
            state.queue.push_back((parcel, label));
            self.release(state, News::default());
        } else {
            drop(state);
            // An attempt that follows another was let in by a client that was cancelled meanwhile.
            let is_cancelled = admission == Admission::Accepted && self.ledger.stop_requested();
            parcel.refuse(if is_cancelled {
                TaskError::Cancelled
            } else {
                TaskError::ShutDown
            });
        }
    }
}

impl Carrier for Client {
    fn carry(self: Arc<Self>, parcel: Arc<dyn Parcel>, admission: Admission) {
        self.take(parcel, None, admission);
    }

    /// Results are taken in as they come, by a thread that does nothing else.
    fn look(&self) {}

    fn look_closely(&self) {
        self.ask_how_it_stands();
    }

    fn awaited(&self) {}

    fn attend(&self, done: &dyn Fn() -> bool) -> bool {
        done()
    }

    fn intercept(&self, task: &dyn Parcel, decide: &mut dyn FnMut(Whereabouts) -> Reaction) {
        match task.place() {
            Some(place) => self.intercept_task(place, decide),
            None => self.intercept_map(task, decide),
        }
    }

    fn forget(&self, context: u64) {
        let mut state = self.lock();
        if state.contexts.remove(&context) {
            let key = context_key(&state.name, context);
            state.flights.litter.push(key);
        }
        self.release(state, News::default());
    }
}

impl Carrier for Lane {
    fn carry(self: Arc<Self>, parcel: Arc<dyn Parcel>, admission: Admission) {
        self.client.take(parcel, Some(self.label.clone()), admission);
    }

    fn look(&self) {}

    fn look_closely(&self) {
        self.client.ask_how_it_stands();
    }

    fn awaited(&self) {}

    fn attend(&self, done: &dyn Fn() -> bool) -> bool {
        done()
    }

    fn intercept(&self, task: &dyn Parcel, decide: &mut dyn FnMut(Whereabouts) -> Reaction) {
        self.client.intercept(task, decide);
    }

    fn forget(&self, context: u64) {
        self.client.forget(context);
    }
}

impl State {
    /// What was cancelled while it waited must neither keep the client open nor stand before others.
    pub(super) fn load_next(&mut self, slots: usize, news: &mut News) {
        let most_of_maps = MAPS_AHEAD + slots * MAPS_AHEAD_PER_SLOT;
        // Each is looked at once: what is not taken now waits for results.
        for _ in 0..self.queue.len() {
            if self.flights.count_ashore() >= READY {
                return;
            }
            let Some((parcel, label)) = self.queue.pop_front() else {
                return;
            };
            let is_map = parcel.place().is_none();
            let may_wait = self.flights.of_maps() >= slots && !parcel.is_worth_a_batch();
            if is_map && (self.flights.of_maps() >= most_of_maps || may_wait) && parcel.waiting() > 0 {
                self.queue.push_back((parcel, label));
                continue;
            }
            match parcel.load(slots) {
                Some((load, more)) => {
                    self.flights.add(parcel.clone(), label.clone(), load);
                    if more {
                        self.queue.push_back((parcel, label));
                    }
                }
                None => news.gone.push(parcel),
            }
        }
    }
}
