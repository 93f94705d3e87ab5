//! How maps are made: which way the items go.

use super::{
    Executor,
    chunks::Chunks,
    each::Each,
    gate::Line,
    kinds::{AsyncCalls, Calls, Kind},
    launch::Route,
    map::{Lane, Map},
    shipped::Shipped,
    submit,
};
use crate::{
    sync::Arc,
    task::{Callee, CarrierHandle, Crossing, EntryOf, RemoteCall, Settings},
};
use std::{future::Future, num::NonZeroUsize};

/// One call per item, in chunks; one task per item if each has a deadline, attempts or a start of its own that counts, or fewer of them may be
/// in flight than the workers of other processes would take.
pub(crate) fn map<E, K, I, X>(
    executor: &E,
    callee: K,
    items: I,
    settings: &Settings,
    copy: fn(&I::Item) -> Option<I::Item>,
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
    let apart = settings.timeout.is_some() || settings.retry.is_some() || executor.throttle().is_some();
    let lane = if apart || carrier.is_some() && at_once < workers {
        each::<Calls, E, K, I::Item, X>(executor, callee, settings, copy)
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
    over(executor, items, lane, settings)
}

/// One async task per item.
pub(crate) fn map_async<E, K, I, Fut, X>(
    executor: &E,
    callee: K,
    items: I,
    settings: &Settings,
    copy: fn(&I::Item) -> Option<I::Item>,
) -> Map<I::IntoIter, Fut::Output>
where
    E: Executor,
    I: IntoIterator<Item: Send + 'static>,
    K: Callee<I::Item, Output = Fut>,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<I::Item> + Crossing<Fut::Output>,
{
    let lane = each::<AsyncCalls, E, K, I::Item, X>(executor, callee, settings, copy);
    over(executor, items, lane, settings)
}

/// The lane of a map whose items are tasks of their own.
fn each<V, E, K, T, X>(
    executor: &E,
    callee: K,
    settings: &Settings,
    copy: fn(&T) -> Option<T>,
) -> Lane<T, V::Output>
where
    V: Kind<Arc<K>, T, X>,
    E: Executor,
    K: Callee<T>,
    T: Send + 'static,
    X: Crossing<T> + Crossing<V::Output>,
{
    let line = settings
        .max_in_flight
        .map(|most| Line::new(most, executor.ledger().clone()));
    let goes_straight = line.is_none() && settings.retry.is_none() && executor.throttle().is_none();
    let route = (!goes_straight).then(|| Route::to::<E, T, X>(executor, line));
    let callee = Arc::new(callee);
    let (executor, settings) = (executor.clone(), settings.clone());
    Lane::Each(Each::new(Box::new(move |item| {
        submit::make_room(executor.ledger(), &settings);
        match &route {
            None => submit::straight::<V, E, Arc<K>, T, X>(&executor, callee.clone(), item, &settings),
            Some(route) => {
                submit::routed::<V, E, Arc<K>, T, X>(&executor, route, callee.clone(), item, &settings, copy)
            }
        }
    })))
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

fn over<E, I, R>(executor: &E, items: I, lane: Lane<I::Item, R>, settings: &Settings) -> Map<I::IntoIter, R>
where
    E: Executor,
    I: IntoIterator<Item: Send + 'static>,
    R: Send + 'static,
{
    if let Some(reserved) = &settings.room {
        // A map waits for room as its items come.
        let room = reserved.lock().take();
        drop(room);
    }
    let ledger = executor.ledger().clone();
    Map::new(items.into_iter(), lane, ledger, buffer_size(executor, settings))
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
