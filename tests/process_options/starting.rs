//! When workers start, and how many: lazily, `warm_up`, `spare_worker`.

use super::{
    abort, build,
    checkpoint::{Address, Checkpoint},
    death, is_alive, pass, pid, until, within,
};
use concurrent_futures::{BuildError, Executor, ProcessPool, Shutdown, TaskError};
use std::{collections::BTreeSet, process, thread};

#[test]
fn no_process_is_started_before_there_is_work() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(4));
        assert!(pool.worker_pids().is_empty());
        let first = pool.submit(pid, 0).result().unwrap();
        assert_eq!(pool.worker_pids(), [first]);
        assert_ne!(first, process::id());
        // An idle one is used again.
        for n in 0..3 {
            assert_eq!(pool.submit(pid, n).result().unwrap(), first);
        }
        assert_eq!(pool.worker_pids(), [first]);
    });
}

#[test]
fn another_process_is_started_when_all_are_busy() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(3));
        let mut held = Vec::new();
        for n in 0..3 {
            held.push(pool.submit(pass, (checkpoint.address(), n)));
            checkpoint.wait_for(held.len());
            assert_eq!(pool.worker_pids().len(), held.len());
        }
        held.push(pool.submit(pass, (checkpoint.address(), 3)));
        checkpoint.let_through(0);
        checkpoint.wait_for(4);
        assert_eq!(pool.worker_pids().len(), 3);
        checkpoint.open();
        let pids: BTreeSet<u32> = held.into_iter().map(|future| future.result().unwrap()).collect();
        assert_eq!(pids.len(), 3);
    });
}

#[test]
fn more_workers_than_cpus_all_run_at_once() {
    within(|| {
        let workers = num_cpus::get() + 3;
        let checkpoint = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(workers));
        let all = (0_u64..).take(workers);
        let tasks: Vec<_> = all
            .map(|n| pool.submit(pass, (checkpoint.address(), n)))
            .collect();
        checkpoint.wait_for(workers);
        checkpoint.open();
        let pids: BTreeSet<u32> = tasks.into_iter().map(|future| future.result().unwrap()).collect();
        assert_eq!(pids.len(), workers);
    });
}

#[test]
fn a_pool_that_is_never_used_starts_nothing() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(4).spare_worker(true));
        assert!(pool.map(pid, []).next().is_none());
        pool.shutdown(Shutdown::Finish);
        assert!(pool.worker_pids().is_empty());
    });
}

#[test]
fn a_warm_pool_has_all_its_workers() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(3));
        pool.warm_up().unwrap();
        let pids: BTreeSet<u32> = pool.worker_pids().into_iter().collect();
        assert_eq!(pids.len(), 3);
        assert!(pids.iter().all(|pid| is_alive(*pid)));
        // It is harmless to say it twice, and these are the workers that work.
        pool.warm_up().unwrap();
        let tasks: Vec<_> = (0..3)
            .map(|n| pool.submit(pass, (checkpoint.address(), n)))
            .collect();
        checkpoint.wait_for(3);
        checkpoint.open();
        let used: BTreeSet<u32> = tasks.into_iter().map(|future| future.result().unwrap()).collect();
        assert_eq!(used, pids);
    });
}

#[test]
fn several_threads_may_warm_a_pool_up() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(3));
        let warming: Vec<_> = (0..4)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || pool.warm_up())
            })
            .collect();
        warming
            .into_iter()
            .for_each(|thread| thread.join().unwrap().unwrap());
        assert_eq!(pool.worker_pids().len(), 3);
    });
}

#[test]
fn a_pool_that_is_shut_down_does_not_warm_up() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        pool.shutdown(Shutdown::Finish);
        let refused = pool.warm_up();
        assert!(
            matches!(refused, Err(BuildError::NotReady(TaskError::ShutDown))),
            "{refused:?}"
        );
        assert!(pool.worker_pids().is_empty());
    });
}

#[test]
fn a_warm_up_ends_when_the_pool_is_shut_down() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let holds = |(at, n): (Address, u64)| at.pass(n);
        let pool = build(
            ProcessPool::builder()
                .workers(2)
                .initializer(holds, (checkpoint.address(), 0)),
        );
        let warming = {
            let pool = pool.clone();
            thread::spawn(move || pool.warm_up())
        };
        checkpoint.wait_for(2);
        pool.begin_shutdown(Shutdown::Finish);
        let refused = warming.join().unwrap();
        assert!(
            matches!(refused, Err(BuildError::NotReady(TaskError::ShutDown))),
            "{refused:?}"
        );
    });
}

#[test]
fn a_spare_worker_stands_in_for_one_that_is_lost() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1).spare_worker(true));
        let first = pool.submit(pid, 0).result().unwrap();
        until("the spare one is started", || pool.worker_pids().len() == 2);
        let spare = pool.worker_pids().into_iter().find(|pid| *pid != first).unwrap();
        let lost = death(pool.submit(abort, 0).result()).pid();
        let heir = pool.submit(pid, 0).result().unwrap();
        assert!(
            [first, spare].contains(&lost) && [first, spare].contains(&heir),
            "{lost} {heir}"
        );
        assert_ne!(lost, heir);
        until("there is a spare one again", || pool.worker_pids().len() == 2);
    });
}

#[test]
fn a_spare_worker_is_no_other_worker() {
    within(|| {
        fn pass_and_announce((at, n): (Address, u64)) {
            at.pass(n);
            at.announce(n + 10);
        }
        let checkpoint = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(1).spare_worker(true));
        let first = pool.submit(pass_and_announce, (checkpoint.address(), 0));
        let second = pool.submit(pass_and_announce, (checkpoint.address(), 1));
        checkpoint.wait_for(1);
        until("the spare one is started", || pool.worker_pids().len() == 2);
        assert_eq!(pool.stats().queued, 1);
        checkpoint.open();
        first.result().unwrap();
        second.result().unwrap();
        assert_eq!(checkpoint.seen(), [0, 10, 1, 11]);
        assert_eq!(pool.worker_pids().len(), 2);
    });
}
