//! A task that spawns two and waits for them, recursively: the worst there is for the cost of a task.
//! `cargo bench --bench recursion`.

mod common;

use common::{OURS, peer};
use concurrent_futures::ThreadPool;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const N: u64 = 25;
/// How often two are spawned on the way: one time less than the next Fibonacci number says.
const FORKS: u64 = 121_392;

fn fib(c: &mut Criterion) {
    let mut group = c.benchmark_group("fib(25)");
    group.throughput(Throughput::Elements(FORKS));
    // Tasks outlive the frame that spawns them as far as the compiler knows, so they need a pool that stays.
    peer(
        &mut group,
        OURS,
        || &*Box::leak(Box::new(common::thread_pool())),
        |pool| {
            let pool: &'static ThreadPool = pool;
            pool.spawn(move || with_futures(pool, black_box(N)))
                .result()
                .unwrap()
        },
    );
    peer(&mut group, "rayon join", common::rayon, |pool| {
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
    targets = fib
}
criterion_main!(benches);
