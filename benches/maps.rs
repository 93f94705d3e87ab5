//! `map` over items that cost next to nothing, and over items whose cost varies. `cargo bench --bench maps`.

mod common;

use common::{OURS, peer};
use concurrent_futures::TaskError;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;
use std::hint::black_box;

const ITEMS: u64 = 4_000_000;

fn map<F>(c: &mut Criterion, name: &str, items: u64, work: F)
where
    F: Fn(u64) -> u64 + Copy + Send + Sync + 'static,
{
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(items));
    peer(&mut group, OURS, common::thread_pool, |pool| {
        // A panic goes on here, as it does with rayon.
        pool.map(work, 0..items).map(Result::unwrap).collect::<Vec<u64>>()
    });
    peer(&mut group, "rayon par_iter", common::rayon, |pool| {
        pool.install(|| (0..items).into_par_iter().map(work).collect::<Vec<u64>>())
    });
    peer(
        &mut group,
        "serial",
        || (),
        |()| (0..items).map(work).collect::<Vec<u64>>(),
    );
}

/// The same, with a `Result` for all. std collects those without knowing how many there will be, which costs it more than
/// the map: `serial` shows what.
fn into_result(c: &mut Criterion) {
    let mut group = c.benchmark_group("map n + 1 over 4,000,000 into a Result");
    group.throughput(Throughput::Elements(ITEMS));
    peer(&mut group, OURS, common::thread_pool, |pool| {
        pool.map(|n| n + 1, 0..ITEMS)
            .collect::<Result<Vec<u64>, TaskError>>()
    });
    peer(&mut group, "rayon par_iter", common::rayon, |pool| {
        let added = |n| Ok(black_box(n + 1));
        pool.install(|| {
            (0..ITEMS)
                .into_par_iter()
                .map(added)
                .collect::<Result<Vec<u64>, TaskError>>()
        })
    });
    peer(
        &mut group,
        "serial",
        || (),
        |()| {
            let added = |n| Ok(black_box(n + 1));
            (0..ITEMS).map(added).collect::<Result<Vec<u64>, TaskError>>()
        },
    );
}

fn collatz(mut n: u64) -> u64 {
    let mut steps = 0;
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

fn tiny(c: &mut Criterion) {
    map(c, "map n + 1 over 4,000,000", ITEMS, |n| n + 1);
}

fn uneven(c: &mut Criterion) {
    map(c, "map collatz over 400,000", 400_000, collatz);
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = tiny, into_result, uneven
}
criterion_main!(benches);
