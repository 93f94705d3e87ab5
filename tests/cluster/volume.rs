//! Much of everything: time, workers, tasks.

use crate::{
    harness::{Log, alone, assert_books_are_closed, ready, write_down},
    server::{HOLD, Server},
};
use concurrent_futures::Executor;
use std::{collections::BTreeSet, thread, time::Duration};

#[test]
fn a_task_that_runs_for_longer_than_workers_are_waited_for_runs_once() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let log = Log::new();
        let task = cluster.submit(
            |log: String| {
                write_down(log, 1);
                // The workload: longer than any hold, unless it is renewed.
                thread::sleep(HOLD * 2);
                std::process::id()
            },
            log.path(),
        );
        assert!(task.result().is_ok());
        assert!(log.counts().into_iter().eq([(1, 1)]));
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn twenty_workers_share_the_tasks() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(20).slots(1), 20);
        assert_eq!(cluster.cluster_workers().len(), 20);
        // Naps, so that a few CPUs are enough to have all of them busy.
        let nap = |_: u64| {
            thread::sleep(Duration::from_millis(20));
            std::process::id()
        };
        let tasks: Vec<_> = (0..600).map(|n| cluster.submit(nap, n)).collect();
        let pids: BTreeSet<u32> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        assert_eq!(pids.len(), 20, "all took part");
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_hundred_thousand_are_queued() {
    alone(|| {
        let server = Server::start();
        // More than may lie on the server, and nobody to run them before all are handed over.
        let cluster = ready(server.cluster(), 0);
        let tasks: Vec<_> = (0..100_001_u64)
            .map(|n| cluster.submit(|n: u64| n ^ 1, n))
            .collect();
        let _worker = crate::workers::Worker::start(&server, 2, &[]);
        for (number, task) in (0..).zip(tasks) {
            assert_eq!(task.result().unwrap(), number ^ 1);
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}
