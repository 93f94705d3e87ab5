//! A plugin with its own copy of this crate.

use concurrent_futures::{BuildError, Executor, ProcessPool, ThreadPool};

/// Prints what comes of building a pool here.
#[unsafe(no_mangle)]
pub extern "C" fn build_a_pool() {
    match ProcessPool::builder().workers(1).build() {
        Err(error @ BuildError::Misplaced(_)) => println!("Misplaced: {error}"),
        other => println!("{other:?}"),
    }
}

/// Threads need no executable.
#[unsafe(no_mangle)]
pub extern "C" fn twice(n: u64) -> u64 {
    ThreadPool::with_workers(1).submit(|n| n * 2, n).result().unwrap()
}
