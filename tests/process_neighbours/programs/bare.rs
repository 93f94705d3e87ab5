//! A program in a build without the crate's constructor.

use concurrent_futures::{BuildError, Executor, ProcessPool};

fn main() {
    if std::env::args().nth(1).as_deref() == Some("with") {
        concurrent_futures::init();
        println!("main runs");
        let pool = ProcessPool::with_workers(1);
        println!("{}", pool.submit(|n: u32| n * 2, 21).result().unwrap());
        return;
    }
    match ProcessPool::builder().workers(1).build() {
        Err(error @ BuildError::NotInitialized) => println!("NotInitialized: {error}"),
        other => panic!("{other:?}"),
    }
    let mut children = 0;
    for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten() {
        let list = std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default();
        children += list.split_whitespace().count();
    }
    println!("children: {children}");
}
