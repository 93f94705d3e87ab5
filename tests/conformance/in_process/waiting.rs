//! Waiting inside a pool: what helps, what is replaced by another thread, and what never happens.

use super::{occupy, pool, within};
use concurrent_futures::{Executor, ThreadPool, as_completed};
use std::{
    sync::{Arc, Barrier, Mutex, mpsc},
    thread,
    time::Duration,
};

#[test]
fn an_untimed_wait_for_a_task_nobody_has_started_may_run_it_here_and_no_other() {
    within(|| {
        let pool = pool(1);
        let inner = pool.clone();
        let lock = Arc::new(Mutex::new(()));
        let outer = pool.spawn(move || {
            // Unrelated work that would need the lock is queued; waiting must not pick it up under the lock.
            let (guarded, other) = (lock.clone(), lock.clone());
            let unrelated = inner.spawn(move || drop(guarded.lock().unwrap()));
            let wanted = inner.spawn(|| thread::current().id());
            let held = other.lock().unwrap();
            let ran_on = wanted.result().unwrap();
            drop(held);
            unrelated.result().unwrap();
            ran_on == thread::current().id()
        });
        assert!(outer.result().unwrap());
    });
}

#[test]
fn an_outside_thread_that_waits_runs_no_task() {
    within(|| {
        let pool = pool(1);
        for _ in 0..200 {
            let ran_on = pool.spawn(|| thread::current().id()).result().unwrap();
            assert_ne!(ran_on, thread::current().id());
        }
    });
}

#[test]
fn a_timed_wait_inside_a_worker_returns_in_spite_of_a_long_task() {
    within(|| {
        let pool = pool(1);
        let inner = pool.clone();
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let waited = pool.spawn(move || {
            let mut long = inner.spawn(move || gate.lock().unwrap().recv().is_ok());
            let timed_out = long.result_timeout(Duration::from_millis(20)).is_none();
            // Somebody else has the worker's place meanwhile, and takes the next task too.
            let next = inner.spawn(|| 5);
            release.send(()).unwrap();
            (timed_out, next.result().unwrap(), long.result().is_ok())
        });
        assert_eq!(waited.result().unwrap(), (true, 5, true));
    });
}

#[test]
fn waiting_for_any_of_several_uses_the_workers_that_are_free() {
    within(|| {
        let pool = pool(3);
        let inner = pool.clone();
        let first = pool.spawn(move || {
            let (release, gate) = mpsc::channel::<()>();
            let blocked = inner.spawn(move || {
                let _ = gate.recv();
                1
            });
            let quick = inner.spawn(|| 2);
            let mut completed = as_completed([blocked, quick]);
            let first = completed.next().unwrap().result().unwrap();
            release.send(()).unwrap();
            (first, completed.next().unwrap().result().unwrap())
        });
        assert_eq!(first.result().unwrap(), (2, 1));
    });
}

#[test]
fn workers_that_all_wait_leave_their_places_to_others() {
    within(|| {
        let pool = pool(4);
        let all_wait = Arc::new(Barrier::new(4));
        let outer: Vec<_> = (0..4)
            .map(|n| {
                let (inner, all_wait) = (pool.clone(), all_wait.clone());
                pool.spawn(move || {
                    all_wait.wait();
                    let mut child = inner.spawn(move || n);
                    child.result_timeout(Duration::MAX).unwrap().unwrap()
                })
            })
            .collect();
        let through: Vec<_> = (0..1_000).map(|n| pool.spawn(move || n)).collect();
        assert!(through.into_iter().all(|future| future.result().is_ok()));
        assert_eq!(
            outer
                .into_iter()
                .map(|future| future.result().unwrap())
                .sum::<i32>(),
            6
        );
        pool.shutdown(concurrent_futures::Shutdown::Finish);
        assert_eq!(pool.stats().spare_threads, 0);
    });
}

#[test]
fn spare_threads_never_mean_more_tasks_at_once() {
    within(|| {
        let pool = pool(2);
        let running = Arc::new(Mutex::new((0, 0)));
        let futures: Vec<_> = (0..100)
            .map(|n| {
                let (inner, running) = (pool.clone(), running.clone());
                pool.spawn(move || {
                    if n % 2 == 0 {
                        let mut child = inner.spawn(move || n);
                        return child.result_timeout(Duration::MAX).unwrap().unwrap();
                    }
                    {
                        let mut now = running.lock().unwrap();
                        now.0 += 1;
                        now.1 = now.1.max(now.0);
                    }
                    thread::yield_now();
                    running.lock().unwrap().0 -= 1;
                    n
                })
            })
            .collect();
        assert_eq!(
            futures
                .into_iter()
                .map(|future| future.result().unwrap())
                .sum::<i32>(),
            4950
        );
        // A waiter that goes on may overlap with its replacement for the rest of its task, which counts nothing.
        assert!(running.lock().unwrap().1 <= 4, "{:?}", running.lock().unwrap());
    });
}

#[test]
fn parking_and_unparking_by_the_program_disturbs_nothing() {
    within(|| {
        let pool = pool(2);
        for n in 0..200 {
            let waiter = thread::current();
            let future = pool.spawn(move || {
                waiter.unpark();
                thread::current().unpark();
                n
            });
            thread::park();
            assert_eq!(future.result().unwrap(), n);
        }
        // Tokens left over from the tasks wake a worker for nothing, and harm nothing.
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn a_task_may_start_a_program_or_another_pool() {
    within(|| {
        let pool = pool(1);
        let listed = pool.spawn(|| {
            let program = std::env::current_exe().unwrap();
            std::process::Command::new(program)
                .arg("--help")
                .output()
                .unwrap()
                .status
                .success()
        });
        assert!(listed.result().unwrap());
        let nested = pool.spawn(|| {
            ThreadPool::with_workers(2)
                .map(|n: u32| n, 0..10)
                .flatten()
                .sum::<u32>()
        });
        assert_eq!(nested.result().unwrap(), 45);
    });
}

#[test]
fn a_busy_pool_of_one_worker_serves_waits_from_inside_and_outside() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let inner = pool.clone();
        let from_inside = pool.spawn(move || inner.map(|n: u32| n, 0..100).flatten().sum::<u32>());
        let from_outside = pool.map(|n: u32| n, 0..100);
        release.send(()).unwrap();
        assert_eq!(from_outside.flatten().sum::<u32>(), 4950);
        assert_eq!(from_inside.result().unwrap(), 4950);
        busy.result().unwrap();
    });
}
