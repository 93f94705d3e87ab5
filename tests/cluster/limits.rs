//! More work than there is room for: on the server, in the client, in the server's memory.

use crate::{
    harness::{Gate, Log, alone, assert_books_are_closed, eventually, ready, wait_for_file, write_down},
    server::Server,
};
use concurrent_futures::{Executor, TrySubmitError};
use std::{collections::BTreeSet, thread};

#[test]
fn the_queue_on_the_server_is_never_longer_than_its_limit() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1).queue_limit(500), 2);
        let submitting = cluster.clone();
        let submitter = thread::spawn(move || {
            let tasks: Vec<_> = (0..20_000_u64)
                .map(|n| submitting.submit(|n: u64| n + 1, n))
                .collect();
            tasks.into_iter().map(|task| task.result().unwrap()).sum::<u64>()
        });
        let mut longest = 0;
        while !submitter.is_finished() {
            longest = longest.max(server.queued());
        }
        assert_eq!(submitter.join().unwrap(), (1..=20_000).sum());
        // What is being finished lies there as well.
        assert!((1..=500).contains(&longest), "{longest} lay there");
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn who_submits_more_than_may_wait_waits() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1).max_pending(10), 1);
        let (log, gate) = (Log::new(), Gate::new());
        let occupy = |(log, gate): (String, String)| {
            write_down(log, 0);
            wait_for_file(&gate);
            0_u64
        };
        let first = cluster.submit(occupy, (log.path(), gate.path()));
        log.wait_for(1);
        eventually("it is known to run", || cluster.stats().running == 1);
        let mut waiting = Vec::new();
        let refused = loop {
            match cluster.try_submit(|n: u64| n, waiting.len() as u64) {
                Ok(task) => waiting.push(task),
                Err(refused) => break refused,
            }
        };
        assert!(matches!(&refused, TrySubmitError::Full(10)), "{refused}");
        assert_eq!(waiting.len(), 10);
        let other = cluster.clone();
        let blocked = thread::spawn(move || other.submit(|n: u64| n, 10).result().unwrap());
        gate.open();
        assert_eq!(blocked.join().unwrap(), 10);
        assert_eq!(first.result().unwrap(), 0);
        assert!(waiting.into_iter().map(|task| task.result().unwrap()).eq(0..10));
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn a_server_without_memory_loses_nothing() {
    alone(|| {
        // Of the arguments below a part has room at a time.
        let server = Server::start_with(&["--maxmemory", "8mb"]);
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let load = |n: u64| vec![u8::try_from(n % 251).unwrap(); 100_000];
        let tasks: Vec<_> = (0..300)
            .map(|n| cluster.submit(|load: Vec<u8>| load, load(n)))
            .collect();
        for (number, task) in (0..).zip(tasks) {
            match task.result() {
                Ok(back) => assert!(back == load(number), "task {number} has the value of another"),
                Err(error) => panic!("task {number}: {error}"),
            }
        }
        // Larger ones lie apart from the queue.
        let large = |n: u64| vec![u8::try_from(n % 251).unwrap(); 600_000];
        let outcomes = cluster
            .options()
            .chunk_size(1)
            .map(|load: Vec<u8>| load, (0..30).map(large));
        for (number, outcome) in (0..).zip(outcomes) {
            assert!(
                outcome.expect("it runs") == large(number),
                "item {number} has the value of another"
            );
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

/// One client must not fill the queue so that another never gets a place.
#[test]
fn several_clients_share_the_queue() {
    alone(|| {
        let server = Server::start();
        let first = ready(server.cluster().workers(2).slots(1).queue_limit(100), 2);
        let second = ready(server.cluster().queue_limit(100), 2);
        let tasks: Vec<_> = (0..5_000_u64).map(|n| first.submit(|n: u64| n, n)).collect();
        let others: BTreeSet<u64> = (0..100_u64)
            .map(|n| second.submit(|n: u64| n * 2, n))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|task| task.result().unwrap())
            .collect();
        assert!(others.into_iter().eq((0..100).map(|n| n * 2)));
        assert!(tasks.into_iter().map(|task| task.result().unwrap()).eq(0..5_000));
        drop((first, second));
        server.assert_empty();
    });
}
