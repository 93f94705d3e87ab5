//! What a process pool is for: work that may crash, hang or eat memory. Each such task costs its own outcome and at most
//! the worker that ran it; the tasks beside and behind it never notice, and the pool goes on.
//!
//! `cargo run --example crash` prints a table: what became of each task, when its outcome was there, and which worker
//! died of it. What the workers say while they die (a panic's message, "has overflowed its stack") is on stderr.
//!
//! | what the task does | its outcome |
//! |---|---|
//! | returns, an error too | `Ok` with what it returned: a value is a value |
//! | panics | `TaskError::Panicked`; the worker lives on |
//! | aborts, is killed by a signal, overflows its stack, gets no memory, exits | `TaskError::WorkerDied`, with how and who |
//! | runs for ever, with a deadline | `TaskError::TimedOut`; the worker is killed |
//!
//! Nothing is run twice unless `options().retries(..)` asks for it.

use concurrent_futures::{BuildError, Executor, ProcessPool, TaskError, as_completed};
use serde::{Deserialize, Serialize};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Portable like any argument: an enum that derives serde's traits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Job {
    Square(u64),
    ReturnAnError,
    Panic,
    Abort,
    Segfault,
    ExitWithZero,
    EatMemory,
    OverflowTheStack,
    LoopForEver,
}

use Job::{
    Abort, EatMemory, ExitWithZero, LoopForEver, OverflowTheStack, Panic, ReturnAnError, Segfault, Square,
};

/// Ordinary tasks stand between the others, and share workers with them.
const JOBS: [Job; 12] = [
    Square(1),
    Abort,
    LoopForEver,
    Square(2),
    Segfault,
    EatMemory,
    ReturnAnError,
    OverflowTheStack,
    Square(3),
    Panic,
    ExitWithZero,
    Square(4),
];

const MEGABYTE: usize = 1 << 20;

fn run(job: Job) -> Result<u64, String> {
    match job {
        Square(n) => Ok(n * n),
        ReturnAnError => Err("no such number".into()),
        Panic => panic!("a bug in the work"),
        Abort => std::process::abort(),
        Segfault => segfault(),
        ExitWithZero => std::process::exit(0),
        EatMemory => {
            let hoard: Vec<Vec<u8>> = (0..256).map(|_| vec![1; 16 * MEGABYTE]).collect();
            Ok(hoard.len() as u64)
        }
        OverflowTheStack => Ok(deeper(1)),
        LoopForEver => loop {
            std::hint::spin_loop();
        },
    }
}

/// As a foreign library might: Rust code that is safe does not write to a null pointer.
fn segfault() -> Result<u64, String> {
    #[cfg(unix)]
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::SEGV)
        .map_err(|error| error.to_string())?;
    Err("still alive".into())
}

fn deeper(n: u64) -> u64 {
    let frame = black_box([n; 100]);
    if black_box(true) {
        deeper(n + 1) + frame[0]
    } else {
        n
    }
}

/// Whether this is what the table above says.
fn is_as_promised(job: Job, outcome: &Result<Result<u64, String>, TaskError>) -> bool {
    match (job, outcome) {
        (Square(n), Ok(Ok(square))) => *square == n * n,
        (ReturnAnError, Ok(Err(_))) | (LoopForEver, Err(TaskError::TimedOut(_))) => true,
        (Panic, Err(TaskError::Panicked(panic))) => panic.message() == "a bug in the work",
        // A worker that leaves in the middle of a task has not run it, whatever its exit code says.
        (ExitWithZero, Err(TaskError::WorkerDied(death))) => death.code() == Some(0),
        (Abort | Segfault | EatMemory | OverflowTheStack, Err(TaskError::WorkerDied(death))) => {
            death.signal().is_some()
        }
        _ => false,
    }
}

fn main() -> Result<(), BuildError> {
    let pool = ProcessPool::builder()
        .workers(3)
        .memory_limit(512 * MEGABYTE as u64) // of each worker: what is beyond it is not there
        .build()?;

    // All at once. A deadline belongs to the task, and counts from when it starts.
    let start = Instant::now();
    let tasks = JOBS.into_iter().enumerate().map(|(number, job)| {
        let mut options = pool.options().name(format!("{job:?}"));
        if matches!(job, LoopForEver) {
            options = options.timeout(Duration::from_millis(300));
        }
        (number, options.submit(run, job))
    });
    let mut rows = Vec::new();
    for (number, future) in as_completed(tasks) {
        rows.push((number, start.elapsed(), future.result()));
    }

    rows.sort_by_key(|(number, ..)| *number);
    println!("{:<18} {:>7}  {:>8}  outcome", "task", "after", "died");
    for (number, after, outcome) in &rows {
        let died = match outcome {
            Err(TaskError::WorkerDied(death)) => death.pid().to_string(),
            _ => "-".into(),
        };
        let (job, shown) = (JOBS[*number], show(outcome));
        println!(
            "{:<18} {:>4} ms  {died:>8}  {shown}",
            format!("{job:?}"),
            after.as_millis()
        );
        assert!(is_as_promised(job, outcome), "{job:?}: {outcome:?}");
    }
    assert_eq!(rows.len(), JOBS.len());

    // The same pool, as if nothing had happened.
    let sum: u64 = pool.map(|n: u64| n * n, 0..10_000).map(Result::unwrap).sum();
    let stats = pool.stats();
    println!(
        "\nand still it counts: {sum}, with {} workers that were replaced",
        stats.workers_restarted
    );
    assert_eq!(sum, 333_283_335_000);
    assert!(stats.workers_restarted > 0);
    assert_eq!((stats.queued, stats.running), (0, 0));
    Ok(())
}

fn show(outcome: &Result<Result<u64, String>, TaskError>) -> String {
    match outcome {
        Ok(Ok(value)) => format!("value {value}"),
        Ok(Err(error)) => format!("its own error: {error}"),
        Err(error) => error.to_string(),
    }
}
