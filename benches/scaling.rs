//! How costs grow with what there is: queued tasks, workers, bytes of an item. `cargo bench --bench scaling`.

mod common;

use common::{Group, OURS, is_measuring};
use concurrent_futures::ThreadPool;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::{fs, sync::mpsc, time::Duration};

const RAYON: &str = "rayon spawn + channel";
/// So much memory has to be free for the largest of each kind.
const LARGEST_NEEDS_KIB: u64 = 6 << 20;

/// Empty tasks from one thread, all submitted before the first result is collected.
fn queued_tasks(c: &mut Criterion) {
    let mut group = c.benchmark_group("queued tasks");
    let pool = common::thread_pool();
    let rayon = common::rayon();
    for tasks in (0..=7).map(|power| 10_u64.pow(power)) {
        let is_largest = tasks == 10_000_000;
        if tasks > 10_000 && !is_measuring() || is_largest && !has_memory(tasks) {
            continue;
        }
        group.throughput(Throughput::Elements(tasks));
        set_pace(&mut group, tasks >= 100_000);
        group.bench_function(BenchmarkId::new(OURS, tasks), |b| {
            b.iter(|| collect(&pool, tasks));
        });
        // One line is enough to see whether the largest is as cheap as the others.
        if !is_largest {
            group.bench_function(BenchmarkId::new(RAYON, tasks), |b| {
                b.iter(|| collect_rayon(&rayon, tasks));
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
        let pool = ThreadPool::with_workers(workers);
        group.bench_function(BenchmarkId::new(OURS, workers), |b| {
            b.iter(|| collect(&pool, TASKS));
        });
        drop(pool);
        let rayon = common::rayon_with(workers);
        group.bench_function(BenchmarkId::new(RAYON, workers), |b| {
            b.iter(|| collect_rayon(&rayon, TASKS));
        });
    }
}

const WORKERS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

fn collect(pool: &ThreadPool, tasks: u64) -> u64 {
    let tasks: Vec<_> = (0..tasks).map(|n| pool.spawn(move || n)).collect();
    tasks.into_iter().map(|task| task.result().unwrap()).sum()
}

fn collect_rayon(pool: &rayon::ThreadPool, tasks: u64) -> u64 {
    let (tx, rx) = mpsc::channel();
    for n in 0..tasks {
        let tx = tx.clone();
        pool.spawn(move || tx.send(n).unwrap());
    }
    drop(tx);
    rx.into_iter().sum()
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
#[cfg(unix)]
mod item_size {
    use super::{BenchmarkId, Criterion, Throughput, has_memory, is_measuring, set_pace};
    use concurrent_futures::{Executor, ProcessPool, ThreadPool};
    use std::cell::Cell;

    const SIZES: [u64; 6] = [1, 1 << 10, 1 << 20, 16 << 20, 256 << 20, 1 << 30];

    pub(super) fn processes(c: &mut Criterion) {
        let pool = ProcessPool::with_workers(1);
        pool.warm_up().unwrap();
        by_size(c, "processes", &pool);
    }

    pub(super) fn threads(c: &mut Criterion) {
        by_size(c, "threads", &ThreadPool::with_workers(1));
    }

    fn by_size<E: Executor>(c: &mut Criterion, name: &str, pool: &E) {
        let mut group = c.benchmark_group("item size");
        for bytes in SIZES {
            if bytes > 1 << 20 && !is_measuring() || bytes >= 1 << 30 && !has_memory(bytes) {
                continue;
            }
            group.throughput(Throughput::Bytes(bytes));
            set_pace(&mut group, bytes >= 16 << 20);
            // What came back is what goes there next: nothing is copied here.
            let item = Cell::new(vec![7_u8; usize::try_from(bytes).unwrap()]);
            group.bench_function(BenchmarkId::new(name, bytes), |b| {
                b.iter(|| item.set(pool.submit(same, item.take()).result().unwrap()));
            });
        }
    }

    fn same(item: Vec<u8>) -> Vec<u8> {
        item
    }
}

#[cfg(unix)]
criterion_group! {
    name = benches;
    config = common::criterion();
    targets = queued_tasks, workers, item_size::processes, item_size::threads
}
#[cfg(not(unix))]
criterion_group! {
    name = benches;
    config = common::criterion();
    targets = queued_tasks, workers
}
criterion_main!(benches);
