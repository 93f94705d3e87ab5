//! When workers drop a context: as soon as nobody can use it any more, and not before.

use super::{
    build,
    checkpoint::{Address, Checkpoint},
    pid, within,
};
use concurrent_futures::{Executor, ProcessPool, Shutdown};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, process, sync::Arc};

/// A context that tells when a copy of it is dropped in a worker.
#[derive(Debug, Serialize, Deserialize)]
struct Freed {
    at: Address,
    number: u64,
    /// The process that made it.
    parent: u32,
    panics: bool,
}

impl Freed {
    fn new(checkpoint: &Checkpoint, number: u64) -> Self {
        Self {
            at: checkpoint.address(),
            number,
            parent: process::id(),
            panics: false,
        }
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        if process::id() != self.parent {
            self.at.announce(self.number);
            assert!(!self.panics, "a destructor that panics");
        }
    }
}

fn pass(_: &Freed, (at, n): (Address, u64)) -> u32 {
    at.pass(n);
    process::id()
}

fn add(context: &Freed, n: u64) -> u64 {
    context.number + n
}

#[test]
fn workers_drop_a_context_that_nobody_can_use_any_more() {
    within(|| {
        let (freed, gate) = (Checkpoint::new(), Checkpoint::new());
        let pool = build(ProcessPool::builder().workers(3));
        let with = pool.with(Freed::new(&freed, 7));
        let tasks: Vec<_> = (0..3).map(|n| with.submit(pass, (gate.address(), n))).collect();
        gate.wait_for(3);
        gate.open();
        let used: BTreeSet<u32> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        assert_eq!(used.len(), 3);
        assert_eq!(freed.seen(), []);
        let another = with.clone();
        drop(with);
        assert_eq!(another.submit(add, 1).result().unwrap(), 8);
        assert_eq!(freed.seen(), []);
        drop(another);
        // In all three, although they have nothing else to do.
        assert_eq!(freed.wait_for(3), [7, 7, 7]);
        let alive: BTreeSet<u32> = pool.worker_pids().into_iter().collect();
        assert_eq!(alive, used);
    });
}

#[test]
fn tasks_keep_their_context() {
    within(|| {
        let (freed, gate) = (Checkpoint::new(), Checkpoint::new());
        let pool = build(ProcessPool::builder().workers(1));
        let with = pool.with(Freed::new(&freed, 7));
        let running = with.submit(pass, (gate.address(), 0));
        gate.wait_for(1);
        let waiting: Vec<_> = (0..10).map(|n| with.submit(add, n)).collect();
        let mapped = with.map(add, 0..100);
        let suspended = with.submit_async(|context: Arc<Freed>, n: u64| async move { context.number * n }, 3);
        drop(with);
        assert_eq!(freed.seen(), []);
        gate.open();
        running.result().unwrap();
        assert!(waiting.into_iter().map(|task| task.result().unwrap()).eq(7..17));
        assert!(mapped.map(Result::unwrap).eq(7..107));
        assert_eq!(suspended.result().unwrap(), 21);
        assert_eq!(freed.wait_for(1), [7]);
    });
}

#[test]
fn tasks_that_never_run_keep_it_no_longer() {
    within(|| {
        let (freed, gate) = (Checkpoint::new(), Checkpoint::new());
        let pool = build(ProcessPool::builder().workers(1));
        let with = pool.with(Freed::new(&freed, 7));
        assert_eq!(with.submit(add, 1).result().unwrap(), 8);
        let running = pool.submit(super::pass, (gate.address(), 0));
        gate.wait_for(1);
        let waiting: Vec<_> = (0..10).map(|n| with.submit(add, n)).collect();
        let mapped = with.map(add, 0..100);
        drop((with, mapped));
        assert!(waiting.iter().all(|task| task.cancel()));
        gate.open();
        running.result().unwrap();
        drop(waiting);
        assert_eq!(freed.wait_for(1), [7]);
    });
}

#[test]
fn hundreds_of_contexts_come_and_go() {
    within(|| {
        const CONTEXTS: u64 = 300;
        let freed = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(2));
        let tasks: Vec<_> = (0..CONTEXTS)
            .map(|n| pool.with(Freed::new(&freed, n)).submit(add, 1))
            .collect();
        assert!(
            tasks
                .into_iter()
                .map(|task| task.result().unwrap())
                .eq(1..=CONTEXTS)
        );
        // Each by the one worker that it was sent to, or by both if its task was handed on.
        let all: BTreeSet<u64> = (0..CONTEXTS).collect();
        let mut count = all.len();
        while freed.wait_for(count).into_iter().collect::<BTreeSet<u64>>() != all {
            count += 1;
        }
    });
}

#[test]
fn a_destructor_that_panics_harms_nobody() {
    within(|| {
        let freed = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(1));
        let with = pool.with(Freed {
            panics: true,
            ..Freed::new(&freed, 7)
        });
        assert_eq!(with.submit(add, 1).result().unwrap(), 8);
        let worker = pool.worker_pids();
        drop(with);
        assert_eq!(freed.wait_for(1), [7]);
        assert_eq!([pool.submit(pid, 0).result().unwrap()], *worker);
    });
}

#[test]
fn a_context_may_outlive_its_pool() {
    within(|| {
        let freed = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(1));
        let with = pool.with(Freed::new(&freed, 7));
        assert_eq!(with.submit(add, 1).result().unwrap(), 8);
        pool.shutdown(Shutdown::Finish);
        assert!(with.submit(add, 1).result().unwrap_err().is_shut_down());
        assert!(
            with.map(add, 0..3)
                .all(|outcome| outcome.unwrap_err().is_shut_down())
        );
        drop(with);
    });
}
