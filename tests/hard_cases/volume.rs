//! Millions of tasks, thousands of pools, many users.

use crate::{scaled, within};
use concurrent_futures::{Executor, Shutdown, TaskError, ThreadPool};
use std::{
    collections::HashSet, sync::Arc, sync::Barrier, sync::atomic::AtomicUsize, sync::atomic::Ordering,
    sync::mpsc, thread,
};

#[test]
fn four_million_tasks_may_queue() {
    within(300, || {
        let pool = ThreadPool::with_workers(4);
        let ran = Arc::new(AtomicUsize::new(0));
        let tasks = scaled(4_200_000);
        for _ in 0..tasks {
            let ran = ran.clone();
            drop(pool.spawn(move || ran.fetch_add(1, Ordering::Relaxed)));
        }
        pool.shutdown(Shutdown::Finish);
        assert_eq!(ran.load(Ordering::Relaxed), tasks);
        let stats = pool.stats();
        assert_eq!(
            (stats.succeeded, stats.queued, stats.running),
            (tasks as u64, 0, 0)
        );
    });
}

#[test]
fn four_million_tasks_that_never_run_are_given_up_without_recursion() {
    within(300, || {
        let pool = ThreadPool::with_workers(1);
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let tasks = scaled(4_200_000);
        let dropped = Arc::new(AtomicUsize::new(0));
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        for _ in 0..tasks {
            let captured = Counted(dropped.clone());
            drop(pool.spawn(move || drop(captured)));
        }
        pool.begin_shutdown(Shutdown::Cancel);
        assert!(dropped.load(Ordering::Relaxed) + 1 >= tasks);
        release.send(()).unwrap();
        assert!(busy.result().unwrap());
        pool.shutdown(Shutdown::Cancel);
        assert_eq!(dropped.load(Ordering::Relaxed), tasks);
    });
}

#[test]
fn a_thousand_pools_leave_no_thread_behind() {
    within(120, || {
        let before = threads();
        for n in 0..1_000 {
            let pool = ThreadPool::with_workers(2);
            if n % 2 == 0 {
                assert_eq!(pool.spawn(move || n).result().unwrap(), n);
            }
        }
        // Other tests of this program start threads too, but not by the thousand.
        assert!(
            threads() < before + 500,
            "{before} threads before, {} after",
            threads()
        );
    });
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn ten_threads_share_one_pool() {
    within(120, || {
        let pool = ThreadPool::with_workers(2);
        let start = Arc::new(Barrier::new(10));
        let users: Vec<_> = (0..10)
            .map(|_| {
                let (pool, start) = (pool.clone(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    let first: Vec<u64> = pool.map(|n| n + 1, 0..40u64).map(Result::unwrap).collect();
                    assert_eq!(first, (1..=40).collect::<Vec<_>>());
                    let futures: Vec<_> = (0..20u64).map(|n| pool.submit(|n| n, n)).collect();
                    let cancelled: HashSet<_> = futures
                        .iter()
                        .step_by(2)
                        .filter(|f| f.cancel())
                        .map(|f| f.id())
                        .collect();
                    for (n, future) in futures.into_iter().enumerate() {
                        if cancelled.contains(&future.id()) {
                            assert!(matches!(future.result(), Err(TaskError::Cancelled)));
                        } else {
                            assert_eq!(future.result().unwrap(), n as u64);
                        }
                    }
                    let last: u64 = pool.map(|n| n, 0..40u64).map(Result::unwrap).sum();
                    assert_eq!(last, 780);
                })
            })
            .collect();
        users.into_iter().for_each(|user| user.join().unwrap());
    });
}

#[test]
fn a_chain_of_callbacks_does_not_grow_the_stack() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let mut next = pool.spawn(|| ()).handle();
        let mut futures = Vec::new();
        for _ in 0..scaled(100_000) {
            let future = pool.spawn(|| ());
            let following = std::mem::replace(&mut next, future.handle());
            future.on_done(move |_| {
                following.cancel();
            });
            futures.push(future);
        }
        assert!(next.cancel());
        assert!(futures.iter().all(|future| future.is_cancelled()));
        release.send(()).unwrap();
        assert!(busy.result().unwrap());
    });
}
