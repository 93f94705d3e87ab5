//! What a task costs on a cluster whose server, client and two workers are on this machine: `cargo bench --features cluster --bench cluster`.
//! Needs `redis-server` or `valkey-server` in `PATH`. The process pool is measured in the same run, for the ratio.

use concurrent_futures::{Cluster, Executor, ProcessPool};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const LATENCY_TASKS: u32 = 2_000;
const TASKS: u32 = 40_000;
const ITEMS: u32 = 2_000_000;

fn empty(n: u32) -> u32 {
    n
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Seconds that each of many tasks takes, one after the other; the middle one and that behind 99 % of them.
fn latency<E: Executor>(executor: &E) -> (f64, f64) {
    let one = |n: u32| {
        let start = Instant::now();
        assert_eq!(executor.submit(empty, n).result().unwrap(), n);
        start.elapsed().as_secs_f64()
    };
    let mut times: Vec<_> = (0..LATENCY_TASKS).map(one).collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// Tasks in a second, each submitted by itself.
fn single<E: Executor>(executor: &E) -> f64 {
    let start = Instant::now();
    let futures: Vec<_> = (0..TASKS).map(|n| executor.submit(empty, n)).collect();
    assert!((0..TASKS).eq(futures.into_iter().map(|future| future.result().unwrap())));
    f64::from(TASKS) / start.elapsed().as_secs_f64()
}

/// Items of a map in a second.
fn mapped<E: Executor>(executor: &E, chunk: Option<usize>) -> f64 {
    let options = executor.options();
    let options = match chunk {
        Some(size) => options.chunk_size(size),
        None => options,
    };
    let start = Instant::now();
    assert!((0..ITEMS).eq(options.map(empty, 0..ITEMS).map(Result::unwrap)));
    f64::from(ITEMS) / start.elapsed().as_secs_f64()
}

fn pass(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// Seconds that a mebibyte takes there and back.
fn mebibyte<E: Executor>(executor: &E) -> f64 {
    let bytes = vec![7; 1 << 20];
    let start = Instant::now();
    assert!(executor.submit(pass, bytes.clone()).result().unwrap() == bytes);
    start.elapsed().as_secs_f64()
}

fn measure<E: Executor>(name: &str, executor: &E) {
    // The processes are there, and code and data are in the caches.
    single(executor);
    let (middle, late) = latency(executor);
    let rounds = |measure: &dyn Fn() -> f64| median((0..ROUNDS).map(|_| measure()).collect());
    println!("{name}");
    println!(
        "  one empty task          {:>10.0} µs, 99 % below {:.0} µs",
        middle * 1e6,
        late * 1e6
    );
    println!(
        "  single tasks            {:>10.0} in a second",
        rounds(&|| single(executor))
    );
    println!(
        "  items, chunks of 100    {:>10.0} in a second",
        rounds(&|| mapped(executor, Some(100)))
    );
    println!(
        "  items, chunks by itself {:>10.0} in a second",
        rounds(&|| mapped(executor, None))
    );
    println!(
        "  1 MiB there and back    {:>10.2} ms",
        rounds(&|| mebibyte(executor)) * 1e3
    );
}

fn main() {
    let start = Instant::now();
    let cluster = Cluster::local()
        .and_then(|local| local.build())
        .expect("a local cluster");
    assert_eq!(cluster.submit(empty, 1).result().unwrap(), 1);
    println!(
        "a local cluster, to its first result: {:.0} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
    drop(cluster);
    let cluster = Cluster::local()
        .and_then(|local| local.workers(2).slots(1).build())
        .expect("a local cluster");
    assert!(
        cluster.wait_for_slots(2, Duration::from_secs(60)),
        "the workers join"
    );
    measure("cluster: 2 workers of 1 process", &cluster);
    drop(cluster);
    measure("process pool: 2 processes", &ProcessPool::with_workers(2));
}
