//! Work finds a tokio runtime wherever it runs.

use crate::{Driven, SpawnOnSmol, multi_thread, watchdog::within};
use concurrent_futures::{AsyncBridge, Checked, Executor, Inline, TaskError, ThreadPool};
use std::{collections::BTreeSet, future::Future, time::Duration};
use tokio::runtime::{Handle, Id};

async fn nap(n: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(1)).await;
    n
}

/// Async work that needs timers and a place for tasks of its own; more than one turn of it.
async fn needs_a_runtime(n: u64) -> u64 {
    let first = tokio::spawn(nap(n)).await.unwrap();
    first + nap(1).await + tokio::spawn(nap(1)).await.unwrap()
}

/// Blocking work that hands futures to the runtime it finds.
fn calls_a_runtime(n: u64) -> u64 {
    let handle = Handle::current();
    let spawned = handle.spawn(nap(n));
    handle.block_on(nap(1)) + handle.block_on(spawned).unwrap() + futures::executor::block_on(nap(1))
}

/// Both kinds of work, alone and in maps, with every verb.
fn a_runtime_is_there<E: Executor>(executor: &E) {
    assert_eq!(executor.submit_async(needs_a_runtime, 5).result().unwrap(), 7);
    assert_eq!(executor.submit(calls_a_runtime, 5).result().unwrap(), 7);
    let sum = |outcomes: Vec<Result<u64, TaskError>>| outcomes.into_iter().map(Result::unwrap).sum::<u64>();
    assert_eq!(sum(executor.map_async(needs_a_runtime, 0..20).collect()), 230);
    assert_eq!(sum(executor.map(calls_a_runtime, 0..20).collect()), 230);
    let limit = Duration::from_secs(600);
    let options = Executor::options(executor).timeout(limit);
    assert_eq!(options.submit_async(needs_a_runtime, 5).result().unwrap(), 7);
    assert_eq!(options.submit(calls_a_runtime, 5).result().unwrap(), 7);
    let slow = Executor::options(executor).timeout(Duration::from_millis(20));
    let late = slow.submit_async(|()| tokio::time::sleep(crate::FOR_EVER), ());
    assert!(late.result().unwrap_err().is_timed_out());
}

#[test]
fn work_on_the_caller_finds_a_runtime() {
    within(|| {
        a_runtime_is_there(&Inline::new());
        a_runtime_is_there(&Checked::new());
        // The caller is left as it was.
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn work_on_the_caller_finds_the_runtime_that_is_entered() {
    within(|| {
        let runtime = multi_thread(1);
        let entered = runtime.enter();
        let id = |()| Handle::current().id().to_string();
        let expected = runtime.handle().id().to_string();
        assert_eq!(
            Executor::submit(&Inline::new(), id, ()).result().unwrap(),
            expected
        );
        assert_eq!(
            Executor::submit(&Checked::new(), id, ()).result().unwrap(),
            expected
        );
        a_runtime_is_there(&Inline::new());
        drop(entered);
    });
}

#[test]
fn work_on_threads_finds_a_runtime() {
    within(|| {
        let pools = [ThreadPool::with_workers(1), ThreadPool::with_workers(3)];
        pools.iter().for_each(a_runtime_is_there);
        // One runtime for all of them.
        let id = || Handle::current().id();
        let mut found = BTreeSet::new();
        for pool in &pools {
            found.insert(pool.spawn(id).result().unwrap().to_string());
            found.insert(
                pool.spawn_async(async move { id() })
                    .result()
                    .unwrap()
                    .to_string(),
            );
        }
        assert_eq!(found.len(), 1);
        // Also a thread that takes another's place.
        let inner = pools[0].clone();
        let nested = pools[0].spawn(move || {
            let mut next = inner.spawn(|| calls_a_runtime(5));
            next.result_timeout(crate::FOR_EVER).unwrap().unwrap()
        });
        assert_eq!(nested.result().unwrap(), 7);
    });
}

#[cfg(unix)]
#[test]
fn async_work_in_processes_finds_a_runtime() {
    within(|| {
        let pool = concurrent_futures::ProcessPool::with_workers(1);
        assert_eq!(pool.submit_async(needs_a_runtime, 5).result().unwrap(), 7);
        let sum: u64 = pool.map_async(needs_a_runtime, 0..20).map(Result::unwrap).sum();
        assert_eq!(sum, 230);
    });
}

#[cfg(unix)]
#[test]
fn blocking_work_in_processes_finds_a_runtime() {
    within(|| {
        let pool = concurrent_futures::ProcessPool::with_workers(1);
        assert_eq!(pool.submit(calls_a_runtime, 5).result().unwrap(), 7);
        a_runtime_is_there(&pool);
    });
}

/// Where both kinds of work find themselves, with futures before and after they were suspended.
fn found(bridge: &AsyncBridge) -> BTreeSet<String> {
    let id = || Handle::current().id();
    let inner = bridge.clone();
    let nested = bridge.spawn(move || inner.spawn(id).result().unwrap());
    let slept = bridge.spawn_async(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        id()
    });
    let callback = bridge.spawn_async(async {});
    let (told, hear) = std::sync::mpsc::channel();
    bridge
        .spawn(id)
        .on_done(move |id| told.send(*id.as_ref().unwrap()).unwrap());
    callback.result().unwrap();
    let ids: Vec<Id> = vec![
        bridge.spawn(id).result().unwrap(),
        bridge.spawn_async(async move { id() }).result().unwrap(),
        slept.result().unwrap(),
        nested.result().unwrap(),
        hear.recv().unwrap(),
    ];
    ids.iter().map(Id::to_string).collect()
}

#[test]
fn both_kinds_of_work_on_a_bridge_find_the_bridges_runtime() {
    within(|| {
        let (driven, threads, entered) = (Driven::start(), multi_thread(1), multi_thread(1));
        // What the submitter has entered is of no meaning.
        let _entered = entered.enter();
        for handle in [driven.handle.clone(), threads.handle().clone()] {
            let bridge = AsyncBridge::from_handle(handle.clone());
            assert_eq!(found(&bridge), BTreeSet::from([handle.id().to_string()]));
            a_runtime_is_there(&bridge);
        }
        let own = AsyncBridge::with_workers(1);
        let ids = found(&own);
        assert_eq!(ids.len(), 1);
        for other in [driven.handle.id(), threads.handle().id(), entered.handle().id()] {
            assert!(!ids.contains(&other.to_string()));
        }
        a_runtime_is_there(&own);
    });
}

#[test]
fn both_kinds_of_work_on_a_foreign_runtime_find_one_too() {
    within(|| {
        let single = futures::executor::ThreadPool::builder()
            .pool_size(1)
            .create()
            .unwrap();
        for bridge in [
            AsyncBridge::from_spawner(SpawnOnSmol),
            AsyncBridge::from_spawner(single),
            AsyncBridge::from_spawner(ThreadPool::with_workers(1)),
        ] {
            a_runtime_is_there(&bridge);
            assert_eq!(found(&bridge).len(), 1);
        }
        // What the bridge entered is left again: the runtime's thread is as it was.
        let is_alone = smol::block_on(smol::spawn(async { Handle::try_current().is_err() }));
        assert!(is_alone);
    });
}

#[test]
fn a_task_that_lives_long_keeps_its_runtime_over_every_turn() {
    within(|| {
        fn chain(left: u64) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send>> {
            Box::pin(async move {
                let here = Handle::current().id();
                tokio::task::yield_now().await;
                assert_eq!(Handle::current().id(), here);
                if left == 0 { 0 } else { 1 + chain(left - 1).await }
            })
        }
        let driven = Driven::start();
        for bridge in [
            AsyncBridge::from_handle(driven.handle.clone()),
            AsyncBridge::with_workers(2),
            AsyncBridge::from_spawner(SpawnOnSmol),
            AsyncBridge::from_spawner(ThreadPool::with_workers(2)),
        ] {
            let chains: Vec<_> = (0..20).map(|_| bridge.spawn_async(chain(50))).collect();
            for chain in chains {
                assert_eq!(chain.result().unwrap(), 50);
            }
        }
    });
}
