//! The worker that the calling thread is.
#![allow(unsafe_code)]

use super::worker::Worker;
use std::{cell::Cell, ptr::NonNull};

crate::sync::thread_local! {
    /// Borrowed, not counted: the count would be written by every task and every join.
    static WORKER: Cell<Option<NonNull<Worker>>> = const { Cell::new(None) };
}

/// Runs `life` on the calling thread as that of `worker`.
pub(super) fn live_as(worker: &Worker, life: impl FnOnce()) {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            WORKER.with(|worker| worker.set(None));
        }
    }
    WORKER.with(|current| current.set(Some(NonNull::from(worker))));
    let _leave = Leave;
    life();
}

/// Shows `f` the worker that the calling thread is, if it is one.
#[inline]
pub(super) fn with<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    // SAFETY: `live_as` borrows the worker until it returns, and takes the pointer away before it does, also when it unwinds.
    // The thread-local is of this thread, so if a pointer is there, this thread is inside that call, and `f` returns before
    // it. The reference does not outlive `f`: it has to do for any lifetime.
    f(WORKER.with(Cell::get).map(|worker| unsafe { worker.as_ref() }))
}
