//! A server that is killed and comes back with its data.

use crate::{
    harness::{Log, SOON, alone, assert_books_are_closed, assert_works, ready, write_down},
    killed_workers::{assert_all_ran, submit_busy},
    server::Server,
};
use concurrent_futures::{Executor, TaskError};
use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

#[test]
fn a_server_that_is_killed_while_tasks_run_costs_nothing() {
    alone(|| {
        let mut server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let log = Log::new();
        let tasks = submit_busy(&cluster, &log, 0..5_000);
        log.wait_for(300);
        server.restart();
        assert_all_ran(tasks, &log);
        assert_eq!(log.counts().len(), 5_000);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_server_that_is_killed_again_and_again_while_tasks_are_submitted_costs_nothing() {
    alone(|| {
        let mut server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let (has_submitted, progress) = mpsc::sync_channel(0);
        let submitting = cluster.clone();
        let submitter = thread::spawn(move || {
            let mut tasks = Vec::new();
            for round in 0..4 {
                for number in 0..5_000_u64 {
                    tasks.push((round, number, submitting.submit(|n: u64| n * 7, number)));
                    if number == 2_500 {
                        has_submitted.send(()).expect("somebody waits");
                    }
                }
            }
            tasks
        });
        for () in progress {
            // It goes on submitting meanwhile.
            server.restart();
        }
        for (round, number, task) in submitter.join().expect("no panic") {
            match task.result() {
                Ok(value) => assert_eq!(value, number * 7),
                Err(error) => panic!("task {number} of round {round}: {error}"),
            }
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_server_that_is_killed_while_all_are_idle_is_found_again() {
    alone(|| {
        let mut server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        assert_works(&cluster, "before");
        for round in 0..3 {
            server.restart();
            assert_works(&cluster, &format!("after restart {round}"));
        }
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn an_outage_longer_than_workers_are_waited_for_costs_nothing() {
    alone(|| {
        let mut server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let log = Log::new();
        let tasks = submit_busy(&cluster, &log, 0..2_000);
        log.wait_for(200);
        let slow = cluster.submit(
            |log: String| {
                write_down(log, 1_000_000);
                thread::sleep(Duration::from_secs(2));
                "slow".to_owned()
            },
            log.path(),
        );
        server.kill();
        let gone = Instant::now();
        // It runs and ends while there is nobody to tell: the workload of an outage.
        while gone.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(100));
        }
        server.run();
        assert_all_ran(tasks, &log);
        assert_eq!(slow.result().expect("it runs"), "slow");
        assert_eq!(log.counts().len(), 2_001);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn an_outage_that_does_not_end_fails_what_waits_and_what_comes_later_runs() {
    alone(|| {
        let mut server = Server::start();
        let builder = server.cluster().workers(1).slots(1);
        let cluster = ready(builder.give_up_after(Duration::from_secs(1)), 1);
        assert_works(&cluster, "before");
        server.kill();
        let tasks: Vec<_> = (0..100).map(|n| cluster.submit(|n: u64| n, n)).collect();
        for task in tasks {
            let error = task.result().expect_err("there is no server");
            let TaskError::Unavailable(why) = &error else {
                panic!("another error: {error:?}");
            };
            assert!(why.to_string().contains("could not be reached for 1s"), "{why}");
        }
        server.run();
        assert!(cluster.wait_for_slots(1, SOON));
        assert_works(&cluster, "when it is back");
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}
