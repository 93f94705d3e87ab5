//! What needs no wait, or not the runtime, goes on in async code too.

use crate::{Driven, current_thread, multi_thread, panic_of, watchdog::within};
use concurrent_futures::{
    AsyncBridge, Executor, NextCompleted, ReturnWhen, Shutdown, TaskFuture, ThreadPool, as_completed, wait,
};
use std::{future::pending, time::Duration};

const LIMIT: Option<Duration> = Some(Duration::from_secs(600));

#[test]
fn what_is_there_already_is_taken_anywhere() {
    within(|| {
        let driven = Driven::start();
        let bridge = AsyncBridge::from_handle(driven.handle.clone());
        let done = |n: u32| -> TaskFuture<u32> {
            let future = bridge.spawn_async(async move { n });
            while !future.is_done() {
                std::thread::yield_now();
            }
            future
        };
        let shared = done(1).shared();
        shared.result().unwrap();
        let group = bridge.group();
        group.spawn_async(async { 1 });
        let (one, mut two, three, four) = (done(1), done(2), done(3), done(4));
        while bridge.stats().running + bridge.stats().queued > 0 {
            std::thread::yield_now();
        }
        let inside = driven.handle.spawn(async move {
            assert_eq!(one.result().unwrap(), 1);
            assert_eq!(two.result_timeout(LIMIT.unwrap()).unwrap().unwrap(), 2);
            assert_eq!(as_completed([three]).next().unwrap().result().unwrap(), 3);
            assert_eq!(wait([four], ReturnWhen::AllCompleted, None).done.len(), 1);
            assert_eq!(group.join().unwrap(), [1]);
            assert_eq!(shared.result().unwrap(), 1);
        });
        futures::executor::block_on(inside).unwrap();
        // A bridge that is closed is shut down once more without a wait.
        bridge.shutdown(Shutdown::Finish);
        let again = driven
            .handle
            .spawn(async move { bridge.shutdown(Shutdown::Finish) });
        futures::executor::block_on(again).unwrap();
    });
}

#[test]
fn a_limit_of_zero_looks_and_is_never_refused() {
    within(|| {
        current_thread().block_on(async {
            let bridge = AsyncBridge::current();
            let never = || bridge.spawn_async(pending::<()>());
            assert_eq!(
                wait([never()], ReturnWhen::AllCompleted, Some(Duration::ZERO))
                    .pending
                    .len(),
                1
            );
            let looked = as_completed([never()]).next_timeout(Duration::ZERO);
            assert!(matches!(looked, NextCompleted::TimedOut { unfinished: 1, of: 1 }));
            assert!(never().result_timeout(Duration::ZERO).is_none());
            assert!(never().shared().result_timeout(Duration::ZERO).is_none());
        });
    });
}

#[test]
fn a_shutdown_that_ends_everything_at_once_is_not_refused() {
    within(|| {
        current_thread().block_on(async {
            for how in [Shutdown::Cancel, Shutdown::Kill] {
                let bridge = AsyncBridge::current();
                let queued = bridge.spawn_async(pending::<()>());
                bridge.shutdown(how);
                assert!(queued.result().unwrap_err().is_cancelled());
            }
        });
    });
}

#[test]
fn a_full_bridge_refuses_a_submission_that_would_wait_for_its_own_thread() {
    within(|| {
        current_thread().block_on(async {
            let builder = AsyncBridge::builder().max_pending(1);
            let bridge = builder.build_on(tokio::runtime::Handle::current()).unwrap();
            let first = bridge.spawn_async(async { 1 });
            let text = panic_of(|| bridge.spawn_async(async { 2 }));
            assert!(
                text.contains("try_submit") && text.contains("spawn_blocking"),
                "{text}"
            );
            assert!(bridge.try_submit(|n: u32| n, 3).is_err());
            assert_eq!(first.await.unwrap(), 1);
            assert_eq!(bridge.spawn_async(async { 4 }).await.unwrap(), 4);
        });
    });
}

#[test]
fn a_thread_pools_future_may_be_blocked_on_in_async_code() {
    within(|| {
        let pool = ThreadPool::with_workers(1);
        for runtime in [current_thread(), multi_thread(1)] {
            let pool = pool.clone();
            let each = move || {
                assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
                assert_eq!(pool.spawn_async(async { 2 }).result().unwrap(), 2);
                assert_eq!(
                    pool.map(|n: u32| n, 0..100).map(Result::unwrap).sum::<u32>(),
                    4950
                );
                assert_eq!(as_completed((0..10).map(|n| pool.spawn(move || n))).count(), 10);
            };
            let spawned = each.clone();
            runtime.block_on(async move { each() });
            runtime.block_on(async move { tokio::spawn(async move { spawned() }).await.unwrap() });
        }
    });
}
