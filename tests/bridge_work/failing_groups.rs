//! What the first failure does to the other members, and what has ended when the group has.

use super::{Counted, Gate, current_thread, on_every_bridge, settle, within, yield_once};
use concurrent_futures::{AsyncBridge, Executor, Shutdown, TaskError};
use std::{
    future::{Future, IntoFuture, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

fn failed(outcome: Result<Vec<()>, TaskError>) -> bool {
    matches!(outcome, Err(TaskError::Panicked(panic)) if panic.message() == "for all")
}

#[test]
fn the_first_failure_ends_what_is_suspended_before_the_group_has_ended() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let alive = Arc::new(AtomicUsize::new(0));
        for awaited in [false, true] {
            for blocking in [false, true] {
                let gate = Gate::new();
                let group = bridge.group();
                let (polled, polls) = mpsc::channel();
                for _ in 0..50 {
                    let (counted, polled) = (Counted::new(&alive), polled.clone());
                    group.spawn_async(async move {
                        let _counted = counted;
                        polled.send(()).unwrap();
                        pending::<()>().await;
                    });
                }
                let (pass, counted) = (gate.pass(), Counted::new(&alive));
                if blocking {
                    group.spawn(move || {
                        let _counted = counted;
                        pass.block();
                        panic!("for all");
                    });
                } else {
                    group.spawn_async(async move {
                        let _counted = counted;
                        pass.wait().await;
                        panic!("for all");
                    });
                }
                (0..50).for_each(|_| polls.recv().unwrap());
                gate.open();
                let outcome = if awaited {
                    futures::executor::block_on(group.into_future())
                } else {
                    group.join()
                };
                assert_eq!(alive.load(SeqCst), 0);
                assert!(failed(outcome));
            }
        }
        assert_eq!(bridge.spawn(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn a_member_in_the_middle_of_a_poll_is_waited_for_and_ends_at_its_next_await() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        let went_on = Arc::new(AtomicUsize::new(0));
        let gate = Gate::new();
        let (polled, polls) = mpsc::channel();
        let group = bridge.group();
        let (counted, pass, flag) = (Counted::new(&alive), gate.pass(), went_on.clone());
        group.spawn_async(async move {
            let _counted = counted;
            polled.send(()).unwrap();
            pass.block();
            yield_once().await;
            flag.fetch_add(1, SeqCst);
        });
        polls.recv().unwrap();
        group.spawn(|| panic!("for all"));
        let joining = thread::spawn(move || group.join());
        super::wait_until(|| bridge.stats().failed == 1);
        // A while, for what must not happen.
        (0..100).for_each(|_| thread::yield_now());
        assert!(!joining.is_finished() && alive.load(SeqCst) == 1);
        gate.open();
        assert!(failed(joining.join().unwrap()));
        assert_eq!((alive.load(SeqCst), went_on.load(SeqCst)), (0, 0));
    });
}

/// Is polled again and again, and slow to go.
struct Busy(Option<Counted>);

impl Future for Busy {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        (0..20).for_each(|_| thread::yield_now());
        self.0.take();
    }
}

#[test]
fn members_that_are_polled_while_they_are_ended_are_gone_when_the_group_has_ended() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        let alive = Arc::new(AtomicUsize::new(0));
        for round in 0..100 {
            let group = bridge.group();
            for _ in 0..3 {
                group.spawn_async(Busy(Some(Counted::new(&alive))));
            }
            if round % 2 == 0 {
                super::wait_until(|| bridge.stats().queued == 0);
            }
            group.spawn(|| panic!("for all"));
            assert!(failed(group.join()));
            assert_eq!(alive.load(SeqCst), 0, "round {round}");
        }
    });
}

#[test]
fn nothing_outlives_a_group_that_is_awaited_on_the_runtime_that_polls_its_members() {
    within(|| {
        let runtime = current_thread();
        let bridge = AsyncBridge::from_handle(runtime.handle().clone());
        let alive = Arc::new(AtomicUsize::new(0));
        runtime.block_on(async {
            for round in 0..300 {
                let group = bridge.group();
                for n in 0..20 {
                    let counted = Counted::new(&alive);
                    group.spawn_async(async move {
                        let _counted = counted;
                        for _ in 0..n {
                            yield_once().await;
                        }
                        assert!(n != round % 20, "for all");
                        if n % 2 == 0 {
                            tokio::time::sleep(Duration::from_secs(3_600)).await;
                        }
                    });
                }
                let counted = Counted::new(&alive);
                group.spawn(move || drop(counted));
                assert!(failed(group.await));
                assert_eq!(alive.load(SeqCst), 0, "round {round}");
            }
            bridge.begin_shutdown(Shutdown::Finish);
            bridge.closed().await;
        });
    });
}

#[test]
fn of_ten_thousand_sleepers_one_that_fails_wakes_all() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        let gate = Gate::new();
        let group = bridge.group();
        for n in 0..10_000 {
            let (counted, pass) = (Counted::new(&alive), gate.pass());
            group.spawn_async(async move {
                let _counted = counted;
                if n == 5_000 {
                    pass.wait().await;
                    panic!("for all");
                }
                tokio::time::sleep(Duration::from_secs(3_600)).await;
            });
        }
        super::wait_until(|| bridge.stats().queued == 0);
        assert_eq!(alive.load(SeqCst), 10_000);
        gate.open();
        assert!(failed(group.join()));
        assert_eq!(alive.load(SeqCst), 0);
        bridge.shutdown(Shutdown::Finish);
        let stats = bridge.stats();
        assert_eq!((stats.cancelled, stats.failed), (9_999, 1));
    });
}

#[test]
fn what_is_submitted_after_the_failure_does_not_run() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        for blocking in [false, true] {
            let ran = Arc::new(AtomicUsize::new(0));
            let group = bridge.group();
            group.spawn(|| panic!("for all"));
            // The group hears of it a moment after it is counted.
            let mut submitted = 0;
            while bridge.stats().submitted > submitted {
                submitted = bridge.stats().submitted;
                group.spawn_async(async {});
            }
            let counter = ran.clone();
            let fails = move || {
                counter.fetch_add(1, SeqCst);
                panic!("too late");
            };
            if blocking {
                group.spawn(fails);
            } else {
                group.spawn_async(async move { fails() });
            }
            assert_eq!(bridge.stats().submitted, submitted);
            assert!(failed(group.join()));
            settle(&bridge);
            bridge.spawn(|| ()).result().unwrap();
            assert_eq!(ran.load(SeqCst), 0);
        }
    });
}

#[test]
fn a_failure_that_races_with_members_that_end_hangs_nowhere() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(2, 2);
        for _ in 0..1_000 {
            let group = bridge.group();
            group.spawn(|| panic!("for all"));
            for _ in 0..40 {
                group.spawn_async(async {});
            }
            assert!(failed(group.join()));
        }
    });
}
