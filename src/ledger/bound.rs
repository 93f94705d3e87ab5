//! The bound on tasks that wait: a fair semaphore that the executor's own tasks may overdraw.

use crate::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};
use std::{
    collections::VecDeque,
    task::{Poll, Waker},
};

pub(super) struct Bound {
    max: usize,
    state: Mutex<State>,
}

struct State {
    /// May exceed `max`: the executor's own tasks are not held up.
    tasks: usize,
    /// Those who wait for room, first come, first served.
    waiting: VecDeque<Arc<InLine>>,
    /// Those who got room, to be woken when no lock is held.
    to_wake: Vec<Arc<InLine>>,
    closed: bool,
}

/// Somebody who waits for room.
pub(super) struct InLine {
    has_room: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Bound {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            state: Mutex::new(State {
                tasks: 0,
                waiting: VecDeque::new(),
                to_wake: Vec::new(),
                closed: false,
            }),
        }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn try_acquire(&self) -> bool {
        let mut state = self.state.lock();
        let there_is = state.has_room(self.max);
        state.tasks += usize::from(there_is);
        there_is
    }

    /// Takes room, or a place in line.
    pub(super) fn poll_acquire(&self, place: &mut Option<Arc<InLine>>, waker: &Waker) -> Poll<()> {
        if let Some(in_line) = place {
            let new = waker.clone();
            let old = in_line.waker.lock().replace(new);
            drop(old);
        } else {
            let new = waker.clone();
            let mut state = self.state.lock();
            if state.has_room(self.max) {
                state.tasks += 1;
                return Poll::Ready(());
            }
            let in_line = Arc::new(InLine {
                has_room: AtomicBool::new(false),
                waker: Mutex::new(Some(new)),
            });
            state.waiting.push_back(in_line.clone());
            *place = Some(in_line);
        }
        // Who gives room marks it first and takes the waker second.
        match place {
            Some(in_line) if in_line.has_room.load(SeqCst) => {
                *place = None;
                Poll::Ready(())
            }
            _ => Poll::Pending,
        }
    }

    /// Gives up a place in line, and the room that it may have got.
    pub(super) fn step_out(&self, place: &Arc<InLine>) {
        let mut state = self.state.lock();
        if place.has_room.load(SeqCst) {
            drop(state);
            self.release();
        } else {
            state.waiting.retain(|other| !Arc::ptr_eq(other, place));
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.state.lock().has_room(self.max)
    }

    pub(super) fn force(&self) {
        self.state.lock().tasks += 1;
    }

    /// Gives room. Whoever gets it is woken by [`wake`](Self::wake).
    pub(super) fn release(&self) {
        let mut state = self.state.lock();
        state.tasks -= 1;
        state.let_in(self.max);
    }

    pub(super) fn wake(&self) {
        let to_wake = std::mem::take(&mut self.state.lock().to_wake);
        for waker in to_wake.iter().filter_map(|in_line| in_line.waker.lock().take()) {
            crate::panic::contain(|| waker.wake());
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.let_in(self.max);
        drop(state);
        self.wake();
    }
}

impl State {
    fn has_room(&self, max: usize) -> bool {
        self.closed || self.tasks < max && self.waiting.is_empty()
    }

    fn let_in(&mut self, max: usize) {
        while (self.closed || self.tasks < max)
            && let Some(first) = self.waiting.pop_front()
        {
            self.tasks += 1;
            first.has_room.store(true, SeqCst);
            self.to_wake.push(first);
        }
    }
}
