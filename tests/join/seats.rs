//! Halves beside other tasks, and callers that wait in the middle and so give their seat away.

use crate::{event, fib, heard, on_pools, watched, within};
use concurrent_futures::{TaskFuture, ThreadPool};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

/// Blocks the calling task until a thread of another pool has run this; nobody here can do that in its place.
fn wait_elsewhere(elsewhere: &ThreadPool, work: impl FnOnce() + Send + 'static) {
    elsewhere.spawn(work).result().unwrap();
}

#[test]
fn what_the_first_half_spawns_stays_queued_in_order() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(1));
        let order = Arc::new(Mutex::new(Vec::new()));
        let (noted, inside) = (order.clone(), pool.clone());
        let spawned = pool.spawn(move || {
            let spawn = |n| {
                let noted = noted.clone();
                inside.spawn(move || noted.lock().unwrap().push(n))
            };
            let mut spawned = vec![spawn(1)];
            inside.join(
                || spawned.extend([spawn(2), spawn(3)]),
                || noted.lock().unwrap().push(0),
            );
            spawned
        });
        for task in spawned.result().unwrap() {
            task.result().unwrap();
        }
        // The half first; then, as always, what the worker submitted itself, newest first.
        assert_eq!(*order.lock().unwrap(), [0, 3, 2, 1]);
    });
}

#[test]
fn every_task_that_halves_spawn_runs() {
    fn tree(pool: &ThreadPool, depth: u32, spawned: &Mutex<Vec<TaskFuture<u32>>>) {
        spawned.lock().unwrap().push(pool.spawn(move || depth));
        if depth > 0 {
            pool.join(
                || tree(pool, depth - 1, spawned),
                || tree(pool, depth - 1, spawned),
            );
        }
    }
    on_pools(|pool| {
        let spawned = Mutex::new(Vec::new());
        pool.join(|| tree(pool, 9, &spawned), || ());
        let spawned = spawned.into_inner().unwrap();
        assert_eq!(spawned.len(), 1023);
        let sum: u32 = spawned.into_iter().map(|task| task.result().unwrap()).sum();
        assert_eq!(sum, (0..=9).map(|depth| depth << (9 - depth)).sum());
    });
}

#[test]
fn halves_that_wait_for_tasks_of_the_pool_end() {
    fn tree(pool: &ThreadPool, depth: u32) -> u32 {
        if depth == 0 {
            return pool.spawn(|| 1).result().unwrap();
        }
        let inside = pool.clone();
        let beside = pool.spawn(move || inside.spawn(|| 0).result().unwrap());
        let (one, two) = pool.join(|| tree(pool, depth - 1), || tree(pool, depth - 1));
        one + two + beside.result().unwrap()
    }
    on_pools(|pool| {
        let (leaves, ()) = pool.join(|| tree(pool, 8), || ());
        assert_eq!(leaves, 256);
    });
}

#[test]
fn a_half_is_run_although_its_owner_has_lost_the_seat() {
    on_pools(|pool| {
        let elsewhere = watched(ThreadPool::with_workers(1));
        let (results, ()) = pool.join(
            || {
                pool.join(
                    || {
                        wait_elsewhere(&elsewhere, || ());
                        fib(pool, 12)
                    },
                    || fib(pool, 10),
                )
            },
            || (),
        );
        assert_eq!(results, (144, 55));
        // It may have a seat, or none, and joins again and again.
        let (sum, ()) = pool.join(
            || {
                (0..50)
                    .map(|_| {
                        wait_elsewhere(&elsewhere, || ());
                        fib(pool, 8)
                    })
                    .sum::<u64>()
            },
            || (),
        );
        assert_eq!(sum, 50 * 21);
    });
}

/// The owner of a half holds a lock, loses its seat, and whoever has the seat now waits for that lock. A half that nobody
/// has started must not be left to them.
#[test]
fn a_lock_that_is_held_over_a_join_does_not_keep_its_second_half_from_running() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(1));
        let elsewhere = watched(ThreadPool::with_workers(1));
        let lock = Arc::new(Mutex::new(0));
        let inside = pool.clone();
        let task = pool.spawn(move || {
            let held = lock.clone();
            let mut guard = held.lock().unwrap();
            let (blocks, is_blocking) = event();
            let value: &mut i32 = &mut guard;
            let (wanted, blocked) = inside
                .join(
                    || {
                        let wanted = lock.clone();
                        let blocked = inside.spawn(move || {
                            blocks.send(()).unwrap();
                            *wanted.lock().unwrap() += 1;
                        });
                        wait_elsewhere(&elsewhere, move || heard(&is_blocking));
                        (lock.clone(), blocked)
                    },
                    || *value = 10,
                )
                .0;
            drop(guard);
            blocked.result().unwrap();
            *wanted.lock().unwrap()
        });
        assert_eq!(task.result().unwrap(), 11);
    });
}

#[test]
fn a_caller_that_has_lost_its_seat_still_shares_its_work() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(2));
        let elsewhere = watched(ThreadPool::with_workers(1));
        let inside = pool.clone();
        let task = pool.spawn(move || {
            let mut threads = BTreeSet::new();
            for _ in 0..50 {
                wait_elsewhere(&elsewhere, || ());
                let ((to_b, from_a), (to_a, from_b)) = (event(), event());
                let (one, two) = inside.join(
                    move || {
                        to_b.send(()).unwrap();
                        heard(&from_b);
                        format!("{:?}", std::thread::current().id())
                    },
                    move || {
                        heard(&from_a);
                        to_a.send(()).unwrap();
                        format!("{:?}", std::thread::current().id())
                    },
                );
                assert_ne!(one, two);
                threads.extend([one, two]);
            }
            threads.len()
        });
        assert!(task.result().unwrap() >= 2);
    });
}
