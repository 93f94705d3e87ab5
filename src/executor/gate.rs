//! What bounds how many items of a map are in flight: `options().max_in_flight(..)`.
//!
//! Every item that goes through has a *permit*, in its work if that runs in this process. It lets the next item through
//! when it is dropped: when the work has ended (not when its deadline has passed and it goes on all the same), or
//! will never run. That happens inside the executor, before it has let go of the item that ends, so one that is
//! shutting down is still there for the next.

use super::launch::Launch;
use crate::{
    ledger::{Hold, Ledger, Waiting},
    panic,
    sync::{
        Arc, Mutex,
        thread::{self, ThreadId},
    },
};
use std::{collections::VecDeque, num::NonZeroUsize, sync::Weak};

/// The items of a map that are in flight, and those that stand in line.
pub(super) struct Line {
    most: usize,
    ledger: Ledger,
    state: Mutex<State>,
    me: Weak<Self>,
}

#[derive(Default)]
struct State {
    /// Items that have come so far, each attempt counted.
    items: usize,
    in_flight: usize,
    /// In the order of their numbers.
    waiting: VecDeque<(usize, Launch)>,
    /// The executor is there for those who wait.
    hold: Option<Hold>,
    /// Threads that let items through; one of them inside the other would grow the stack with the line.
    launching: Vec<ThreadId>,
}

/// An item's place among those in flight, or in line.
pub(crate) struct Permit {
    number: usize,
    line: Arc<Line>,
}

impl Permit {
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

impl Line {
    pub(super) fn new(most: NonZeroUsize, ledger: Ledger) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            most: most.get(),
            ledger,
            state: Mutex::default(),
            me: me.clone(),
        })
    }

    pub(super) fn permit(self: &Arc<Self>) -> Permit {
        let mut state = self.state.lock();
        state.items += 1;
        Permit {
            number: state.items,
            line: self.clone(),
        }
    }

    /// Launches the item with this number, now or when there is a place.
    pub(super) fn join(&self, number: usize, launch: Launch) {
        let mut state = self.state.lock();
        let place = state.waiting.partition_point(|(other, _)| *other < number);
        state.waiting.insert(place, (number, launch));
        if state.hold.is_none() && state.in_flight >= self.most {
            let me: Weak<dyn Waiting> = self.me.clone();
            state.hold = Some(self.ledger.hold_for(me));
        }
        drop(state);
        if self.ledger.stop_requested() {
            self.stopped();
        }
        self.let_through();
    }

    fn leave(&self, number: usize) {
        let mut state = self.state.lock();
        let place = state.waiting.binary_search_by_key(&number, |(number, _)| *number);
        if let Ok(place) = place {
            // It was cancelled while it stood in line.
            let launch = state.waiting.remove(place);
            drop(state);
            drop(launch);
        } else {
            state.in_flight -= 1;
            drop(state);
            self.let_through();
        }
    }

    /// Lets as many through as there are places.
    fn let_through(&self) {
        let this_thread = thread::current().id();
        let mut state = self.state.lock();
        if state.launching.contains(&this_thread) {
            return;
        }
        state.launching.push(this_thread);
        while state.in_flight < self.most
            && let Some((_, launch)) = state.waiting.pop_front()
        {
            state.in_flight += 1;
            drop(state);
            panic::contain(|| launch.go(&self.ledger));
            state = self.state.lock();
        }
        state.launching.retain(|thread| *thread != this_thread);
        let hold = if state.waiting.is_empty() {
            state.hold.take()
        } else {
            None
        };
        drop(state);
        drop(hold);
    }
}

impl Waiting for Line {
    /// None of those who wait will start: they need not wait to hear it.
    fn stopped(&self) {
        let mut state = self.state.lock();
        let (waiting, hold) = (std::mem::take(&mut state.waiting), state.hold.take());
        state.in_flight += waiting.len();
        drop(state);
        for (_, launch) in waiting {
            panic::contain(|| launch.go(&self.ledger));
        }
        drop(hold);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.line.leave(self.number);
    }
}
