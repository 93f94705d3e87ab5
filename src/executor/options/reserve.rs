use super::{AtMostOnce, NoContext, Options};
use crate::{
    executor::Executor,
    future::host,
    ledger::WaitForRoom,
    sync::{Arc, Mutex},
    task::Anywhere,
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A wait for room for one more task. Made by [`Executor::reserve`].
///
/// Resolves to options whose next task does not wait; those after it do, as usual.
#[must_use = "nothing waits until this is awaited"]
pub struct Reserving<E, C = NoContext, M = Anywhere, A = AtMostOnce> {
    options: Option<Options<E, C, M, A>>,
    wait: WaitForRoom,
}

impl<E, C, M, A> Unpin for Reserving<E, C, M, A> {}

impl<E: Executor, C, M, A> Options<E, C, M, A> {
    /// See [`Executor::reserve`].
    pub fn reserve(&self) -> Reserving<E, C, M, A>
    where
        C: Clone,
    {
        Reserving {
            options: Some(self.clone()),
            wait: self.executor.ledger().wait_for_room(),
        }
    }
}

impl<E: Executor, C, M, A> Future for Reserving<E, C, M, A> {
    type Output = Options<E, C, M, A>;

    /// # Panics
    ///
    /// Panics if it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let executor = &this
            .options
            .as_ref()
            .expect("not polled again after it was ready")
            .executor;
        let room = if executor.is_inside() && !executor.ledger().has_room() {
            // The executor's own tasks are never held up.
            Poll::Ready(executor.ledger().forced_room())
        } else {
            this.wait.poll(cx.waker())
        };
        host::polled(room.is_pending());
        room.map(|room| {
            let mut options = this.options.take().expect("seen above");
            options.settings.room = Some(Arc::new(Mutex::new(Some(room))));
            options
        })
    }
}

impl<E, C, M, A> fmt::Debug for Reserving<E, C, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserving").finish_non_exhaustive()
    }
}
