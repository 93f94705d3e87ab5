//! How the verbs make tasks and hand them over: the one place that knows both sides.

use super::{
    Executor,
    kinds::{self, AsyncCalls, Calls, Kind},
    launch::{Attempts, Route, Way},
    passes::{Passes, WithPasses, with_passes},
};
use crate::{
    error::{TaskError, TrySubmitError},
    future::{TaskFuture, host},
    ledger::Ledger,
    running::{NameOf, WorkName, record},
    sync::Arc,
    task::{
        Argument, Callee, CarrierHandle, Crossing, InProcess, InProcessOnly, Job, Once, OnceWith, RemoteCall,
        RemoteCell, RetriedCell, Settings, Start, guarded,
    },
};
use std::future::Future;

/// The check behind "a closure that captures is a compile error".
///
/// Work has to mean the same in another process, so it may consist of code alone. What captures nothing has
/// size zero.
pub(crate) const fn assert_captures_nothing<F>() {
    assert!(
        size_of::<F>() == 0,
        "this work captures variables (or is a function pointer), which cannot cross to another process. Pass the \
         data as the argument, share it with `.with(context)`, or, if the work never leaves this process, call the \
         method of the same name on a `ThreadPool` or `Inline` itself instead of on a generic `E: Executor`"
    );
}

/// Waits for room if the executor is bounded and the caller is not one of its own tasks.
pub(super) fn make_room(ledger: &Ledger, settings: &Settings) {
    if ledger.max_pending().is_none() {
        return;
    }
    if let Some(reserved) = &settings.room
        && let Some(room) = reserved.lock().take()
    {
        return room.used();
    }
    if ledger.try_room() {
        return;
    }
    if host::is_inside(ledger.id()) {
        return ledger.force_room();
    }
    host::refuse_deadlock([ledger.id()], host::TRY_SUBMIT);
    let mut wait = ledger.wait_for_room();
    if let Some(room) = host::block_on(None, || false, |waker| wait.poll(waker)) {
        room.used();
    }
}

/// A task that a carrier takes elsewhere: its argument is packed here and now, on the caller's thread.
pub(super) fn remote<V, K, T, X>(
    ledger: &Ledger,
    carrier: CarrierHandle,
    callee: &K,
    argument: impl FnOnce() -> Result<Argument, TaskError>,
    settings: &Settings,
    start: Option<Box<dyn Start>>,
) -> (TaskFuture<V::Output>, Way)
where
    V: Kind<K, T, X>,
    K: Callee<T>,
    X: Crossing<T> + Crossing<V::Output>,
{
    let since = record::now_if_on(ledger.id().number());
    let packed = match guarded(|| callee.shipment()) {
        Ok(context) => argument().map(|argument| (context, argument)),
        Err(error) => {
            crate::panic::contain(|| drop(argument));
            Err(error)
        }
    };
    let entry = V::ENTRY;
    let (context, argument, failed) = match packed {
        Ok((context, argument)) => (context, Some(argument), None),
        Err(error) => (None, None, Some(error)),
    };
    let cell = RemoteCell::new(
        ledger.id(),
        carrier.clone(),
        RemoteCall { entry, context },
        argument,
        |packed| packed.unpack::<V::Output, X>("the result"),
        settings.traits(),
        start,
    );
    let future = TaskFuture::new(cell.clone());
    if let Some(since) = since {
        record::submitted_encoded(ledger.id().number(), future.id().number(), since);
    }
    match failed {
        None => (future, Way::Carry(cell, carrier)),
        Some(error) => {
            cell.could_not_be_sent(error);
            (future, Way::Tell(cell))
        }
    }
}

/// One call of work with one argument. `copy` makes another argument for the next attempt, if there may be one.
pub(crate) fn call<E, K, T, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
    copy: fn(&T) -> Option<T>,
) -> TaskFuture<K::Output>
where
    E: Executor,
    K: Callee<T, Output: Send + 'static>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<K::Output>,
{
    submit::<Calls, E, K, T, X>(executor, callee, argument, settings, copy)
}

/// The same of async work.
pub(crate) fn call_async<E, K, T, Fut, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
    copy: fn(&T) -> Option<T>,
) -> TaskFuture<Fut::Output>
where
    E: Executor,
    K: Callee<T, Output = Fut>,
    T: Send + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    submit::<AsyncCalls, E, K, T, X>(executor, callee, argument, settings, copy)
}

fn submit<V, E, K, T, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
    copy: fn(&T) -> Option<T>,
) -> TaskFuture<<V as Kind<K, T, X>>::Output>
where
    V: Kind<K, T, X> + Kind<Arc<K>, T, X, Output = <V as Kind<K, T, X>>::Output>,
    E: Executor,
    K: Callee<T>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<<V as Kind<K, T, X>>::Output>,
{
    make_room(executor.ledger(), settings);
    with_room::<V, E, K, T, X>(executor, callee, argument, settings, copy)
}

/// The same for who has room.
fn with_room<V, E, K, T, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
    copy: fn(&T) -> Option<T>,
) -> TaskFuture<<V as Kind<K, T, X>>::Output>
where
    V: Kind<K, T, X> + Kind<Arc<K>, T, X, Output = <V as Kind<K, T, X>>::Output>,
    E: Executor,
    K: Callee<T>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<<V as Kind<K, T, X>>::Output>,
{
    if settings.retry.is_none() && executor.throttle().is_none() {
        return straight::<V, E, K, T, X>(executor, callee, argument, settings);
    }
    let route = Route::to::<E, T, X>(executor, None);
    routed::<V, E, Arc<K>, T, X>(executor, &route, Arc::new(callee), argument, settings, copy)
}

/// A task that goes to the executor at once, and once.
pub(super) fn straight<V, E, K, T, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
) -> TaskFuture<V::Output>
where
    V: Kind<K, T, X>,
    E: Executor,
    K: Callee<T>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<V::Output>,
{
    let ledger = executor.ledger();
    ledger.submitted(1);
    if <X as Crossing<T>>::CROSSES
        && let Some(carrier) = executor.carrier()
    {
        let argument = || Argument::pack::<T, X>(argument);
        let (future, way) = remote::<V, K, T, X>(ledger, carrier, &callee, argument, settings, None);
        settings.enter(&future);
        way.go_new(executor);
        return future;
    }
    let (future, task) = V::task(ledger, callee, argument, settings, Passes::default());
    settings.enter(&future);
    executor.execute(task);
    future
}

/// A task that stands in line, or is tried again.
pub(super) fn routed<V, E, K, T, X>(
    executor: &E,
    route: &Route,
    callee: K,
    argument: T,
    settings: &Settings,
    copy: fn(&T) -> Option<T>,
) -> TaskFuture<V::Output>
where
    V: Kind<K, T, X>,
    E: Executor,
    K: Callee<T> + Clone,
    T: Send + 'static,
    X: Crossing<T> + Crossing<V::Output>,
{
    if settings.retry.is_some() {
        return retried::<V, E, K, T, X>(executor, route, callee, argument, settings, copy);
    }
    executor.ledger().submitted(1);
    let (future, ready) = route.prepare::<V, K, T, X>(callee, argument, settings);
    settings.enter(&future);
    ready.go_new(executor);
    future
}

/// A task that is tried again after failures.
fn retried<V, E, K, T, X>(
    executor: &E,
    route: &Route,
    callee: K,
    argument: T,
    settings: &Settings,
    copy: fn(&T) -> Option<T>,
) -> TaskFuture<V::Output>
where
    V: Kind<K, T, X>,
    E: Executor,
    K: Callee<T> + Clone,
    T: Send + 'static,
    X: Crossing<T> + Crossing<V::Output>,
{
    let Some(policy) = settings.retry.clone() else {
        unreachable!("asked for by the callers")
    };
    let ledger = executor.ledger();
    ledger.submitted(1);
    let attempts = Attempts::<K, T>::new(route, callee, argument, settings, copy);
    let cell = RetriedCell::new(
        ledger.id(),
        settings.name.clone(),
        policy,
        attempts.prepare::<V, X>(),
    );
    let future = TaskFuture::new(cell.clone());
    settings.enter(&future);
    if ledger.refuses() && !executor.is_inside() {
        cell.refuse(TaskError::ShutDown);
    } else if executor.read_ahead() == 0 {
        cell.run_here();
    } else {
        cell.start();
    }
    future
}

fn hand_over<E: Executor, J: Job>(executor: &E, job: J, settings: &Settings) -> TaskFuture<J::Output> {
    let ledger = executor.ledger();
    ledger.submitted(1);
    if executor.throttle().is_some() {
        let route = Route::to::<E, (), InProcess>(executor, None);
        let (future, ready) = route.prepare_with(settings, |settings, passes| {
            kinds::call(ledger, WithPasses::new(job, passes), settings)
        });
        settings.enter(&future);
        ready.go_new(executor);
        return future;
    }
    let (future, task) = kinds::call(ledger, job, settings);
    settings.enter(&future);
    executor.execute(task);
    future
}

/// A closure that is called once and stays in this process.
pub(crate) fn spawn<E, F, R>(executor: &E, work: F, settings: &Settings) -> TaskFuture<R>
where
    E: Executor,
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    make_room(executor.ledger(), settings);
    hand_over(executor, Once(work), settings)
}

/// The same with an argument.
pub(crate) fn spawn_with<E, F, T, R>(executor: &E, work: F, argument: T, settings: &Settings) -> TaskFuture<R>
where
    E: Executor,
    F: FnOnce(T) -> R + Send + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    make_room(executor.ledger(), settings);
    hand_over(executor, OnceWith(work, argument), settings)
}

/// A future that stays in this process.
pub(crate) fn spawn_async<E, Fut>(executor: &E, future: Fut, settings: &Settings) -> TaskFuture<Fut::Output>
where
    E: Executor,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    run_async(executor, future, settings, NameOf::<Fut>::NAME)
}

/// The same of async work with an argument.
pub(crate) fn spawn_async_with<E, F, T, Fut>(
    executor: &E,
    work: F,
    argument: T,
    settings: &Settings,
) -> TaskFuture<Fut::Output>
where
    E: Executor,
    F: FnOnce(T) -> Fut + Send + 'static,
    T: Send + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    let future = async move { work(argument).await };
    run_async(executor, future, settings, NameOf::<F>::NAME)
}

fn run_async<E, Fut>(
    executor: &E,
    future: Fut,
    settings: &Settings,
    name: WorkName,
) -> TaskFuture<Fut::Output>
where
    E: Executor,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    let ledger = executor.ledger();
    make_room(ledger, settings);
    ledger.submitted(1);
    let future = InProcessOnly(future);
    if executor.throttle().is_some() {
        let route = Route::to::<E, (), InProcess>(executor, None);
        let (future, ready) = route.prepare_with(settings, |settings, passes| {
            kinds::async_call(ledger, with_passes(future, passes), settings, name)
        });
        settings.enter(&future);
        ready.go_new(executor);
        return future;
    }
    let (future, task) = kinds::async_call(ledger, future, settings, name);
    settings.enter(&future);
    executor.execute(task);
    future
}

/// As [`call`], if there is room now.
pub(crate) fn try_call<E, K, T, X>(
    executor: &E,
    callee: K,
    argument: T,
) -> Result<TaskFuture<K::Output>, TrySubmitError<T>>
where
    E: Executor,
    K: Callee<T, Output: Send + 'static>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<K::Output>,
{
    match try_room(executor) {
        Ok(()) => Ok(with_room::<Calls, E, K, T, X>(
            executor,
            callee,
            argument,
            Settings::plain(),
            |_| None,
        )),
        Err(refused) => Err(refused(argument)),
    }
}

/// As [`spawn`], if there is room now.
pub(crate) fn try_spawn<E, F, T, R>(
    executor: &E,
    work: F,
    argument: T,
) -> Result<TaskFuture<R>, TrySubmitError<T>>
where
    E: Executor,
    F: FnOnce(T) -> R + Send + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    match try_room(executor) {
        Ok(()) => Ok(hand_over(executor, OnceWith(work, argument), Settings::plain())),
        Err(refused) => Err(refused(argument)),
    }
}

/// Takes room if there is some now, or says how to refuse.
fn try_room<T>(executor: &impl Executor) -> Result<(), fn(T) -> TrySubmitError<T>> {
    let ledger = executor.ledger();
    if ledger.refuses() && !executor.is_inside() {
        return Err(TrySubmitError::ShutDown);
    }
    if ledger.try_room() {
        Ok(())
    } else {
        Err(TrySubmitError::Full)
    }
}
