//! Pools that are started, used and stopped again and again.

use crate::{
    alone::alone,
    seen::{Seen, assert_no_more_than},
};
use concurrent_futures::{
    AsyncBridge, Checked, Executor, Inline, ProcessPool, Shutdown, TaskError, ThreadPool,
};
use std::time::Duration;

const WAYS: [Option<Shutdown>; 4] = [
    None,
    Some(Shutdown::Finish),
    Some(Shutdown::Cancel),
    Some(Shutdown::Kill),
];

/// A little of everything, some of it given up half-way, and an end that goes round with `cycle`.
fn live<E: Executor>(executor: E, cycle: usize) {
    let kept: Vec<_> = (0..20).map(|n: u64| executor.submit(|n: u64| n + 1, n)).collect();
    let waits = executor.submit_async(
        |n: u64| async move {
            tokio::task::yield_now().await;
            n
        },
        7,
    );
    let panics = executor.submit(|_: u64| -> u64 { panic!("on purpose") }, 1);
    let limit = Duration::from_secs(60);
    let limited = executor.options().timeout(limit).retries(1).submit(|n: u64| n, 1);
    let mut half = executor.options().buffer_size(16).map(|n: u64| n, 0..100_u64);
    assert_eq!(half.next().expect("an outcome").expect("a value"), 0);
    drop(half);
    let group = executor.group();
    (0..5).for_each(|n: u64| group.submit(|n: u64| n, n));
    assert_eq!(group.join().expect("all succeed"), [0, 1, 2, 3, 4]);
    let message = executor.submit(|bytes: Vec<u8>| bytes, vec![7; 300_000]);
    assert_eq!(message.result().expect("a message").len(), 300_000);
    assert!(panics.result().is_err_and(|error| error.is_panicked()));
    assert_eq!(waits.result().expect("a value"), 7);
    assert_eq!(limited.result().expect("a value"), 1);
    kept[cycle % kept.len()].cancel();
    match WAYS[cycle % WAYS.len()] {
        None => drop(executor),
        Some(how) => executor.shutdown(how),
    }
}

/// The first ones start what the whole program shares.
fn cycles<E: Executor>(name: &str, warm_up: usize, times: usize, make: impl Fn() -> E) {
    std::panic::set_hook(Box::new(|_| {}));
    (0..warm_up).for_each(|cycle| live(make(), cycle));
    let before = Seen::now();
    (0..times).for_each(|cycle| live(make(), cycle));
    assert_no_more_than(&before, &format!("{times} times {name}"));
}

#[test]
fn thread_pools_leave_nothing() {
    alone(|| cycles("a thread pool", 20, 500, || ThreadPool::with_workers(3)));
}

#[test]
fn bridges_with_a_runtime_of_their_own_leave_nothing() {
    alone(|| cycles("a bridge", 20, 200, || AsyncBridge::with_workers(2)));
}

#[test]
fn executors_without_workers_leave_nothing() {
    alone(|| {
        cycles("an inline executor", 20, 200, Inline::new);
        cycles("a checked executor", 20, 200, Checked::new);
    });
}

#[test]
fn process_pools_leave_nothing() {
    alone(|| cycles("a process pool", 5, 60, || ProcessPool::with_workers(2)));
}

#[test]
fn worker_processes_that_die_leave_nothing() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        let die = || {
            let died = pool.submit(|code: i32| std::process::exit(code), 3);
            let died: Result<(), TaskError> = died.result();
            assert!(matches!(died, Err(TaskError::WorkerDied(_))));
            assert_eq!(pool.submit(|n: u64| n, 1).result().expect("a value"), 1);
        };
        let both_live = || while pool.warm_up().is_err() || pool.worker_pids().len() < 2 {};
        (0..10).for_each(|_| die());
        both_live();
        let before = Seen::now();
        (0..100).for_each(|_| die());
        both_live();
        assert_no_more_than(&before, "a hundred deaths");
    });
}
