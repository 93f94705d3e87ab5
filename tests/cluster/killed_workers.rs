//! Workers that are killed, or stopped for so long that they are thought dead.

use crate::{
    harness::{
        Gate, Log, alone, assert_books_are_closed, eventually, is_stopped, ready, signal, wait_for_file,
        write_down,
    },
    server::Server,
    workers::Worker,
};
use concurrent_futures::{Cluster, Executor, TaskFuture};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// What takes a while, and says that it ran.
pub(crate) fn busy((number, log, micros): (u64, String, u64)) -> u64 {
    write_down(log, number);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
    number * 3 + 1
}

pub(crate) fn submit_busy(
    cluster: &Cluster,
    log: &Log,
    numbers: impl IntoIterator<Item = u64>,
) -> Vec<(u64, TaskFuture<u64>)> {
    let submit = |number| (number, cluster.submit(busy, (number, log.path(), 200)));
    numbers.into_iter().map(submit).collect()
}

/// Each has its value, and each has run.
pub(crate) fn assert_all_ran(tasks: Vec<(u64, TaskFuture<u64>)>, log: &Log) {
    for (number, task) in tasks {
        match task.result() {
            Ok(value) => assert_eq!(value, number * 3 + 1),
            Err(error) => panic!("task {number}: {error}"),
        }
        // The file is read once, below.
    }
    assert!(log.counts().values().all(|times| *times >= 1));
}

#[test]
fn a_worker_that_is_killed_midway_costs_nothing() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let log = Log::new();
        let tasks = submit_busy(&cluster, &log, 0..5_000);
        log.wait_for(500);
        signal(cluster.local_worker_pids()[0], libc::SIGKILL);
        assert_all_ran(tasks, &log);
        assert_eq!(log.counts().len(), 5_000);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn ten_kills_in_five_seconds_cost_nothing() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(3).slots(1), 3);
        let log = Log::new();
        let is_over = AtomicBool::new(false);
        let kills = thread::scope(|scope| {
            let killer = scope.spawn(|| {
                let mut kills = 0;
                while kills < 10 {
                    let pids = cluster.local_worker_pids();
                    signal(pids[kills % pids.len()], libc::SIGKILL);
                    kills += 1;
                    // Not to synchronise anything: so often they die.
                    thread::sleep(Duration::from_millis(500));
                }
                is_over.store(true, Relaxed);
                kills
            });
            let mut next = 0;
            while next < 5_000 || !is_over.load(Relaxed) {
                let tasks = submit_busy(&cluster, &log, next..next + 1_000);
                next += 1_000;
                assert_all_ran(tasks, &log);
            }
            assert_eq!(log.counts().len() as u64, next);
            killer.join().expect("no panic")
        });
        assert_eq!(kills, 10);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn what_a_stopped_worker_says_late_is_dropped() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster(), 0);
        let stopped = Worker::start(&server, 1, &[]);
        assert!(cluster.wait_for_slots(1, Duration::from_secs(60)));
        let (log, gate) = (Log::new(), Gate::new());
        let task = cluster.submit(
            |(log, gate): (String, String)| {
                write_down(&log, u64::from(std::process::id()));
                wait_for_file(&gate);
                std::process::id()
            },
            (log.path(), gate.path()),
        );
        log.wait_for(1);
        stopped.signal(libc::SIGSTOP);
        eventually("it is stopped", || is_stopped(stopped.pid()));
        let _other = Worker::start(&server, 1, &[]);
        // The other one has taken it over: the first one's hold is over.
        log.wait_for(2);
        gate.open();
        let ran_in = task.result().expect("it ran on the other one");
        let pids: Vec<u64> = log.counts().into_keys().collect();
        assert!(pids.contains(&u64::from(ran_in)), "{pids:?}");
        stopped.signal(libc::SIGCONT);
        // The one that was stopped is a worker as ever, and what it has to say of the old task goes nowhere.
        let pids = cluster.options().chunk_size(1).map(
            |_: u64| {
                thread::sleep(Duration::from_millis(5));
                std::process::id()
            },
            0..400,
        );
        let pids: std::collections::BTreeSet<u32> = pids.map(Result::unwrap).collect();
        assert_eq!(pids.len(), 2, "{pids:?}");
        assert_eq!(log.counts().values().sum::<usize>(), 2);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}
