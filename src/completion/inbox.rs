//! Where tasks that end leave their numbers for the one who collects them.

use crate::{
    future::{host, waiter::Report},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use std::{
    collections::VecDeque,
    task::{Poll, Waker},
    time::Instant,
};

#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<Letters>,
    /// How many lie in the box; read without the lock by a thread that spins before it parks.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Letters {
    numbers: VecDeque<usize>,
    reader: Option<Waker>,
}

impl Inbox {
    pub(crate) fn try_next(&self) -> Option<usize> {
        let number = self.state.lock().numbers.pop_front()?;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(number)
    }

    /// Waits for a number until `until`, or for ever.
    pub(crate) fn wait_next(&self, until: Option<Instant>) -> Option<usize> {
        let next = host::block_on(
            until,
            || self.waiting.load(Ordering::Relaxed) > 0,
            |waker| self.poll_next(waker),
        );
        if next.is_none() {
            let reader = self.state.lock().reader.take();
            drop(reader);
        }
        next
    }

    pub(crate) fn poll_next(&self, waker: &Waker) -> Poll<usize> {
        let mut letters = self.state.lock();
        if let Some(number) = letters.numbers.pop_front() {
            drop(letters);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Poll::Ready(number);
        }
        let replaced = match &letters.reader {
            Some(reader) if reader.will_wake(waker) => None,
            _ => letters.reader.replace(waker.clone()),
        };
        drop(letters);
        drop(replaced);
        Poll::Pending
    }
}

impl Report for Inbox {
    fn ended(&self, number: usize) {
        let mut letters = self.state.lock();
        letters.numbers.push_back(number);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let reader = letters.reader.take();
        drop(letters);
        if let Some(reader) = reader {
            crate::panic::contain(|| reader.wake());
        }
    }
}
