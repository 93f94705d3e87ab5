//! Tasks that wait for tasks.

use crate::{scaled, within};
use concurrent_futures::{Executor, NextCompleted, ThreadPool, as_completed};
use std::{sync::Arc, sync::mpsc, time::Duration};

#[test]
fn a_hundred_thousand_tasks_wait_for_one_another_on_one_worker() {
    within(300, || {
        fn chain(pool: &ThreadPool, left: usize) -> usize {
            if left == 0 {
                return 0;
            }
            let inner = pool.clone();
            1 + pool.spawn(move || chain(&inner, left - 1)).result().unwrap()
        }
        let pool = ThreadPool::with_workers(1);
        let inner = pool.clone();
        let links = scaled(100_000);
        assert_eq!(pool.spawn(move || chain(&inner, links)).result().unwrap(), links);
        assert!(pool.stats().spare_threads > 0, "it does not fit on one stack");
    });
}

#[test]
fn a_chain_of_waits_with_a_limit_never_needs_the_worker_it_holds() {
    within(60, || {
        fn chain(pool: &ThreadPool, left: usize) -> usize {
            if left == 0 {
                return 0;
            }
            let inner = pool.clone();
            let mut next = pool.spawn(move || chain(&inner, left - 1));
            1 + next
                .result_timeout(Duration::from_secs(60))
                .expect("in time")
                .unwrap()
        }
        let pool = ThreadPool::with_workers(1);
        let inner = pool.clone();
        assert_eq!(pool.spawn(move || chain(&inner, 50)).result().unwrap(), 50);
    });
}

#[test]
fn every_kind_of_wait_inside_the_only_worker_goes_on() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let inner = pool.clone();
        let outcome = pool.spawn(move || {
            let awaited = futures::executor::block_on(inner.spawn(|| 1)).unwrap();
            let mapped: usize = inner.map(|n: usize| n, 0..100).map(Result::unwrap).sum();
            let completed = as_completed((0..10).map(|n| inner.spawn(move || n))).count();
            let waited = concurrent_futures::wait(
                (0..10).map(|n| inner.spawn(move || n)),
                concurrent_futures::ReturnWhen::AllCompleted,
                None,
            );
            let group = inner.group();
            (0..10).for_each(|n| group.submit(|n: usize| n, n));
            let joined = group.join().unwrap().len();
            let mut sum = 0;
            inner.scope(|s| {
                let part = s.spawn(|| 5);
                sum += part.result().unwrap();
            });
            let shared = inner.spawn(|| 7).shared();
            (
                awaited,
                mapped,
                completed,
                waited.done.len(),
                joined,
                sum,
                shared.result().unwrap(),
            )
        });
        assert_eq!(outcome.result().unwrap(), (1, 4950, 10, 10, 10, 5, 7));
    });
}

#[test]
fn a_circle_of_pools_goes_on() {
    within(60, || {
        fn around(pools: &Arc<Vec<ThreadPool>>, at: usize, left: usize) -> usize {
            if left == 0 {
                return 0;
            }
            let (next, inner) = ((at + 1) % pools.len(), pools.clone());
            1 + pools[next]
                .spawn(move || around(&inner, next, left - 1))
                .result()
                .unwrap()
        }
        let pools = Arc::new((0..3).map(|_| ThreadPool::with_workers(1)).collect::<Vec<_>>());
        assert_eq!(around(&pools, 0, 200), 200);
    });
}

#[test]
fn a_timeout_of_as_completed_tells_how_many_are_left() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let mut completed = as_completed([busy, pool.spawn(|| true)]);
        assert!(matches!(
            completed.next_timeout(Duration::from_millis(10)),
            NextCompleted::TimedOut { unfinished: 2, of: 2 }
        ));
        release.send(()).unwrap();
        assert!(completed.all(|future| future.result().unwrap()));
    });
}
