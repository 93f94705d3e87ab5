//! A thread that looks after an executor from aside, for as long as somebody wants it.

use crate::sync::{
    Arc,
    global::{Condvar, Mutex},
};
use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Ends its thread when it is dropped, and waits for that.
pub(super) struct Companion {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// How the thread hears that it is over.
#[derive(Default)]
pub(super) struct Stop {
    is_over: Mutex<bool>,
    rang: Condvar,
}

impl Companion {
    /// Starts a thread of this name. What it does must not panic.
    pub(super) fn start(name: &str, life: impl FnOnce(&Stop) + Send + 'static) -> Self {
        let stop = Arc::new(Stop::default());
        let theirs = stop.clone();
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || life(&theirs))
            .unwrap_or_else(|error| panic!("no thread `{name}` could be started: {error}"));
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Stop {
    /// Waits for so long, or until it is over.
    pub(super) fn is_over_after(&self, time: Duration) -> bool {
        let until = Instant::now().checked_add(time);
        let mut is_over = self.is_over.lock();
        while !*is_over {
            match until {
                Some(until) => {
                    if self.rang.wait_until(&mut is_over, until).timed_out() {
                        break;
                    }
                }
                None => self.rang.wait(&mut is_over),
            }
        }
        *is_over
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        *self.stop.is_over.lock() = true;
        self.stop.rang.notify_all();
        if let Some(thread) = self.thread.take() {
            // Foreign code that the thread calls may drop it.
            if thread.thread().id() != thread::current().id() {
                // It does not panic.
                let _ = thread.join();
            }
        }
    }
}
