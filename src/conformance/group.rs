use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    work::{
        announce, announce_until_asked_to_stop, panic_message, panic_with, pass, pass_and_panic, pass_async,
        square,
    },
};
use crate::{Executor, Shutdown, TaskError};
use futures::executor::block_on;
use std::thread;

fn fail((at, number): (Address, u64)) -> u64 {
    at.announce(number);
    panic!("for all")
}

pub(crate) fn the_values_come_in_the_order_of_submission<S: Subject>() {
    let executor = S::start(3);
    let group = executor.group();
    assert!(group.is_empty());
    for n in 0..50 {
        if n % 2 == 0 {
            group.submit(square, n);
        } else {
            group.submit_async(|n: u64| async move { n * n }, n);
        }
    }
    assert_eq!(group.len(), 50);
    assert_eq!(group.join().unwrap(), (0..50).map(square).collect::<Vec<_>>());
}

pub(crate) fn a_group_of_nobody_joins<S: Subject>() {
    let executor = S::start(1);
    assert_eq!(executor.group::<u64>().join().unwrap(), [0; 0]);
    assert_eq!(block_on(executor.group::<u64>().into_future()).unwrap(), [0; 0]);
}

pub(crate) fn a_group_can_be_awaited<S: Subject>() {
    let executor = S::start(2);
    let group = executor.group();
    (0..10).for_each(|n| group.submit(square, n));
    let values = block_on(async { group.await.unwrap() });
    assert_eq!(values, (0..10).map(square).collect::<Vec<_>>());
    let group = executor.group();
    group.submit(panic_with, 1);
    assert_eq!(panic_message(block_on(group.into_future())), "no 1");
}

pub(crate) fn after_a_failure_nothing_more_runs<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(fail, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    while executor.stats().failed == 0 {
        thread::yield_now();
    }
    // The failure is counted a moment before the group hears of it.
    let mut submitted = 0;
    while executor.stats().submitted > submitted {
        submitted = executor.stats().submitted;
        group.submit(announce, (checkpoint.address(), 1));
        thread::yield_now();
    }
    let outcomes = group.join_all();
    assert_eq!(outcomes.len() as u64, submitted + 1);
    assert!(matches!(outcomes.last(), Some(Err(TaskError::Cancelled))));
    assert_eq!(panic_message(outcomes.into_iter().next().unwrap()), "for all");
}

pub(crate) fn the_first_failure_cancels_those_that_have_not_started<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(pass_and_panic, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    (1..100).for_each(|n| group.submit(pass, (checkpoint.address(), n)));
    checkpoint.let_through(0);
    // One or two may be with the worker already, if work is sent ahead; the first of them holds it up meanwhile.
    let most_started = if S::SENDS_AHEAD { 2 } else { 0 };
    while executor.stats().cancelled < 99 - most_started {
        thread::yield_now();
    }
    checkpoint.open();
    assert_eq!(panic_message(group.join()), "after the checkpoint: 0");
    executor.shutdown(Shutdown::Finish);
    let stats = executor.stats();
    assert_eq!(
        (stats.failed, stats.succeeded + stats.cancelled),
        (1, 99),
        "{stats:?}"
    );
    assert_eq!(checkpoint.seen()[0], 0);
    assert_eq!(checkpoint.seen().len() as u64, 1 + stats.succeeded);
}

pub(crate) fn the_first_failure_asks_those_that_run_to_stop<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(announce_until_asked_to_stop, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    checkpoint.let_through(2);
    group.submit(pass_and_panic, (checkpoint.address(), 2));
    assert_eq!(panic_message(group.join()), "after the checkpoint: 2");
}

pub(crate) fn joining_waits_for_all_even_after_a_failure<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let fails = Checkpoint::new();
    group.submit(pass_and_panic, (fails.address(), 2));
    let joining = thread::spawn(move || group.join());
    fails.open();
    while executor.stats().failed == 0 {
        thread::yield_now();
    }
    assert!(!joining.is_finished());
    checkpoint.open();
    assert_eq!(panic_message(joining.join().unwrap()), "after the checkpoint: 2");
    assert_eq!(executor.stats().running, 0);
}

pub(crate) fn dropping_a_group_cancels_what_has_not_started_and_waits<S: Subject>() {
    for asked in [false, true] {
        let executor = S::start(1);
        let checkpoint = Checkpoint::new();
        let group = executor.group();
        group.submit(pass, (checkpoint.address(), 0));
        checkpoint.wait_for(1);
        (1..10).for_each(|n| group.submit(announce, (checkpoint.address(), n)));
        let ending = thread::spawn(move || {
            if asked {
                group.cancel();
                assert!(matches!(group.join(), Err(TaskError::Cancelled)));
            } else {
                drop(group);
            }
        });
        while executor.stats().cancelled < 9 {
            thread::yield_now();
        }
        assert!(!ending.is_finished());
        checkpoint.open();
        ending.join().unwrap();
        assert_eq!(executor.stats().running, 0);
        executor.shutdown(Shutdown::Finish);
        assert_eq!(checkpoint.seen(), [0]);
    }
}

pub(crate) fn a_detached_group_runs<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(pass, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    (1..10).for_each(|n| group.submit(announce, (checkpoint.address(), n)));
    group.detach();
    checkpoint.open();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), (0..10).collect::<Vec<_>>());
}

pub(crate) fn a_group_of_suspended_tasks_is_given_up_when_it_is_killed<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    (0..5).for_each(|n| group.submit_async(pass_async, (checkpoint.address(), n)));
    checkpoint.wait_for(5);
    let joining = thread::spawn(move || group.join());
    executor.shutdown(Shutdown::Kill);
    assert!(matches!(joining.join().unwrap(), Err(TaskError::Cancelled)));
}
