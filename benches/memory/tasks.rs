//! What one task holds while it waits for its turn, and one future while it sleeps.

use crate::{Figure, common::OURS, counting::Held};
#[cfg(unix)]
use concurrent_futures::ProcessPool;
use concurrent_futures::{AsyncBridge, Executor, Shutdown, ThreadPool};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};

const TASKS: u64 = 10_000;

pub(crate) fn figures() -> Vec<Figure> {
    let queued = |peer, held| {
        both(
            ["bytes of a queued task", "allocations of a queued task"],
            peer,
            held,
        )
    };
    let asleep = |peer, held| {
        both(
            ["bytes of a sleeping future", "allocations of a sleeping future"],
            peer,
            held,
        )
    };
    [
        queued(OURS, queued_on_threads()),
        queued("concurrent-futures AsyncBridge", queued_on_bridge()),
        #[cfg(unix)]
        queued("concurrent-futures ProcessPool", queued_on_processes()),
        queued("rayon spawn + channel", queued_on_rayon()),
        queued("threadpool + channel", queued_on_threadpool()),
        queued("tokio spawn_blocking", queued_on_tokio()),
        asleep(OURS, asleep_on_bridge()),
        asleep("tokio spawn", asleep_on_tokio()),
        asleep("tokio JoinSet", asleep_in_set()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn both(groups: [&'static str; 2], peer: &'static str, held: Held) -> [Figure; 2] {
    #[allow(clippy::cast_precision_loss)]
    let each = |all: isize| all as f64 / TASKS as f64;
    let [bytes, allocations] = groups;
    [(bytes, each(held.bytes)), (allocations, each(held.allocations))].map(|(group, value)| Figure {
        group,
        peer,
        value,
    })
}

/// What all tasks hold once they are there. The room for their futures is the caller's, and not counted.
fn held<T>(mut submit: impl FnMut(u64) -> T, are_there: impl FnOnce()) -> Held {
    let mut futures = Vec::with_capacity(usize::try_from(TASKS).unwrap());
    let before = settled();
    futures.extend((0..TASKS).map(&mut submit));
    are_there();
    Held::now().since(before)
}

/// Some peers do not wait for their threads when they are dropped: these may still free tasks.
fn settled() -> Held {
    let mut held = Held::now();
    loop {
        thread::sleep(Duration::from_millis(20));
        let before = std::mem::replace(&mut held, Held::now());
        if before == held {
            return held;
        }
    }
}

/// Keeps the one worker of a pool from its queue until the sender is dropped.
fn plug(spawn: impl FnOnce(Box<dyn FnOnce() + Send>)) -> mpsc::Sender<()> {
    let (running, is_running) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    spawn(Box::new(move || {
        running.send(()).unwrap();
        let _ = released.recv();
    }));
    is_running.recv().unwrap();
    release
}

fn queued_on_threads() -> Held {
    let pool = ThreadPool::with_workers(1);
    let _plug = plug(|block| drop(pool.spawn(block)));
    held(|n| pool.spawn(move || n), || ())
}

fn queued_on_bridge() -> Held {
    let bridge = AsyncBridge::with_workers(1);
    let _plug = plug(|block| drop(bridge.spawn(block)));
    held(|n| bridge.spawn(move || n), || ())
}

#[cfg(unix)]
fn queued_on_processes() -> Held {
    let pool = ProcessPool::with_workers(1);
    let endless = pool.submit(|(): ()| thread::sleep(Duration::MAX), ());
    while !endless.is_running() {
        thread::yield_now();
    }
    let held = held(|n| pool.submit(|n: u64| n, n), || ());
    pool.begin_shutdown(Shutdown::Kill);
    held
}

fn queued_on_rayon() -> Held {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let _plug = plug(|block| pool.spawn(block));
    let (tx, _rx) = mpsc::channel();
    held(
        |n| {
            let tx = tx.clone();
            pool.spawn(move || tx.send(n).unwrap_or(()));
        },
        || (),
    )
}

fn queued_on_threadpool() -> Held {
    let pool = threadpool::ThreadPool::new(1);
    let _plug = plug(|block| pool.execute(block));
    let (tx, _rx) = mpsc::channel();
    held(
        |n| {
            let tx = tx.clone();
            pool.execute(move || tx.send(n).unwrap_or(()));
        },
        || (),
    )
}

fn queued_on_tokio() -> Held {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).max_blocking_threads(1).build().unwrap();
    let _plug = plug(|block| drop(runtime.spawn_blocking(block)));
    held(|n| runtime.spawn_blocking(move || n), || ())
}

/// Futures that count themselves and sleep until their runtime ends.
struct Sleepers(Arc<AtomicU64>);

impl Sleepers {
    fn one(&self) -> impl Future<Output = ()> + Send + 'static {
        let asleep = self.0.clone();
        async move {
            asleep.fetch_add(1, Relaxed);
            drop(asleep);
            sleep(Duration::from_secs(3600)).await;
        }
    }

    fn held<T>(&self, mut submit: impl FnMut() -> T) -> Held {
        held(
            |_| submit(),
            || {
                while self.0.load(Relaxed) < TASKS {
                    thread::yield_now();
                }
            },
        )
    }
}

fn sleepers() -> (Runtime, Sleepers) {
    (crate::common::tokio(), Sleepers(Arc::default()))
}

fn asleep_on_bridge() -> Held {
    let (runtime, sleepers) = sleepers();
    let bridge = AsyncBridge::from_handle(runtime.handle().clone());
    let held = sleepers.held(|| bridge.spawn_async(sleepers.one()));
    bridge.begin_shutdown(Shutdown::Kill);
    held
}

fn asleep_on_tokio() -> Held {
    let (runtime, sleepers) = sleepers();
    sleepers.held(|| runtime.spawn(sleepers.one()))
}

fn asleep_in_set() -> Held {
    let (runtime, sleepers) = sleepers();
    let mut set = JoinSet::new();
    sleepers.held(|| drop(set.spawn_on(sleepers.one(), runtime.handle())))
}
