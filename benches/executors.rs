//! First figures: this crate beside what people would pick instead, in one run.
//!
//! `cargo bench --bench executors`. Compare ratios, not times: machines differ, and other work moves both.

use concurrent_futures::ThreadPool;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;
use std::{hint::black_box, sync::mpsc, time::Duration};

/// As many workers for everybody.
fn workers() -> usize {
    num_cpus::get()
}

fn rayon_pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(workers())
        .build()
        .unwrap()
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .build()
        .unwrap()
}

/// Submit one empty task from outside, wait for it, again and again.
fn one_task(c: &mut Criterion) {
    let mut group = c.benchmark_group("one task, submit and wait");
    let pool = ThreadPool::with_workers(workers());
    group.bench_function("concurrent-futures", |b| {
        b.iter(|| pool.spawn(|| black_box(1)).result().unwrap());
    });
    let pool = rayon_pool();
    group.bench_function("rayon spawn + channel", |b| {
        b.iter(|| {
            let (tx, rx) = mpsc::sync_channel(1);
            pool.spawn(move || tx.send(black_box(1)).unwrap());
            rx.recv().unwrap()
        });
    });
    let pool = threadpool::ThreadPool::new(workers());
    group.bench_function("threadpool + channel", |b| {
        b.iter(|| {
            let (tx, rx) = mpsc::sync_channel(1);
            pool.execute(move || tx.send(black_box(1)).unwrap());
            rx.recv().unwrap()
        });
    });
    let runtime = tokio_runtime();
    group.bench_function("tokio spawn_blocking", |b| {
        b.iter(|| runtime.block_on(runtime.spawn_blocking(|| black_box(1))).unwrap());
    });
    group.finish();
}

/// Submit 200,000 empty tasks, collect every result.
fn many_tasks(c: &mut Criterion) {
    const TASKS: u64 = 200_000;
    let mut group = c.benchmark_group("200,000 tasks, submit and collect");
    group.throughput(Throughput::Elements(TASKS)).sample_size(10);
    let pool = ThreadPool::with_workers(workers());
    group.bench_function("concurrent-futures", |b| {
        b.iter(|| {
            let futures: Vec<_> = (0..TASKS).map(|n| pool.spawn(move || n)).collect();
            futures
                .into_iter()
                .map(|future| future.result().unwrap())
                .sum::<u64>()
        });
    });
    let pool = rayon_pool();
    group.bench_function("rayon spawn + channel", |b| {
        b.iter(|| {
            let (tx, rx) = mpsc::channel();
            for n in 0..TASKS {
                let tx = tx.clone();
                pool.spawn(move || tx.send(n).unwrap());
            }
            drop(tx);
            rx.into_iter().sum::<u64>()
        });
    });
    let pool = threadpool::ThreadPool::new(workers());
    group.bench_function("threadpool + channel", |b| {
        b.iter(|| {
            let (tx, rx) = mpsc::channel();
            for n in 0..TASKS {
                let tx = tx.clone();
                pool.execute(move || tx.send(n).unwrap());
            }
            drop(tx);
            rx.into_iter().sum::<u64>()
        });
    });
    let runtime = tokio_runtime();
    group.bench_function("tokio spawn", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let handles: Vec<_> = (0..TASKS).map(|n| tokio::spawn(async move { n })).collect();
                let mut sum = 0;
                for handle in handles {
                    sum += handle.await.unwrap();
                }
                sum
            })
        });
    });
    group.finish();
}

fn collatz(mut n: u64) -> u64 {
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

/// A name, a number of items, and the work.
type Workload = (&'static str, u64, fn(u64) -> u64);

/// `map` over tiny items, and over items whose cost varies a thousandfold.
fn map(c: &mut Criterion) {
    let pool = ThreadPool::with_workers(workers());
    let rayon = rayon_pool();
    let workloads: [Workload; 2] = [
        ("n + 1 over 4,000,000", 4_000_000, |n| n + 1),
        ("collatz over 400,000", 400_000, collatz),
    ];
    for (name, items, work) in workloads {
        let mut group = c.benchmark_group(format!("map {name}"));
        group.throughput(Throughput::Elements(items)).sample_size(10);
        group.measurement_time(Duration::from_secs(3));
        group.bench_function(BenchmarkId::from_parameter("concurrent-futures"), |b| {
            b.iter_batched(
                || (),
                |()| pool.map(work, 0..items).collect::<Result<Vec<u64>, _>>().unwrap(),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::from_parameter("rayon par_iter"), |b| {
            b.iter(|| rayon.install(|| (0..items).into_par_iter().map(work).collect::<Vec<u64>>()));
        });
        group.bench_function(BenchmarkId::from_parameter("serial"), |b| {
            b.iter(|| (0..items).map(work).collect::<Vec<u64>>());
        });
        group.finish();
    }
}

criterion_group!(benches, one_task, many_tasks, map);
criterion_main!(benches);
