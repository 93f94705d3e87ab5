//! The two kinds of work, functions and async functions, as far as they differ for those who submit them.

use super::passes::{Passes, WithPasses, with_passes};
use crate::{
    future::TaskFuture,
    ledger::Ledger,
    running::WorkName,
    task::{
        Apply, ApplyAsync, AsyncCell, AsyncEntryOf, CallCell, Callee, Crossing, Entry, EntryOf, Job,
        Settings, Task,
    },
};
use std::future::Future;

/// Work of one kind, `K`, that is given a `T`; `X` says how values cross.
pub(crate) trait Kind<K, T, X>: 'static {
    type Output: Send + 'static;

    /// What names it to other processes.
    const ENTRY: &'static Entry;

    /// A task of this process, not yet in the books.
    fn task(
        ledger: &Ledger,
        callee: K,
        argument: T,
        settings: &Settings,
        passes: Passes,
    ) -> (TaskFuture<Self::Output>, Task);
}

/// Functions.
pub(crate) struct Calls;

/// Functions that return futures.
pub(crate) struct AsyncCalls;

impl<K, T, X> Kind<K, T, X> for Calls
where
    K: Callee<T, Output: Send + 'static>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<K::Output>,
{
    type Output = K::Output;

    const ENTRY: &'static Entry = EntryOf::<K, T, K::Output, X>::CALL;

    fn task(
        ledger: &Ledger,
        callee: K,
        argument: T,
        settings: &Settings,
        passes: Passes,
    ) -> (TaskFuture<K::Output>, Task) {
        let job = Apply::<K, T, X>::new(callee, argument);
        if passes.are_none() {
            call(ledger, job, settings)
        } else {
            call(ledger, WithPasses::new(job, passes), settings)
        }
    }
}

impl<K, T, Fut, X> Kind<K, T, X> for AsyncCalls
where
    K: Callee<T, Output = Fut>,
    T: Send + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    type Output = Fut::Output;

    const ENTRY: &'static Entry = AsyncEntryOf::<K, T, Fut, X>::CALL;

    fn task(
        ledger: &Ledger,
        callee: K,
        argument: T,
        settings: &Settings,
        passes: Passes,
    ) -> (TaskFuture<Fut::Output>, Task) {
        let future = ApplyAsync::<K, T, Fut, X>::new(callee, argument, ledger.mode());
        let name: WorkName = &(K::name as fn() -> &'static str);
        if passes.are_none() {
            async_call(ledger, future, settings, name)
        } else {
            async_call(ledger, with_passes(future, passes), settings, name)
        }
    }
}

/// The two ends of a call.
pub(super) fn call<J: Job>(ledger: &Ledger, job: J, settings: &Settings) -> (TaskFuture<J::Output>, Task) {
    let cell = CallCell::new(ledger.id(), job, settings.traits());
    (TaskFuture::new(cell.clone()), Task::new(cell))
}

/// The two ends of a future that is run; `work` is what it came of.
pub(super) fn async_call<F, R>(
    ledger: &Ledger,
    future: F,
    settings: &Settings,
    work: WorkName,
) -> (TaskFuture<R>, Task)
where
    F: Future<Output = crate::future::core::Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    let cell = AsyncCell::new(ledger.id(), future, settings.traits(), work);
    (TaskFuture::new(cell.clone()), Task::new(cell))
}
