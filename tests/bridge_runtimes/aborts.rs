//! Kills, cancellations and ends of the bridge race with the ends of tasks.

use crate::{
    Driven, SpawnOnSmol, multi_thread,
    watchdog::{assert_books_are_closed, within},
    yield_once,
};
use concurrent_futures::{AsyncBridge, Executor, Shutdown, TaskError, TaskFuture, ThreadPool};
use futures::{channel::oneshot, executor::block_on};
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

const ROUNDS: usize = 1_000;

/// Counts how often it was dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn each_runtime(check: impl Fn(&dyn Fn() -> AsyncBridge)) {
    let (driven, threads) = (Driven::start(), multi_thread(2));
    let pool = ThreadPool::with_workers(2);
    let builder = || AsyncBridge::builder().max_blocking(1);
    check(&|| builder().build_on(threads.handle().clone()).unwrap());
    check(&|| builder().build_on(driven.handle.clone()).unwrap());
    check(&|| builder().build_on_spawner(SpawnOnSmol).unwrap());
    check(&|| builder().build_on_spawner(pool.clone()).unwrap());
}

type Abort = fn(&TaskFuture<Counted>);

const ABORTS: [Abort; 3] = [
    |future| _ = future.kill(),
    |future| _ = future.cancel(),
    |future| _ = future.handle().kill(),
];

/// Suspends until it is woken, and returns what it holds.
fn waits(bridge: &AsyncBridge, dropped: &Arc<AtomicUsize>) -> (oneshot::Sender<()>, TaskFuture<Counted>) {
    let (wake, woken) = oneshot::channel();
    let held = Counted(dropped.clone());
    let future = bridge.spawn_async(async move {
        let _ = woken.await;
        held
    });
    (wake, future)
}

fn assert_ended(outcome: Result<Counted, TaskError>) {
    match outcome {
        Ok(_) | Err(TaskError::Cancelled | TaskError::ShutDown) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn an_abort_that_races_with_the_end_of_a_task_has_one_winner() {
    within(|| {
        each_runtime(|make| {
            let bridge = make();
            let start = Barrier::new(2);
            thread::scope(|scope| {
                let (send, receive) = std::sync::mpsc::channel::<oneshot::Sender<()>>();
                let start = &start;
                scope.spawn(move || {
                    for wake in receive {
                        start.wait();
                        let _ = wake.send(());
                    }
                });
                for round in 0..ROUNDS {
                    let dropped = Arc::<AtomicUsize>::default();
                    let (wake, future) = waits(&bridge, &dropped);
                    send.send(wake).unwrap();
                    start.wait();
                    ABORTS[round % 3](&future);
                    assert_ended(future.result());
                    // A kill may leave the dropping to who polls.
                    crate::eventually("it leaks", || dropped.load(SeqCst) == 1);
                }
                drop(send);
            });
            bridge.shutdown(Shutdown::Finish);
            assert_books_are_closed(&bridge);
        });
    });
}

#[test]
fn an_abort_that_races_with_a_task_that_is_always_ready_again_ends_it() {
    within(|| {
        each_runtime(|make| {
            let bridge = make();
            for round in 0..ROUNDS {
                let dropped = Arc::<AtomicUsize>::default();
                let held = Counted(dropped.clone());
                let future = bridge.spawn_async(async move {
                    let _held = held;
                    loop {
                        yield_once().await;
                    }
                });
                if round % 2 == 0 {
                    while !future.is_running() {
                        thread::yield_now();
                    }
                }
                assert!(future.kill());
                let outcome: Result<(), TaskError> = future.result();
                assert!(outcome.unwrap_err().is_cancelled());
                crate::eventually("it leaks", || dropped.load(SeqCst) == 1);
            }
            bridge.shutdown(Shutdown::Finish);
            assert_books_are_closed(&bridge);
        });
    });
}

#[test]
fn an_abort_may_race_with_the_end_of_the_bridge() {
    within(|| {
        each_runtime(|make| {
            for round in 0..ROUNDS {
                let bridge = make();
                let dropped = Arc::<AtomicUsize>::default();
                let (wakers, futures): (Vec<_>, Vec<_>) = (0..4).map(|_| waits(&bridge, &dropped)).unzip();
                let handles: Vec<_> = futures.iter().map(|future| future.handle()).collect();
                let start = Barrier::new(3);
                let closed = bridge.closed();
                thread::scope(|scope| {
                    scope.spawn(|| {
                        start.wait();
                        match round % 4 {
                            0 => drop(bridge),
                            1 => bridge.shutdown(Shutdown::Finish),
                            2 => bridge.shutdown(Shutdown::Cancel),
                            _ => bridge.shutdown(Shutdown::Kill),
                        }
                    });
                    scope.spawn(|| {
                        start.wait();
                        drop(wakers);
                    });
                    start.wait();
                    for (handle, abort) in handles.iter().zip(0..) {
                        _ = if abort % 2 == 0 {
                            handle.kill()
                        } else {
                            handle.cancel()
                        };
                    }
                });
                futures
                    .into_iter()
                    .for_each(|future| assert_ended(future.result()));
                block_on(closed);
                assert_eq!(dropped.load(SeqCst), 4);
            }
        });
    });
}

#[test]
fn futures_may_be_dropped_while_their_tasks_suspend_and_the_bridge_ends() {
    within(|| {
        each_runtime(|make| {
            for _ in 0..ROUNDS {
                let bridge = make();
                let dropped = Arc::<AtomicUsize>::default();
                let (wake, future) = waits(&bridge, &dropped);
                let start = Barrier::new(3);
                thread::scope(|scope| {
                    scope.spawn(|| {
                        start.wait();
                        drop(future);
                    });
                    scope.spawn(|| {
                        start.wait();
                        drop(wake);
                    });
                    start.wait();
                    bridge.shutdown(Shutdown::Finish);
                });
                assert_eq!(dropped.load(SeqCst), 1);
                assert_books_are_closed(&bridge);
            }
        });
    });
}

#[test]
fn a_blocking_call_that_is_aborted_while_it_starts_runs_or_is_cancelled() {
    within(|| {
        each_runtime(|make| {
            for round in 0..ROUNDS / 4 {
                let bridge = make();
                let dropped = Arc::<AtomicUsize>::default();
                let futures: Vec<_> = (0..4)
                    .map(|_| {
                        let held = Counted(dropped.clone());
                        bridge.spawn(move || held)
                    })
                    .collect();
                let how = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill][round % 3];
                thread::scope(|scope| {
                    scope.spawn(|| bridge.shutdown(how));
                    futures.iter().for_each(|future| ABORTS[round % 3](future));
                });
                futures
                    .into_iter()
                    .for_each(|future| assert_ended(future.result()));
                assert_eq!(dropped.load(SeqCst), 4);
                assert_books_are_closed(&bridge);
            }
        });
    });
}
