//! A future that a runtime is given to be dropped with everything else when it ends (rule 5 of `README.md`).

use super::shared::Shared;
use crate::sync::{Arc, Mutex};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// How the watch is told that it is not needed any more.
#[derive(Default)]
pub(super) struct Relief(Mutex<State>);

#[derive(Default)]
struct State {
    relieved: bool,
    watch: Option<Waker>,
}

impl Relief {
    pub(super) fn relieve(&self) {
        let watch = {
            let mut state = self.0.lock();
            state.relieved = true;
            state.watch.take()
        };
        if let Some(watch) = watch {
            crate::panic::contain(|| watch.wake());
        }
    }
}

pub(super) struct Watch {
    shared: Arc<Shared>,
    relieved: bool,
}

impl Watch {
    pub(super) fn over(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            relieved: false,
        }
    }
}

impl Future for Watch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.shared.relief.0.lock();
        if state.relieved {
            drop(state);
            self.relieved = true;
            return Poll::Ready(());
        }
        let replaced = state.watch.replace(waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.relieved {
            self.shared.runtime_is_gone();
        }
    }
}
