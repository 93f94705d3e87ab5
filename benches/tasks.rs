//! Tasks that do nothing: what it costs to submit one and to get its result. `cargo bench --bench tasks`.

mod common;

use common::{
    Group, OURS, peer,
    tasks::{collect, collect_rayon},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::{executor::block_on, task::SpawnExt};
use std::{
    hint::black_box,
    sync::mpsc,
    thread::{self, spawn},
    time::Duration,
};

const TASKS: u64 = 200_000;
const SUBMITTERS: u64 = 4;

/// One empty task from outside, waited for; again and again.
fn one_task(c: &mut Criterion) {
    let mut group = c.benchmark_group("one empty task");
    group.sample_size(50);
    peer(&mut group, OURS, common::thread_pool, |pool| {
        pool.spawn(|| black_box(1)).result().unwrap()
    });
    peer(&mut group, "rusty_pool", common::rusty_pool, |pool| {
        pool.evaluate(|| black_box(1)).await_complete()
    });
    peer(&mut group, "rayon spawn + channel", common::rayon, |pool| {
        let (tx, rx) = mpsc::sync_channel(1);
        pool.spawn(move || tx.send(black_box(1)).unwrap());
        rx.recv().unwrap()
    });
    peer(&mut group, "threadpool + channel", common::threadpool, |pool| {
        let (tx, rx) = mpsc::sync_channel(1);
        pool.execute(move || tx.send(black_box(1)).unwrap());
        rx.recv().unwrap()
    });
    peer(&mut group, "tokio spawn_blocking", common::tokio, |runtime| {
        let task = runtime.spawn_blocking(|| black_box(1));
        runtime.block_on(task).unwrap()
    });
    peer(&mut group, "futures ThreadPool", common::futures_pool, |pool| {
        block_on(pool.spawn_with_handle(async { black_box(1) }).unwrap())
    });
    peer(
        &mut group,
        "std spawn + join",
        || (),
        |()| spawn(|| black_box(1)).join().unwrap(),
    );
}

/// Many empty tasks from one thread outside, every result collected.
fn many_tasks(c: &mut Criterion) {
    let mut group = group_of_many(c, "200,000 empty tasks");
    peer(&mut group, OURS, common::thread_pool, |pool| collect(pool, TASKS));
    peer(&mut group, "threadpool + channel", common::threadpool, |pool| {
        let (tx, rx) = mpsc::channel();
        for n in 0..TASKS {
            let tx = tx.clone();
            pool.execute(move || tx.send(n).unwrap());
        }
        drop(tx);
        rx.into_iter().sum::<u64>()
    });
    peer(&mut group, "rayon spawn + channel", common::rayon, |pool| {
        collect_rayon(pool, TASKS)
    });
    peer(&mut group, "rusty_pool", common::rusty_pool, |pool| {
        let tasks: Vec<_> = (0..TASKS).map(|n| pool.evaluate(move || n)).collect();
        tasks.into_iter().map(|task| task.await_complete()).sum::<u64>()
    });
    peer(&mut group, "tokio spawn", common::tokio, |runtime| {
        tokio(runtime, TASKS)
    });
}

/// The same from four threads outside at once.
fn many_submitters(c: &mut Criterion) {
    let mut group = group_of_many(c, "200,000 empty tasks from 4 threads");
    peer(&mut group, OURS, common::thread_pool, |pool| {
        at_once(|tasks| collect(pool, tasks));
    });
    peer(&mut group, "rayon spawn + channel", common::rayon, |pool| {
        at_once(|tasks| collect_rayon(pool, tasks));
    });
    peer(&mut group, "tokio spawn", common::tokio, |runtime| {
        at_once(|tasks| tokio(runtime, tasks));
    });
}

fn group_of_many<'a>(c: &'a mut Criterion, name: &str) -> Group<'a> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(TASKS)).sample_size(20);
    group.measurement_time(Duration::from_secs(3));
    group
}

fn at_once(submit: impl Fn(u64) -> u64 + Sync) {
    thread::scope(|scope| {
        for _ in 0..SUBMITTERS {
            scope.spawn(|| black_box(submit(TASKS / SUBMITTERS)));
        }
    });
}

fn tokio(runtime: &tokio::runtime::Runtime, tasks: u64) -> u64 {
    let tasks: Vec<_> = (0..tasks).map(|n| runtime.spawn(async move { n })).collect();
    runtime.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    })
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = one_task, many_tasks, many_submitters
}
criterion_main!(benches);
