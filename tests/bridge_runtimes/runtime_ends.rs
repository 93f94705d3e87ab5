//! The runtime is ended under its bridge by somebody else.

use crate::{Driven, FOR_EVER, current_thread, multi_thread, suspended, watchdog::within};
use concurrent_futures::{AsyncBridge, Executor, Shutdown, TaskError, TaskFuture, as_completed};
use futures::{StreamExt, channel::oneshot, executor::block_on};
use std::{
    future::pending,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};
use tokio::runtime::Runtime;

/// How a runtime is ended.
pub(crate) const ENDS: [fn(Runtime); 3] = [drop, Runtime::shutdown_background, |runtime| {
    runtime.shutdown_timeout(Duration::from_secs(600));
}];

/// Every kind of runtime, with every kind of end.
pub(crate) fn each_end(check: impl Fn(Runtime, fn(Runtime))) {
    for end in ENDS {
        for make in [
            current_thread as fn() -> Runtime,
            || multi_thread(1),
            || multi_thread(2),
        ] {
            check(make(), end);
        }
    }
}

/// Nothing more comes of this bridge, and everybody is told.
pub(crate) fn assert_is_gone(bridge: &AsyncBridge) {
    // `shutdown_background` returns before the runtime's threads have dropped what they have.
    block_on(bridge.closed());
    assert!(bridge.spawn(|| 1).result().unwrap_err().is_shut_down());
    assert!(
        bridge
            .spawn_async(async { 1 })
            .result()
            .unwrap_err()
            .is_shut_down()
    );
    assert!(
        block_on(bridge.spawn_async(async { 1 }))
            .unwrap_err()
            .is_shut_down()
    );
    let mut outcomes = bridge.map_async(|n: u32| async move { n }, 0..10);
    assert!(outcomes.all(|outcome| outcome.unwrap_err().is_shut_down()));
    let mut outcomes = bridge.map(|n: u32| n, 0..10);
    assert!(outcomes.all(|outcome| outcome.unwrap_err().is_shut_down()));
    bridge.shutdown(Shutdown::Finish);
    bridge.shutdown_timeout(Shutdown::Kill, Duration::ZERO).unwrap();
    crate::watchdog::assert_books_are_closed(bridge);
}

/// Has the tasks of a runtime polled, whoever does that.
fn drive(runtime: &Runtime, while_it_runs: impl FnOnce() + Send + 'static) {
    let (send, done) = oneshot::channel::<()>();
    let there = thread::spawn(move || {
        while_it_runs();
        drop(send);
    });
    let _ = runtime.block_on(done);
    there.join().unwrap();
}

#[test]
fn a_bridge_that_never_ran_a_task_hears_of_the_end() {
    within(|| {
        each_end(|runtime, end| {
            let bridge = AsyncBridge::from_handle(runtime.handle().clone());
            let closed = bridge.closed();
            end(runtime);
            block_on(closed);
            assert_is_gone(&bridge);
        });
    });
}

#[test]
fn a_bridge_on_a_runtime_that_is_gone_already_is_shut_down() {
    within(|| {
        each_end(|runtime, end| {
            let handle = runtime.handle().clone();
            end(runtime);
            let bridge = AsyncBridge::from_handle(handle.clone());
            assert_is_gone(&bridge);
            drop(AsyncBridge::from_handle(handle));
        });
    });
}

#[test]
fn suspended_and_queued_tasks_resolve_at_once_with_their_callbacks_run() {
    within(|| {
        each_end(|runtime, end| {
            let bridge = AsyncBridge::from_handle(runtime.handle().clone());
            let held = Arc::new(());
            let (told, hear) = mpsc::channel();
            let (never, fires) = oneshot::channel::<()>();
            let (inner, data) = (bridge.clone(), held.clone());
            let (send, receive) = mpsc::channel();
            drive(&runtime, move || {
                let (timer, channel, idle) = (data.clone(), data.clone(), data.clone());
                let futures = [
                    suspended(&inner, async move {
                        tokio::time::sleep(FOR_EVER).await;
                        drop(timer);
                    }),
                    suspended(&inner, async move {
                        let _ = fires.await;
                        drop(channel);
                    }),
                    suspended(&inner, async move {
                        pending::<()>().await;
                        drop(idle);
                    }),
                ];
                send.send(futures).unwrap();
            });
            let mut futures = Vec::from(receive.recv().unwrap());
            // On a current-thread runtime these stay in the queue: nobody drives it now.
            for _ in 0..10 {
                let data = held.clone();
                futures.push(bridge.spawn_async(async move {
                    pending::<()>().await;
                    drop(data);
                }));
            }
            for future in &futures {
                let told = told.clone();
                future.on_done(move |outcome| {
                    told.send(outcome.as_ref().is_err_and(|error| error.is_shut_down()))
                        .unwrap();
                });
            }
            end(runtime);
            for future in futures {
                assert!(future.result().unwrap_err().is_shut_down());
                assert!(hear.recv().unwrap());
            }
            assert!(hear.try_recv().is_err());
            assert_is_gone(&bridge);
            assert_eq!(Arc::strong_count(&held), 1);
            // Waking what is gone is harmless.
            let _ = never.send(());
        });
    });
}

#[test]
fn blocking_calls_that_run_keep_their_values_and_queued_ones_do_not_start() {
    within(|| {
        each_end(|runtime, end| {
            let builder = AsyncBridge::builder().max_blocking(1);
            let bridge = builder.build_on(runtime.handle().clone()).unwrap();
            let held = Arc::new(());
            let (started, starts) = mpsc::channel();
            let (release, gate) = mpsc::channel::<()>();
            let data = held.clone();
            let running = bridge.spawn(move || {
                started.send(()).unwrap();
                gate.recv().unwrap();
                drop(data);
                5
            });
            starts.recv().unwrap();
            let queue = |_| {
                let data = held.clone();
                bridge.spawn(move || drop(data))
            };
            let queued: Vec<TaskFuture<()>> = (0..10).map(queue).collect();
            end(runtime);
            // At once: the call that runs has not been let go.
            for future in queued {
                assert!(future.result().unwrap_err().is_shut_down());
            }
            assert!(bridge.spawn(|| ()).result().unwrap_err().is_shut_down());
            assert!(!running.is_done());
            assert!(bridge.shutdown_timeout(Shutdown::Finish, Duration::ZERO).is_err());
            release.send(()).unwrap();
            assert_eq!(running.result().unwrap(), 5);
            assert_is_gone(&bridge);
            assert_eq!(Arc::strong_count(&held), 1);
        });
    });
}

#[test]
fn collections_of_such_futures_end() {
    within(|| {
        each_end(|runtime, end| {
            let bridge = AsyncBridge::from_handle(runtime.handle().clone());
            let (release, gate) = mpsc::channel::<()>();
            let gate = Arc::new(Mutex::new(gate));
            let calls_gate = gate.clone();
            let map = bridge.map_async(|_: u32| pending::<()>(), 0..);
            let unordered = bridge.map_async(|_: u32| pending::<()>(), 0..100).unordered();
            let call = move |_: u32| _ = calls_gate.lock().unwrap().recv();
            let calls = bridge.options().chunk_size(1).map(call, 0..1000);
            let group = bridge.group();
            (0..10).for_each(|_| group.spawn_async(pending::<()>()));
            let completed = as_completed((0..10).map(|_| bridge.spawn_async(pending::<()>())));
            let stream = bridge.map_async(|_: u32| pending::<()>(), 0..100).into_stream();
            let shared = bridge.spawn_async(pending::<()>()).shared();
            let waiter = thread::spawn({
                let shared = shared.clone();
                move || shared.result()
            });
            end(runtime);
            drop(release);
            assert!(shared.result().unwrap_err().is_shut_down());
            assert!(waiter.join().unwrap().unwrap_err().is_shut_down());
            for outcome in map.take(2000) {
                assert!(outcome.unwrap_err().is_shut_down());
            }
            assert!(unordered.count() == 100);
            // Those that ran have their values, the others did not start.
            for outcome in calls {
                assert!(
                    matches!(outcome, Ok(()) | Err(TaskError::ShutDown)),
                    "{outcome:?}"
                );
            }
            assert!(group.join().unwrap_err().is_shut_down());
            assert_eq!(completed.filter(|future| future.is_done()).count(), 10);
            assert_eq!(block_on(stream.count()), 100);
            assert_is_gone(&bridge);
        });
    });
}

#[test]
fn many_bridges_on_one_runtime_hear_of_its_end() {
    within(|| {
        each_end(|runtime, end| {
            let bridges: Vec<_> = (0..50)
                .map(|_| AsyncBridge::from_handle(runtime.handle().clone()))
                .collect();
            let futures: Vec<_> = (bridges.iter())
                .map(|bridge| bridge.spawn_async(async { tokio::time::sleep(FOR_EVER).await }))
                .collect();
            end(runtime);
            for future in futures {
                assert!(future.result().unwrap_err().is_shut_down());
            }
            bridges.iter().for_each(assert_is_gone);
        });
    });
}

#[test]
fn who_awaits_on_another_runtime_hears_of_the_end() {
    within(|| {
        each_end(|runtime, end| {
            let other = Driven::start();
            let bridge = AsyncBridge::from_handle(runtime.handle().clone());
            let (future, closed) = (bridge.spawn_async(pending::<()>()), bridge.closed());
            let awaiting = other.handle.spawn(async move {
                let outcome = future.await;
                closed.await;
                outcome
            });
            end(runtime);
            assert!(block_on(awaiting).unwrap().unwrap_err().is_shut_down());
            // The last handle is dropped on a runtime that is gone.
            drop(bridge);
        });
    });
}
