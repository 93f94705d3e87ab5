//! Millions of joins, from recursions that are all under way at once.

use super::scaled;
use crate::{random::Random, tally::Tally, watch};
use concurrent_futures::{Executor, Shutdown, ThreadPool};
use std::{path::Path, thread};

const JOINS: usize = 5_000_000;

/// Threads that are not workers, each with recursions of its own.
const CALLERS: usize = 4;

pub(crate) fn run(scale: f64, mut random: Random, _folder: &Path, tally: &mut Tally) {
    let pool = ThreadPool::with_workers(4);
    watch::show_all(&pool);
    let each = scaled(JOINS, scale).div_ceil(CALLERS);
    let seeds: Vec<u64> = (0..CALLERS).map(|_| random.next()).collect();
    let joins: u64 = thread::scope(|scope| {
        let callers: Vec<_> = seeds
            .into_iter()
            .map(|seed| {
                let pool = &pool;
                scope.spawn(move || one_caller(pool, each, Random::new(seed)))
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("no panic"))
            .sum()
    });
    pool.shutdown(Shutdown::Finish);
    let stats = pool.stats();
    assert_eq!(
        (stats.queued, stats.running, stats.failed),
        (0, 0, 0),
        "{stats:?}"
    );
    tally.add("joins", joins);
    tally.add("executors started", 1);
}

fn one_caller(pool: &ThreadPool, joins: usize, mut random: Random) -> u64 {
    let mut done = 0;
    while done < joins as u64 {
        let leaves = 1 + random.below(60_000);
        let mut items: Vec<u32> = vec![0; leaves];
        let counted = pool.join(|| mark(pool, &mut items), || ()).0;
        assert!(items.iter().all(|item| *item == 1), "a leaf was not reached once");
        assert_eq!(counted, leaves as u64 - 1);
        done += counted + 1;
        watch::step();
    }
    done
}

/// Adds one to each item, and counts the joins that it took.
fn mark(pool: &ThreadPool, items: &mut [u32]) -> u64 {
    if let [item] = items {
        *item += 1;
        return 0;
    }
    let (left, right) = items.split_at_mut(items.len() / 2);
    let (left, right) = pool.join(|| mark(pool, left), || mark(pool, right));
    left + right + 1
}
