use super::{TaskFuture, TaskHandle, core::Outcome, host};
use crate::{
    running::{Awaited, activity},
    runtime,
    sync::{Arc, Mutex},
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

/// A future whose outcome everybody may have: any number of clones, each of which can be waited for more than
/// once. Made by [`TaskFuture::shared`].
///
/// # Examples
///
/// ```
/// use concurrent_futures::ThreadPool;
///
/// let pool = ThreadPool::with_workers(1);
/// let answer = pool.spawn(|| "42".to_string()).shared();
/// let other = answer.clone();
/// assert_eq!(answer.result().unwrap(), "42");
/// assert_eq!(other.result().unwrap(), "42");
/// ```
#[must_use = "dropping the last clone detaches the task: errors and panics go unnoticed"]
pub struct Shared<R> {
    inner: Arc<Inner<R>>,
    /// This clone's place among the waiters while it is being polled.
    place: Option<usize>,
}

struct Inner<R> {
    handle: TaskHandle,
    outcome: OnceLock<Outcome<R>>,
    /// Places are reused; an empty one is `None`.
    waiters: Mutex<Vec<Option<Waker>>>,
}

impl<R: Clone + Send + Sync + 'static> Shared<R> {
    pub(super) fn new(future: &TaskFuture<R>) -> Self {
        let inner = Arc::new(Inner {
            handle: future.handle(),
            outcome: OnceLock::new(),
            waiters: Mutex::new(Vec::new()),
        });
        // The task keeps its callbacks, and a clone keeps the task through its handle: a circle, if the callback kept
        // the clones.
        let receiver = Arc::downgrade(&inner);
        // The future itself is kept by nobody: the callback is all that is wanted of it.
        future.on_done(move |outcome| {
            if let Some(receiver) = receiver.upgrade() {
                receiver.settle(outcome.clone());
            }
        });
        Self { inner, place: None }
    }

    /// A handle to look at the task and to stop it.
    pub fn handle(&self) -> TaskHandle {
        self.inner.handle.clone()
    }

    /// Whether the outcome is there.
    pub fn is_done(&self) -> bool {
        self.inner.outcome.get().is_some()
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    ///
    /// Returns the [`TaskError`](crate::TaskError) that says why the task has no value.
    ///
    /// # Panics
    ///
    /// As [`TaskFuture::result`].
    pub fn result(&self) -> Outcome<R> {
        self.wait_until(None);
        self.inner.outcome.get().expect("waited for").clone()
    }

    /// Waits for the outcome for at most `limit`.
    ///
    /// # Panics
    ///
    /// As [`TaskFuture::result`].
    pub fn result_timeout(&self, limit: Duration) -> Option<Outcome<R>> {
        self.wait_until(Instant::now().checked_add(limit));
        self.inner.outcome.get().cloned()
    }

    fn wait_until(&self, until: Option<Instant>) {
        if self.is_done() || until.is_some_and(|until| until <= Instant::now()) {
            return;
        }
        host::refuse_deadlock([self.inner.handle.executor()], host::AWAIT);
        let mut place = None;
        activity::while_awaiting(Awaited::Task(self.inner.handle.id().number()), || {
            host::block_on(
                until,
                || self.is_done(),
                |waker| {
                    place = self.inner.wait_here(place, waker);
                    if place.is_some() {
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                },
            )
        });
        if let Some(place) = place {
            self.inner.leave(place);
        }
    }
}

impl<R> Inner<R> {
    fn settle(&self, outcome: Outcome<R>) {
        let _ = self.outcome.set(outcome);
        let waiters = std::mem::take(&mut *self.waiters.lock());
        for waiter in waiters.into_iter().flatten() {
            crate::panic::contain(|| waiter.wake());
        }
    }

    /// Registers a waiter in its old place or a free one; `None` if the outcome is there.
    fn wait_here(&self, place: Option<usize>, waker: &Waker) -> Option<usize> {
        let waker = waker.clone();
        let mut waiters = self.waiters.lock();
        // Under the lock: `settle` stores the outcome before it takes the waiters.
        if self.outcome.get().is_some() {
            return None;
        }
        let place = place
            .or_else(|| waiters.iter().position(Option::is_none))
            .unwrap_or(waiters.len());
        if place == waiters.len() {
            waiters.push(None);
        }
        let old = waiters[place].replace(waker);
        drop(waiters);
        drop(old);
        Some(place)
    }

    fn leave(&self, place: usize) {
        let waker = self.waiters.lock().get_mut(place).and_then(Option::take);
        drop(waker);
    }
}

impl<R: Clone + Send + Sync + 'static> Future for Shared<R> {
    type Output = Outcome<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let share = ready!(runtime::proceed(cx));
        let place = self.place;
        self.place = self.inner.wait_here(place, cx.waker());
        host::polled(self.place.is_some());
        let Some(outcome) = self.inner.outcome.get() else {
            activity::polled_in_vain(self.inner.handle.id().number());
            return Poll::Pending;
        };
        share.used();
        Poll::Ready(outcome.clone())
    }
}

impl<R> Unpin for Shared<R> {}

impl<R> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            place: None,
        }
    }
}

impl<R> Drop for Shared<R> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.inner.leave(place);
        }
    }
}

impl<R> fmt::Debug for Shared<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("task", &self.inner.handle)
            .finish_non_exhaustive()
    }
}
