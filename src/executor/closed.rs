use crate::{
    future::host,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

/// Opens once, when an executor is closed. A backend owns one.
///
/// # Examples
///
/// ```
/// use concurrent_futures::backend::Latch;
///
/// let latch = Latch::new();
/// let closed = latch.closed();
/// latch.open();
/// futures::executor::block_on(closed);
/// ```
#[derive(Clone, Default)]
pub struct Latch(Arc<State>);

#[derive(Default)]
struct State {
    open: AtomicBool,
    waiters: Mutex<Vec<Waker>>,
}

impl Latch {
    /// A latch that is not open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it, for everybody who waits and will wait.
    pub fn open(&self) {
        let waiters = {
            let mut waiters = self.0.waiters.lock();
            self.0.open.store(true, Ordering::Release);
            std::mem::take(&mut *waiters)
        };
        for waiter in waiters {
            crate::panic::contain(|| waiter.wake());
        }
    }

    /// Whether it was opened.
    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }

    /// A future that resolves when it is opened.
    pub fn closed(&self) -> Closed {
        Closed(self.0.clone())
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("open", &self.is_open()).finish()
    }
}

/// Resolves when an executor is closed. Made by [`Executor::closed`](super::Executor::closed).
#[derive(Clone)]
#[must_use = "nothing waits until this is awaited"]
pub struct Closed(Arc<State>);

impl Closed {
    /// Blocks until it is closed; false if `until` comes first.
    pub(crate) fn wait(&self, until: Option<Instant>) -> bool {
        host::block_on(until, || false, |waker| self.look(waker)).is_some()
    }

    fn look(&self, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let mut waiters = self.0.waiters.lock();
        if self.0.open.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if !waiters.iter().any(|waiter| waiter.will_wake(&waker)) {
            waiters.push(waker);
        }
        Poll::Pending
    }
}

impl Future for Closed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let closed = self.look(cx.waker());
        host::polled(closed.is_pending());
        closed
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed")
            .field("closed", &self.0.open.load(Ordering::Acquire))
            .finish()
    }
}
