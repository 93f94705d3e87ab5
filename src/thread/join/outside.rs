//! A join whose caller is not a worker of the pool.
#![allow(unsafe_code)]

use super::super::ThreadPool;
use crate::{
    error::TaskError,
    executor::submit,
    future::{TaskFuture, host, waiter::Parker},
    panic,
    task::Settings,
};
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Has a worker do it, and waits.
#[cold]
pub(super) fn join<A, B, RA, RB>(pool: &ThreadPool, a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    let mut results = None;
    let both: Box<dyn FnOnce() + Send + '_> = Box::new(|| results = Some(pool.join(a, b)));
    // SAFETY: only the lifetime changes. A task's work is run or dropped before its outcome is handed over (rule 3 of the future's
    // README), which is what `wait_for` waits for; that does not unwind, and neither does a submission once the task is
    // queued. So nothing of the closure is touched after this function, by whichever way it ends.
    let both =
        unsafe { mem::transmute::<Box<dyn FnOnce() + Send + '_>, Box<dyn FnOnce() + Send + 'static>>(both) };
    let future = submit::spawn(pool, both, &Settings::default());
    wait_for(&future);
    match future.result() {
        Ok(()) => results.expect("a task that succeeded has left its results"),
        Err(TaskError::Panicked(panic)) if results.is_none() => match panic.clone().into_caught() {
            Some(caught) => panic::resume(caught),
            None => refuse(pool, &TaskError::Panicked(panic)),
        },
        Err(error) => refuse(pool, &error),
    }
}

/// Waits until the outcome is handed over. Does not unwind.
fn wait_for(future: &TaskFuture<()>) {
    let is_over = || future.is_handed_over();
    if host::current().is_none() && host::spin(is_over) {
        return;
    }
    let parker = Parker::of_this_thread();
    let waker = parker.waker();
    let park = || {
        while future.poll_ended(&waker).is_pending() {
            parker.park(None);
        }
    };
    // The caller may be a worker of another pool, where nobody can take its place: then it keeps it and waits all the same.
    if catch_unwind(AssertUnwindSafe(|| host::blocking(park))).is_err() {
        park();
    }
}

#[cold]
fn refuse(pool: &ThreadPool, reason: &TaskError) -> ! {
    panic!(
        "the pool `{}` did not run a `join` that was called from outside of it, so there is no result to return: \
         {reason}. Call `join` before the pool is shut down, or in a task of the pool: what a task does, no shutdown \
         takes away from it",
        pool.0.0.config.name
    )
}
