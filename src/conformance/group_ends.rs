//! How groups end: with every outcome, at a deadline, dropped, and one inside the other.

use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    lodge::{Lodged, lodged},
    work::{
        announce, announce_until_asked_to_stop, panic_at_multiples_of_four, panic_message, panic_with, pass,
        pass_and_panic, pass_async, square,
    },
};
use crate::{Executor, Group, Shutdown, TaskError};
use futures::executor::block_on;
use std::{
    future::{Future, IntoFuture},
    pin::pin,
    task::{Context, Waker},
    thread,
    time::{Duration, Instant},
};

/// Waits for what comes by itself.
fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

/// Submits until the group takes no more, and returns how many there are.
fn submit_until_it_is_closed<E: Executor>(executor: &E, group: &Group<u64, E>) -> usize {
    let mut submitted = executor.stats().submitted;
    loop {
        group.submit(square, 3);
        if executor.stats().submitted == submitted {
            return group.len();
        }
        submitted = executor.stats().submitted;
        thread::yield_now();
    }
}

fn assert_timed_out<R: std::fmt::Debug>(outcome: Result<Vec<R>, TaskError>) {
    assert!(matches!(outcome, Err(TaskError::TimedOut(_))), "{outcome:?}");
}

pub(crate) fn a_group_that_keeps_going_has_every_outcome<S: Subject>() {
    for asynchronous in [false, true] {
        let executor = S::start(3);
        let group = executor.group().keep_going();
        (0..40).for_each(|n| group.submit(panic_at_multiples_of_four, n));
        let outcomes = if asynchronous {
            block_on(group.join_all_async())
        } else {
            group.join_all()
        };
        assert_eq!(outcomes.len(), 40);
        for (n, outcome) in (0_u64..).zip(outcomes) {
            if n.is_multiple_of(4) {
                assert_eq!(panic_message(outcome), format!("{n} is a multiple of four"));
            } else {
                assert_eq!(outcome.unwrap(), n);
            }
        }
    }
}

pub(crate) fn a_group_that_keeps_going_joins_with_its_first_failure<S: Subject>() {
    let executor = S::start(1);
    let group = executor.group().keep_going();
    group.submit(square, 1);
    (2..10).for_each(|n| group.submit(panic_with, n));
    let failed = group.join().map(|_: Vec<u64>| ());
    let expected: Vec<_> = (2..10).map(|n| format!("no {n}")).collect();
    assert!(expected.contains(&panic_message(failed)));
    assert_eq!((executor.stats().failed, executor.stats().succeeded), (8, 1));
}

pub(crate) fn every_outcome_is_there_after_a_failure_too<S: Subject>() {
    for asynchronous in [false, true] {
        let executor = S::start(2);
        let group = executor.group();
        group.submit(panic_with, 0);
        (1..30).for_each(|n| group.submit(square, n));
        let outcomes = if asynchronous {
            block_on(group.join_all_async())
        } else {
            group.join_all()
        };
        assert_eq!(outcomes.len(), 30);
        for (n, outcome) in (0..).zip(outcomes) {
            match outcome {
                Ok(value) => assert!(n > 0 && value == square(n)),
                Err(TaskError::Cancelled) => assert!(n > 0),
                Err(_) => assert_eq!(n, 0),
            }
        }
    }
}

pub(crate) fn who_is_in_time_has_values<S: Subject>() {
    let executor = S::start(2);
    for limit in [Duration::from_secs(600), Duration::MAX] {
        let group = executor.group().deadline(limit);
        (0..10).for_each(|n| group.submit(square, n));
        assert_eq!(group.join().unwrap(), (0..10).map(square).collect::<Vec<_>>());
        let group = executor.group::<u64>().deadline(limit);
        assert_eq!(block_on(group.into_future()).unwrap(), [0; 0]);
    }
}

pub(crate) fn nothing_starts_after_the_deadline<S: Subject>() {
    for asynchronous in [false, true] {
        let executor = S::start(1);
        let group = executor.group().deadline(Duration::from_millis(1));
        let members = submit_until_it_is_closed(&executor, &group);
        let submitted = executor.stats().submitted;
        group.submit(square, 4);
        group.submit_async(|n: u64| async move { n }, 4);
        assert_eq!(
            (executor.stats().submitted, group.len()),
            (submitted, members + 2)
        );
        if asynchronous {
            assert_timed_out(block_on(group.into_future()));
        } else {
            let outcomes = group.join_all();
            assert_eq!(outcomes.len(), members + 2);
            assert!(matches!(outcomes.last(), Some(Err(TaskError::Cancelled))));
        }
    }
}

pub(crate) fn a_group_without_a_late_member_is_in_time<S: Subject>() {
    let executor = S::start(1);
    let group = executor.group();
    group.submit(square, 3);
    until(|| format!("{group:?}").contains("ended: 1"));
    let group = group.deadline(Duration::ZERO);
    // Longer than it takes to pass; nothing depends on that.
    thread::sleep(Duration::from_millis(5));
    assert_eq!(group.join().unwrap(), [9]);
}

pub(crate) fn a_failure_before_the_deadline_is_what_the_group_ends_with<S: Subject>() {
    let mut limit = Duration::from_millis(50);
    loop {
        let executor = S::start(2);
        let (fails, stays) = (Checkpoint::new(), Checkpoint::new());
        let begin = Instant::now();
        let group = executor.group().deadline(limit);
        group.submit(pass, (stays.address(), 1));
        group.submit(pass_and_panic, (fails.address(), 2));
        fails.open();
        submit_until_it_is_closed(&executor, &group);
        if begin.elapsed() < limit {
            thread::sleep(limit);
            stays.open();
            assert_eq!(panic_message(group.join()), "after the checkpoint: 2");
            return;
        }
        stays.open();
        drop(group);
        // On a busy machine.
        limit *= 4;
    }
}

pub(crate) fn the_deadline_cancels_what_is_queued<S: Subject>() {
    for all in [false, true] {
        let executor = S::start(1);
        let checkpoint = Checkpoint::new();
        let busy = executor.submit(pass, (checkpoint.address(), 0));
        checkpoint.wait_for(1);
        let group = executor.group();
        (1..10).for_each(|n| group.submit(announce, (checkpoint.address(), n)));
        let group = group.deadline(Duration::from_millis(1));
        if all {
            let outcomes = group.join_all();
            assert_eq!(outcomes.len(), 9);
            assert!(
                outcomes
                    .iter()
                    .all(|one| matches!(one, Err(TaskError::Cancelled)))
            );
        } else {
            assert_timed_out(group.join());
        }
        checkpoint.open();
        assert_eq!(busy.result().unwrap(), 0);
        executor.shutdown(Shutdown::Finish);
        assert_eq!(checkpoint.seen(), [0]);
    }
}

pub(crate) fn the_deadline_stops_what_runs_and_waits_for_it<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(announce_until_asked_to_stop, (checkpoint.address(), 1));
    group.submit(announce_until_asked_to_stop, (checkpoint.address(), 2));
    checkpoint.wait_for(2);
    assert_timed_out(group.deadline(Duration::from_millis(1)).join());
    assert_eq!(executor.stats().running, 0);
    // It goes on with others.
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
}

pub(crate) fn the_deadline_ends_what_is_suspended<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    (0..3).for_each(|n| group.submit_async(pass_async, (checkpoint.address(), n)));
    checkpoint.wait_for(3);
    let outcomes = block_on(group.deadline(Duration::from_millis(1)).join_all_async());
    assert_eq!(outcomes.len(), 3);
    assert!(
        outcomes
            .iter()
            .all(|one| matches!(one, Err(TaskError::Cancelled)))
    );
    until(|| executor.stats().running == 0);
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
}

pub(crate) fn a_deadline_with_queued_running_and_suspended_members_ends_all<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit_async(pass_async, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    group.submit(announce_until_asked_to_stop, (checkpoint.address(), 1));
    checkpoint.wait_for(2);
    (0..30).for_each(|_| group.submit(announce_until_asked_to_stop, (checkpoint.address(), 2)));
    assert_timed_out(group.deadline(Duration::from_millis(5)).join());
    until(|| executor.stats().running == 0);
    executor.shutdown(Shutdown::Finish);
}

pub(crate) fn a_group_that_is_awaited_for_a_while_and_dropped_stops_its_members<S: Subject>() {
    for all in [false, true] {
        let executor = S::start(1);
        let checkpoint = Checkpoint::new();
        let group = executor.group();
        group.submit(pass, (checkpoint.address(), 0));
        checkpoint.wait_for(1);
        (1..10).for_each(|n| group.submit(announce, (checkpoint.address(), n)));
        // Whether it waits there for the one that runs is not said here.
        let awaiting = thread::spawn(move || {
            let mut cx = Context::from_waker(Waker::noop());
            if all {
                assert!(pin!(group.join_all_async()).poll(&mut cx).is_pending());
            } else {
                assert!(pin!(group.into_future()).poll(&mut cx).is_pending());
            }
        });
        until(|| executor.stats().cancelled == 9);
        checkpoint.open();
        awaiting.join().unwrap();
        executor.shutdown(Shutdown::Finish);
        assert_eq!(checkpoint.seen(), [0]);
    }
}

pub(crate) fn a_group_that_is_never_awaited_stops_its_members<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(announce_until_asked_to_stop, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    drop(group.join_all_async());
    assert_eq!(executor.stats().running, 0);
}

pub(crate) fn a_task_may_drop_a_group_of_its_own_executor<S: Subject>() {
    fn drops<E: Executor>((number, at): (u64, Address)) -> u64 {
        let executor: E = lodged(number);
        let group = executor.group();
        (0..10).for_each(|n| group.submit(announce, (at, n)));
        drop(group);
        let group = executor.group::<u64>().deadline(Duration::ZERO);
        (0..10).for_each(|n| group.submit(square, n));
        drop(group);
        executor.submit(square, 5).result().unwrap()
    }
    async fn drops_there<E: Executor>(argument: (u64, Address)) -> u64 {
        let executor: E = lodged(argument.0);
        let group = executor.group();
        (0..10).for_each(|n| group.submit(announce, (argument.1, n)));
        drop(group);
        executor.submit(square, 5).await.unwrap()
    }
    for workers in [1, 2] {
        let executor = S::start(workers);
        let (lodged, checkpoint) = (Lodged::new(&executor), Checkpoint::new());
        let argument = (lodged.number(), checkpoint.address());
        let task = executor.submit(drops::<S::Executor>, argument);
        assert_eq!(task.result().unwrap(), 25);
        let task = executor.submit_async(drops_there::<S::Executor>, argument);
        assert_eq!(task.result().unwrap(), 25);
    }
}

/// Drops a group when it is let through, while a member of it runs.
fn drops_one_that_runs<E: Executor>((number, at): (u64, Address)) -> u64 {
    let executor: E = lodged(number);
    let group = executor.group();
    group.submit(announce_until_asked_to_stop, (at, 1));
    at.pass(0);
    drop(group);
    executor.stats().running
}

pub(crate) fn a_task_that_drops_a_group_waits_for_the_member_that_runs<S: Subject>() {
    let executor = S::start(2);
    let (lodged, checkpoint) = (Lodged::new(&executor), Checkpoint::new());
    let task = executor.submit(
        drops_one_that_runs::<S::Executor>,
        (lodged.number(), checkpoint.address()),
    );
    checkpoint.wait_for(2);
    checkpoint.let_through(0);
    // Nobody but the one that drops.
    assert_eq!(task.result().unwrap(), 1);
}

/// Joins a group of its own, with a member that runs and one that is suspended, and says so afterwards.
fn joins_an_inner_group<E: Executor>((number, at): (u64, Address)) -> u64 {
    let executor: E = lodged(number);
    let group = executor.group();
    group.submit(announce_until_asked_to_stop, (at, 1));
    group.submit_async(pass_async, (at, 2));
    let inner = group.join();
    at.announce(9);
    u64::from(inner.is_err())
}

async fn awaits_an_inner_group<E: Executor>((number, at): (u64, Address)) -> u64 {
    let executor: E = lodged(number);
    let group = executor.group();
    group.submit(announce_until_asked_to_stop, (at, 1));
    group.submit_async(pass_async, (at, 2));
    u64::from(group.await.is_err())
}

/// Ends a group in every way there is.
fn end<E: Executor>(way: u32, group: Group<u64, E>) {
    match way {
        0 => {
            group.submit(panic_with, 5);
            assert_eq!(panic_message(group.join()), "no 5");
        }
        1 => {
            group.cancel();
            drop(group.join());
        }
        2 => drop(group),
        3 => drop(group.deadline(Duration::from_millis(1)).join_all()),
        _ => unreachable!("there are four"),
    }
}

pub(crate) fn the_end_of_a_group_reaches_the_group_that_a_member_joins<S: Subject>() {
    for way in 0..4 {
        let executor = S::start(3);
        let (lodged, checkpoint) = (Lodged::new(&executor), Checkpoint::new());
        let argument = (lodged.number(), checkpoint.address());
        let outer = executor.group();
        outer.submit(joins_an_inner_group::<S::Executor>, argument);
        checkpoint.wait_for(2);
        end(way, outer);
        // The inner group had ended before the member that joins it did.
        assert_eq!(checkpoint.seen().last(), Some(&9), "way {way}");
        until(|| executor.stats().running == 0);
    }
}

pub(crate) fn the_end_of_a_group_reaches_the_group_that_a_member_awaits<S: Subject>() {
    for way in 0..4 {
        let executor = S::start(3);
        let (lodged, checkpoint) = (Lodged::new(&executor), Checkpoint::new());
        let argument = (lodged.number(), checkpoint.address());
        let outer = executor.group();
        outer.submit_async(awaits_an_inner_group::<S::Executor>, argument);
        checkpoint.wait_for(2);
        end(way, outer);
        // A future that is dropped cannot wait.
        until(|| executor.stats().running == 0);
    }
}
