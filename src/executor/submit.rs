//! How the verbs make tasks and hand them over: the one place that knows both sides.

use super::{
    Executor,
    chunks::Chunks,
    each::Each,
    map::{Lane, Map},
    shipped::Shipped,
};
use crate::{
    error::TrySubmitError,
    future::{TaskFuture, host},
    ledger::Ledger,
    sync::Arc,
    task::{
        Answer, Apply, ApplyAsync, AsyncCell, AsyncEntryOf, CallCell, Callee, CarrierHandle, Crossing, Entry,
        EntryOf, InProcessOnly, Job, Once, Parcel, RemoteCall, RemoteCell, Settings, Task, guarded,
        parcel::push_item,
    },
};
use std::{future::Future, num::NonZeroUsize};

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
fn make_room(ledger: &Ledger) {
    if ledger.max_pending().is_none() || ledger.try_room() {
        return;
    }
    if host::is_inside(ledger.id()) {
        ledger.force_room();
    } else {
        host::refuse_deadlock([ledger.id()]);
        host::blocking(|| ledger.wait_for_room());
    }
}

/// A task that the executor's carrier takes elsewhere: its argument is encoded here and now, on the caller's thread.
fn send<E, K, T, R, X>(
    executor: &E,
    carrier: CarrierHandle,
    (callee, entry): (&K, &'static Entry),
    argument: T,
    settings: &Settings,
) -> TaskFuture<R>
where
    E: Executor,
    K: Callee<T>,
    T: Send + 'static,
    R: Send + 'static,
    X: Crossing<T> + Crossing<R>,
{
    let ledger = executor.ledger();
    ledger.submitted(1);
    let mut bytes = Vec::new();
    let encoded = guarded(|| {
        let context = callee.shipment()?;
        push_item(&mut bytes, |bytes| {
            <X as Crossing<T>>::encode("the argument", &argument, bytes)
        })?;
        Ok(RemoteCall { entry, context })
    });
    crate::panic::contain(|| drop(argument));
    let (remote, failed) = match encoded {
        Ok(remote) => (remote, None),
        Err(error) => (RemoteCall { entry, context: None }, Some(error)),
    };
    let decode = |bytes: &[u8]| <X as Crossing<R>>::decode("the result", bytes);
    let cell = RemoteCell::new(
        ledger.id(),
        carrier.clone(),
        remote,
        bytes,
        decode,
        settings.traits(),
    );
    let future = TaskFuture::new(cell.clone());
    match failed {
        None => carrier.0.carry(cell),
        Some(error) => {
            cell.arrived(0, Answer::Failed(error));
            cell.tell(ledger);
        }
    }
    future
}

fn hand_over<E: Executor, J: Job>(executor: &E, job: J, settings: &Settings) -> TaskFuture<J::Output> {
    let ledger = executor.ledger();
    ledger.submitted(1);
    let cell = CallCell::new(ledger.id(), job, settings.traits());
    let future = TaskFuture::new(cell.clone());
    executor.execute(Task::new(cell));
    future
}

/// One call of work with one argument.
pub(crate) fn call<E, K, T, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
) -> TaskFuture<K::Output>
where
    E: Executor,
    K: Callee<T, Output: Send + 'static>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<K::Output>,
{
    make_room(executor.ledger());
    if <X as Crossing<T>>::CROSSES
        && let Some(carrier) = executor.carrier()
    {
        let work = (&callee, EntryOf::<K, T, K::Output, X>::CALL);
        return send::<E, K, T, K::Output, X>(executor, carrier, work, argument, settings);
    }
    hand_over(executor, Apply::<K, T, X>::new(callee, argument), settings)
}

/// A closure that is called once and stays in this process.
pub(crate) fn spawn<E, F, R>(executor: &E, work: F, settings: &Settings) -> TaskFuture<R>
where
    E: Executor,
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    make_room(executor.ledger());
    hand_over(executor, Once(work), settings)
}

/// As [`call`], if there is room now.
pub(crate) fn try_call<E, F, T, R>(
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
    let ledger = executor.ledger();
    if ledger.refuses() && !executor.is_inside() {
        return Err(TrySubmitError::ShutDown(argument));
    }
    if !ledger.try_room() {
        return Err(TrySubmitError::Full(argument));
    }
    Ok(hand_over(
        executor,
        Once(move || work(argument)),
        &Settings::default(),
    ))
}

fn hand_over_async<E, F, R>(executor: &E, future: F, settings: &Settings) -> TaskFuture<R>
where
    E: Executor,
    F: Future<Output = crate::future::core::Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    let ledger = executor.ledger();
    make_room(ledger);
    ledger.submitted(1);
    let cell = AsyncCell::new(ledger.id(), future, settings.traits());
    let future = TaskFuture::new(cell.clone());
    executor.execute(Task::new(cell));
    future
}

/// One call of async work with one argument.
pub(crate) fn call_async<E, K, T, Fut, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
) -> TaskFuture<Fut::Output>
where
    E: Executor,
    K: Callee<T, Output = Fut>,
    T: Send + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    if <X as Crossing<T>>::CROSSES
        && let Some(carrier) = executor.carrier()
    {
        make_room(executor.ledger());
        let work = (&callee, AsyncEntryOf::<K, T, Fut, X>::CALL);
        return send::<E, K, T, Fut::Output, X>(executor, carrier, work, argument, settings);
    }
    let mode = executor.ledger().mode();
    hand_over_async(
        executor,
        ApplyAsync::<K, T, Fut, X>::new(callee, argument, mode),
        settings,
    )
}

/// A future that stays in this process.
pub(crate) fn spawn_async<E, Fut>(executor: &E, future: Fut, settings: &Settings) -> TaskFuture<Fut::Output>
where
    E: Executor,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    hand_over_async(executor, InProcessOnly(future), settings)
}

/// One call per item, in chunks; one task per item if the items have deadlines of their own.
pub(crate) fn map<E, K, I, X>(
    executor: &E,
    callee: K,
    items: I,
    settings: &Settings,
) -> Map<I::IntoIter, K::Output>
where
    E: Executor,
    I: IntoIterator<Item: Send + 'static>,
    K: Callee<I::Item, Output: Send + 'static>,
    X: Crossing<I::Item> + Crossing<K::Output>,
{
    let lane = if <X as Crossing<I::Item>>::CROSSES
        && settings.timeout.is_none()
        && settings.retries == 0
        && let Some(carrier) = executor.carrier()
    {
        Lane::Shipped(shipped::<E, K, I::Item, X>(executor, carrier, &callee, settings))
    } else if settings.timeout.is_some() || settings.retries > 0 {
        let (callee, executor, settings) = (Arc::new(callee), executor.clone(), settings.clone());
        Lane::Each(Each::new(Box::new(move |item| {
            call::<E, Arc<K>, I::Item, X>(&executor, callee.clone(), item, &settings)
        })))
    } else {
        Lane::Chunks(Chunks::new::<E, K, X>(
            executor.clone(),
            callee,
            settings.chunk_size,
        ))
    };
    Map::new(
        items.into_iter(),
        lane,
        executor.ledger().clone(),
        buffer_size(executor, settings),
    )
}

/// The lane of a map to other processes.
fn shipped<E, K, T, X>(
    executor: &E,
    carrier: CarrierHandle,
    callee: &K,
    settings: &Settings,
) -> Shipped<T, K::Output>
where
    E: Executor,
    T: Send + 'static,
    K: Callee<T, Output: Send + 'static>,
    X: Crossing<T> + Crossing<K::Output>,
{
    let (context, failed) = match callee.shipment() {
        Ok(context) => (context, None),
        Err(error) => (None, Some(error)),
    };
    let entry = EntryOf::<K, T, K::Output, X>::CALL;
    let lane = Shipped::new::<X>(
        carrier,
        executor.ledger().clone(),
        RemoteCall { entry, context },
        settings.name.clone(),
        settings.chunk_size,
    );
    match failed {
        None => lane,
        Some(error) => lane.closed(error),
    }
}

/// One async task per item.
pub(crate) fn map_async<E, K, I, Fut, X>(
    executor: &E,
    callee: K,
    items: I,
    settings: &Settings,
) -> Map<I::IntoIter, Fut::Output>
where
    E: Executor,
    I: IntoIterator<Item: Send + 'static>,
    K: Callee<I::Item, Output = Fut>,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<I::Item> + Crossing<Fut::Output>,
{
    let (ledger, buffer) = (executor.ledger().clone(), buffer_size(executor, settings));
    let (callee, executor, settings) = (Arc::new(callee), executor.clone(), settings.clone());
    let submit =
        move |item| call_async::<E, Arc<K>, I::Item, Fut, X>(&executor, callee.clone(), item, &settings);
    Map::new(
        items.into_iter(),
        Lane::Each(Each::new(Box::new(submit))),
        ledger,
        buffer,
    )
}

/// How far a map reads ahead: never further than tasks may wait, and not at all where items run when asked for.
fn buffer_size<E: Executor>(executor: &E, settings: &Settings) -> usize {
    let default = executor.read_ahead();
    let asked = if default == 0 {
        0
    } else {
        settings.buffer_size.map_or(default, NonZeroUsize::get)
    };
    executor
        .ledger()
        .max_pending()
        .map_or(asked, |max| asked.min(max))
}
