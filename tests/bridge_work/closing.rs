//! The end of a bridge with work of all kinds under way.

use super::{Counted, Gate, Kind, current_thread, on_every_bridge, settle, within, yield_once};
use concurrent_futures::{AsyncBridge, Executor, Shutdown, TaskFuture, cancel_requested};
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

const WAYS: [Shutdown; 3] = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill];

fn assert_closed(bridge: &AsyncBridge) {
    super::watchdog::assert_books_are_closed(bridge);
    assert!(bridge.spawn(|| ()).result().unwrap_err().is_shut_down());
    assert!(bridge.spawn_async(async {}).result().unwrap_err().is_shut_down());
    super::watchdog::assert_books_are_closed(bridge);
}

#[test]
fn the_end_is_awaited_by_several_tasks_on_several_runtimes() {
    on_every_bridge(|kind| {
        for how in WAYS {
            let bridge = kind.unwatched(1, 1);
            let gate = Gate::new();
            let pass = gate.pass();
            let work = bridge.spawn(move || pass.block());
            let (began, begins) = mpsc::channel();
            let waiting: Vec<_> = (0..6)
                .map(|n| {
                    let (closed, began) = (bridge.closed(), began.clone());
                    thread::spawn(move || {
                        let many = futures::future::join_all((0..5).map(|_| closed.clone()));
                        let tasks = async move {
                            began.send(()).unwrap();
                            many.await.len()
                        };
                        match n % 3 {
                            0 => futures::executor::block_on(tasks),
                            1 => smol::block_on(tasks),
                            _ => current_thread().block_on(async { tokio::spawn(tasks).await.unwrap() }),
                        }
                    })
                })
                .collect();
            waiting.iter().for_each(|_| begins.recv().unwrap());
            bridge.begin_shutdown(how);
            assert!(waiting.iter().all(|thread| !thread.is_finished()) || work.is_done());
            gate.open();
            for thread in waiting {
                assert_eq!(thread.join().unwrap(), 5);
            }
            assert!(work.is_done());
            // Somebody who comes later, too.
            futures::executor::block_on(bridge.closed());
            assert_closed(&bridge);
        }
    });
}

struct UnderWay {
    queued: Vec<TaskFuture<u32>>,
    polled: TaskFuture<u32>,
    suspended: TaskFuture<u32>,
    called: TaskFuture<u32>,
    yields: TaskFuture<u32>,
}

/// One of everything, on a bridge with one place for each kind.
fn all_kinds(bridge: &AsyncBridge, gate: &Gate, alive: &Arc<AtomicUsize>) -> UnderWay {
    let (there, theirs) = mpsc::channel();
    let (pass, counted, told) = (gate.pass(), Counted::new(alive), there.clone());
    let called = bridge.spawn(move || {
        let _counted = counted;
        told.send(()).unwrap();
        pass.block();
        u32::from(cancel_requested())
    });
    let (pass, counted) = (gate.pass(), Counted::new(alive));
    let suspended = bridge.spawn_async(async move {
        let _counted = counted;
        pass.wait().await;
        2
    });
    let counted = Counted::new(alive);
    let pass = gate.pass();
    let yields = bridge.spawn_async(async move {
        let _counted = counted;
        let mut opened = std::pin::pin!(pass.wait());
        while futures::poll!(&mut opened).is_pending() {
            yield_once().await;
        }
        4
    });
    settle(bridge);
    let (pass, counted) = (gate.pass(), Counted::new(alive));
    let polled = bridge.spawn_async(async move {
        let _counted = counted;
        there.send(()).unwrap();
        pass.block();
        yield_once().await;
        3
    });
    (0..2).for_each(|_| theirs.recv().unwrap());
    let queued = (0..20)
        .map(|n| {
            let counted = Counted::new(alive);
            match n % 2 {
                0 => bridge.spawn(move || (drop(counted), n).1),
                _ => bridge.spawn_async(async move { (drop(counted), n).1 }),
            }
        })
        .collect();
    UnderWay {
        queued,
        polled,
        suspended,
        called,
        yields,
    }
}

#[test]
fn each_way_to_shut_down_ends_all_kinds_of_work_as_it_says() {
    on_every_bridge(|kind| {
        for how in WAYS {
            let bridge = kind.unwatched(1, 1);
            let gate = Gate::new();
            let alive = Arc::new(AtomicUsize::new(0));
            let work = all_kinds(&bridge, &gate, &alive);
            bridge.begin_shutdown(how);
            if how != Shutdown::Finish {
                // At once, although every thread is busy.
                assert!(work.queued.iter().all(|future| future.is_cancelled()));
            }
            if how == Shutdown::Kill {
                assert!(work.suspended.is_cancelled() && work.yields.is_cancelled());
            }
            gate.open();
            bridge.shutdown(how);
            assert_eq!(alive.load(SeqCst), 0);
            let finish = how == Shutdown::Finish;
            assert_eq!(work.called.result().unwrap(), u32::from(!finish));
            for (n, future) in (0..).zip(work.queued) {
                assert_eq!(future.result().ok(), finish.then_some(n));
            }
            let lives = how != Shutdown::Kill;
            assert_eq!(work.suspended.result().ok(), lives.then_some(2));
            assert_eq!(work.polled.result().ok(), lives.then_some(3));
            assert_eq!(work.yields.result().ok(), lives.then_some(4));
            let stats = bridge.stats();
            let succeeded = match how {
                Shutdown::Finish => 26,
                Shutdown::Cancel => 6,
                Shutdown::Kill => 3,
            };
            // The two of `settle` are among them.
            assert_eq!(
                (stats.succeeded, stats.failed, stats.cancelled),
                (succeeded, 0, 26 - succeeded)
            );
            assert_closed(&bridge);
        }
    });
}

#[test]
fn stricter_ways_take_over_with_everything_under_way() {
    on_every_bridge(|kind| {
        let bridge = kind.unwatched(1, 1);
        let gate = Gate::new();
        let alive = Arc::new(AtomicUsize::new(0));
        let work = all_kinds(&bridge, &gate, &alive);
        bridge.begin_shutdown(Shutdown::Finish);
        assert!(work.queued.iter().all(|future| !future.is_done()));
        bridge.begin_shutdown(Shutdown::Cancel);
        assert!(work.queued.iter().all(|future| future.is_cancelled()));
        assert!(!work.suspended.is_done());
        bridge.begin_shutdown(Shutdown::Kill);
        assert!(work.suspended.is_cancelled());
        bridge.begin_shutdown(Shutdown::Finish);
        gate.open();
        bridge.shutdown(Shutdown::Cancel);
        assert_eq!(alive.load(SeqCst), 0);
        assert!(work.polled.result().unwrap_err().is_cancelled());
        assert_closed(&bridge);
    });
}

#[test]
fn while_it_finishes_its_own_work_may_submit_and_nobody_else() {
    on_every_bridge(|kind| {
        let bridge = kind.unwatched(1, 1);
        let gate = Gate::new();
        let (pass, call_pass) = (gate.pass(), gate.pass());
        let (inner, other) = (bridge.clone(), bridge.clone());
        let future = bridge.spawn_async(async move {
            pass.wait().await;
            let call = inner.spawn(|| 1).await.unwrap();
            call + inner.spawn_async(async { 2 }).await.unwrap()
        });
        let call = bridge.spawn(move || {
            call_pass.block();
            let future = other
                .spawn_async(async { (yield_once().await, 3).1 })
                .result()
                .unwrap();
            future + other.map(|n| n, 0..4).map(Result::unwrap).sum::<i32>()
        });
        settle(&bridge);
        bridge.begin_shutdown(Shutdown::Finish);
        assert!(bridge.spawn_async(async {}).result().unwrap_err().is_shut_down());
        assert!(bridge.spawn(|| ()).result().unwrap_err().is_shut_down());
        gate.open();
        bridge.shutdown(Shutdown::Finish);
        assert_eq!((future.result().unwrap(), call.result().unwrap()), (3, 9));
        assert_closed(&bridge);
    });
}

#[test]
fn wake_ups_submissions_and_kills_that_race_the_end_leave_nothing_open() {
    on_every_bridge(|kind| {
        for round in 0..60 {
            let bridge = kind.unwatched(2, 2);
            let alive = Arc::new(AtomicUsize::new(0));
            let gate = Gate::new();
            let futures: Vec<_> = (0..100)
                .map(|n| {
                    let (pass, counted, inner) = (gate.pass(), Counted::new(&alive), bridge.clone());
                    bridge.spawn_async(async move {
                        let _counted = counted;
                        if n % 5 == 0 {
                            pending::<()>().await;
                        }
                        pass.wait().await;
                        let _ = inner.spawn(move || n).await;
                        n
                    })
                })
                .collect();
            let killed: Vec<_> = futures.iter().step_by(3).map(TaskFuture::handle).collect();
            let never: Vec<_> = futures.iter().step_by(5).map(TaskFuture::handle).collect();
            thread::scope(|scope| {
                scope.spawn(|| gate.open());
                scope.spawn(|| killed.iter().for_each(|handle| _ = handle.kill()));
                scope.spawn(|| {
                    for n in 0..50 {
                        drop(bridge.spawn(move || n));
                        drop(bridge.spawn_async(yield_once()));
                    }
                });
                let how = WAYS[round % 3];
                bridge.begin_shutdown(how);
                // What never ends by itself.
                never.iter().for_each(|handle| _ = handle.kill());
                bridge.shutdown(how);
            });
            for (n, future) in futures.into_iter().enumerate() {
                match future.result() {
                    Ok(value) => assert_eq!(value, n),
                    Err(error) => assert!(error.is_cancelled() || error.is_shut_down(), "{error}"),
                }
            }
            assert_eq!(alive.load(SeqCst), 0);
            assert_closed(&bridge);
        }
    });
}

#[test]
fn a_shutdown_from_a_future_a_call_or_a_callback_closes_the_bridge() {
    within(|| {
        for kind in Kind::ALL {
            for how in WAYS {
                for from in 0..3 {
                    let bridge = kind.unwatched(1, 1);
                    let inner = bridge.clone();
                    let end = move || inner.shutdown(how);
                    match from {
                        0 => drop(bridge.spawn_async(async move { end() })),
                        1 => drop(bridge.spawn(end)),
                        _ => bridge.spawn_async(async {}).on_done(move |_| end()),
                    }
                    futures::executor::block_on(bridge.closed());
                    assert_closed(&bridge);
                }
            }
        }
    });
}
