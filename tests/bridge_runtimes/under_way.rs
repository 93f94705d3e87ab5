//! The runtime is ended while tasks are polled, woken and submitted.

use crate::{
    current_thread, multi_thread,
    runtime_ends::{ENDS, assert_is_gone, each_end},
    suspended,
    watchdog::within,
};
use concurrent_futures::{AsyncBridge, Executor, TaskError};
use futures::{channel::oneshot, executor::block_on};
use std::{
    future::pending,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::runtime::Runtime;

fn is_end(outcome: &Result<u32, TaskError>) -> bool {
    matches!(outcome, Ok(5) | Err(TaskError::ShutDown))
}

#[test]
fn a_task_that_is_being_polled_ends_with_its_value_or_as_shut_down() {
    within(|| {
        for end in ENDS {
            for suspends in [false, true] {
                let runtime = multi_thread(2);
                let bridge = AsyncBridge::from_handle(runtime.handle().clone());
                let held = Arc::new(());
                let (started, starts) = mpsc::channel();
                let (release, gate) = mpsc::channel::<()>();
                let data = held.clone();
                let polled = bridge.spawn_async(async move {
                    started.send(()).unwrap();
                    gate.recv().unwrap();
                    if suspends {
                        pending::<()>().await;
                    }
                    drop(data);
                    5
                });
                let beside = bridge.spawn_async(pending::<()>());
                starts.recv().unwrap();
                // Some ends wait for the poll.
                let ending = thread::spawn(move || end(runtime));
                assert!(beside.result().unwrap_err().is_shut_down());
                release.send(()).unwrap();
                let outcome = polled.result();
                assert!(is_end(&outcome) && (outcome.is_err() || !suspends), "{outcome:?}");
                ending.join().unwrap();
                assert_is_gone(&bridge);
                assert_eq!(Arc::strong_count(&held), 1);
            }
        }
    });
}

#[test]
fn a_task_that_was_suspended_before_resolves_while_it_is_still_being_polled() {
    within(|| {
        let runtime = multi_thread(2);
        let bridge = AsyncBridge::from_handle(runtime.handle().clone());
        let (wake, woken) = oneshot::channel::<()>();
        let (started, starts) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let polled = suspended(&bridge, async move {
            let _ = woken.await;
            started.send(()).unwrap();
            gate.recv().unwrap();
        });
        wake.send(()).unwrap();
        starts.recv().unwrap();
        let ending = thread::spawn(move || drop(runtime));
        // At once, although the poll goes on.
        assert!(polled.result().unwrap_err().is_shut_down());
        release.send(()).unwrap();
        ending.join().unwrap();
        assert_is_gone(&bridge);
    });
}

#[test]
fn the_runtime_may_be_ended_by_a_task_of_the_bridge() {
    within(|| {
        for blocking in [false, true] {
            let runtime = multi_thread(2);
            let bridge = AsyncBridge::from_handle(runtime.handle().clone());
            let beside = suspended(&bridge, pending::<()>());
            let ends = if blocking {
                bridge.spawn(move || {
                    drop(runtime);
                    5
                })
            } else {
                bridge.spawn_async(async move {
                    runtime.shutdown_background();
                    5
                })
            };
            let outcome = ends.result();
            assert!(is_end(&outcome) && (outcome.is_ok() || !blocking), "{outcome:?}");
            assert!(beside.result().unwrap_err().is_shut_down());
            assert_is_gone(&bridge);
        }
    });
}

#[test]
fn items_behind_the_one_that_runs_are_shut_down_and_not_cancelled() {
    within(|| {
        each_end(|runtime, end| {
            let builder = AsyncBridge::builder().max_blocking(1);
            let bridge = builder.build_on(runtime.handle().clone()).unwrap();
            let (started, starts) = mpsc::channel();
            let (release, gate) = mpsc::channel::<()>();
            let gate = Mutex::new(gate);
            let call = move |n: u32| {
                started.send(n).unwrap();
                let _ = gate.lock().unwrap().recv();
                n
            };
            let mut outcomes = bridge.options().chunk_size(10).map(call, 0..100);
            assert_eq!(starts.recv().unwrap(), 0);
            let closed = bridge.closed();
            // Heard by the bridge before the item that runs is let go.
            let queued = bridge.spawn_async(pending::<()>());
            end(runtime);
            assert!(queued.result().unwrap_err().is_shut_down());
            drop(release);
            assert_eq!(outcomes.next().unwrap().unwrap(), 0);
            for outcome in outcomes {
                assert!(outcome.as_ref().unwrap_err().is_shut_down(), "{outcome:?}");
            }
            block_on(closed);
        });
    });
}

#[test]
fn callbacks_that_run_at_the_end_may_submit_wait_and_drop_the_bridge() {
    within(|| {
        each_end(|runtime, end| {
            let bridge = AsyncBridge::from_handle(runtime.handle().clone());
            let (told, hear) = mpsc::channel();
            let future = bridge.spawn_async(pending::<()>());
            let (inner, closed) = (bridge.clone(), bridge.closed());
            future.on_done(move |_| {
                let first = inner.spawn(|| 1).result();
                let second = inner.spawn_async(async { 1 }).result();
                drop(inner);
                told.send((first, second)).unwrap();
            });
            drop(bridge);
            end(runtime);
            let (first, second) = hear.recv().unwrap();
            assert!(first.unwrap_err().is_shut_down() && second.unwrap_err().is_shut_down());
            assert!(future.result().unwrap_err().is_shut_down());
            block_on(closed);
        });
    });
}

/// Four threads submit until they are told that the bridge is shut down, and the runtime ends meanwhile.
fn submit_until_the_end(runtime: Runtime, end: fn(Runtime)) {
    let builder = AsyncBridge::builder().max_blocking(2);
    let bridge = builder.build_on(runtime.handle().clone()).unwrap();
    let start = Arc::new(Barrier::new(5));
    let held = Arc::new(());
    let submitters: Vec<_> = (0..4)
        .map(|n| {
            let (bridge, start, held) = (bridge.clone(), start.clone(), held.clone());
            thread::spawn(move || {
                start.wait();
                loop {
                    let data = held.clone();
                    let future = match n {
                        0 => bridge.spawn(move || {
                            drop(data);
                            5
                        }),
                        1 => bridge.spawn_async(async move {
                            drop(data);
                            5
                        }),
                        2 => bridge.spawn_async(async move {
                            tokio::task::yield_now().await;
                            drop(data);
                            5
                        }),
                        _ => bridge.spawn_async(async move {
                            tokio::time::sleep(Duration::from_micros(50)).await;
                            drop(data);
                            5
                        }),
                    };
                    let outcome = future.result();
                    assert!(is_end(&outcome), "{outcome:?}");
                    if outcome.is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    start.wait();
    end(runtime);
    for submitter in submitters {
        submitter.join().unwrap();
    }
    assert_is_gone(&bridge);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn the_end_may_come_while_four_threads_submit() {
    within(|| {
        for round in 0..200 {
            let runtime = if round % 4 == 0 {
                current_thread()
            } else {
                multi_thread(2)
            };
            submit_until_the_end(runtime, ENDS[round % 3]);
        }
    });
}

#[test]
fn the_end_may_come_while_suspended_tasks_are_woken_and_killed() {
    within(|| {
        for round in 0..200 {
            let runtime = if round % 4 == 0 {
                current_thread()
            } else {
                multi_thread(2)
            };
            let bridge = AsyncBridge::from_handle(runtime.handle().clone());
            let held = Arc::new(());
            let over = Arc::new(AtomicBool::new(false));
            let (wakers, futures): (Vec<_>, Vec<_>) = (0..20)
                .map(|_| {
                    let (wake, woken) = oneshot::channel::<()>();
                    let data = held.clone();
                    let future = bridge.spawn_async(async move {
                        let _ = woken.await;
                        drop(data);
                        5
                    });
                    (wake, future)
                })
                .unzip();
            let handles: Vec<_> = futures.iter().map(|future| future.handle()).collect();
            let waking = thread::spawn(move || drop(wakers));
            let killing = thread::spawn(move || handles.iter().skip(10).for_each(|handle| _ = handle.kill()));
            let ending = thread::spawn({
                let over = over.clone();
                move || {
                    ENDS[round % 3](runtime);
                    over.store(true, SeqCst);
                }
            });
            for future in futures {
                let outcome = future.result();
                let was_killed = outcome.as_ref().is_err_and(|error| error.is_cancelled());
                assert!(was_killed || is_end(&outcome), "{outcome:?}");
            }
            waking.join().unwrap();
            killing.join().unwrap();
            ending.join().unwrap();
            assert!(over.load(SeqCst));
            assert_is_gone(&bridge);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    });
}
