//! Tests as a user writes them.

use concurrent_futures::{Executor, ProcessPool};

#[test]
fn a_pool_in_a_test() {
    let pool = ProcessPool::with_workers(2);
    let sum: u64 = pool.map(|n: u64| n * n, 0..100).map(Result::unwrap).sum();
    assert_eq!(sum, 328_350);
}

#[test]
fn another_one() {
    let pool = ProcessPool::with_workers(1);
    assert_ne!(
        pool.submit(|_: ()| std::process::id(), ()).result().unwrap(),
        std::process::id()
    );
}
