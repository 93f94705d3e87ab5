//! `max_tasks_per_worker`.

use super::{abort, build, checkpoint::Checkpoint, death, is_alive, pass, pass_async, pid, until, within};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use std::collections::BTreeMap;

fn limited(workers: usize, tasks: u64) -> ProcessPool {
    build(
        ProcessPool::builder()
            .workers(workers)
            .max_tasks_per_worker(tasks),
    )
}

/// How often each one is there.
fn counted(pids: impl IntoIterator<Item = u32>) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    for pid in pids {
        *counts.entry(pid).or_default() += 1;
    }
    counts
}

#[test]
fn the_task_after_the_last_runs_in_a_new_worker() {
    within(|| {
        let pool = limited(1, 3);
        let pids: Vec<u32> = (0..7).map(|n| pool.submit(pid, n).result().unwrap()).collect();
        assert!(pids[..3].iter().all(|pid| *pid == pids[0]), "{pids:?}");
        assert!(pids[3..6].iter().all(|pid| *pid == pids[3]), "{pids:?}");
        assert_eq!(counted(pids.clone()).len(), 3, "{pids:?}");
        until("the first worker is gone", || !is_alive(pids[0]));
        // It was not lost.
        assert_eq!(pool.stats().workers_restarted, 0);
    });
}

#[test]
fn a_backlog_is_worked_off_by_one_worker_after_another() {
    within(|| {
        for (workers, limit, tasks) in [(1, 2, 6), (2, 2, 8), (3, 1, 9)] {
            let pool = limited(workers, limit);
            let futures: Vec<_> = (0..tasks)
                .map(|n| pool.submit(|n: u64| (n * n, std::process::id()), n))
                .collect();
            let outcomes: Vec<_> = futures
                .into_iter()
                .map(|future| future.result().unwrap())
                .collect();
            assert!(
                outcomes
                    .iter()
                    .map(|(square, _)| *square)
                    .eq((0..tasks).map(|n| n * n))
            );
            let counts = counted(outcomes.iter().map(|(_, pid)| *pid));
            assert!(counts.values().all(|count| *count <= limit), "{counts:?}");
        }
    });
}

#[test]
fn a_shutdown_finishes_what_many_workers_in_turn_have_to_run() {
    within(|| {
        let pool = limited(3, 1);
        let futures: Vec<_> = (0..6).map(|n| pool.submit(pid, n)).collect();
        pool.shutdown(Shutdown::Finish);
        let counts = counted(futures.into_iter().map(|future| future.result().unwrap()));
        assert_eq!(counts.len(), 6, "{counts:?}");
        assert!(pool.worker_pids().is_empty());
    });
}

#[test]
fn the_items_of_a_map_count() {
    within(|| {
        for (workers, chunk_size) in [(1, 10), (1, 2), (2, 10), (2, 4)] {
            let pool = limited(workers, 3);
            let chunked = pool.options().chunk_size(chunk_size);
            let outcomes: Vec<_> = chunked
                .map(|n: u64| (n + 1, std::process::id()), 0..10)
                .map(Result::unwrap)
                .collect();
            assert!(outcomes.iter().map(|(next, _)| *next).eq(1..=10));
            let counts = counted(outcomes.iter().map(|(_, pid)| *pid));
            assert!(counts.len() >= 4, "{counts:?}");
            assert!(counts.values().all(|count| *count <= 3), "{counts:?}");
        }
    });
}

#[test]
fn a_task_that_fails_counts_as_one() {
    within(|| {
        let pool = limited(1, 1);
        let ends = pool.submit(|n: u64| -> u32 { panic!("no {n}") }, 1);
        assert!(matches!(ends.result(), Err(TaskError::Panicked(_))));
        let dead = death(pool.submit(abort, 0).result());
        let next = pool.submit(pid, 0).result().unwrap();
        assert_ne!(dead.pid(), next);
        // Nothing hangs if it is the last thing that happens either.
        let panics = pool.submit(|n: u64| -> u32 { panic!("no {n}") }, 2);
        let dies = pool.submit(abort, 0);
        pool.shutdown(Shutdown::Finish);
        assert!(matches!(panics.result(), Err(TaskError::Panicked(_))));
        death(dies.result());
    });
}

#[test]
fn a_large_result_of_the_last_task_arrives_whole() {
    within(|| {
        let pool = limited(2, 1);
        let futures: Vec<_> = (0..4_u8)
            .map(|n| pool.submit(|n: u8| vec![n; 3_000_000], n))
            .collect();
        for (n, future) in (0..).zip(futures) {
            let bytes = future.result().unwrap();
            assert!(bytes.len() == 3_000_000 && bytes.iter().all(|byte| *byte == n));
        }
    });
}

#[test]
fn a_worker_that_has_to_go_takes_no_new_futures_in() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = limited(1, 2);
        let futures: Vec<_> = (0..6)
            .map(|n| pool.submit_async(pass_async, (checkpoint.address(), n)))
            .collect();
        checkpoint.wait_for(2);
        checkpoint.open();
        let counts = counted(futures.into_iter().map(|future| future.result().unwrap()));
        assert!(counts.values().all(|count| *count <= 2), "{counts:?}");
    });
}

#[test]
fn what_was_sent_ahead_to_a_worker_that_leaves_is_not_lost() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = limited(1, 1);
        let first = pool.submit(pass, (checkpoint.address(), 0));
        checkpoint.wait_for(1);
        let behind: Vec<_> = (0..20).map(|n| pool.submit(pid, n)).collect();
        checkpoint.open();
        let all = behind.into_iter().chain([first]);
        let counts = counted(all.map(|future| future.result().unwrap()));
        assert_eq!(counts.len(), 21, "{counts:?}");
    });
}

#[test]
fn a_limit_of_nothing_is_a_limit_of_one() {
    within(|| {
        let pool = limited(1, 0);
        let pids = [0, 1].map(|n| pool.submit(pid, n).result().unwrap());
        assert_ne!(pids[0], pids[1]);
    });
}
