//! The client, against an engine in memory and a worker that does as it is told.

mod hand;
mod model;

use super::{Client, Config};
use crate::{
    Executor, Shutdown, TaskError,
    cluster::{
        Cluster, Handle,
        broker::fake::FakeBroker,
        message::{Outcome, Request, Treatment},
    },
    sync::Arc,
};
use hand::Hand;
use std::{thread, time::Duration};

fn config() -> Config {
    Config {
        pool: "test".to_owned(),
        build: "this".to_owned(),
        max_pending: None,
        rate_limit: None,
        queue_limit: 1_000,
        give_up_after: Duration::from_secs(60),
        own_slots: 2,
        on_drop: Shutdown::Finish,
    }
}

fn cluster_with(broker: &FakeBroker, config: Config) -> Cluster {
    let client = Client::new(Box::new(broker.clone()), config);
    client.connect().unwrap();
    Cluster {
        handle: Arc::new(Handle {
            client,
            workers: None,
            _server: None,
        }),
        label: None,
    }
}

fn cluster(broker: &FakeBroker) -> Cluster {
    cluster_with(broker, config())
}

/// Runs tasks until `done`.
fn work_until(broker: &FakeBroker, name: &str, done: impl Fn() -> bool) -> usize {
    let mut hand = Hand::new(broker, name);
    while !done() {
        hand.fetch(16);
        hand.finish_all();
    }
    hand.ran
}

fn twice(n: u64) -> u64 {
    n * 2
}

#[test]
fn values_and_panics_come_back() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let mut hand = Hand::new(&broker, "w");
    let value = cluster.submit(twice, 21);
    let panic = cluster.submit(|n: u64| -> u64 { panic!("no {n}") }, 7);
    let long = cluster.submit(|bytes: Vec<u8>| bytes, vec![7; 300_000]);
    hand.fetch_until(3);
    hand.finish_all();
    assert_eq!(value.result().unwrap(), 42);
    let Err(TaskError::Panicked(panic)) = panic.result() else {
        panic!("another outcome")
    };
    assert_eq!(panic.message(), "no 7");
    assert_eq!(long.result().unwrap(), vec![7; 300_000]);
    assert_eq!(cluster.stats().succeeded, 2);
    drop(cluster);
    assert_eq!(broker.blobs(), 0);
}

#[test]
fn a_map_keeps_its_order() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let worker = thread::spawn({
        let (broker, cluster) = (broker.clone(), cluster.clone());
        move || work_until(&broker, "w", || cluster.stats().succeeded == 5_000)
    });
    let values: Vec<u64> = cluster.map(twice, 0..5_000u64).map(Result::unwrap).collect();
    assert!(values.iter().copied().eq((0..5_000).map(|n| n * 2)));
    assert_eq!(worker.join().unwrap(), 5_000);
}

#[test]
fn what_no_worker_has_is_cancelled_exactly() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let futures: Vec<_> = (0..100).map(|n| cluster.submit(twice, n)).collect();
    assert!(futures.iter().all(|future| future.cancel()));
    assert!(
        futures
            .into_iter()
            .all(|future| future.result().unwrap_err().is_cancelled())
    );
    assert_eq!(broker.queued(None), 0);
    assert_eq!(cluster.stats().cancelled, 100);
}

#[test]
fn a_worker_takes_back_what_has_not_started() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let mut hand = Hand::new(&broker, "w");
    let future = cluster.submit(twice, 1);
    hand.fetch_until(1);
    let canceller = thread::spawn({
        let handle = future.handle();
        move || handle.cancel()
    });
    let Request::Stop { running, .. } = hand.hear() else {
        panic!("another request")
    };
    assert_eq!(running, Treatment::Leave);
    let (delivery, task) = hand.has.pop().unwrap();
    assert!(hand.finish(delivery, &task, vec![Outcome::Unrun]));
    assert!(canceller.join().unwrap());
    assert!(future.result().unwrap_err().is_cancelled());
}

#[test]
fn what_has_started_is_not_cancelled_and_hears_of_it() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let mut hand = Hand::new(&broker, "w");
    let future = cluster.submit(twice, 1);
    hand.fetch_until(1);
    let canceller = thread::spawn({
        let handle = future.handle();
        move || handle.cancel()
    });
    hand.hear();
    hand.report_start(0);
    assert!(!canceller.join().unwrap());
    assert!(future.is_running());
    let Request::Stop { running, .. } = hand.hear() else {
        panic!("another request")
    };
    assert_eq!(running, Treatment::AskToStop);
    hand.finish_all();
    assert_eq!(future.result().unwrap(), 2);
}

#[test]
fn what_was_handed_back_is_found_where_it_lies_now() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let mut hand = Hand::new(&broker, "w");
    let (first, second) = (cluster.submit(twice, 1), cluster.submit(twice, 2));
    hand.fetch_until(2);
    hand.hand_back(1);
    hand.hand_back(0);
    assert!(second.cancel());
    hand.fetch_until(1);
    hand.finish_all();
    assert_eq!(first.result().unwrap(), 2);
    assert_eq!(hand.fetch(1), 0);
}

#[test]
fn a_dropped_map_leaves_nothing_behind() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let mut map = cluster.options().chunk_size(10).map(twice, 0..1_000_000u64);
    let mut hand = Hand::new(&broker, "w");
    hand.fetch_until(1);
    hand.finish_all();
    assert_eq!(map.next().unwrap().unwrap(), 0);
    drop(map);
    assert_eq!(broker.queued(None), 0);
    assert_eq!(hand.fetch(1), 0);
}

#[test]
fn a_wiped_engine_is_given_everything_again() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let futures: Vec<_> = (0..50).map(|n| cluster.submit(twice, n)).collect();
    let mut hand = Hand::new(&broker, "w");
    hand.fetch_until(20);
    broker.wipe();
    hand.finish_all();
    broker.disconnect();
    let worker = thread::spawn({
        let (broker, cluster) = (broker.clone(), cluster.clone());
        move || work_until(&broker, "v", || cluster.stats().succeeded == 50)
    });
    for (n, future) in (0..50).zip(futures) {
        assert_eq!(future.result().unwrap(), n * 2);
    }
    worker.join().unwrap();
}

#[test]
fn data_that_went_back_in_time_loses_nothing() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    let early: Vec<_> = (0..10).map(|n| cluster.submit(twice, n)).collect();
    let mut hand = Hand::new(&broker, "w");
    hand.fetch_until(10);
    let snapshot = broker.snapshot();
    let late: Vec<_> = (10..20).map(|n| cluster.submit(twice, n)).collect();
    hand.fetch_until(20);
    hand.finish_all();
    for (n, future) in (0..5).zip(early) {
        assert_eq!(future.result().unwrap(), n * 2);
    }
    broker.roll_back(&snapshot);
    broker.disconnect();
    let more: Vec<_> = (20..30).map(|n| cluster.submit(twice, n)).collect();
    let worker = thread::spawn({
        let (broker, cluster) = (broker.clone(), cluster.clone());
        move || work_until(&broker, "v", || cluster.stats().succeeded == 30)
    });
    // What was in the worker's hands when the snapshot was made is still thought to be.
    broker.advance(Duration::from_secs(20));
    for (n, future) in (10..30).zip(late.into_iter().chain(more)) {
        assert_eq!(future.result().unwrap(), n * 2);
    }
    let mut hand = Hand::new(&broker, "u");
    while cluster.stats().succeeded < 30 {
        hand.reclaim(100);
        hand.finish_all();
    }
    worker.join().unwrap();
}

#[test]
fn lost_answers_lose_no_task() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    broker.fail_at_random(42, 5);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let futures: Vec<_> = (0..200).map(|n| cluster.submit(twice, n)).collect();
    // The worker's own connection is as bad: one that is sound again finishes what it has left.
    let worker = thread::spawn({
        let (broker, stop) = (broker.clone(), stop.clone());
        move || {
            thread::sleep(Duration::from_millis(300));
            broker.fail_no_more();
            work_until(&broker, "w", || stop.load(std::sync::atomic::Ordering::SeqCst))
        }
    });
    for (n, future) in (0..200).zip(futures) {
        assert_eq!(future.result().unwrap(), n * 2);
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(worker.join().unwrap(), 200);
}

#[test]
fn an_engine_that_is_gone_for_long_fails_everything() {
    let broker = FakeBroker::patient();
    let limited = Config {
        give_up_after: Duration::from_millis(200),
        ..config()
    };
    let cluster = cluster_with(&broker, limited);
    let stored = cluster.submit(twice, 1);
    broker.away(true);
    let unsent = cluster.submit(twice, 2);
    let Err(TaskError::Unavailable(_)) = stored.result() else {
        panic!("another outcome")
    };
    let Err(TaskError::Unavailable(_)) = unsent.result() else {
        panic!("another outcome")
    };
    broker.away(false);
    let later = cluster.submit(twice, 3);
    let mut hand = Hand::new(&broker, "w");
    while !later.is_done() {
        hand.fetch(16);
        hand.finish_all();
    }
    assert_eq!(later.result().unwrap(), 6);
}

#[test]
fn what_the_engine_refuses_fails_at_once() {
    let broker = FakeBroker::patient();
    let cluster = cluster(&broker);
    broker.refuse(true);
    for n in 0..3 {
        let Err(TaskError::Unavailable(why)) = cluster.submit(twice, n).result() else {
            panic!("another outcome");
        };
        assert!(why.to_string().contains("lets nobody submit"), "{why}");
    }
    broker.refuse(false);
    let later = cluster.submit(twice, 3);
    let mut hand = Hand::new(&broker, "w");
    while !later.is_done() {
        hand.fetch(16);
        hand.finish_all();
    }
    assert_eq!(later.result().unwrap(), 6);
}

#[test]
fn shutdowns_end() {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        let broker = FakeBroker::patient();
        let cluster = cluster(&broker);
        let mut hand = Hand::new(&broker, "w");
        let held = cluster.submit(twice, 1);
        hand.fetch_until(1);
        hand.report_start(0);
        while !held.is_running() {
            thread::yield_now();
        }
        let queued = cluster.submit(twice, 2);
        cluster.begin_shutdown(how);
        if how == Shutdown::Finish {
            hand.fetch_until(2);
        }
        if how != Shutdown::Kill {
            hand.finish_all();
        }
        cluster.shutdown(how);
        let (held, queued) = (held.result(), queued.result());
        match how {
            Shutdown::Finish => assert_eq!((held.unwrap(), queued.unwrap()), (2, 4)),
            Shutdown::Cancel => {
                assert_eq!(held.unwrap(), 2);
                assert!(queued.unwrap_err().is_cancelled());
            }
            Shutdown::Kill => assert!(held.unwrap_err().is_cancelled() && queued.unwrap_err().is_cancelled()),
        }
        assert!(cluster.submit(twice, 3).result().unwrap_err().is_shut_down());
        // What a killed task leaves goes when its worker says so, or with the lease.
        assert!(how == Shutdown::Kill || broker.queued(None) == 0);
    }
}
