//! How costs grow with what there is: queued tasks, workers, bytes of an item. `cargo bench --bench scaling`.

mod common;

use common::{
    Group, OURS, is_measuring, peer_at,
    tasks::{collect, collect_rayon},
};
#[cfg(unix)]
use concurrent_futures::ProcessPool;
use concurrent_futures::{Executor, ThreadPool};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::{cell::Cell, fs, time::Duration};

const WORKERS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

#[cfg(unix)]
const PROCESSES: &str = "concurrent-futures ProcessPool";
const RAYON: &str = "rayon spawn + channel";
/// So much memory has to be free for the largest of each kind.
const LARGEST_NEEDS_KIB: u64 = 6 << 20;

/// Empty tasks from one thread, all submitted before the first result is collected.
fn queued_tasks(c: &mut Criterion) {
    let mut group = c.benchmark_group("queued tasks");
    for tasks in (0..=7).map(|power| 10_u64.pow(power)) {
        let is_largest = tasks == 10_000_000;
        if tasks > 10_000 && !is_measuring() || is_largest && !has_memory(tasks) {
            continue;
        }
        group.throughput(Throughput::Elements(tasks));
        set_pace(&mut group, tasks >= 100_000);
        peer_at(&mut group, OURS, tasks, common::thread_pool, |pool| {
            collect(pool, tasks)
        });
        // One line is enough to see whether the largest is as cheap as the others.
        if !is_largest {
            peer_at(&mut group, RAYON, tasks, common::rayon, |pool| {
                collect_rayon(pool, tasks)
            });
        }
    }
}

/// The same number of tasks for one worker, and for many more than there are cores.
fn workers(c: &mut Criterion) {
    const TASKS: u64 = 100_000;
    let mut group = c.benchmark_group("workers");
    group.throughput(Throughput::Elements(TASKS));
    for workers in WORKERS {
        let start = || ThreadPool::with_workers(workers);
        peer_at(&mut group, OURS, workers, start, |pool| collect(pool, TASKS));
        let start = || common::rayon_with(workers);
        peer_at(&mut group, RAYON, workers, start, |pool| {
            collect_rayon(pool, TASKS)
        });
    }
    #[cfg(unix)]
    worker_processes(&mut group);
}

/// As `workers`, and every task is one more message.
#[cfg(unix)]
fn worker_processes(group: &mut Group) {
    const TASKS: u64 = 10_000;
    group.throughput(Throughput::Elements(TASKS));
    for workers in WORKERS {
        let start = || {
            let pool = ProcessPool::with_workers(workers);
            pool.warm_up().unwrap();
            pool
        };
        peer_at(group, PROCESSES, workers, start, |pool| {
            let tasks: Vec<_> = (0..TASKS).map(|n| pool.submit(|n: u64| n, n)).collect();
            tasks.into_iter().map(|task| task.result().unwrap()).sum::<u64>()
        });
    }
}

/// Few samples of what takes long.
fn set_pace(group: &mut Group, takes_long: bool) {
    if takes_long {
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(1));
    }
}

/// Says so if it has not.
fn has_memory(what: u64) -> bool {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let mut fields = meminfo
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))
        .into_iter()
        .flat_map(str::split_whitespace);
    let available = fields.nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let is_enough = available > LARGEST_NEEDS_KIB;
    if !is_enough {
        eprintln!("{what} is left out: {available} KiB of memory are free, {LARGEST_NEEDS_KIB} are needed");
    }
    is_enough
}

/// One task that returns its argument, by the size of that.
fn item_size<E: Executor>(c: &mut Criterion, name: &str, start: impl Fn() -> E) {
    let mut group = c.benchmark_group("item size");
    for bytes in [1, 1 << 10, 32 << 10, 1 << 20, 16 << 20, 256 << 20, 1 << 30] {
        if bytes > 1 << 20 && !is_measuring() || bytes >= 1 << 30 && !has_memory(bytes) {
            continue;
        }
        group.throughput(Throughput::Bytes(bytes));
        set_pace(&mut group, bytes >= 16 << 20);
        // What came back is what goes there next: nothing is copied here.
        let item = Cell::new(vec![7_u8; usize::try_from(bytes).unwrap()]);
        peer_at(&mut group, name, bytes, &start, |pool| {
            item.set(pool.submit(|item: Vec<u8>| item, item.take()).result().unwrap());
        });
    }
}

fn item_sizes(c: &mut Criterion) {
    item_size(c, "threads", || ThreadPool::with_workers(1));
    #[cfg(unix)]
    item_size(c, "processes", || ProcessPool::with_workers(1));
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = queued_tasks, workers, item_sizes
}
criterion_main!(benches);
