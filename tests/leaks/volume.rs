//! Many tasks on one pool: twice as many hold no more.

use crate::{alone::alone, counting};
use concurrent_futures::{AsyncBridge, Checked, Executor, Inline, ProcessPool, ThreadPool, as_completed};
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// At each of the points that are compared.
const TASKS: u64 = 40_000;

const POINTS: usize = 6;

/// What lists and queues may have grown by, and far less than a byte for each task.
const BYTES: isize = 16 * 1024;

/// Lists keep the room that they have needed once, and when they have needed most depends on who is faster. So it may take more rounds
/// until nothing grows; what is held of tasks never comes to that.
const ROUNDS: usize = 4 * POINTS;

/// In a worker only pages are counted: some come and go, and this is less than 8 bytes for each task.
const PAGES: u64 = 512 * 1024;

fn work<E: Executor>(executor: &E, tasks: u64) {
    let third = tasks / 4;
    for n in 0..third / 1_000 {
        let first = n * 1_000;
        let futures = (first..first + 1_000).map(|n| executor.submit(|n: u64| n + 1, n));
        let sum: u64 = as_completed(futures)
            .map(|future| future.result().expect("a value"))
            .sum();
        assert_eq!(sum, 1_000 * first + 500_500);
    }
    let all = executor.map(|n: u64| n, 0..third).map(Result::unwrap);
    assert!(all.eq(0..third));
    let futures: Vec<_> = (0..third)
        .map(|n| executor.submit_async(|n: u64| async move { n }, n))
        .collect();
    for (n, future) in (0..).zip(futures) {
        future.on_done(|_| ());
        assert_eq!(future.result().expect("a value"), n);
    }
    for n in 0..third / 10 {
        let group = executor.group().keep_going();
        group.submit(|n: u64| n, n);
        assert_eq!(group.join_all().len(), 1);
        let again = executor.options().retries(1).timeout(Duration::from_secs(100));
        assert_eq!(again.submit(|n: u64| n, n).result().expect("a value"), n);
        let given_up = executor.submit(|n: u64| n, n);
        given_up.cancel();
        drop(given_up);
        drop(executor.options().buffer_size(4).map(|n: u64| n, [n, n]));
    }
}

/// The bytes in use when nothing runs and what had to be dropped was dropped: the least of several looks.
fn at_rest<E: Executor>(executor: &E) -> isize {
    let begun = Instant::now();
    while executor.stats().queued + executor.stats().running > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "never at rest: {:?}",
            executor.stats()
        );
        thread::yield_now();
    }
    let look = |_| {
        thread::sleep(Duration::from_millis(2));
        counting::bytes()
    };
    (0..20).map(look).min().expect("twenty looks")
}

fn assert_holds_no_more<E: Executor>(executor: &E, tasks: u64) {
    work(executor, tasks);
    let mut points = Vec::new();
    for _ in 0..ROUNDS {
        work(executor, tasks);
        points.push(at_rest(executor));
        if let Some([first, .., last]) = points.last_chunk::<POINTS>()
            && last - first < BYTES
        {
            return;
        }
    }
    panic!("{tasks} tasks between each: {points:?}");
}

#[test]
fn a_thread_pool_holds_no_more_after_a_million_tasks() {
    alone(|| assert_holds_no_more(&ThreadPool::with_workers(3), 4 * TASKS));
}

#[test]
fn a_bridge_holds_no_more_after_many_tasks() {
    alone(|| assert_holds_no_more(&AsyncBridge::with_workers(2), TASKS));
}

#[test]
fn executors_without_workers_hold_no_more_after_many_tasks() {
    alone(|| {
        assert_holds_no_more(&Inline::new(), TASKS);
        assert_holds_no_more(&Checked::new(), TASKS);
    });
}

#[test]
fn joins_hold_nothing() {
    fn count(pool: &ThreadPool, depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let (left, right) = pool.join(|| count(pool, depth - 1), || count(pool, depth - 1));
        left + right
    }
    alone(|| {
        let pool = ThreadPool::with_workers(3);
        let joins = || (0..4).for_each(|_| assert_eq!(pool.join(|| count(&pool, 15), || ()).0, 1 << 15));
        joins();
        let held = |_| {
            let before = at_rest(&pool);
            (0..3).for_each(|_| joins());
            at_rest(&pool) - before
        };
        let all: Vec<_> = (0..4).map(held).collect();
        // What a deque has outgrown is freed some time later.
        assert!(
            all.iter().any(|held| *held < BYTES) && all.iter().sum::<isize>() < 4 * BYTES,
            "bytes after 400,000 joins each: {all:?}"
        );
    });
}

/// Resident memory, in bytes.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process that lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1024 * kilobytes
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a number")
}

#[test]
fn neither_a_process_pool_nor_its_workers_hold_more_after_many_tasks() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        assert_holds_no_more(&pool, TASKS);
        let workers = pool.worker_pids();
        assert_eq!(workers.len(), 2);
        let before: Vec<_> = workers.iter().map(|worker| resident(*worker)).collect();
        (0..3).for_each(|_| work(&pool, TASKS));
        assert_eq!(pool.worker_pids(), workers);
        for (worker, before) in workers.into_iter().zip(before) {
            let after = resident(worker);
            assert!(
                after < before + PAGES,
                "a worker has {after} bytes after {before}"
            );
        }
    });
}
