//! Pools in tasks of pools in tasks.

use crate::within;
use concurrent_futures::{BuildError, Executor, ProcessPool};

/// How deep it went, and what was said there.
fn deeper(level: u32) -> (u32, String) {
    match ProcessPool::builder().workers(1).build() {
        Ok(pool) => pool.submit(deeper, level + 1).result().unwrap(),
        Err(error @ BuildError::TooDeep(_)) => (level, error.to_string()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn pools_in_tasks_go_ten_deep_and_no_deeper() {
    within(60, || {
        let (level, words) = deeper(0);
        assert_eq!(level, 10);
        assert!(
            words.contains("a worker process of a worker process and so on, 10 deep"),
            "{words}"
        );
    });
}

#[test]
fn a_task_has_a_pool_of_its_own() {
    within(60, || {
        let pool = ProcessPool::with_workers(2);
        let sum = |upto: u64| -> u64 {
            let pool = ProcessPool::with_workers(2);
            pool.map(|n: u64| n * n, 0..upto).map(Result::unwrap).sum()
        };
        let sums: Vec<u64> = pool.map(sum, 0..5).map(Result::unwrap).collect();
        assert_eq!(sums, [0, 0, 1, 5, 14]);
    });
}
