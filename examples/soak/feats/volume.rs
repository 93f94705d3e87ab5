//! Millions of tasks, each exactly once.

use super::scaled;
use crate::{random::Random, tally::Tally, watch};
use concurrent_futures::{AsyncBridge, Executor, ProcessPool, Shutdown, ThreadPool, as_completed};
use std::{
    collections::HashMap,
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
};

/// In all.
const TASKS: usize = 42_000_000;

/// As many at a time.
const WAVE: usize = 500_000;

pub(crate) fn run(scale: f64, _random: Random, _folder: &Path, tally: &mut Tally) {
    let share = scaled(TASKS / 6, scale);
    threads(share, tally);
    bridge(share, tally);
    processes(share, tally);
}

/// A mark for each task of a wave.
#[derive(Clone)]
struct Marks(Arc<[AtomicU8]>);

impl Marks {
    fn new(tasks: usize) -> Self {
        Self((0..tasks).map(|_| AtomicU8::new(0)).collect())
    }

    fn set(&self, task: usize) -> usize {
        self.0[task].fetch_add(1, Relaxed);
        task
    }

    fn assert_once_each(&self) {
        assert!(
            self.0.iter().all(|mark| mark.load(Relaxed) == 1),
            "a task did not run once"
        );
    }
}

/// In waves, each with marks of its own.
fn in_waves(tasks: usize, mut wave: impl FnMut(&Marks, usize)) {
    let mut left = tasks;
    while left > 0 {
        let now = left.min(WAVE);
        let marks = Marks::new(now);
        wave(&marks, now);
        marks.assert_once_each();
        left -= now;
        watch::step();
    }
}

fn end<E: Executor>(executor: &E, tasks: usize, tally: &mut Tally) {
    executor.shutdown(Shutdown::Finish);
    let stats = executor.stats();
    assert_eq!(
        (stats.submitted, stats.succeeded),
        (tasks as u64, tasks as u64),
        "{stats:?}"
    );
    assert_eq!((stats.queued, stats.running), (0, 0), "{stats:?}");
    tally.add("tasks", tasks as u64);
    tally.add("tasks of the volume feat", tasks as u64);
    tally.add("executors started", 1);
}

fn threads(share: usize, tally: &mut Tally) {
    let pool = ThreadPool::new();
    watch::show_all(&pool);
    in_waves(share, |marks, tasks| {
        let submit = |task| {
            let marks = marks.clone();
            pool.spawn(move || marks.set(task))
        };
        let futures: Vec<_> = (0..tasks).map(submit).collect();
        for (task, future) in futures.into_iter().enumerate() {
            assert_eq!(future.result().expect("a value"), task);
        }
    });
    in_waves(share, |marks, tasks| {
        let there = marks.clone();
        let mut sum = 0;
        for (task, outcome) in pool.map(move |task| there.set(task), 0..tasks).enumerate() {
            assert_eq!(outcome.expect("a value"), task);
            sum += 1;
        }
        assert_eq!(sum, tasks);
    });
    end(&pool, 2 * share, tally);
}

fn bridge(share: usize, tally: &mut Tally) {
    let bridge = AsyncBridge::new();
    watch::show_all(&bridge);
    in_waves(share, |marks, tasks| {
        let submit = |task| {
            let marks = marks.clone();
            bridge.spawn_async(async move {
                tokio::task::yield_now().await;
                marks.set(task)
            })
        };
        let seen: usize = as_completed((0..tasks).map(submit))
            .map(|future| future.result().expect("a value"))
            .sum();
        assert_eq!(seen, tasks * (tasks - 1) / 2);
    });
    end(&bridge, share, tally);
}

/// Who ran it, and as which of its tasks.
fn count(task: usize) -> (usize, u32, u64) {
    static RUN: AtomicU64 = AtomicU64::new(0);
    (task, process::id(), RUN.fetch_add(1, Relaxed) + 1)
}

/// The last task of each worker, and how many outcomes there were from it: one that had run twice would be a number more.
#[derive(Default)]
struct Workers(HashMap<u32, (u64, u64)>);

impl Workers {
    fn see(&mut self, task: usize, (of, worker, number): (usize, u32, u64)) {
        assert_eq!(of, task, "the value of another task");
        let (last, outcomes) = self.0.entry(worker).or_default();
        *last = (*last).max(number);
        *outcomes += 1;
    }
}

fn processes(share: usize, tally: &mut Tally) {
    let pool = ProcessPool::new();
    watch::show_all(&pool);
    let mut workers = Workers::default();
    let mut left = share;
    while left > 0 {
        let now = left.min(WAVE / 10);
        let futures: Vec<_> = (0..now).map(|task| pool.submit(count, task)).collect();
        for (task, future) in futures.into_iter().enumerate() {
            workers.see(task, future.result().expect("a value"));
        }
        left -= now;
        watch::step();
    }
    for (task, outcome) in pool.map(count, 0..2 * share).enumerate() {
        workers.see(task, outcome.expect("a value"));
        if task.is_multiple_of(100_000) {
            watch::step();
        }
    }
    let ran_once = |(last, outcomes): &(u64, u64)| last == outcomes;
    assert!(
        workers.0.values().all(ran_once),
        "tasks ran twice: {:?}",
        workers.0
    );
    end(&pool, 3 * share, tally);
}
