//! What bounds how many items of a map are in flight: `options().max_in_flight(..)`.
//!
//! Every item that goes through has a *permit*, in its work if that runs in this process. It lets the next item through
//! when it is dropped: when the work has ended (not when its deadline has passed and it goes on all the same), or
//! will never run. That happens inside the executor, before it has let go of the item that ends, so one that is
//! shutting down is still there for the next.

use super::{Readmit, reason_of_stop};
use crate::{
    future::{TaskFuture, core::Outcome},
    ledger::{Ledger, Mode},
    panic,
    sync::{Arc, Mutex},
    task::{CarrierHandle, Job, Parcel, Task, guarded},
};
use futures::FutureExt;
use std::{
    collections::VecDeque,
    future::Future,
    num::NonZeroUsize,
    thread::{self, ThreadId},
};

/// The consumer's side.
pub(super) struct Gate {
    /// Items that have come so far.
    items: usize,
    readmit: Readmit,
    line: Arc<Line>,
}

/// The items of a map that are in flight, and those that stand in line.
struct Line {
    most: usize,
    ledger: Ledger,
    state: Mutex<State>,
}

struct State {
    in_flight: usize,
    /// In the order of their numbers.
    waiting: VecDeque<(usize, Launch)>,
    /// Threads that let items through; one of them inside the other would grow the stack with the line.
    launching: Vec<ThreadId>,
}

/// An item that stands ready, with the way that it goes.
enum Launch {
    Execute(Task, Readmit),
    Carry(Arc<dyn Parcel>, CarrierHandle),
}

/// An item's place among those in flight, or in line.
pub(super) struct Permit {
    number: usize,
    line: Arc<Line>,
}

impl Gate {
    pub(super) fn new(most: NonZeroUsize, readmit: Readmit, ledger: Ledger) -> Self {
        let state = State {
            in_flight: 0,
            waiting: VecDeque::new(),
            launching: Vec::new(),
        };
        let line = Line {
            most: most.get(),
            ledger,
            state: Mutex::new(state),
        };
        Self {
            items: 0,
            readmit,
            line: Arc::new(line),
        }
    }

    /// Executes the task that `make` makes, now or when there is a place.
    pub(super) fn execute<R>(&mut self, make: impl FnOnce(Permit) -> (TaskFuture<R>, Task)) -> TaskFuture<R> {
        let permit = self.permit();
        let number = permit.number;
        let (future, task) = make(permit);
        self.line
            .join(number, Launch::Execute(task, self.readmit.clone()));
        future
    }

    /// Has a parcel carried, now or when there is a place. Its work is elsewhere, so its future has the permit.
    pub(super) fn carry<R: Send + 'static>(
        &mut self,
        future: &TaskFuture<R>,
        parcel: Arc<dyn Parcel>,
        carrier: CarrierHandle,
    ) {
        let permit = self.permit();
        let number = permit.number;
        future.on_done(move |_| drop(permit));
        self.line.join(number, Launch::Carry(parcel, carrier));
    }

    fn permit(&mut self) -> Permit {
        self.items += 1;
        Permit {
            number: self.items,
            line: self.line.clone(),
        }
    }
}

impl Line {
    fn join(&self, number: usize, launch: Launch) {
        self.state.lock().waiting.push_back((number, launch));
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
    }
}

impl Launch {
    fn go(self, ledger: &Ledger) {
        // It would be refused as if it had come after the shutdown.
        let is_late = ledger.stop_requested();
        match self {
            Self::Execute(task, _) if is_late => task.refuse(reason_of_stop(ledger)),
            Self::Carry(parcel, _) if is_late => parcel.refuse(reason_of_stop(ledger)),
            Self::Execute(task, readmit) => readmit(task),
            Self::Carry(parcel, carrier) => carrier.0.carry(parcel),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.line.leave(self.number);
    }
}

/// A call that has a permit.
pub(super) struct Permitted<J> {
    job: J,
    permit: Permit,
}

impl<J> Permitted<J> {
    pub(super) fn new(job: J, permit: Permit) -> Self {
        Self { job, permit }
    }
}

impl<J: Job> Job for Permitted<J> {
    type Output = J::Output;

    fn run(self, mode: Mode) -> Outcome<J::Output> {
        // Not dropped by a panic on its way up: letting the next item through is no clean-up.
        let outcome = guarded(|| self.job.run(mode));
        drop(self.permit);
        outcome
    }
}

/// A future that has a permit.
pub(super) fn permitted<R>(
    future: impl Future<Output = Outcome<R>>,
    permit: Permit,
) -> impl Future<Output = Outcome<R>> {
    future.map(|outcome| {
        drop(permit);
        outcome
    })
}
