//! The whole idea: code that knows nothing of threads, and a backend that is a type parameter.

use concurrent_futures::{Checked, Executor, Inline, TaskError, ThreadPool};

/// Work: a function of one argument.
fn collatz_steps(mut n: u64) -> u32 {
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

/// Written once, for every backend.
fn longest<E: Executor + Default>(upto: u64) -> Result<u32, TaskError> {
    let executor = E::default();
    // submit: one task. The future is the caller's end of it; `result` waits.
    let one = executor.submit(collatz_steps, 27);
    assert_eq!(one.result()?, 111);
    // map: a task per item, outcomes in the order of the items.
    executor
        .map(collatz_steps, 1..=upto)
        .try_fold(0, |longest, steps| Ok(longest.max(steps?)))
}

fn main() -> Result<(), TaskError> {
    let on_threads = longest::<ThreadPool>(10_000)?;
    // The same on this thread, to step through it in a debugger...
    assert_eq!(longest::<Inline>(10_000)?, on_threads);
    // ... and with everything sent through the wire format, to see that it would run in another process.
    assert_eq!(longest::<Checked>(10_000)?, on_threads);
    println!("the longest of 10,000 takes {on_threads} steps");
    assert_eq!(on_threads, 261);

    // Code that names its pool may do more: capture, and use values that serde knows nothing of.
    let pool = ThreadPool::new();
    let greeting = String::from("hello");
    let length = pool.spawn(move || greeting.len());
    assert_eq!(length.result()?, 5);
    Ok(())
}
