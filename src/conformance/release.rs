use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    loosely_watched,
};
use crate::{Executor, Shutdown, as_completed};
use futures::executor::block_on;
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How many values of each herd are alive.
static ALIVE: Mutex<BTreeMap<u64, isize>> = Mutex::new(BTreeMap::new());

fn count(herd: u64, change: isize) {
    *ALIVE.lock().unwrap().entry(herd).or_default() += change;
}

/// A value that is counted, copies included.
#[derive(Serialize)]
struct Sheep {
    herd: u64,
}

impl Sheep {
    fn new(herd: u64) -> Self {
        count(herd, 1);
        Self { herd }
    }
}

impl<'de> Deserialize<'de> for Sheep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tag {
            herd: u64,
        }
        Tag::deserialize(deserializer).map(|tag| Self::new(tag.herd))
    }
}

impl Drop for Sheep {
    fn drop(&mut self) {
        count(self.herd, -1);
    }
}

struct Herd(u64);

impl Herd {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn sheep(&self) -> Sheep {
        Sheep::new(self.0)
    }

    fn alive(&self) -> isize {
        ALIVE.lock().unwrap().get(&self.0).copied().unwrap_or_default()
    }

    /// Nothing else happens on the executor meanwhile.
    fn wait_until_gone(&self) {
        while self.alive() > 0 {
            thread::yield_now();
        }
    }
}

/// Consumes it, as work does.
#[allow(clippy::needless_pass_by_value)]
fn herd_of(sheep: Sheep) -> u64 {
    sheep.herd
}

fn pass_with((_sheep, at, number): (Sheep, Address, u64)) -> u64 {
    at.pass(number);
    number
}

pub(crate) fn an_argument_is_gone_when_the_outcome_is_there<S: Subject>() {
    let (executor, herd) = (S::start(2), Herd::new());
    for _ in 0..100 {
        assert_eq!(executor.submit(herd_of, herd.sheep()).result().unwrap(), herd.0);
        assert_eq!(herd.alive(), 0);
    }
    let panics = |sheep: Sheep| -> u64 { panic!("with {}", sheep.herd) };
    assert!(executor.submit(panics, herd.sheep()).result().is_err());
    assert_eq!(herd.alive(), 0);
    let asynchronous = |sheep: Sheep| async move { sheep.herd };
    assert_eq!(
        executor
            .submit_async(asynchronous, herd.sheep())
            .result()
            .unwrap(),
        herd.0
    );
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn what_a_detached_task_used_is_gone_although_nothing_else_runs<S: Subject>() {
    let (executor, herd) = (S::start(2), Herd::new());
    for _ in 0..10 {
        drop(executor.submit(Sheep::new, herd.0));
        drop(executor.submit(herd_of, herd.sheep()));
        drop(executor.submit_async(|sheep: Sheep| async move { sheep }, herd.sheep()));
        herd.wait_until_gone();
    }
    while executor.stats().running + executor.stats().queued > 0 {
        thread::yield_now();
    }
    herd.wait_until_gone();
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn results_of_a_map_are_gone_as_soon_as_the_consumer_drops_them<S: Subject>() {
    let (executor, herd) = (S::start(2), Herd::new());
    let mut outcomes = executor.map(Sheep::new, vec![herd.0; 10]);
    for left in (0..10).rev() {
        drop(outcomes.next().unwrap().unwrap());
        assert!(herd.alive() <= left, "{} with {left} left", herd.alive());
    }
    assert!(outcomes.next().is_none());
    assert_eq!(herd.alive(), 0);
    let mapped = executor.map(herd_of, (0..100).map(|_| herd.sheep()));
    assert_eq!(mapped.map(Result::unwrap).count(), 100);
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn results_that_are_not_taken_go_with_the_map<S: Subject>() {
    let (executor, herd) = (S::start(2), Herd::new());
    let mut outcomes = executor
        .options()
        .chunk_size(3)
        .map(Sheep::new, vec![herd.0; 100]);
    drop(outcomes.by_ref().take(4).collect::<Vec<_>>());
    drop(outcomes);
    executor.shutdown(Shutdown::Finish);
    herd.wait_until_gone();
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn futures_that_were_yielded_are_not_kept<S: Subject>() {
    let (executor, herd) = (S::start(2), Herd::new());
    let mut completed = as_completed((0..8).map(|_| executor.submit(Sheep::new, herd.0)));
    for left in (4..8).rev() {
        drop(completed.next().unwrap());
        assert!(herd.alive() <= left, "{} with {left} left", herd.alive());
    }
    drop(completed);
    executor.shutdown(Shutdown::Finish);
    herd.wait_until_gone();
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn a_refused_argument_is_gone<S: Subject>() {
    let (executor, herd) = (S::start(1), Herd::new());
    executor.shutdown(Shutdown::Finish);
    let refused = executor.submit(herd_of, herd.sheep());
    assert_eq!(herd.alive(), 0);
    assert!(refused.result().unwrap_err().is_shut_down());
    drop(executor.map(herd_of, (0..10).map(|_| herd.sheep())));
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn a_context_is_gone_with_its_last_task<S: Subject>() {
    fn work(sheep: &Sheep, n: u64) -> u64 {
        sheep.herd + n
    }
    let (executor, herd) = (S::start(2), Herd::new());
    let with = executor.with(herd.sheep());
    let future = with.submit(work, 1);
    assert_eq!(with.map(work, 0..10).count(), 10);
    drop(with);
    assert_eq!(future.result().unwrap(), herd.0 + 1);
    herd.wait_until_gone();
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn a_cancelled_argument_is_gone_at_once<S: Subject>() {
    let (executor, herd) = (S::start(1), Herd::new());
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(|(at, n): (Address, u64)| at.pass(n), (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    let future = executor.submit(herd_of, herd.sheep());
    assert_eq!(herd.alive(), 1);
    assert!(future.cancel());
    assert_eq!(herd.alive(), 0);
    let outcomes = executor.map(herd_of, (0..10).map(|_| herd.sheep()));
    drop(outcomes);
    assert_eq!(herd.alive(), 0);
    checkpoint.open();
    busy.result().unwrap();
}

pub(crate) fn what_waits_for_a_place_in_flight_is_gone_with_its_map<S: Subject>() {
    for asynchronous in [false, true] {
        let (executor, herd) = (S::start(2), Herd::new());
        let checkpoint = Checkpoint::new();
        let items = (0..10).map(|n| (herd.sheep(), checkpoint.address(), n));
        let options = executor.options().max_in_flight(1);
        let outcomes = if asynchronous {
            options.map_async(|item| async move { pass_with(item) }, items)
        } else {
            options.timeout(Duration::from_secs(600)).map(pass_with, items)
        };
        checkpoint.wait_for(1);
        assert_eq!(herd.alive(), 10);
        drop(outcomes);
        assert_eq!(herd.alive(), 1);
        checkpoint.open();
        herd.wait_until_gone();
    }
}

pub(crate) fn a_shutdown_drops_what_it_cancels_once<S: Subject>() {
    for how in [Shutdown::Cancel, Shutdown::Kill] {
        let (executor, herd) = (S::start(2), Herd::new());
        let checkpoint = Checkpoint::new();
        let futures: Vec<_> = (0..50)
            .map(|n| executor.submit(pass_with, (herd.sheep(), checkpoint.address(), n)))
            .collect();
        checkpoint.wait_for(2);
        executor.begin_shutdown(how);
        assert_eq!(herd.alive(), 2);
        checkpoint.open();
        executor.shutdown(how);
        assert_eq!(herd.alive(), 0);
        drop(futures);
    }
}

pub(crate) fn dropping_the_executor_leaves_nothing_alive<S: Subject>() {
    let (executor, herd) = (loosely_watched(S::make(2)), Herd::new());
    let closed = executor.closed();
    drop(
        (0..50)
            .map(|_| executor.submit(herd_of, herd.sheep()))
            .collect::<Vec<_>>(),
    );
    drop(
        (0..50)
            .map(|_| executor.submit(Sheep::new, herd.0))
            .collect::<Vec<_>>(),
    );
    drop(executor);
    block_on(closed);
    assert_eq!(herd.alive(), 0);
}

pub(crate) fn a_killed_suspended_task_drops_its_state<S: Subject>() {
    async fn keep((_sheep, at): (Sheep, Address)) {
        at.announce(1);
        std::future::pending::<()>().await;
    }
    let (executor, herd) = (S::start(1), Herd::new());
    let checkpoint = Checkpoint::new();
    let endless = executor.submit_async(keep, (herd.sheep(), checkpoint.address()));
    checkpoint.wait_for(1);
    // One worker: it is suspended when another task has run.
    executor.submit(|()| (), ()).result().unwrap();
    assert_eq!(herd.alive(), 1);
    assert!(endless.kill());
    // Polled by another thread than the one that ran the other task, it may still be on its way to its await.
    while S::POLLS_APART && herd.alive() > 0 {
        thread::yield_now();
    }
    assert_eq!(herd.alive(), 0);
    let suspended: Vec<_> = (0..5)
        .map(|_| executor.submit_async(keep, (herd.sheep(), checkpoint.address())))
        .collect();
    checkpoint.wait_for(6);
    executor.shutdown(Shutdown::Kill);
    assert_eq!(herd.alive(), 0);
    assert!(suspended.into_iter().all(|future| future.is_cancelled()));
}
