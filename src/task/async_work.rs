//! The futures that async work is, as tasks hold them: as small as what they hold.
#![allow(unsafe_code)]

use super::{Callee, Crossing};
use crate::{future::core::Outcome, ledger::Mode};
use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The future of async work that is called with one argument, when its turn comes.
///
/// By hand, because an `async fn` would hold callee, argument and future side by side for as long as it lives.
pub(crate) struct ApplyAsync<K, T, Fut, X> {
    mode: Mode,
    step: Step<K, T, Fut>,
    crossing: PhantomData<fn() -> X>,
}

enum Step<K, T, Fut> {
    Uncalled(K, T),
    /// Pinned from here on.
    Called(Fut),
    /// Its call is under way, or has failed.
    Taken,
}

impl<K, T, Fut, X> ApplyAsync<K, T, Fut, X> {
    pub(crate) fn new(callee: K, argument: T, mode: Mode) -> Self {
        Self {
            mode,
            step: Step::Uncalled(callee, argument),
            crossing: PhantomData,
        }
    }
}

impl<K, T, Fut, X> Future for ApplyAsync<K, T, Fut, X>
where
    K: Callee<T, Output = Fut>,
    Fut: Future,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    type Output = Outcome<Fut::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: of what is in here only the future in `Called` is ever pinned. It is put in its place below, polled
        // there, and dropped there: nothing moves it. Callee and argument are not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if matches!(this.step, Step::Uncalled(..))
            && let Step::Uncalled(callee, argument) = std::mem::replace(&mut this.step, Step::Taken)
        {
            let argument = match this.mode {
                Mode::Here => argument,
                Mode::Checked => {
                    let crossed = X::cross("the argument", &argument);
                    drop(argument);
                    crossed?
                }
            };
            this.step = Step::Called(callee.call(this.mode, argument)?);
        }
        let Step::Called(future) = &mut this.step else {
            unreachable!("a future is polled again after its end")
        };
        // SAFETY: see above.
        let result = ready!(unsafe { Pin::new_unchecked(future) }.poll(cx));
        Poll::Ready(match this.mode {
            Mode::Here => Ok(result),
            Mode::Checked => X::cross("the result", &result),
        })
    }
}

/// A future that stays in this process.
pub(crate) struct InProcessOnly<Fut>(pub(crate) Fut);

impl<Fut: Future> Future for InProcessOnly<Fut> {
    type Output = Outcome<Fut::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the only field is pinned with the whole, and never moved out.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.0) };
        future.poll(cx).map(Ok)
    }
}
