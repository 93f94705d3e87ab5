//! A benchmark without the harness, with its pool in `main`.

use concurrent_futures::{Executor, ProcessPool};
use std::time::Instant;

fn main() {
    let pool = ProcessPool::with_workers(1);
    let start = Instant::now();
    let sum: u64 = pool.map(|n: u64| n * n, 0..100).map(Result::unwrap).sum();
    println!("the sum is {sum}, after {:?}", start.elapsed());
}
