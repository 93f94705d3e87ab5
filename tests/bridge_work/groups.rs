//! Groups that succeed, are given up, or are nested.

use super::{Counted, Gate, current_thread, on_every_bridge, settle, within, yield_once};
use concurrent_futures::{AsyncBridge, Executor, Group, TaskError};
use futures::future::{BoxFuture, FutureExt};
use std::{
    future::{IntoFuture, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Waker},
    thread,
};

#[test]
fn values_of_both_kinds_come_in_the_order_of_submission_joined_and_awaited() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let mixed = || {
            let group = bridge.group();
            for n in 0..200_usize {
                match n % 3 {
                    0 => group.spawn(move || n),
                    1 => group.spawn_async(async move { n }),
                    _ => group.submit_async(|n| async move { (yield_once().await, n).1 }, n),
                }
            }
            group
        };
        let expected: Vec<_> = (0..200).collect();
        assert_eq!(mixed().join().unwrap(), expected);
        assert_eq!(
            futures::executor::block_on(mixed().into_future()).unwrap(),
            expected
        );
        assert_eq!(
            current_thread().block_on(mixed().into_future()).unwrap(),
            expected
        );
        assert_eq!(smol::block_on(mixed().into_future()).unwrap(), expected);
        let inside = bridge.spawn_async(mixed().into_future());
        assert_eq!(inside.result().unwrap().unwrap(), expected);
        let group = mixed();
        let inside = bridge.spawn(move || group.join());
        assert_eq!(inside.result().unwrap().unwrap(), expected);
    });
}

/// A member that awaits a group of its own.
fn nested(
    bridge: AsyncBridge,
    depth: usize,
    alive: Arc<AtomicUsize>,
) -> BoxFuture<'static, Result<usize, TaskError>> {
    async move {
        let _counted = Counted::new(&alive);
        if depth == 0 {
            yield_once().await;
            return Ok(1);
        }
        let group = bridge.group();
        for _ in 0..3 {
            group.spawn_async(nested(bridge.clone(), depth - 1, alive.clone()));
        }
        let inner = bridge.clone();
        group.spawn(move || inner.spawn(|| 1).result());
        group.await?.into_iter().sum()
    }
    .boxed()
}

#[test]
fn members_may_await_groups_of_their_own() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        let leaves = bridge.spawn_async(nested(bridge.clone(), 4, alive.clone()));
        // 3^4 futures, and a call for each group.
        assert_eq!(leaves.result().unwrap().unwrap(), 81 + 1 + 3 + 9 + 27);
        assert_eq!(alive.load(SeqCst), 0);
    });
}

/// A group of suspended members, which `never` could wake, and of a call that `gate` holds.
fn suspended(
    bridge: &AsyncBridge,
    alive: &Arc<AtomicUsize>,
    [never, gate]: [&Gate; 2],
    members: usize,
) -> Group<(), AsyncBridge, concurrent_futures::backend::NoContext, concurrent_futures::backend::InProcess> {
    let group = bridge.group();
    let (polled, polls) = mpsc::channel();
    for _ in 0..members {
        let (counted, polled, pass) = (Counted::new(alive), polled.clone(), never.pass());
        group.spawn_async(async move {
            let _counted = counted;
            polled.send(()).unwrap();
            pass.wait().await;
        });
    }
    (0..members).for_each(|_| polls.recv().unwrap());
    let (counted, pass) = (Counted::new(alive), gate.pass());
    group.spawn(move || {
        let _counted = counted;
        polled.send(()).unwrap();
        pass.block();
    });
    polls.recv().unwrap();
    settle(bridge);
    group
}

#[test]
fn dropping_or_cancelling_a_group_ends_its_futures_at_once_and_waits_for_its_calls() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        for way in 0..4 {
            let (never, gate) = (Gate::new(), Gate::new());
            let group = suspended(&bridge, &alive, [&never, &gate], 20);
            assert_eq!(alive.load(SeqCst), 21);
            let dropping = thread::spawn(move || match way {
                0 => drop(group),
                1 => {
                    group.cancel();
                    assert!(group.join().unwrap_err().is_cancelled());
                }
                2 => drop(group.into_future()),
                _ => {
                    let mut joining = group.into_future();
                    let mut context = Context::from_waker(Waker::noop());
                    assert!(Pin::new(&mut joining).poll(&mut context).is_pending());
                    drop(joining);
                }
            });
            super::wait_until(|| alive.load(SeqCst) == 1);
            assert!(!dropping.is_finished(), "the call goes on: way {way}");
            gate.open();
            dropping.join().unwrap();
            assert_eq!(alive.load(SeqCst), 0, "way {way}");
        }
        bridge.shutdown(concurrent_futures::Shutdown::Finish);
        assert_eq!(bridge.stats().cancelled, 80);
    });
}

#[test]
fn a_group_whose_awaiter_is_aborted_ends_its_futures() {
    within(|| {
        // Everything on one thread, which nobody drives while we look.
        let runtime = current_thread();
        let bridge = AsyncBridge::from_handle(runtime.handle().clone());
        let alive = Arc::new(AtomicUsize::new(0));
        let (inner, there) = (bridge.clone(), alive.clone());
        let never = Gate::new();
        let pass = never.pass();
        runtime.block_on(async {
            let waiting = tokio::spawn(async move {
                let group = inner.group::<()>();
                for _ in 0..10 {
                    let (counted, pass) = (Counted::new(&there), pass.clone());
                    group.spawn_async(async move {
                        let _counted = counted;
                        pass.wait().await;
                    });
                }
                group.await
            });
            while bridge.stats().running < 10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(alive.load(SeqCst), 10);
            waiting.abort();
            assert!(waiting.await.unwrap_err().is_cancelled());
            assert_eq!(alive.load(SeqCst), 0);
            bridge.begin_shutdown(concurrent_futures::Shutdown::Finish);
            bridge.closed().await;
        });
        assert_eq!(bridge.stats().cancelled, 10);
    });
}

#[test]
fn a_detached_group_goes_on() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let gate = Gate::new();
        let (told, tells) = mpsc::channel();
        let group = bridge.group();
        for n in 0..10 {
            let (pass, told) = (gate.pass(), told.clone());
            group.spawn_async(async move {
                pass.wait().await;
                told.send(n).unwrap();
            });
        }
        group.detach();
        gate.open();
        let mut told: Vec<_> = tells.iter().take(10).collect();
        told.sort_unstable();
        assert_eq!(told, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn a_group_that_is_joined_is_polled_from_whoever_has_it() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        for _ in 0..50 {
            let gate = Gate::new();
            let group = bridge.group();
            for n in 0..5 {
                let pass = gate.pass();
                group.spawn_async(async move { (pass.wait().await, n).1 });
            }
            let mut joining = group.into_future();
            let mut context = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut joining).poll(&mut context).is_pending());
            let moved = thread::spawn(move || current_thread().block_on(joining));
            gate.open();
            assert_eq!(moved.join().unwrap().unwrap(), [0, 1, 2, 3, 4]);
        }
    });
}

#[test]
fn many_threads_may_submit_to_one_group_while_its_members_end() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let group = bridge.group();
        thread::scope(|scope| {
            for part in 0..4 {
                let group = &group;
                scope.spawn(move || {
                    for n in 0..250 {
                        if n % 2 == 0 {
                            group.spawn(move || part * 250 + n);
                        } else {
                            group.spawn_async(async move { (yield_once().await, part * 250 + n).1 });
                        }
                    }
                });
            }
        });
        let mut values = group.join().unwrap();
        values.sort_unstable();
        assert!(values.into_iter().eq(0..1_000));
    });
}

#[test]
fn a_group_may_fail_while_many_threads_submit_to_it() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let group = bridge.group();
        thread::scope(|scope| {
            for part in 0..4 {
                let group = &group;
                scope.spawn(move || {
                    for n in 0..250 {
                        group.spawn_async(async move {
                            yield_once().await;
                            assert!((part, n) != (2, 50), "for all");
                            if n % 2 == 0 {
                                pending::<()>().await;
                            }
                        });
                    }
                });
            }
        });
        assert!(matches!(group.join(), Err(TaskError::Panicked(_))));
    });
}
