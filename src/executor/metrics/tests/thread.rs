use super::{kept::Kept, pool};
use crate::{Executor, MetricsExporter};
use std::{
    sync::{LazyLock, mpsc},
    thread,
    time::Duration,
};

/// The recorder of this program.
static INSTALLED: LazyLock<Kept> = LazyLock::new(|| {
    let kept = Kept::default();
    assert!(metrics::set_global_recorder(kept.clone()).is_ok());
    kept
});

/// An exporter that publishes nothing until it is dropped.
fn export(executor: &impl Executor) -> (&'static Kept, MetricsExporter) {
    (&INSTALLED, executor.export_metrics(Duration::MAX))
}

#[test]
fn what_was_counted_is_published_when_the_exporter_is_dropped() {
    let (pool, name) = pool("dropped exporter", 1);
    let (kept, exporter) = export(&pool);
    pool.submit(|n: u32| n, 1).result().unwrap();
    let (release, gate) = mpsc::channel::<()>();
    let runs = pool.spawn(move || gate.recv().is_ok());
    drop(exporter);
    assert_eq!(kept.counter("tasks_submitted", &name), 2);
    assert_eq!(kept.counter("tasks_succeeded", &name), 1);
    assert_eq!(kept.times("run", &name, None).len(), 1);
    // Nobody looks any more.
    assert_eq!(
        kept.gauge("tasks_running", &name) + kept.gauge("tasks_queued", &name),
        0.0
    );
    release.send(()).unwrap();
    assert!(runs.result().unwrap());
    assert_eq!(kept.counter("tasks_succeeded", &name), 1);
}

#[test]
fn it_publishes_again_and_again_by_itself() {
    let (pool, name) = pool("rounds", 1);
    let kept = &*INSTALLED;
    let _exporter = pool.export_metrics(Duration::from_millis(1));
    for n in 1..=3 {
        pool.submit(|n: u32| n, 1).result().unwrap();
        while kept.times("run", &name, None).len() < n || kept.counter("tasks_succeeded", &name) < n as u64 {
            thread::yield_now();
        }
    }
}

#[test]
fn it_keeps_no_executor_alive_and_outlives_it() {
    let (pool, name) = pool("short-lived", 1);
    let (kept, exporter) = export(&pool);
    let closed = pool.closed();
    pool.submit(|n: u32| n, 1).result().unwrap();
    drop(pool);
    futures::executor::block_on(closed);
    drop(exporter);
    assert_eq!(kept.counter("tasks_succeeded", &name), 1);
}
