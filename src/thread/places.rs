//! Seats and who sits on them (rules 6 to 8 of `README.md`).
//!
//! There are exactly as many *seats* as workers; a thread runs tasks only while it has one. A thread that blocks
//! inside a task gives its seat to a spare thread; when it goes on, it finishes its task without a seat, and
//! some thread that has one steps down for it as soon as its own task is over.

use super::queues::Seat;
use crate::sync::{Condvar, Mutex, atomic::AtomicUsize, atomic::Ordering::Relaxed};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// How long a spare thread without a seat stays: waits inside tasks come in bursts, and starting a thread costs
/// as much as a hundred small tasks.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Places {
    state: Mutex<State>,
    /// A seat is offered, or the pool is closed.
    offered: Condvar,
    /// Threads that go on without a seat and for which nobody has stepped down yet. Changed under the lock, read
    /// without it after every task.
    overcommitted: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// Seats that wait for a thread.
    offered: Vec<Seat>,
    /// Seats of those who stepped down; each belongs to a thread that runs without one.
    vacant: Vec<Seat>,
    /// Seats that no thread could be prepared for.
    dead: Vec<Seat>,
    /// Threads that wait for a seat.
    waiting: usize,
    closed: bool,
}

/// What a thread that gives a seat away has to do.
#[must_use]
pub(super) enum Offer {
    /// Somebody takes it.
    Taken,
    /// There is no spare thread: start one.
    StartThread,
}

impl Places {
    /// A thread is about to block. If it has no seat, it gives up its claim to one.
    pub(super) fn leave(&self, seat: Option<Seat>) -> Offer {
        let mut state = self.state.lock();
        match seat {
            Some(seat) => self.offer(&mut state, seat),
            None if self.overcommitted.load(Relaxed) > 0 => {
                self.overcommitted.fetch_sub(1, Relaxed);
                Offer::Taken
            }
            None => match state.vacant.pop() {
                Some(seat) => self.offer(&mut state, seat),
                // The pool is being closed and the seats are gone.
                None => Offer::Taken,
            },
        }
    }

    fn offer(&self, state: &mut State, seat: Seat) -> Offer {
        state.offered.push(seat);
        if state.waiting >= state.offered.len() {
            self.offered.notify_one();
            Offer::Taken
        } else {
            Offer::StartThread
        }
    }

    /// A thread goes on after it blocked: with a seat if one is still free, else without.
    pub(super) fn come_back(&self) -> Option<Seat> {
        let mut state = self.state.lock();
        let seat = state.offered.pop();
        if seat.is_none() {
            self.overcommitted.fetch_add(1, Relaxed);
        }
        seat
    }

    /// Whether somebody goes on without a seat for whom nobody has stepped down.
    pub(super) fn is_overcommitted(&self) -> bool {
        self.overcommitted.load(Relaxed) > 0
    }

    /// A thread is between two tasks and gives up its seat for one that runs without. Gives it back if that is
    /// not needed any more.
    pub(super) fn step_down(&self, seat: Seat) -> Option<Seat> {
        let mut state = self.state.lock();
        if self.overcommitted.load(Relaxed) == 0 {
            return Some(seat);
        }
        self.overcommitted.fetch_sub(1, Relaxed);
        state.vacant.push(seat);
        None
    }

    /// A thread that went on without a seat has finished its task: it takes the one that was left for it, or
    /// none.
    pub(super) fn end_without_seat(&self) -> Option<Seat> {
        let mut state = self.state.lock();
        if self.overcommitted.load(Relaxed) > 0 {
            self.overcommitted.fetch_sub(1, Relaxed);
            None
        } else {
            state.vacant.pop()
        }
    }

    /// A thread that goes on without a seat takes one that was left for such as it before its task is over.
    pub(super) fn sit_down_early(&self) -> Option<Seat> {
        self.state.lock().vacant.pop()
    }

    /// Waits for a seat; `None` if none was needed for long, or the pool is closed.
    pub(super) fn wait_for_seat(&self) -> Option<Seat> {
        let until = Instant::now() + KEEP_ALIVE;
        let mut state = self.state.lock();
        state.waiting += 1;
        let seat = loop {
            if let Some(seat) = state.offered.pop() {
                break Some(seat);
            }
            if state.closed || self.offered.wait_until(&mut state, until).timed_out() {
                break state.offered.pop();
            }
        };
        state.waiting -= 1;
        seat
    }

    /// Takes a seat that was offered, if the thread that was to take it could not be started.
    pub(super) fn take_back(&self) -> Option<Seat> {
        self.state.lock().offered.pop()
    }

    /// A thread could not be prepared for its seat. True if no seat is left.
    pub(super) fn bury(&self, seat: Seat, seats: usize) -> bool {
        let mut state = self.state.lock();
        state.dead.push(seat);
        state.dead.len() == seats
    }

    /// Takes all seats for another try.
    pub(super) fn unbury(&self) -> Vec<Seat> {
        std::mem::take(&mut self.state.lock().dead)
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        // What is left in the queues of seats nobody sits on is dropped here, and so resolved.
        let seats = (std::mem::take(&mut state.vacant), std::mem::take(&mut state.dead));
        drop(state);
        self.offered.notify_all();
        drop(seats);
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Places");
        match self.state.try_lock() {
            Some(state) => debug
                .field("offered", &state.offered.len())
                .field("vacant", &state.vacant.len())
                .field("dead", &state.dead.len())
                .field("waiting_threads", &state.waiting),
            None => debug.field("state", &"<locked>"),
        };
        debug
            .field("overcommitted", &self.overcommitted.load(Relaxed))
            .finish()
    }
}
