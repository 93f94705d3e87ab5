//! How the verbs make tasks and hand them over: the one place that knows both sides.

use super::{
    Executor,
    chunks::Chunks,
    each::Each,
    gate::{Gate, Permitted, permitted},
    map::{Lane, Map},
    shipped::Shipped,
};
use crate::{
    error::TrySubmitError,
    future::{TaskFuture, core::Outcome, host},
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
        host::refuse_deadlock([ledger.id()], host::TRY_SUBMIT);
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
    gate: Option<&mut Gate>,
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
    match (failed, gate) {
        (None, None) => carrier.0.carry(cell),
        (None, Some(gate)) => gate.carry(&future, cell, carrier),
        (Some(error), _) => {
            cell.arrived(0, Answer::Failed(error));
            cell.tell(ledger);
        }
    }
    future
}

/// The two ends of a call.
fn prepare<J: Job>(ledger: &Ledger, job: J, settings: &Settings) -> (TaskFuture<J::Output>, Task) {
    ledger.submitted(1);
    let cell = CallCell::new(ledger.id(), job, settings.traits());
    (TaskFuture::new(cell.clone()), Task::new(cell))
}

fn hand_over<E: Executor, J: Job>(executor: &E, job: J, settings: &Settings) -> TaskFuture<J::Output> {
    let (future, task) = prepare(executor.ledger(), job, settings);
    executor.execute(task);
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
    call_through::<E, K, T, X>(executor, callee, argument, settings, None)
}

/// As [`call`], through the gate of a map if it has one.
fn call_through<E, K, T, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
    gate: Option<&mut Gate>,
) -> TaskFuture<K::Output>
where
    E: Executor,
    K: Callee<T, Output: Send + 'static>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<K::Output>,
{
    let ledger = executor.ledger();
    make_room(ledger);
    if <X as Crossing<T>>::CROSSES
        && let Some(carrier) = executor.carrier()
    {
        let work = (&callee, EntryOf::<K, T, K::Output, X>::CALL);
        return send::<E, K, T, K::Output, X>(executor, carrier, work, argument, settings, gate);
    }
    let job = Apply::<K, T, X>::new(callee, argument);
    match gate {
        None => hand_over(executor, job, settings),
        Some(gate) => gate.execute(|permit| prepare(ledger, Permitted::new(job, permit), settings)),
    }
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

/// The two ends of async work.
fn prepare_async<F, R>(ledger: &Ledger, future: F, settings: &Settings) -> (TaskFuture<R>, Task)
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    ledger.submitted(1);
    let cell = AsyncCell::new(ledger.id(), future, settings.traits());
    (TaskFuture::new(cell.clone()), Task::new(cell))
}

fn hand_over_async<E, F, R>(executor: &E, future: F, settings: &Settings) -> TaskFuture<R>
where
    E: Executor,
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    let (future, task) = prepare_async(executor.ledger(), future, settings);
    executor.execute(task);
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
    call_async_through::<E, K, T, Fut, X>(executor, callee, argument, settings, None)
}

/// As [`call_async`], through the gate of a map if it has one.
fn call_async_through<E, K, T, Fut, X>(
    executor: &E,
    callee: K,
    argument: T,
    settings: &Settings,
    gate: Option<&mut Gate>,
) -> TaskFuture<Fut::Output>
where
    E: Executor,
    K: Callee<T, Output = Fut>,
    T: Send + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    let ledger = executor.ledger();
    make_room(ledger);
    if <X as Crossing<T>>::CROSSES
        && let Some(carrier) = executor.carrier()
    {
        let work = (&callee, AsyncEntryOf::<K, T, Fut, X>::CALL);
        return send::<E, K, T, Fut::Output, X>(executor, carrier, work, argument, settings, gate);
    }
    let future = ApplyAsync::<K, T, Fut, X>::new(callee, argument, ledger.mode());
    match gate {
        None => hand_over_async(executor, future, settings),
        Some(gate) => gate.execute(|permit| prepare_async(ledger, permitted(future, permit), settings)),
    }
}

/// A future that stays in this process.
pub(crate) fn spawn_async<E, Fut>(executor: &E, future: Fut, settings: &Settings) -> TaskFuture<Fut::Output>
where
    E: Executor,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    make_room(executor.ledger());
    hand_over_async(executor, InProcessOnly(future), settings)
}

/// One call per item, in chunks; one task per item if the items have deadlines of their own, or fewer of them may be
/// in flight than the workers of other processes would take.
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
    let carrier = if <X as Crossing<I::Item>>::CROSSES {
        executor.carrier()
    } else {
        None
    };
    // Of calls, more than there are workers do not run anyway: one in each process, or one by each ticket.
    let workers = executor.workers();
    let at_once = settings
        .max_in_flight
        .map_or(workers, |most| most.get().min(workers));
    let lane = if settings.timeout.is_some() || settings.retries > 0 || carrier.is_some() && at_once < workers
    {
        let (mut gate, callee) = (gate(executor, settings), Arc::new(callee));
        let (executor, settings) = (executor.clone(), settings.clone());
        Lane::Each(Each::new(Box::new(move |item| {
            call_through::<E, Arc<K>, I::Item, X>(&executor, callee.clone(), item, &settings, gate.as_mut())
        })))
    } else if let Some(carrier) = carrier {
        Lane::Shipped(shipped::<E, K, I::Item, X>(executor, carrier, &callee, settings))
    } else {
        Lane::Chunks(Chunks::new::<E, K, X>(
            executor.clone(),
            callee,
            settings.chunk_size,
            at_once,
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
    let (mut gate, callee) = (gate(executor, settings), Arc::new(callee));
    let (executor, settings) = (executor.clone(), settings.clone());
    let submit = move |item| {
        call_async_through::<E, Arc<K>, I::Item, Fut, X>(
            &executor,
            callee.clone(),
            item,
            &settings,
            gate.as_mut(),
        )
    };
    Map::new(
        items.into_iter(),
        Lane::Each(Each::new(Box::new(submit))),
        ledger,
        buffer,
    )
}

/// What bounds the items in flight, where each is a task of its own.
fn gate<E: Executor>(executor: &E, settings: &Settings) -> Option<Gate> {
    let most = settings.max_in_flight?;
    Some(Gate::new(most, executor.readmit(), executor.ledger().clone()))
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
