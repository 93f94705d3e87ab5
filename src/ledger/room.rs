//! Room for one more task to wait.

use super::{Ledger, bound::InLine};
use crate::sync::Arc;
use std::task::{Poll, Waker};

/// Room for one task that nobody has submitted yet; given back if nobody does.
#[derive(Debug)]
pub(crate) struct Room(Option<Ledger>);

impl Room {
    /// A task has it now, and gives it back when it starts.
    pub(crate) fn used(mut self) {
        self.0 = None;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(ledger) = &self.0 {
            ledger.give_room();
        }
    }
}

/// A wait for room.
pub(crate) struct WaitForRoom {
    ledger: Ledger,
    place: Option<Arc<InLine>>,
}

impl WaitForRoom {
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<Room> {
        let ready = match &self.ledger.0.bound {
            Some(bound) => bound.poll_acquire(&mut self.place, waker),
            None => Poll::Ready(()),
        };
        ready.map(|()| Room(Some(self.ledger.clone())))
    }
}

impl Drop for WaitForRoom {
    fn drop(&mut self) {
        if let (Some(place), Some(bound)) = (&self.place, &self.ledger.0.bound) {
            bound.step_out(place);
            bound.wake();
        }
    }
}

impl Ledger {
    /// Whether a submission would go through without waiting.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.0.bound.as_ref().is_none_or(super::Bound::has_room)
    }

    /// A wait until one more task may queue. An executor that is shut down has room: it refuses the task.
    pub(crate) fn wait_for_room(&self) -> WaitForRoom {
        WaitForRoom {
            ledger: self.clone(),
            place: None,
        }
    }

    /// Takes the room of one task if there is some now.
    pub(crate) fn try_room(&self) -> bool {
        self.0.bound.as_ref().is_none_or(super::Bound::try_acquire)
    }

    /// Takes the room of one task even where there is none: the executor's own tasks are never held up.
    pub(crate) fn force_room(&self) {
        if let Some(bound) = &self.0.bound {
            bound.force();
        }
    }

    /// As [`force_room`](Self::force_room), for a task that is still to come.
    pub(crate) fn forced_room(&self) -> Room {
        self.force_room();
        Room(Some(self.clone()))
    }

    /// A task left the queue.
    #[inline]
    pub(crate) fn give_room(&self) {
        if let Some(bound) = &self.0.bound {
            bound.release();
            bound.wake();
        }
    }

    /// As [`give_room`](Self::give_room), by who holds a lock and calls [`wake_who_has_room`](Self::wake_who_has_room)
    /// without it.
    pub(crate) fn give_room_quietly(&self) {
        if let Some(bound) = &self.0.bound {
            bound.release();
        }
    }

    pub(crate) fn wake_who_has_room(&self) {
        if let Some(bound) = &self.0.bound {
            bound.wake();
        }
    }
}
