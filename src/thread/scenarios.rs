//! Whole pools under shuttle: each scenario is run under ten thousand schedules, chosen at random, and half of them such that a
//! few switches come at the worst moments. What hangs is reported as a deadlock or as a run without an end, with the schedule that
//! leads there.
//!
//! Shuttle switches at locks, atomics and thread calls of this crate. The deques of crossbeam are one step each here; they have
//! checks of their own.

use super::ThreadPool;
use crate::{
    error::TaskError,
    executor::{Executor, Shutdown},
    future::TaskFuture,
    sync::{Arc, atomic::AtomicUsize, thread},
};
use std::sync::atomic::Ordering::SeqCst;

/// Half at random, half by what finds bugs of so many switches with a known probability (Burckhardt et al., 2010).
fn under_many_schedules(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    const SCHEDULES: usize = 5_000;
    const SWITCHES: usize = 3;
    shuttle::check_random(scenario.clone(), SCHEDULES);
    shuttle::check_pct(scenario, SCHEDULES, SWITCHES);
}

fn pool_of(workers: usize) -> ThreadPool {
    ThreadPool::with_workers(workers)
}

#[test]
fn what_two_threads_submit_runs_once_and_the_last_handle_waits() {
    under_many_schedules(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = pool_of(2);
        let submit = |pool: ThreadPool| {
            let ran = ran.clone();
            move || {
                let ran = ran.clone();
                pool.spawn(move || ran.fetch_add(1, SeqCst)).result().is_ok()
            }
        };
        let other = thread::spawn(submit(pool.clone()));
        assert!(submit(pool)());
        assert!(other.join().unwrap());
        assert_eq!(ran.load(SeqCst), 2);
    });
}

#[test]
fn a_task_waits_for_its_own_pool_of_one() {
    under_many_schedules(|| {
        let pool = pool_of(1);
        let inside = pool.clone();
        let outer = pool.spawn(move || {
            let inner = inside.spawn(|| 20);
            let other = inside.spawn(|| 22);
            // Not the newest first: it waits for one that lies below another.
            inner.result().unwrap() + other.result().unwrap()
        });
        assert_eq!(outer.result().unwrap(), 42);
    });
}

#[test]
fn a_cancel_meets_a_start() {
    under_many_schedules(|| {
        let pool = pool_of(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let theirs = ran.clone();
        let task = pool.spawn(move || theirs.fetch_add(1, SeqCst));
        let was_cancelled = task.cancel();
        match task.result() {
            Ok(0) => assert!(!was_cancelled),
            Err(TaskError::Cancelled) => assert!(was_cancelled),
            other => panic!("{other:?}"),
        }
        drop(pool);
        assert_eq!(ran.load(SeqCst), usize::from(!was_cancelled));
    });
}

fn a_shutdown_meets_a_submission(how: Shutdown) {
    under_many_schedules(move || {
        let pool = pool_of(1);
        let first = pool.spawn(|| 1);
        let submitter = thread::spawn({
            let pool = pool.clone();
            move || pool.spawn(|| 2)
        });
        pool.shutdown(how);
        let is_allowed = |task: TaskFuture<u32>, value| match task.result() {
            Ok(result) => result == value,
            Err(TaskError::Cancelled) => how != Shutdown::Finish,
            Err(error) => matches!(error, TaskError::ShutDown),
        };
        assert!(is_allowed(first, 1));
        assert!(is_allowed(submitter.join().unwrap(), 2));
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.running), (0, 0));
        assert_eq!(stats.submitted, stats.succeeded + stats.failed + stats.cancelled);
    });
}

#[test]
fn a_shutdown_that_finishes_meets_a_submission() {
    a_shutdown_meets_a_submission(Shutdown::Finish);
}

#[test]
fn a_shutdown_that_cancels_meets_a_submission() {
    a_shutdown_meets_a_submission(Shutdown::Cancel);
}

#[test]
fn the_last_handle_is_dropped_by_a_task() {
    under_many_schedules(|| {
        let pool = pool_of(2);
        let ran = Arc::new(AtomicUsize::new(0));
        let (inside, theirs) = (pool.clone(), ran.clone());
        let task = pool.spawn(move || {
            drop(inside.spawn(move || theirs.fetch_add(1, SeqCst)));
            drop(inside);
        });
        let closed = pool.closed();
        drop(pool);
        task.result().unwrap();
        assert!(closed.wait(None));
        assert_eq!(ran.load(SeqCst), 1);
    });
}

#[test]
fn halves_are_joined_whoever_takes_them() {
    fn sum(pool: &ThreadPool, numbers: &[u32]) -> u32 {
        if let [number] = numbers {
            return *number;
        }
        let (left, right) = numbers.split_at(numbers.len() / 2);
        let (left, right) = pool.join(|| sum(pool, left), || sum(pool, right));
        left + right
    }
    under_many_schedules(|| {
        let pool = pool_of(2);
        assert_eq!(sum(&pool, &[1, 2, 3, 4]), 10);
    });
}

#[test]
fn a_map_yields_every_item_in_order() {
    under_many_schedules(|| {
        let pool = pool_of(2);
        let doubled = pool.options().buffer_size(2).map(|n| n * 2, 0..4u32);
        assert!(doubled.map(Result::unwrap).eq([0, 2, 4, 6]));
    });
}

#[test]
fn a_future_is_woken_from_another_thread() {
    under_many_schedules(|| {
        let pool = pool_of(1);
        let (wake, woken) = futures::channel::oneshot::channel();
        let task = pool.spawn_async(async move { woken.await.unwrap() });
        let other = thread::spawn(move || wake.send(7).unwrap());
        assert_eq!(task.result().unwrap(), 7);
        other.join().unwrap();
    });
}
