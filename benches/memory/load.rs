//! What pools take of the machine while they have nothing to do, and while they have one small task per millisecond.

use crate::{
    Figure,
    common::{self, OURS, is_measuring},
    usage::Snapshot,
};
use concurrent_futures::AsyncBridge;
#[cfg(unix)]
use concurrent_futures::{Executor, ProcessPool};
use std::{
    io,
    sync::mpsc,
    thread::sleep,
    time::{Duration, Instant},
};

const BRIDGE: &str = "concurrent-futures AsyncBridge";
#[cfg(unix)]
const PROCESSES: &str = "concurrent-futures ProcessPool";

pub(crate) fn figures() -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let pool = common::thread_pool();
    measure(&mut figures, OURS, &[], || pool.spawn(|| 1).result().unwrap())?;
    drop(pool);

    let bridge = AsyncBridge::with_workers(common::workers());
    measure(&mut figures, BRIDGE, &[], || bridge.spawn(|| 1).result().unwrap())?;
    drop(bridge);

    let rayon = common::rayon();
    measure(&mut figures, "rayon spawn + channel", &[], || {
        let (tx, rx) = mpsc::sync_channel(1);
        rayon.spawn(move || tx.send(1).unwrap());
        rx.recv().unwrap()
    })?;
    drop(rayon);

    let runtime = common::tokio();
    measure(&mut figures, "tokio spawn_blocking", &[], || {
        runtime.block_on(runtime.spawn_blocking(|| 1)).unwrap()
    })?;
    drop(runtime);

    #[cfg(unix)]
    {
        let pool = ProcessPool::with_workers(common::workers());
        pool.warm_up().unwrap();
        measure(&mut figures, PROCESSES, &pool.worker_pids(), || {
            pool.submit(|n: i32| n, 1).result().unwrap()
        })?;
    }
    Ok(figures)
}

fn measure(
    figures: &mut Vec<Figure>,
    peer: &'static str,
    children: &[u32],
    one_task: impl Fn() -> i32,
) -> io::Result<()> {
    let window = Duration::from_millis(if is_measuring() { 1_000 } else { 10 });
    let mut add = |group, value| figures.push(Figure { group, peer, value });

    let before = Snapshot::of_all(children)?;
    let start = Instant::now();
    let mut tasks = 0;
    while start.elapsed() < window {
        one_task();
        tasks += 1;
        sleep((start + Duration::from_millis(1) * tasks).saturating_duration_since(Instant::now()));
    }
    let busy = Snapshot::of_all(children)?.since(&before);
    add("CPU of one task per ms, ns", nanos(busy.cpu) / f64::from(tasks));

    // Threads that look out for more work a moment longer are to be through with that.
    sleep(window / 5);
    let before = Snapshot::of_others(children)?;
    sleep(window);
    let idle = Snapshot::of_others(children)?.since(&before);
    add(
        "CPU of an idle pool, ns/s",
        nanos(idle.cpu) / window.as_secs_f64(),
    );
    #[allow(clippy::cast_precision_loss)]
    add(
        "wake-ups of an idle pool, 1/s",
        idle.sleeps as f64 / window.as_secs_f64(),
    );
    Ok(())
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
