//! A wait that needs the very thread it would block is refused with the cure, and never a silent deadlock.

use crate::{Driven, SpawnOnSmol, current_thread, panic_of, watchdog::within};
use concurrent_futures::{AsyncBridge, Executor, ReturnWhen, Shutdown, as_completed, wait};
use std::{
    future::{pending, poll_fn},
    task::Poll,
    time::Duration,
};
use tokio::task::{LocalSet, unconstrained};

const LIMIT: Option<Duration> = Some(Duration::from_secs(600));

/// Says what to do instead: something of its own, or a place where blocking is fine.
#[track_caller]
fn assert_names_the_cure(text: &str, cures: &[&str]) {
    for cure in cures.iter().chain(&["spawn_blocking"]) {
        assert!(text.contains(cure), "{cure} is not named: {text}");
    }
}

const AWAIT: &[&str] = &[".await", "into_stream"];
const AWAIT_CLOSED: &[&str] = &["begin_shutdown", "closed().await"];

/// Every wait for a future of the bridge, in code that must not block for it.
fn every_wait_is_refused(bridge: &AsyncBridge) {
    let never = || bridge.spawn_async(pending::<()>());
    let map = || bridge.map_async(|()| pending::<()>(), [(); 3]);
    let group = || {
        let group = bridge.group();
        group.spawn_async(pending::<()>());
        group
    };
    let limit = LIMIT.unwrap();
    let shared = never();
    let (handle, shared) = (shared.handle(), shared.shared());
    for text in [
        panic_of(|| never().result()),
        panic_of(|| never().result_timeout(limit)),
        panic_of(|| map().next()),
        panic_of(|| map().timeout(limit).next()),
        panic_of(|| map().unordered().next()),
        panic_of(|| as_completed([never()]).next()),
        panic_of(|| as_completed([never()]).next_timeout(limit)),
        panic_of(|| wait([never()], ReturnWhen::AllCompleted, None)),
        panic_of(|| wait([never()], ReturnWhen::FirstCompleted, LIMIT)),
        panic_of(|| group().join()),
        panic_of(|| shared.result()),
        panic_of(|| shared.result_timeout(limit)),
    ] {
        assert_names_the_cure(&text, AWAIT);
    }
    handle.kill();
}

/// A shutdown of the bridge that has to wait for the thread that calls it.
fn a_shutdown_is_refused(make: impl Fn() -> AsyncBridge) {
    let limit = LIMIT.unwrap();
    let (finish, also_finish) = (make(), make());
    let never = [&finish, &also_finish].map(|bridge| bridge.spawn_async(pending::<()>()));
    for text in [
        panic_of(|| finish.shutdown(Shutdown::Finish)),
        panic_of(|| also_finish.shutdown_timeout(Shutdown::Finish, limit)),
    ] {
        assert_names_the_cure(&text, AWAIT_CLOSED);
    }
    assert!(never.iter().all(|future| future.kill()));
}

fn nothing_can_wait_here() {
    every_wait_is_refused(&AsyncBridge::current());
    a_shutdown_is_refused(AsyncBridge::current);
}

#[test]
fn waits_in_async_code_of_a_current_thread_runtime_are_refused() {
    within(|| {
        current_thread().block_on(async { nothing_can_wait_here() });
        let runtime = current_thread();
        let spawned = runtime.spawn(async { nothing_can_wait_here() });
        runtime.block_on(spawned).unwrap();
    });
}

#[test]
fn the_refusal_of_a_task_reaches_who_awaits_it() {
    within(|| {
        let runtime = current_thread();
        let bridge = AsyncBridge::from_handle(runtime.handle().clone());
        let inner = bridge.clone();
        let spawned = runtime.spawn(async move { inner.spawn_async(async { 1 }).result().unwrap() });
        let error = runtime.block_on(spawned).unwrap_err();
        assert_names_the_cure(&crate::message(&*error.into_panic()), AWAIT);
        let inner = bridge.clone();
        let own = bridge.spawn_async(async move { inner.spawn_async(async { 1 }).result().unwrap() });
        let error = runtime.block_on(own).unwrap_err();
        assert!(error.is_panicked());
        assert_names_the_cure(&error.to_string(), AWAIT);
        // Nothing is broken by it.
        assert_eq!(runtime.block_on(bridge.spawn_async(async { 2 })).unwrap(), 2);
    });
}

#[test]
fn waits_in_a_task_of_the_bridge_itself_are_refused_on_a_current_thread() {
    within(|| {
        let driven = Driven::start();
        let bridge = AsyncBridge::from_handle(driven.handle.clone());
        let inner = bridge.clone();
        let first = bridge.spawn_async(async move { every_wait_is_refused(&inner) });
        first.result().unwrap();
        // Also after it was suspended, and in a task of another bridge on the same runtime.
        let other = AsyncBridge::from_handle(driven.handle.clone());
        let inner = bridge.clone();
        let second = other.spawn_async(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            every_wait_is_refused(&inner);
            nothing_can_wait_here();
        });
        second.result().unwrap();
    });
}

#[test]
fn waits_in_a_local_set_of_a_current_thread_runtime_are_refused() {
    within(|| {
        let runtime = current_thread();
        LocalSet::new().block_on(&runtime, async {
            nothing_can_wait_here();
            let local = tokio::task::spawn_local(async { nothing_can_wait_here() });
            local.await.unwrap();
            LocalSet::new().run_until(async { nothing_can_wait_here() }).await;
        });
    });
}

#[test]
fn waits_in_unconstrained_code_of_a_current_thread_runtime_are_refused() {
    within(|| {
        let runtime = current_thread();
        runtime.block_on(unconstrained(async { nothing_can_wait_here() }));
        let spawned = runtime.spawn(unconstrained(async { nothing_can_wait_here() }));
        runtime.block_on(spawned).unwrap();
        LocalSet::new().block_on(&runtime, async {
            let local = tokio::task::spawn_local(unconstrained(async { nothing_can_wait_here() }));
            local.await.unwrap();
        });
    });
}

#[test]
fn waits_are_refused_after_the_task_has_used_up_its_turn() {
    within(|| {
        let use_up = || {
            poll_fn(|cx| {
                while let Poll::Ready(one) = tokio::task::coop::poll_proceed(cx) {
                    one.made_progress();
                }
                nothing_can_wait_here();
                assert!(
                    !tokio::task::coop::has_budget_remaining(),
                    "the probing gave some back"
                );
                Poll::Ready(())
            })
        };
        current_thread().block_on(use_up());
        // And the probing takes nothing away.
        current_thread().block_on(poll_fn(|cx| {
            nothing_can_wait_here();
            let mut left = 0;
            while let Poll::Ready(one) = tokio::task::coop::poll_proceed(cx) {
                one.made_progress();
                left += 1;
            }
            assert_eq!(left, 128);
            Poll::Ready(())
        }));
    });
}

#[test]
fn waits_for_an_unknown_runtime_are_refused_where_futures_polls() {
    within(|| {
        let pool = futures::executor::ThreadPool::builder()
            .pool_size(1)
            .create()
            .unwrap();
        let bridge = AsyncBridge::from_spawner(pool);
        futures::executor::block_on(async { every_wait_is_refused(&bridge) });
        let inner = bridge.clone();
        let own = bridge.spawn_async(async move {
            every_wait_is_refused(&inner);
            a_shutdown_is_refused(|| AsyncBridge::from_spawner(SpawnOnSmol));
        });
        own.result().unwrap();
        assert_eq!(bridge.spawn_async(async { 1 }).result().unwrap(), 1);
    });
}

#[test]
fn waits_inside_the_bridges_own_task_are_refused_on_smol() {
    within(|| {
        let bridge = AsyncBridge::from_spawner(SpawnOnSmol);
        let inner = bridge.clone();
        let own = bridge.spawn_async(async move {
            every_wait_is_refused(&inner);
            smol::Timer::after(Duration::from_millis(1)).await;
            every_wait_is_refused(&inner);
        });
        own.result().unwrap();
        assert_eq!(bridge.spawn_async(async { 1 }).result().unwrap(), 1);
    });
}
