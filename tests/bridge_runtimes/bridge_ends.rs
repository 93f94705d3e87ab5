//! The last handle is dropped and shutdowns are called wherever that may happen.

use crate::{Driven, FOR_EVER, SpawnOnSmol, current_thread, multi_thread, suspended, watchdog::within};
use concurrent_futures::{AsyncBridge, Executor, Shutdown, ThreadPool};
use futures::{channel::oneshot, executor::block_on};
use std::{future::pending, sync::mpsc, thread, time::Duration};
use tokio::task::{block_in_place, unconstrained};

pub(crate) const WAYS: [Shutdown; 3] = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill];

/// A bridge over each kind of runtime, that is shut down like this when it is dropped.
pub(crate) fn each_bridge(how: Shutdown, check: impl Fn(AsyncBridge)) {
    let (driven, threads) = (Driven::start(), multi_thread(1));
    let builder = || AsyncBridge::builder().workers(1).on_drop(how);
    let single = futures::executor::ThreadPool::builder()
        .pool_size(1)
        .create()
        .unwrap();
    check(builder().build().unwrap());
    check(builder().build_on(threads.handle().clone()).unwrap());
    check(builder().build_on(driven.handle.clone()).unwrap());
    check(builder().build_on_spawner(SpawnOnSmol).unwrap());
    check(builder().build_on_spawner(single).unwrap());
    check(builder().build_on_spawner(ThreadPool::with_workers(1)).unwrap());
}

#[test]
fn the_last_handle_may_be_dropped_inside_its_own_tasks_and_callbacks() {
    within(|| {
        for how in WAYS {
            each_bridge(how, |bridge| {
                let closed = bridge.closed();
                let (hand_over, handle) = oneshot::channel::<AsyncBridge>();
                // Under `Kill` the future is dropped by the drop in it: then there is no value.
                let own = bridge.spawn_async(async move { drop(handle.await.unwrap()) });
                hand_over.send(bridge).unwrap();
                let outcome = own.result();
                assert!(outcome.is_ok() || how == Shutdown::Kill, "{outcome:?}");
                block_on(closed);
            });
            each_bridge(how, |bridge| {
                let closed = bridge.closed();
                let (hand_over, handle) = mpsc::channel::<AsyncBridge>();
                let own = bridge.spawn(move || {
                    drop(handle.recv().unwrap());
                    5
                });
                hand_over.send(bridge).unwrap();
                let outcome = own.result();
                assert!(matches!(outcome, Ok(5)) || how != Shutdown::Finish, "{outcome:?}");
                block_on(closed);
            });
            each_bridge(how, |bridge| {
                let closed = bridge.closed();
                let (hand_over, handle) = mpsc::channel::<AsyncBridge>();
                let (wake, woken) = oneshot::channel::<()>();
                let future = bridge.spawn_async(woken);
                let (told, hear) = mpsc::channel();
                future.on_done(move |_| {
                    drop(handle.recv().unwrap());
                    told.send(()).unwrap();
                });
                hand_over.send(bridge).unwrap();
                wake.send(()).unwrap();
                hear.recv().unwrap();
                drop(future);
                block_on(closed);
            });
        }
    });
}

#[test]
fn the_last_handle_may_be_a_part_of_a_task_that_is_killed() {
    within(|| {
        each_bridge(Shutdown::Finish, |bridge| {
            let (closed, inner) = (bridge.closed(), bridge.clone());
            let own = suspended(&bridge, async move {
                pending::<()>().await;
                drop(inner);
            });
            drop(bridge);
            assert!(own.kill());
            block_on(closed);
        });
    });
}

#[test]
fn the_last_handle_may_be_dropped_in_code_of_its_own_runtime() {
    within(|| {
        for place in 0..5 {
            let bridge = AsyncBridge::with_workers(2);
            let closed = bridge.closed();
            let handle = bridge.spawn(tokio::runtime::Handle::current).result().unwrap();
            if place % 2 == 0 {
                // Without the thread that the call above has started: the end goes another way.
                drop(bridge.spawn_async(async {}).result());
            }
            let there = match place {
                0 => handle.spawn_blocking(move || drop(bridge)),
                1 => handle.spawn_blocking(move || bridge.shutdown(Shutdown::Finish)),
                2 => handle.spawn(async move { drop(bridge) }),
                3 => handle.spawn(async move { block_in_place(|| drop(bridge)) }),
                _ => handle.spawn(unconstrained(async move { drop(bridge) })),
            };
            // A runtime that is going may drop the task; what counts is that nobody hangs.
            let _ = block_on(there);
            block_on(closed);
        }
    });
}

#[test]
fn the_last_handle_may_be_dropped_in_code_of_a_runtime_that_never_had_a_blocking_thread() {
    within(|| {
        for place in 0..4 {
            let bridge = AsyncBridge::with_workers(2);
            let closed = bridge.closed();
            let handle = bridge.spawn_async(async { tokio::runtime::Handle::current() });
            let handle = handle.result().unwrap();
            let there = match place {
                0 => handle.spawn_blocking(move || drop(bridge)),
                1 => handle.spawn_blocking(move || bridge.shutdown(Shutdown::Finish)),
                2 => handle.spawn(async move { block_in_place(|| drop(bridge)) }),
                _ => handle.spawn(unconstrained(async move { drop(bridge) })),
            };
            let _ = block_on(there);
            block_on(closed);
        }
    });
}

#[test]
fn a_drop_in_async_code_begins_the_end_and_closed_tells_of_it() {
    within(|| {
        for runtime in [current_thread(), multi_thread(1)] {
            for how in WAYS {
                runtime.block_on(async {
                    let builder = || AsyncBridge::builder().workers(1).on_drop(how);
                    let here = tokio::runtime::Handle::current();
                    for bridge in [
                        builder().build_on(here).unwrap(),
                        builder().build().unwrap(),
                        builder().build_on_spawner(SpawnOnSmol).unwrap(),
                    ] {
                        let closed = bridge.closed();
                        let (wake, woken) = oneshot::channel();
                        let accepted = bridge.spawn_async(async move { woken.await.unwrap() });
                        drop(bridge);
                        let _ = wake.send(5);
                        let outcome = accepted.await;
                        assert!(how != Shutdown::Finish || matches!(outcome, Ok(5)), "{outcome:?}");
                        closed.await;
                    }
                });
            }
        }
    });
}

#[test]
fn a_drop_after_the_end_of_block_on_comes_back() {
    within(|| {
        for how in WAYS {
            let runtime = current_thread();
            let builder = AsyncBridge::builder().on_drop(how);
            let bridge = builder.build_on(runtime.handle().clone()).unwrap();
            let (suspended, queued) = runtime.block_on(async {
                let suspended = bridge.spawn_async(async { tokio::time::sleep(FOR_EVER).await });
                while !suspended.is_running() {
                    tokio::task::yield_now().await;
                }
                (
                    suspended,
                    bridge.spawn_async(async { tokio::task::yield_now().await }),
                )
            });
            let closed = bridge.closed();
            drop(bridge);
            drop(runtime);
            assert!(suspended.result().is_err());
            assert!(queued.result().is_err() || how == Shutdown::Finish);
            block_on(closed);
        }
    });
}

#[test]
fn a_drop_outside_waits_for_a_task_that_holds_the_only_thread_for_long() {
    within(|| {
        let driven = Driven::start();
        let bridge = AsyncBridge::from_handle(driven.handle.clone());
        let (started, starts) = mpsc::channel();
        let (wake, woken) = oneshot::channel::<()>();
        let sleeper = suspended(&bridge, async move { woken.await.is_ok() });
        let long = bridge.spawn_async(async move {
            started.send(()).unwrap();
            // Longer than a runtime that nobody drives is waited for.
            thread::sleep(Duration::from_millis(2500));
            drop(wake);
        });
        starts.recv().unwrap();
        drop(bridge);
        assert!(
            long.is_done() && sleeper.is_done(),
            "given up on a runtime that runs"
        );
    });
}
