//! All workers of a large pool killed at once, while they run.

use super::scaled;
use crate::{
    order::{Deed, Log, Order, carry_out},
    random::Random,
    tally::Tally,
    watch,
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const WORKERS: usize = 130;

/// A task runs until it is killed: nobody asks it to stop.
const LONG: u32 = u32::MAX;

pub(crate) fn run(scale: f64, _random: Random, folder: &Path, tally: &mut Tally) {
    let workers = scaled(WORKERS, scale.clamp(0.05, 1.0));
    let log = Log::new(folder);
    let pool = ProcessPool::with_workers(workers);
    watch::show_all(&pool);
    tally.add("executors started", 1);
    let order = |number: usize, deed| Order {
        number: u32::try_from(number).expect("not so many tasks"),
        deed,
        log: log.path(),
    };
    let killed: Vec<_> = (0..workers)
        .map(|number| pool.submit(carry_out, order(number, Deed::Look(LONG))))
        .collect();
    let behind: Vec<_> = (workers..20 * workers)
        .map(|number| pool.submit(carry_out, order(number, Deed::Return)))
        .collect();
    // All have written down that they run.
    let begun = Instant::now();
    while log.counts(20 * workers).iter().sum::<u32>() < u32::try_from(workers).expect("not so many") {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{workers} workers do not start: {pool:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let pids = pool.worker_pids();
    assert_eq!(pids.len(), workers);
    for victim in &pids {
        let victim = i32::try_from(*victim)
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(victim, Signal::KILL).expect("it is there");
    }
    watch::step();
    for (number, future) in killed.into_iter().enumerate() {
        match future.result() {
            Err(TaskError::WorkerDied(death)) => {
                assert_eq!(death.signal(), Some(libc::SIGKILL), "task {number}");
            }
            other => panic!("task {number}: {other:?}"),
        }
    }
    for (number, future) in (workers..).zip(behind) {
        let (of, _) = future.result().expect("it waits for another worker");
        assert_eq!(of as usize, number);
    }
    pool.shutdown(Shutdown::Finish);
    assert!(
        log.counts(20 * workers).iter().all(|runs| *runs == 1),
        "a task did not run once"
    );
    let stats = pool.stats();
    assert_eq!(
        (stats.failed, stats.queued, stats.running),
        (workers as u64, 0, 0),
        "{stats:?}"
    );
    assert_eq!(stats.submitted, stats.succeeded + stats.failed, "{stats:?}");
    tally.add("tasks", stats.submitted);
    tally.add("workers killed from outside", workers as u64);
    tally.most("workers killed in one burst", workers as u64);
}
