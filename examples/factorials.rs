//! A table of large factorials on processes, on half the cores and on all: work that computes and hardly communicates.
//!
//! Python: `ProcessPoolExecutor(os.cpu_count() // 2).map(factorial, numbers)`, because there only processes compute at the
//! same time. Here threads do as well, and cost less; processes are for work that may crash, leak or hang, or has to be
//! stopped. The code differs in one word, so this runs on both.

use concurrent_futures::{Executor, Inline, ProcessPool, TaskError, ThreadPool};
use std::{
    thread::available_parallelism,
    time::{Duration, Instant},
};

/// The digits of `n!`, nine in each number, the lowest first.
fn factorial(n: u64) -> Vec<u32> {
    const BASE: u64 = 1_000_000_000;
    let mut digits = vec![1];
    for factor in 2..=n {
        let mut carry = 0;
        for nine in &mut digits {
            carry += u64::from(*nine) * factor;
            *nine = u32::try_from(carry % BASE).expect("less than the base");
            carry /= BASE;
        }
        if carry > 0 {
            digits.push(u32::try_from(carry).expect("less than the factor"));
        }
    }
    digits
}

fn count_of_digits(digits: &[u32]) -> usize {
    let highest = digits.last().expect("at least one");
    (digits.len() - 1) * 9 + highest.to_string().len()
}

type Table = Vec<(u64, usize)>;

/// How many digits each of the twenty has, and how long that took from the first start of a worker to the last end.
fn table<E: Executor>(executor: impl FnOnce() -> E) -> Result<(Table, Duration), TaskError> {
    let start = Instant::now();
    let executor = executor();
    let numbers = || (1..=20).map(|n| n * 800);
    let rows = numbers().zip(executor.map(factorial, numbers()));
    let table: Result<_, TaskError> = rows
        .map(|(n, digits)| Ok((n, count_of_digits(&digits?))))
        .collect();
    drop(executor);
    Ok((table?, start.elapsed()))
}

fn main() -> Result<(), TaskError> {
    assert_eq!(factorial(20), [176_640_000, 432_902_008, 2]);
    let cores = available_parallelism().map_or(1, usize::from);
    let half = (cores / 2).max(1);

    let (expected, alone) = table(Inline::new)?;
    for (n, digits) in expected.iter().skip(3).step_by(4) {
        println!("{n:>6}! has {digits:>6} digits");
    }
    println!("one after the other     {:.2} s", alone.as_secs_f64());
    let report = |what, workers, (table, together): (Table, Duration)| {
        assert_eq!(table, expected);
        let (seconds, times) = (
            together.as_secs_f64(),
            alone.as_secs_f64() / together.as_secs_f64(),
        );
        println!("{what:23} {seconds:.2} s: speed-up {times:.1} x (limit {workers} x)");
    };
    report(
        "processes on half",
        half,
        table(|| ProcessPool::with_workers(half))?,
    );
    report(
        "processes on all cores",
        cores,
        table(|| ProcessPool::with_workers(cores))?,
    );
    report(
        "threads on all cores",
        cores,
        table(|| ThreadPool::with_workers(cores))?,
    );
    println!("the tutorial's machine, processes on half of its cores: 3.4 x");
    Ok(())
}
