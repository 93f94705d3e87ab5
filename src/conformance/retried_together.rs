//! Maps and groups whose members are tried again.

use super::{
    Subject,
    between_attempts::{LONG, stubborn, third_time, wait_until_between},
    checkpoint::{Address, Checkpoint},
    retries::succeed_at,
    work::{panic_message, pass_async},
};
use crate::{Executor, Shutdown, TaskError, attempt};
use std::time::Duration;

pub(crate) fn a_map_that_is_dropped_gives_up_its_items_between_attempts<S: Subject>() {
    for cancelled in [false, true] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let options = stubborn(&executor, LONG);
        let mut outcomes = options.map(third_time, (0..10).map(|n| (checkpoint.address(), n)));
        checkpoint.wait_for(10);
        wait_until_between(&executor, 10);
        if cancelled {
            outcomes.cancel();
            assert!(outcomes.map(Result::unwrap_err).all(|error| error.is_cancelled()));
        } else {
            drop(outcomes);
        }
        executor.shutdown(Shutdown::Finish);
        let stats = executor.stats();
        assert_eq!((stats.submitted, stats.cancelled), (10, 10), "{stats:?}");
        assert_eq!(checkpoint.seen_sorted(), (0..10).collect::<Vec<_>>());
    }
}

/// Each attempt comes and goes; the second one succeeds.
fn come_and_go((at, number): (Address, u64)) -> u64 {
    at.announce(2 * number);
    at.announce(2 * number + 1);
    assert!(attempt() == 2, "not yet");
    number
}

pub(crate) fn the_bound_on_what_is_in_flight_holds_for_attempts<S: Subject>() {
    for bound in [1, 2] {
        for pause in [Duration::ZERO, Duration::from_millis(1)] {
            let executor = S::start(3);
            let checkpoint = Checkpoint::new();
            let options = stubborn(&executor, pause).max_in_flight(bound);
            let items = || (0..10).map(|n| (checkpoint.address(), n));
            assert!(options.map(come_and_go, items()).map(Result::unwrap).eq(0..10));
            let asynchronous = options.map_async(|item| async move { come_and_go(item) }, items());
            assert!(asynchronous.map(Result::unwrap).eq(0..10));
            let (mut inside, mut most) = (0, 0);
            for number in checkpoint.seen() {
                if number.is_multiple_of(2) {
                    inside += 1;
                    most = most.max(inside);
                } else {
                    inside -= 1;
                }
            }
            assert_eq!(checkpoint.seen().len(), 80);
            assert!(
                most <= bound && inside == 0,
                "{most} at once, and {bound} are allowed"
            );
        }
    }
}

pub(crate) fn an_item_between_attempts_leaves_its_place_to_others<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let options = stubborn(&executor, LONG).max_in_flight(1);
    let outcomes = options.map(third_time, (0..10).map(|n| (checkpoint.address(), n)));
    // Each fails once, in the order in which they stand in line.
    assert_eq!(checkpoint.wait_for(10), (0..10).collect::<Vec<_>>());
    drop(outcomes);
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen().len(), 10);
}

pub(crate) fn those_in_line_hear_of_a_shutdown_at_once<S: Subject>() {
    for how in [Shutdown::Cancel, Shutdown::Kill] {
        for retries in [false, true] {
            let executor = S::start(2);
            let checkpoint = Checkpoint::new();
            let items = (0..10).map(|n| (checkpoint.address(), n));
            let bounded = executor.options().max_in_flight(1);
            let mut outcomes = if retries {
                let bounded = bounded.retries(1);
                bounded.map_async(pass_async, items).unordered()
            } else {
                bounded.map_async(pass_async, items).unordered()
            };
            checkpoint.wait_for(1);
            let all = outcomes.size_hint().0;
            executor.begin_shutdown(how);
            // The one that is in flight is still held.
            let told = outcomes.by_ref().take(all - 1).map(Result::unwrap_err);
            assert!(told.into_iter().all(|error| error.is_cancelled()));
            checkpoint.open();
            for left in outcomes {
                assert!(left.is_ok_and(|number| number == 0) || how == Shutdown::Kill);
            }
            executor.shutdown(how);
            assert_eq!(checkpoint.seen(), [0]);
        }
    }
}

/// Fails at once, and for good.
fn fail_for_good((at, number): (Address, u64)) -> u64 {
    at.announce(number);
    panic!("for good")
}

fn is_not_for_good(error: &TaskError) -> bool {
    !error.to_string().contains("for good")
}

pub(crate) fn members_of_a_group_are_tried_again<S: Subject>() {
    let executor = S::start(2);
    let options = stubborn(&executor, Duration::ZERO);
    let group = options.group();
    for n in 0..20_u32 {
        if n.is_multiple_of(2) {
            group.submit(succeed_at, 1 + n % 3);
        } else {
            group.submit_async(|which| async move { succeed_at(which) }, 1 + n % 3);
        }
    }
    assert!(group.join().unwrap().into_iter().eq((0..20).map(|n| 1 + n % 3)));
    let group = options.with(10).group();
    group.submit(|ten, which| succeed_at(which) + ten, 3);
    assert_eq!(group.join().unwrap(), [13]);
    let group = options.group();
    group.submit(succeed_at, 9);
    assert_eq!(panic_message(group.join()), "attempt 3");
}

pub(crate) fn a_group_fails_with_a_last_attempt_and_ends_those_between<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let options = executor.options().retries(2).backoff(LONG, LONG);
    let group = options.retry_if(is_not_for_good).group();
    group.submit(third_time, (checkpoint.address(), 1));
    group.submit(third_time, (checkpoint.address(), 2));
    checkpoint.wait_for(2);
    wait_until_between(&executor, 2);
    // Their attempts have failed, and the group has not.
    group.submit_async(pass_async, (checkpoint.address(), 3));
    checkpoint.wait_for(3);
    group.submit(fail_for_good, (checkpoint.address(), 4));
    assert_eq!(panic_message(group.join()), "for good");
    executor.shutdown(Shutdown::Finish);
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.failed), (4, 1), "{stats:?}");
    assert_eq!(checkpoint.seen_sorted(), [1, 2, 3, 4]);
}

pub(crate) fn a_group_that_is_given_up_has_no_further_attempts<S: Subject>() {
    for way in ["drop", "cancel", "deadline"] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let group = stubborn(&executor, LONG).group();
        group.submit(third_time, (checkpoint.address(), 1));
        checkpoint.wait_for(1);
        wait_until_between(&executor, 1);
        match way {
            "drop" => drop(group),
            "cancel" => {
                group.cancel();
                assert!(matches!(group.join(), Err(TaskError::Cancelled)));
            }
            _ => {
                let limit = Duration::from_millis(1);
                let outcome = group.deadline(limit).join();
                assert!(matches!(outcome, Err(TaskError::TimedOut(passed)) if passed == limit));
            }
        }
        let stats = executor.stats();
        assert_eq!((stats.submitted, stats.cancelled), (1, 1), "{way}: {stats:?}");
        assert_eq!(checkpoint.seen(), [1]);
    }
}
