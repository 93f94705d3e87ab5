//! Who waits for one task: a thread or an async task (both are woken), or something that collects many.

use crate::sync::{
    Arc, Condvar, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::{
    cell::RefCell,
    task::{Wake, Waker},
    time::Instant,
};

/// The one waiter of a task.
pub(crate) enum Waiter {
    /// A blocked thread or an async task.
    Wake(Waker),
    /// A collection of tasks, and the number this one has in it.
    Report(Arc<dyn Report>, usize),
}

/// Collects the tasks that end. Called by the thread that ended the task: must be quick and must not block.
pub(crate) trait Report: Send + Sync {
    fn ended(&self, number: usize);

    /// Whether it is to be told only when nothing of the work runs any more, although the outcome may be final before
    /// that: a future that is ended while it is being polled goes on until its next await.
    fn waits_for_rest(&self) -> bool {
        false
    }
}

impl Waiter {
    pub(super) fn waits_for_rest(&self) -> bool {
        matches!(self, Self::Report(collection, _) if collection.waits_for_rest())
    }

    pub(super) fn tell(self) {
        match self {
            // A waker is other people's code; its panic must not cost this thread.
            Self::Wake(waker) => crate::panic::contain(|| waker.wake()),
            Self::Report(collection, number) => collection.ended(number),
        }
    }
}

/// Parks one thread; woken through a [`Waker`].
///
/// Not `std::thread::park`, whose token user code may spend or leave behind.
#[derive(Default)]
pub(crate) struct Parker {
    /// Read without the lock by a thread that spins before it parks.
    woken: AtomicBool,
    lock: Mutex<()>,
    condvar: Condvar,
}

impl Parker {
    /// The parker of the calling thread. One is enough: a thread waits in one place at a time, and every
    /// waiter checks what it waits for after each wake-up.
    pub(crate) fn of_this_thread() -> Arc<Self> {
        crate::sync::thread_local!(static PARKER: RefCell<Option<Arc<Parker>>> = const { RefCell::new(None) });
        PARKER
            .try_with(|parker| parker.borrow_mut().get_or_insert_default().clone())
            // The thread is ending and its locals are gone.
            .unwrap_or_default()
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }

    /// Parks until woken. A wake-up that came before counts. False if `until` came first.
    pub(crate) fn park(&self, until: Option<Instant>) -> bool {
        if self.woken.swap(false, Ordering::Acquire) {
            return true;
        }
        let mut guard = self.lock.lock();
        loop {
            if self.woken.swap(false, Ordering::Acquire) {
                return true;
            }
            match until {
                None => self.condvar.wait(&mut guard),
                Some(until) => {
                    if self.condvar.wait_until(&mut guard, until).timed_out() {
                        return self.woken.swap(false, Ordering::Acquire);
                    }
                }
            }
        }
    }

    pub(crate) fn unpark(&self) {
        if !self.woken.swap(true, Ordering::Release) {
            // Taking the lock makes sure that the other is either before its check or inside `wait`.
            drop(self.lock.lock());
            self.condvar.notify_one();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}
