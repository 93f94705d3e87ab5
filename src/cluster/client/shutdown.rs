//! How a client comes to its end.

use super::{Client, Engine, State, flights::Leg};
use crate::{
    cluster::message::Treatment,
    error::TaskError,
    executor::Shutdown,
    ledger::{AtRest, Ledger},
    lifecycle::Stage,
    remote::News,
};

impl Client {
    pub(in crate::cluster) fn begin_shutdown(&self, how: Shutdown) {
        let target = Stage::of(how);
        if target > Stage::Finishing {
            self.ledger.request_stop();
        }
        let mut news = News::default();
        let mut withdrawn = Vec::new();
        let mut state = self.lock();
        state.stage = state.stage.max(target);
        self.ledger.refuse_from_now_on();
        if state.stage == Stage::Cancelling || state.stage == Stage::Killing {
            let is_kill = state.stage == Stage::Killing;
            for (parcel, _) in std::mem::take(&mut state.queue) {
                news.cancel.push(parcel);
            }
            // The newest ones first: what runs is asked to stop when nothing is left that would start in its place.
            for number in state.flights.numbers().into_iter().rev() {
                state.stop(number, is_kill, &self.ledger, &mut news);
            }
            withdrawn = state.flights.numbers();
        }
        // It may be at rest already, which the sender finds out.
        state.sender_sleeps = false;
        self.release(state, news);
        self.to_send.notify_one();
        self.changed.notify_all();
        self.wait_for_withdrawn(&withdrawn);
    }

    /// Nothing is left, and nothing can come any more.
    pub(super) fn is_over(&self, state: &State) -> bool {
        let flights = &state.flights;
        let has_said_all = flights.errands.is_empty() && flights.litter.is_empty()
            || !matches!(state.engine, Engine::Connected);
        state.stage > Stage::Open && state.is_at_rest() && has_said_all && !self.ledger.is_held()
    }
}

impl State {
    pub(super) fn stop(&mut self, number: u64, is_kill: bool, ledger: &Ledger, news: &mut News) {
        let Some(flight) = self.flights.get(number) else {
            return;
        };
        if flight.leg == Leg::Ashore {
            return self.came_back(number, news);
        }
        if is_kill {
            self.withdraw(number);
            self.fail(number, &TaskError::Cancelled, ledger, news);
        } else {
            self.send_errand(number, Treatment::AskToStop);
        }
    }
}

impl AtRest for Client {
    fn came_to_rest(&self) {
        let mut state = self.lock();
        state.sender_sleeps = false;
        drop(state);
        self.to_send.notify_one();
    }
}
