//! What a recording costs: tasks and items of 10 µs, with and without, by turns in the same run.
//!
//! Prints the median of both and their ratio. Not measured by criterion: it would run all of one before all of the other, and a machine
//! that is shared changes more between the two than a recording costs.

use concurrent_futures::{Executor, ThreadPool};
use std::{
    hint,
    time::{Duration, Instant},
};

const ROUNDS: usize = 101;
const TASKS: u32 = 2_000;

/// Computes for 10 µs.
fn compute(n: u32) -> u64 {
    let start = Instant::now();
    let mut sum = u64::from(n);
    while start.elapsed() < Duration::from_micros(10) {
        for k in 0..100 {
            sum = hint::black_box(sum.wrapping_mul(31).wrapping_add(k));
        }
    }
    sum
}

fn tasks<E: Executor>(executor: &E) {
    let futures: Vec<_> = (0..TASKS).map(|n| executor.submit(compute, n)).collect();
    futures
        .into_iter()
        .for_each(|future| assert!(future.result().is_ok()));
}

fn items<E: Executor>(executor: &E) {
    assert!(executor.map(compute, 0..TASKS).all(|outcome| outcome.is_ok()));
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn compare<E: Executor>(name: &str, executor: &E, run: fn(&E)) {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    run(executor);
    for _ in 0..ROUNDS {
        without.push(time(|| run(executor)));
        let recording = executor.record();
        with.push(time(|| run(executor)));
        drop(recording);
    }
    without.sort();
    with.sort();
    let (without, with) = (without[ROUNDS / 2], with[ROUNDS / 2]);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(TASKS);
    println!(
        "{name:<24} {:.3} µs without, {:.3} µs with: {:+.2} %",
        each(without),
        each(with),
        (with.as_secs_f64() / without.as_secs_f64() - 1.0) * 100.0
    );
}

fn main() {
    let workers = num_cpus();
    let pool = ThreadPool::with_workers(workers);
    compare("threads: tasks", &pool, tasks);
    compare("threads: items of a map", &pool, items);
    #[cfg(unix)]
    {
        let pool = concurrent_futures::ProcessPool::with_workers(workers);
        compare("processes: tasks", &pool, tasks);
        compare("processes: items", &pool, items);
    }
}

fn num_cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
