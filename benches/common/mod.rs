//! What the benchmarks share: how they measure, and the pools of the peers.

// Each benchmark is a program of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod async_executor;
pub(crate) mod python;
pub(crate) mod tasks;

use criterion::{Bencher, BenchmarkGroup, BenchmarkId, Criterion, measurement::WallTime};
use std::{cell::LazyCell, env, fmt::Display, path::PathBuf, time::Duration};

/// This crate's name among the peers of a workload.
pub(crate) const OURS: &str = "concurrent-futures";

pub(crate) type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Short enough that all benchmarks together take minutes; long enough for ratios.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
}

/// Whether this is to measure, and not only to show that it runs (`cargo bench -- --test`, `cargo test --benches`).
pub(crate) fn is_measuring() -> bool {
    let is_there = |wanted| env::args().any(|argument| argument == wanted);
    is_there("--bench") && !is_there("--test")
}

/// Where cargo builds, and where the figures go.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    )
}

/// Measures how one peer does a workload. Its pool is started when it is its turn, and is gone when the next one's is.
pub(crate) fn peer<P, R>(
    group: &mut Group,
    name: &str,
    start: impl FnOnce() -> P,
    work: impl FnMut(&P) -> R,
) {
    group.bench_function(name, routine(start, work));
}

/// As `peer`, for one of many sizes of the workload.
pub(crate) fn peer_at<P, R>(
    group: &mut Group,
    name: &str,
    size: impl Display,
    start: impl FnOnce() -> P,
    work: impl FnMut(&P) -> R,
) {
    group.bench_function(BenchmarkId::new(name, size), routine(start, work));
}

fn routine<P, R>(start: impl FnOnce() -> P, mut work: impl FnMut(&P) -> R) -> impl FnMut(&mut Bencher) {
    let pool = LazyCell::new(start);
    move |b| {
        let pool = &*pool;
        b.iter(|| work(pool));
    }
}

/// As many workers for everybody.
pub(crate) fn workers() -> usize {
    num_cpus::get()
}

pub(crate) fn thread_pool() -> concurrent_futures::ThreadPool {
    concurrent_futures::ThreadPool::with_workers(workers())
}

pub(crate) fn rayon() -> rayon::ThreadPool {
    rayon_with(workers())
}

pub(crate) fn rayon_with(workers: usize) -> rayon::ThreadPool {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(workers);
    builder.build().unwrap()
}

pub(crate) fn tokio() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(workers()).enable_all().build().unwrap()
}

pub(crate) fn threadpool() -> threadpool::ThreadPool {
    threadpool::ThreadPool::new(workers())
}

pub(crate) fn rusty_pool() -> rusty_pool::ThreadPool {
    rusty_pool::ThreadPool::new(workers(), workers(), Duration::from_secs(60))
}

pub(crate) fn futures_pool() -> futures::executor::ThreadPool {
    let mut builder = futures::executor::ThreadPool::builder();
    builder.pool_size(workers()).create().unwrap()
}
