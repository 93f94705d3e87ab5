//! The bound on tasks that wait: a semaphore that the executor's own tasks may overdraw.

use crate::sync::{Condvar, Mutex};

pub(super) struct Bound {
    max: usize,
    state: Mutex<Pending>,
    room: Condvar,
}

struct Pending {
    /// May exceed `max`: the executor's own tasks are not held up.
    tasks: usize,
    closed: bool,
}

impl Bound {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            state: Mutex::new(Pending {
                tasks: 0,
                closed: false,
            }),
            room: Condvar::new(),
        }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn acquire(&self) {
        let mut pending = self.state.lock();
        while pending.tasks >= self.max && !pending.closed {
            self.room.wait(&mut pending);
        }
        pending.tasks += 1;
    }

    pub(super) fn try_acquire(&self) -> bool {
        let mut pending = self.state.lock();
        let there_is = pending.tasks < self.max || pending.closed;
        pending.tasks += usize::from(there_is);
        there_is
    }

    pub(super) fn has_room(&self) -> bool {
        let pending = self.state.lock();
        pending.tasks < self.max || pending.closed
    }

    pub(super) fn force(&self) {
        self.state.lock().tasks += 1;
    }

    pub(super) fn release(&self) {
        let mut pending = self.state.lock();
        pending.tasks -= 1;
        if pending.tasks < self.max {
            self.room.notify_one();
        }
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.room.notify_all();
    }
}
