//! Futures on threads and on a runtime, and blocking calls beside one. `cargo bench --bench async_tasks`.

mod common;

use common::{Group, OURS, async_executor::AsyncExecutor, peer};
use concurrent_futures::AsyncBridge;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::executor::block_on;
use std::{
    fmt::Debug,
    future::ready,
    hint::black_box,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    task::{JoinSet, spawn_blocking, yield_now},
};

const TASKS: u64 = 200_000;
const CALLS: u64 = 10_000;
const YIELDING: u64 = 1_000;
const YIELDS: u64 = 100;

/// A runtime, and a bridge over it.
struct Place {
    bridge: AsyncBridge,
    runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        let runtime = common::tokio();
        let bridge = AsyncBridge::from_handle(runtime.handle().clone());
        Self { bridge, runtime }
    }
}

/// Many futures that are ready, spawned from one thread outside, every result collected.
fn ready_futures(c: &mut Criterion) {
    let mut group = group_of_many(c, "200,000 ready futures");
    peer(&mut group, OURS, common::thread_pool, |pool| {
        let tasks: Vec<_> = (0..TASKS).map(|n| pool.spawn_async(ready(n))).collect();
        tasks.into_iter().map(|task| task.result().unwrap()).sum::<u64>()
    });
    peer(&mut group, "async-executor", AsyncExecutor::new, |executor| {
        let tasks: Vec<_> = (0..TASKS).map(|n| executor.spawn(ready(n))).collect();
        block_on(async {
            let mut sum = 0;
            for task in tasks {
                sum += task.await;
            }
            sum
        })
    });
    peer(&mut group, "tokio spawn", common::tokio, |runtime| {
        on_tokio(runtime, TASKS, ready)
    });
    peer(&mut group, "tokio JoinSet", common::tokio, |runtime| {
        in_set(runtime, TASKS, ready)
    });
}

/// The same futures on the bridge, and on the same kind of runtime without it.
fn ready_on_bridge(c: &mut Criterion) {
    let mut group = group_of_many(c, "200,000 ready futures on a runtime");
    bridge_and_tokio(&mut group, TASKS, ready);
}

fn group_of_many<'a>(c: &'a mut Criterion, name: &str) -> Group<'a> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(TASKS));
    group.measurement_time(Duration::from_secs(3));
    group
}

/// Tasks that are polled again and again.
fn yields(c: &mut Criterion) {
    let mut group = c.benchmark_group("100 yields of 1,000 tasks");
    group.throughput(Throughput::Elements(YIELDING * YIELDS));
    bridge_and_tokio(&mut group, YIELDING, |n| async move {
        for _ in 0..YIELDS {
            yield_now().await;
        }
        n
    });
}

fn bridge_and_tokio<F>(group: &mut Group, tasks: u64, work: fn(u64) -> F)
where
    F: Future<Output = u64> + Send + 'static,
{
    peer(group, OURS, Place::new, |place| {
        let tasks: Vec<_> = (0..tasks).map(|n| place.bridge.spawn_async(work(n))).collect();
        place.runtime.block_on(collect(tasks))
    });
    peer(group, "tokio spawn", common::tokio, |runtime| {
        on_tokio(runtime, tasks, work)
    });
    peer(group, "tokio JoinSet", common::tokio, |runtime| {
        in_set(runtime, tasks, work)
    });
}

fn on_tokio<F>(runtime: &Runtime, tasks: u64, work: fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    let tasks: Vec<_> = (0..tasks).map(|n| runtime.spawn(work(n))).collect();
    runtime.block_on(collect(tasks))
}

fn in_set<F>(runtime: &Runtime, tasks: u64, work: fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    runtime.block_on(async {
        let set: JoinSet<_> = (0..tasks).map(work).collect();
        set.join_all().await.into_iter().sum()
    })
}

async fn collect<E: Debug>(tasks: impl IntoIterator<Item: Future<Output = Result<u64, E>>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

/// In a task of a runtime: one blocking call is awaited, then the next.
fn calls_in_turn(c: &mut Criterion) {
    let mut group = c.benchmark_group("blocking calls one after another");
    in_turn(&mut group, OURS, |bridge, calls| async move {
        for n in 0..calls {
            black_box(bridge.spawn(move || n).await.unwrap());
        }
    });
    in_turn(&mut group, "tokio spawn_blocking", |_, calls| async move {
        for n in 0..calls {
            black_box(spawn_blocking(move || n).await.unwrap());
        }
    });
    in_turn(&mut group, "blocking::unblock", |_, calls| async move {
        for n in 0..calls {
            black_box(smol::unblock(move || n).await);
        }
    });
}

/// All blocking calls at once, awaited in a task.
fn calls_at_once(c: &mut Criterion) {
    let mut group = c.benchmark_group("10,000 blocking calls at once");
    group.throughput(Throughput::Elements(CALLS));
    peer(&mut group, OURS, Place::new, |place| {
        let bridge = place.bridge.clone();
        inside(&place.runtime, async move {
            let calls: Vec<_> = (0..CALLS).map(|n| bridge.spawn(move || n)).collect();
            collect(calls).await
        })
    });
    peer(&mut group, "tokio spawn_blocking", common::tokio, |runtime| {
        inside(runtime, async {
            let calls: Vec<_> = (0..CALLS).map(|n| spawn_blocking(move || n)).collect();
            collect(calls).await
        })
    });
}

fn in_turn<F>(group: &mut Group, name: &str, work: fn(AsyncBridge, u64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let place = std::cell::LazyCell::new(Place::new);
    group.bench_function(name, |b| {
        b.iter_custom(|calls| {
            let work = work(place.bridge.clone(), calls);
            inside(&place.runtime, timed(work))
        });
    });
}

/// Runs the work in a task of the runtime.
fn inside<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> T {
    runtime.block_on(runtime.spawn(work)).unwrap()
}

async fn timed(work: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = ready_futures, ready_on_bridge, yields, calls_in_turn, calls_at_once
}
criterion_main!(benches);
