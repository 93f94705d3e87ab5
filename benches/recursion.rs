//! A task that spawns two and waits for them, recursively: the worst there is for the cost of a task.
//! `cargo bench --bench recursion`.

mod common;

use common::{Group, OURS, peer};
use concurrent_futures::ThreadPool;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const N: u64 = 25;
/// How often two are spawned on the way: one time less than the next Fibonacci number says.
const FORKS: u64 = 121_392;

fn futures(c: &mut Criterion) {
    let mut group = c.benchmark_group("fib(25) by futures");
    group.throughput(Throughput::Elements(FORKS));
    peer(&mut group, OURS, lasting_pool, |&pool| {
        pool.spawn(move || with_futures(pool, black_box(N)))
            .result()
            .unwrap()
    });
    rayon(&mut group);
}

/// Both on the stack of the caller, perhaps at the same time.
fn join(c: &mut Criterion) {
    let mut group = c.benchmark_group("fib(25) by join");
    group.throughput(Throughput::Elements(FORKS));
    peer(&mut group, OURS, common::thread_pool, |pool| {
        with_join(pool, black_box(N))
    });
    rayon(&mut group);
}

/// As far as the compiler knows, tasks outlive the frame that spawns them, so they need a pool that stays.
fn lasting_pool() -> &'static ThreadPool {
    Box::leak(Box::new(common::thread_pool()))
}

fn rayon(group: &mut Group) {
    peer(group, "rayon join", common::rayon, |pool| {
        pool.install(|| with_rayon(black_box(N)))
    });
}

fn with_futures(pool: &'static ThreadPool, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let [a, b] = [n - 1, n - 2].map(|n| pool.spawn(move || with_futures(pool, n)));
    a.result().unwrap() + b.result().unwrap()
}

fn with_join(pool: &ThreadPool, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = pool.join(|| with_join(pool, n - 1), || with_join(pool, n - 2));
    a + b
}

fn with_rayon(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = rayon::join(|| with_rayon(n - 1), || with_rayon(n - 2));
    a + b
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = futures, join
}
criterion_main!(benches);
