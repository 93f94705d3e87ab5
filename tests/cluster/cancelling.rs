//! `cancel` is exact, over a network as well.

use crate::{
    harness::{Gate, Log, alone, assert_books_are_closed, eventually, ready, wait_for_file, write_down},
    server::Server,
};
use concurrent_futures::{Cluster, Executor, TaskError, TaskFuture, cancel_requested};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Occupies a place until the gate is open.
fn occupy(cluster: &Cluster, log: &Log, gate: &Gate) -> TaskFuture<()> {
    let task = |(log, gate): (String, String)| {
        write_down(log, 1_000_000);
        wait_for_file(&gate);
    };
    let task = cluster.submit(task, (log.path(), gate.path()));
    log.wait_for(1);
    task
}

fn note((number, log): (u64, String)) -> u64 {
    write_down(log, number);
    number
}

#[test]
fn what_is_queued_is_cancelled_and_never_runs() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let (log, gate) = (Log::new(), Gate::new());
        let occupying = occupy(&cluster, &log, &gate);
        let tasks: Vec<_> = (0..500).map(|n| cluster.submit(note, (n, log.path()))).collect();
        for task in tasks.iter().step_by(2) {
            assert!(task.cancel(), "it waits behind another");
            assert!(task.is_cancelled());
        }
        gate.open();
        occupying.result().unwrap();
        for (number, task) in (0..).zip(tasks) {
            match task.result() {
                Ok(value) => assert_eq!((value, number % 2), (number, 1)),
                Err(error) => assert!(number % 2 == 0 && error.is_cancelled(), "task {number}: {error}"),
            }
        }
        let ran = log.counts();
        assert!((0..500).all(|n| ran.contains_key(&n) == (n % 2 == 1)), "{ran:?}");
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn what_runs_is_asked_to_stop() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let log = Log::new();
        let task = cluster.submit(
            |log: String| {
                write_down(log, 1);
                while !cancel_requested() {
                    thread::sleep(Duration::from_millis(1));
                }
                "heard".to_owned()
            },
            log.path(),
        );
        log.wait_for(1);
        assert!(!task.cancel(), "it runs");
        assert_eq!(task.result().unwrap(), "heard");
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn what_runs_is_killed() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let log = Log::new();
        let task = cluster.submit(
            |log: String| {
                write_down(log, 1);
                loop {
                    thread::sleep(Duration::from_secs(1));
                }
            },
            log.path(),
        );
        log.wait_for(1);
        assert!(task.kill());
        let outcome: Result<(), _> = task.result();
        assert!(outcome.unwrap_err().is_cancelled());
        assert_eq!(
            cluster.submit(note, (2, log.path())).result().unwrap(),
            2,
            "the place is free"
        );
        eventually("the books are closed", || cluster.stats().running == 0);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn of_a_race_between_a_start_and_a_cancel_there_is_one_winner() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let log = Log::new();
        let mut cancelled = Vec::new();
        // About as long as a start takes, whatever that is here and now.
        let mut delay = Duration::from_micros(200);
        for number in 0..300 {
            let task = cluster.submit(note, (number, log.path()));
            let begun = Instant::now();
            while begun.elapsed() < delay {
                std::hint::spin_loop();
            }
            let is_cancelled = task.cancel();
            match task.result() {
                Ok(value) => assert_eq!((value, is_cancelled), (number, false)),
                Err(TaskError::Cancelled) => assert!(is_cancelled, "round {number}: it said that it runs"),
                Err(other) => panic!("round {number}: {other}"),
            }
            cancelled.push(is_cancelled);
            delay = if is_cancelled {
                delay * 5 / 4
            } else {
                delay * 3 / 4
            };
        }
        // Behind this, nothing of them can start any more.
        cluster.submit(note, (1_000, log.path())).result().unwrap();
        let counts = log.counts();
        for (number, is_cancelled) in (0..).zip(&cancelled) {
            let ran = counts.get(&number).copied().unwrap_or(0);
            assert_eq!(ran, usize::from(!is_cancelled), "round {number}");
        }
        let won = cancelled.iter().filter(|is_cancelled| **is_cancelled).count();
        assert!(
            (1..300).contains(&won),
            "there was no race: {won} of 300 were cancelled"
        );
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_map_that_is_dropped_leaves_nothing_in_the_queue() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let (log, gate) = (Log::new(), Gate::new());
        let occupying = occupy(&cluster, &log, &gate);
        let mut map = cluster.options().chunk_size(1).buffer_size(1_000).map(note, {
            let path = log.path();
            (0..1_000).map(move |n| (n, path.clone()))
        });
        map.cancel();
        drop(map);
        eventually("all are taken back", || cluster.stats().queued == 0);
        gate.open();
        occupying.result().unwrap();
        assert_eq!(cluster.submit(note, (5_000, log.path())).result().unwrap(), 5_000);
        let ran: Vec<u64> = log.counts().into_keys().collect();
        assert_eq!(ran, [5_000, 1_000_000], "no item has run");
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}
