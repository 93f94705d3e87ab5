//! A program in which a panic is the end of the process.

use concurrent_futures::{Executor, ProcessPool, TaskError, ThreadPool};

fn odd_only(n: u64) -> u64 {
    assert!(n % 2 == 1, "{n} is even");
    n
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("threads") {
        // The process ends here, as the profile says.
        let outcome = ThreadPool::with_workers(1).submit(odd_only, 2).result();
        println!("went on: {outcome:?}");
        return;
    }
    let pool = ProcessPool::with_workers(2);
    for (n, outcome) in (0..10).zip(pool.map(odd_only, 0..10)) {
        match outcome {
            Ok(value) => println!("{value}"),
            Err(TaskError::WorkerDied(death)) => println!("{n} died of {:?}", death.signal()),
            Err(other) => println!("{n}: {other:?}"),
        }
    }
    let again = pool.options().retries(1).submit(odd_only, 4).result();
    println!("died twice: {}", matches!(again, Err(TaskError::WorkerDied(_))));
    println!("{}", pool.submit(odd_only, 11).result().unwrap());
}
