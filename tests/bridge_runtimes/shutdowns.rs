//! What each way of shutting down waits for, and what it ends.

use crate::{
    bridge_ends::{WAYS, each_bridge},
    suspended,
    watchdog::{assert_books_are_closed, within},
};
use concurrent_futures::{Executor, Shutdown};
use futures::{channel::oneshot, executor::block_on};
use std::{future::pending, sync::Arc, thread, time::Duration};

#[test]
fn finish_waits_for_sleepers_and_lets_tasks_submit_more() {
    within(|| {
        each_bridge(Shutdown::Finish, |bridge| {
            let (wake, woken) = oneshot::channel::<()>();
            let inner = bridge.clone();
            let sleeper = suspended(&bridge, async move {
                woken.await.unwrap();
                let (call, third) = (inner.spawn(|| 1), inner.clone());
                let polled = inner.spawn_async(async move { third.spawn_async(async { 1 }).await.unwrap() });
                call.await.unwrap() + polled.await.unwrap()
            });
            bridge.begin_shutdown(Shutdown::Finish);
            assert!(bridge.spawn(|| 1).result().unwrap_err().is_shut_down());
            assert!(bridge.spawn_async(async {}).result().unwrap_err().is_shut_down());
            assert!(
                bridge
                    .shutdown_timeout(Shutdown::Finish, Duration::from_millis(1))
                    .is_err()
            );
            wake.send(()).unwrap();
            bridge.shutdown(Shutdown::Finish);
            assert_eq!(sleeper.result().unwrap(), 2);
            assert_books_are_closed(&bridge);
        });
    });
}

#[test]
fn cancel_leaves_sleepers_to_their_end_and_kill_ends_them() {
    within(|| {
        each_bridge(Shutdown::Finish, |bridge| {
            let held = Arc::new(());
            let (wake, woken) = oneshot::channel::<()>();
            let sleeper = suspended(&bridge, async move { woken.await.is_ok() });
            let data = held.clone();
            let endless = suspended(&bridge, async move {
                pending::<()>().await;
                drop(data);
            });
            assert!(
                bridge
                    .shutdown_timeout(Shutdown::Cancel, Duration::from_millis(1))
                    .is_err()
            );
            assert!(!endless.is_done());
            wake.send(()).unwrap();
            assert!(sleeper.result().unwrap());
            bridge.shutdown(Shutdown::Kill);
            assert!(endless.result().unwrap_err().is_cancelled());
            assert_eq!(Arc::strong_count(&held), 1);
            assert_books_are_closed(&bridge);
        });
    });
}

#[test]
fn what_nobody_can_wake_and_nobody_holds_does_not_hold_up_the_end() {
    within(|| {
        each_bridge(Shutdown::Finish, |bridge| {
            drop(bridge.spawn_async(pending::<()>()));
            drop(suspended(&bridge, pending::<()>()));
            bridge.spawn_async(pending::<()>()).on_done(|_| ());
            bridge.map_async(|()| pending::<()>(), [(); 10]).detach();
            let group = bridge.group();
            group.spawn_async(pending::<()>());
            group.detach();
            bridge.shutdown(Shutdown::Finish);
            assert_books_are_closed(&bridge);
        });
    });
}

#[test]
fn a_shared_future_that_nobody_can_wake_and_nobody_holds_does_not_hold_up_the_end() {
    within(|| {
        each_bridge(Shutdown::Finish, |bridge| {
            drop(bridge.spawn_async(pending::<()>()).shared());
            bridge.shutdown(Shutdown::Finish);
            assert_books_are_closed(&bridge);
        });
    });
}

#[test]
fn many_may_shut_down_at_once_in_different_ways() {
    within(|| {
        each_bridge(Shutdown::Finish, |bridge| {
            let sleeper = suspended(&bridge, pending::<()>());
            let call = bridge.spawn(|| 5);
            thread::scope(|scope| {
                for how in WAYS {
                    let bridge = &bridge;
                    scope.spawn(move || bridge.shutdown(how));
                    scope.spawn(move || block_on(bridge.closed()));
                }
            });
            assert!(sleeper.result().unwrap_err().is_cancelled());
            let outcome = call.result();
            assert!(matches!(outcome, Ok(5)) || outcome.unwrap_err().is_cancelled());
            assert_books_are_closed(&bridge);
        });
    });
}
