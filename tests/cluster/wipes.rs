//! A server whose data is gone.

use crate::{
    harness::{Gate, Log, alone, assert_books_are_closed, assert_works, ready, wait_for_file, write_down},
    killed_workers::{assert_all_ran, submit_busy},
    server::Server,
};
use concurrent_futures::Executor;

#[test]
fn wiped_while_tasks_are_under_way_it_gets_them_again() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let log = Log::new();
        let tasks = submit_busy(&cluster, &log, 0..5_000);
        for round in 1..=4 {
            log.wait_for(round * 500);
            server.wipe();
        }
        assert_all_ran(tasks, &log);
        assert_eq!(log.counts().len(), 5_000);
        assert_books_are_closed(&cluster, "afterwards");
        assert_works(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn replaced_by_an_empty_one_it_gets_them_again() {
    alone(|| {
        let mut server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let log = Log::new();
        let tasks = submit_busy(&cluster, &log, 0..5_000);
        for round in 1..=2 {
            log.wait_for(round * 1_000);
            server.replace();
        }
        assert_all_ran(tasks, &log);
        assert_eq!(log.counts().len(), 5_000);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn wiped_under_a_map_it_loses_no_item() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let mut squares = cluster.options().chunk_size(50).map(|n: u64| n * n, 0..60_000);
        for number in 0..60_000 {
            if number % 10_000 == 5_000 {
                server.wipe();
            }
            assert_eq!(
                squares.next().expect("as many as items").expect("it runs"),
                number * number
            );
        }
        assert!(squares.next().is_none());
        drop(squares);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

/// Its payload and its context are gone as well; the worker has both.
#[test]
fn wiped_under_a_task_that_runs_it_still_gets_a_result() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let (log, gate) = (Log::new(), Gate::new());
        let task = cluster.with(vec![7_u8; 300_000]).submit(
            |context: &Vec<u8>, (log, gate, load): (String, String, Vec<u8>)| {
                write_down(log, 1);
                wait_for_file(&gate);
                context.len() + load.len()
            },
            (log.path(), gate.path(), vec![1; 400_000]),
        );
        log.wait_for(1);
        server.wipe();
        gate.open();
        assert_eq!(task.result().expect("it runs"), 700_000);
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}
