//! Tasks that kill what they run in: only they fail.

use crate::{
    harness::{Log, alone, assert_books_are_closed, ready, signal, write_down},
    server::Server,
};
use concurrent_futures::{Executor, TaskError};
use std::{collections::BTreeSet, process::Command};

fn host() -> String {
    let output = Command::new("uname")
        .arg("-n")
        .output()
        .expect("a program of every system");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn of_two_hundred_tasks_only_the_one_that_aborts_fails() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(2), 4);
        let log = Log::new();
        let task = |(number, log): (u64, String)| {
            if number == 100 {
                write_down(log, u64::from(std::process::id()));
                std::process::abort();
            }
            number
        };
        let tasks: Vec<_> = (0..=200).map(|n| cluster.submit(task, (n, log.path()))).collect();
        for (number, task) in (0..).zip(tasks) {
            match task.result() {
                Ok(value) => assert_eq!((value, number != 100), (number, true)),
                Err(TaskError::WorkerDied(death)) => {
                    assert_eq!((number, death.signal()), (100, Some(libc::SIGABRT)), "{death}");
                    assert_eq!(death.host(), Some(&*host()), "{death}");
                    let pids: BTreeSet<u64> = log.counts().into_keys().collect();
                    assert_eq!(pids, [u64::from(death.pid())].into(), "it ran once: {death}");
                }
                Err(other) => panic!("task {number}: {other:?}"),
            }
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn an_item_that_aborts_costs_no_other_item_of_its_batch() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(2), 2);
        let outcomes = cluster.options().chunk_size(40).map(
            |n: u64| {
                if n % 100 == 50 {
                    std::process::abort();
                }
                n + 1
            },
            0..400,
        );
        for (number, outcome) in (0..).zip(outcomes) {
            match outcome {
                Ok(value) => assert_eq!(value, number + 1),
                Err(TaskError::WorkerDied(death)) => {
                    assert_eq!(
                        (number % 100, death.signal()),
                        (50, Some(libc::SIGABRT)),
                        "{death}"
                    );
                }
                Err(other) => panic!("item {number}: {other:?}"),
            }
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

/// Rule 9: nobody can tell which of those in hand killed the worker, so it is found out by running it alone.
#[test]
fn a_task_that_kills_its_whole_worker_fails_after_some_of_them_and_costs_nothing_else() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let (deadly, log) = (Log::new(), Log::new());
        let poison = cluster.submit(
            |log: String| {
                write_down(log, 1);
                signal(std::os::unix::process::parent_id(), libc::SIGKILL);
                // It dies with its worker.
                std::thread::sleep(crate::harness::SOON);
            },
            deadly.path(),
        );
        let innocents: Vec<_> = (0..200_u64)
            .map(|number| {
                let task = |(number, log): (u64, String)| {
                    write_down(log, number);
                    number
                };
                cluster.submit(task, (number, log.path()))
            })
            .collect();
        for (number, task) in (0..).zip(innocents) {
            match task.result() {
                Ok(value) => assert_eq!(value, number),
                Err(error) => panic!("innocent {number}: {error}"),
            }
        }
        match poison.result() {
            Err(TaskError::WorkerDied(death)) => {
                assert!(
                    death.to_string().contains("workers of the cluster were lost"),
                    "{death}"
                );
            }
            other => panic!("{other:?}"),
        }
        let runs = deadly.counts()[&1];
        assert!((1..=4).contains(&runs), "it ran {runs} times");
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}
