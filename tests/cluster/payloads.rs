//! Arguments and results of any length.

use crate::{
    harness::{alone, assert_books_are_closed, ready},
    server::Server,
};
use concurrent_futures::{Cluster, Executor};

const KIB: usize = 1024;

/// Bytes that differ from place to place, so that a mixed-up part is seen.
fn bytes(length: usize) -> Vec<u8> {
    let mut all: Vec<u8> = (0..251).cycle().take(length.min(64 * KIB)).collect();
    all.resize(length, 7);
    if let Some(last) = all.last_mut() {
        *last = 99;
    }
    all
}

fn both_ways(cluster: &Cluster, length: usize) {
    let back = cluster
        .submit(
            |mut load: Vec<u8>| {
                load.iter_mut().for_each(|byte| *byte ^= 255);
                load
            },
            bytes(length),
        )
        .result();
    let expected: Vec<u8> = bytes(length).into_iter().map(|byte| byte ^ 255).collect();
    match back {
        Ok(back) => assert!(
            back == expected,
            "{length} bytes came back as {} others",
            back.len()
        ),
        Err(error) => panic!("{length} bytes: {error}"),
    }
}

#[test]
fn any_length_goes_both_ways_and_leaves_nothing() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        for length in [0, 1, 255 * KIB, 256 * KIB, 257 * KIB, 8 * KIB * KIB] {
            both_ways(&cluster, length);
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn sixty_four_mebibytes_go_both_ways() {
    alone(|| {
        // What is written to the disk is not what this is about.
        let server = Server::start_with(&["--appendonly", "no"]);
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        both_ways(&cluster, 64 * KIB * KIB);
        drop(cluster);
        server.assert_empty();
    });
}

#[test]
fn long_items_of_maps_go_both_ways() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(2).slots(1), 2);
        let lengths = [0, 300 * KIB, 10, 1_000 * KIB, 200 * KIB, 0, 70 * KIB];
        let items = || lengths.iter().cycle().take(70).map(|length| bytes(*length));
        for chunk_size in [1, 3, 20] {
            let outcomes = cluster
                .options()
                .chunk_size(chunk_size)
                .map(|load: Vec<u8>| load, items());
            let back: Vec<_> = outcomes.map(|outcome| outcome.expect("it runs")).collect();
            assert!(back.into_iter().eq(items()), "chunks of {chunk_size}");
        }
        assert_books_are_closed(&cluster, "afterwards");
        drop(cluster);
        server.assert_empty();
    });
}

/// What is cancelled or fails leaves no payload either.
#[test]
fn long_arguments_of_tasks_without_a_value_leave_nothing() {
    alone(|| {
        let server = Server::start();
        let cluster = ready(server.cluster().workers(1).slots(1), 1);
        let panics = cluster.submit(
            |load: Vec<u8>| -> usize { panic!("{}", load.len()) },
            bytes(300 * KIB),
        );
        let dies = cluster.submit(|_: Vec<u8>| -> usize { std::process::abort() }, bytes(300 * KIB));
        let waiting: Vec<_> = (0..20)
            .map(|_| cluster.submit(|load: Vec<u8>| load.len(), bytes(300 * KIB)))
            .collect();
        let cancelled = waiting.iter().filter(|task| task.cancel()).count();
        assert!(panics.result().unwrap_err().is_panicked());
        assert!(dies.result().is_err());
        let ran = waiting
            .into_iter()
            .filter_map(|task| task.result().ok())
            .collect::<Vec<_>>();
        assert_eq!(ran.len() + cancelled, 20);
        assert!(ran.iter().all(|length| *length == 300 * KIB));
        drop(cluster);
        server.assert_empty();
    });
}
