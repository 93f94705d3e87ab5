//! `idle_timeout`.

use super::{build, checkpoint::Checkpoint, is_alive, pass, pid, until, within};
use concurrent_futures::{Executor, ProcessPool};
use std::{collections::BTreeSet, time::Duration};

#[test]
fn idle_workers_end_and_the_next_round_starts_others() {
    within(|| {
        let pool = build(
            ProcessPool::builder()
                .workers(4)
                .idle_timeout(Duration::from_millis(10)),
        );
        let mut all: BTreeSet<u32> = BTreeSet::new();
        for _ in 0..5 {
            let futures: Vec<_> = (0..8).map(|n| pool.submit(pid, n)).collect();
            let pids: BTreeSet<u32> = futures
                .into_iter()
                .map(|future| future.result().unwrap())
                .collect();
            assert!(pids.iter().all(|pid| !all.contains(pid)), "{pids:?} {all:?}");
            all.extend(&pids);
            until("all workers have ended", || pool.worker_pids().is_empty());
            assert!(!pids.into_iter().any(is_alive));
        }
        // None of them was lost.
        assert_eq!(pool.stats().workers_restarted, 0);
    });
}

#[test]
fn a_long_task_is_not_idleness() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = build(
            ProcessPool::builder()
                .workers(2)
                .idle_timeout(Duration::from_millis(10)),
        );
        let long = pool.submit(pass, (checkpoint.address(), 0));
        checkpoint.wait_for(1);
        // Long enough for another worker to come and to end of idleness.
        let short = pool.submit(pid, 0).result().unwrap();
        until("the idle worker has ended", || {
            !pool.worker_pids().contains(&short)
        });
        assert!(!long.is_done());
        checkpoint.open();
        assert_ne!(long.result().unwrap(), short);
    });
}

#[test]
fn without_a_timeout_workers_stay() {
    within(|| {
        let others = build(
            ProcessPool::builder()
                .workers(1)
                .idle_timeout(Duration::from_millis(10)),
        );
        let pool = build(ProcessPool::builder().workers(1));
        let first = pool.submit(pid, 0).result().unwrap();
        // As long as it takes elsewhere to end an idle worker.
        others.submit(pid, 0).result().unwrap();
        until("the other's worker has ended", || others.worker_pids().is_empty());
        assert_eq!(pool.submit(pid, 0).result().unwrap(), first);
    });
}

#[test]
fn work_that_comes_just_when_a_worker_leaves_is_run() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2).idle_timeout(Duration::ZERO));
        for n in 0..30_u64 {
            let values: Vec<u64> = pool.map(|n: u64| n + 1, n..n + 3).map(Result::unwrap).collect();
            assert_eq!(values, [n + 1, n + 2, n + 3]);
            if n % 10 == 0 {
                until("all workers have ended", || pool.worker_pids().is_empty());
            }
        }
    });
}
