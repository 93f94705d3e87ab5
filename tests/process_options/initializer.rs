//! `initializer`, and what a worker keeps from task to task.

use super::{
    abort, build,
    checkpoint::{Address, Checkpoint},
    death, within,
};
use concurrent_futures::{BuildError, Executor, ProcessPool, TaskError};
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

/// How often this process was initialized.
static INITIALIZED: AtomicU64 = AtomicU64::new(0);

fn initialize(at: Address) {
    INITIALIZED.fetch_add(1, SeqCst);
    at.announce(u64::from(process::id()));
}

fn initialized(_: u64) -> (u32, u64) {
    (process::id(), INITIALIZED.load(SeqCst))
}

#[test]
fn every_worker_is_initialized_once_and_before_its_first_task() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = build(
            ProcessPool::builder()
                .workers(3)
                .initializer(initialize, checkpoint.address()),
        );
        let fine = pool.options().chunk_size(1);
        let mut seen: BTreeSet<(u32, u64)> = fine.map(initialized, 0..100).map(Result::unwrap).collect();
        pool.warm_up().unwrap();
        // One more for the worker that stands in for a dead one.
        let dead = death(pool.submit(abort, 0).result()).pid();
        pool.warm_up().unwrap();
        seen.extend(fine.map(initialized, 0..100).map(Result::unwrap));
        assert!(seen.iter().all(|(_, times)| *times == 1), "{seen:?}");
        let mut pids: Vec<u64> = seen.iter().map(|(pid, _)| u64::from(*pid)).collect();
        pids.extend(pool.worker_pids().into_iter().chain([dead]).map(u64::from));
        pids.sort_unstable();
        pids.dedup();
        assert_eq!(checkpoint.seen_sorted(), pids);
        assert_eq!(pids.len(), 4);
        // And never here.
        assert_eq!(INITIALIZED.load(SeqCst), 0);
    });
}

#[test]
fn what_replaces_a_worker_that_has_done_enough_is_initialized_too() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .max_tasks_per_worker(2)
                .initializer(initialize, checkpoint.address()),
        );
        let seen: Vec<(u32, u64)> = (0..6)
            .map(|n| pool.submit(initialized, n).result().unwrap())
            .collect();
        assert!(seen.iter().all(|(_, times)| *times == 1), "{seen:?}");
        let pids: BTreeSet<u32> = seen.iter().map(|(pid, _)| *pid).collect();
        assert_eq!(pids.len(), 3);
        assert!(
            pids.into_iter()
                .all(|pid| checkpoint.seen().contains(&u64::from(pid)))
        );
    });
}

#[test]
fn a_large_argument_reaches_every_worker() {
    static LARGE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    within(|| {
        let pool = build(
            ProcessPool::builder()
                .workers(2)
                .initializer(|bytes| LARGE.set(bytes).unwrap(), vec![7_u8; 5_000_000]),
        );
        pool.warm_up().unwrap();
        let length = |_: u64| {
            LARGE
                .get()
                .map(|bytes| (bytes.len(), bytes.iter().all(|byte| *byte == 7)))
        };
        for length in pool.options().chunk_size(1).map(length, 0..20) {
            assert_eq!(length.unwrap(), Some((5_000_000, true)));
        }
        assert!(LARGE.get().is_none());
    });
}

#[test]
fn an_initializer_that_fails_fails_what_waits_with_its_reason() {
    within(|| {
        let pool = build(
            ProcessPool::builder()
                .workers(2)
                .initializer(|n: u64| assert_eq!(n, 8, "cannot set up"), 7),
        );
        for _ in 0..2 {
            let refused = pool.warm_up().unwrap_err();
            assert!(
                matches!(&refused, BuildError::NotReady(TaskError::Panicked(_))),
                "{refused:?}"
            );
            assert!(refused.to_string().contains("cannot set up"), "{refused}");
            let failed = pool.submit(initialized, 0).result().unwrap_err();
            assert!(
                failed.is_panicked() && failed.to_string().contains("cannot set up"),
                "{failed}"
            );
            let mapped: Vec<_> = pool.map(initialized, 0..3).collect();
            assert_eq!(mapped.len(), 3);
            for outcome in mapped {
                assert!(outcome.unwrap_err().to_string().contains("cannot set up"));
            }
        }
    });
}

#[test]
fn an_initializer_that_kills_its_worker_is_tried_three_times() {
    within(|| {
        fn announce_and_die(at: Address) {
            at.announce(u64::from(process::id()));
            process::exit(3)
        }
        let checkpoint = Checkpoint::new();
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .initializer(announce_and_die, checkpoint.address()),
        );
        assert_eq!(death(pool.submit(initialized, 0).result()).code(), Some(3));
        let tried: BTreeSet<u64> = checkpoint.seen().into_iter().collect();
        assert_eq!((tried.len(), checkpoint.seen().len()), (3, 3));
        let refused = pool.warm_up().unwrap_err();
        assert!(
            matches!(&refused, BuildError::NotReady(TaskError::WorkerDied(death)) if death.code() == Some(3)),
            "{refused:?}"
        );
        assert!(pool.worker_pids().len() <= 1);
    });
}

#[test]
fn a_pool_recovers_when_its_initializer_can_do_what_it_could_not() {
    within(|| {
        let folder = tempfile::TempDir::new().unwrap();
        let needed = folder.path().join("needed");
        let pool = build(ProcessPool::builder().workers(1).initializer(
            |path: String| assert!(Path::new(&path).exists(), "not there yet"),
            needed.to_str().unwrap().to_owned(),
        ));
        assert!(pool.warm_up().is_err());
        assert!(pool.submit(initialized, 0).result().is_err());
        fs::write(&needed, "").unwrap();
        assert!(pool.submit(initialized, 0).result().is_ok());
        pool.warm_up().unwrap();
    });
}

#[test]
fn a_worker_keeps_its_own_state_and_not_the_parents() {
    static STATE: AtomicU64 = AtomicU64::new(5);
    within(|| {
        STATE.store(100, SeqCst);
        let pool = build(ProcessPool::builder().workers(1));
        let add = |n: u64| STATE.fetch_add(n, SeqCst) + n;
        let sums = [1, 2, 3].map(|n| pool.submit(add, n).result().unwrap());
        assert_eq!(sums, [6, 8, 11]);
        assert_eq!(STATE.load(SeqCst), 100);
        // A new worker starts from the beginning.
        death(pool.submit(abort, 0).result());
        assert_eq!(pool.submit(add, 1).result().unwrap(), 6);
    });
}
