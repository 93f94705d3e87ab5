//! Between attempts a task counts as queued: it is cancelled like one that has not started, and its executor stays open.

use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    lodge::{Lodged, lodged},
    loosely_watched,
    retries::{Stubborn, succeed_at, succeed_at_async},
    work::{panic_message, until_asked_to_stop},
};
use crate::{Executor, Shutdown, TaskError, TaskFuture, attempt};
use futures::executor::block_on;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

pub(super) const LONG: Duration = Duration::from_secs(600);
const BRIEF: Duration = Duration::from_millis(20);

pub(super) fn stubborn<E: Executor>(executor: &E, pause: Duration) -> Stubborn<E> {
    let options = executor.options().retries(2).backoff(pause, pause);
    options.retry_if(TaskError::is_panicked)
}

/// Says that it runs, and fails in all attempts before the third.
pub(super) fn third_time((at, number): (Address, u64)) -> u64 {
    at.announce(number);
    assert!(attempt() == 3, "not yet");
    number
}

async fn third_time_async(argument: (Address, u64)) -> u64 {
    third_time(argument)
}

/// Two tasks, of each kind one, that have failed once and wait for long.
fn two_between_attempts<E: Executor>(executor: &E, checkpoint: &Checkpoint) -> [TaskFuture<u64>; 2] {
    let options = stubborn(executor, LONG);
    let futures = [
        options.submit(third_time, (checkpoint.address(), 1)),
        options.submit_async(third_time_async, (checkpoint.address(), 2)),
    ];
    checkpoint.wait_for(2);
    wait_until_between(executor, 2);
    futures
}

/// Those that were seen to start have failed.
pub(super) fn wait_until_between<E: Executor>(executor: &E, count: u64) {
    while {
        let stats = executor.stats();
        (stats.queued, stats.running, stats.failed) != (count, 0, 0)
    } {
        thread::yield_now();
    }
}

pub(crate) fn a_task_between_attempts_is_queued<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let futures = two_between_attempts(&executor, &checkpoint);
    for future in &futures {
        assert!(!future.is_done() && !future.is_running() && !future.is_cancelled());
    }
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.succeeded, stats.cancelled), (2, 0, 0));
    // Nobody is held up by them.
    assert_eq!(executor.submit(succeed_at, 1).result().unwrap(), 1);
    assert_eq!(checkpoint.seen_sorted(), [1, 2]);
    assert!(futures.iter().all(TaskFuture::cancel));
}

pub(crate) fn cancel_and_kill_between_attempts_are_true_and_at_once<S: Subject>() {
    for killed in [false, true] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let called = Arc::<AtomicUsize>::default();
        for (number, future) in (1..).zip(two_between_attempts(&executor, &checkpoint)) {
            let there = called.clone();
            future.on_done(move |outcome| {
                assert!(outcome.as_ref().unwrap_err().is_cancelled());
                there.fetch_add(1, SeqCst);
            });
            assert!(if killed { future.kill() } else { future.cancel() });
            assert!(future.is_done() && future.is_cancelled());
            assert!(future.cancel() && future.handle().cancel());
            assert!(matches!(future.result(), Err(TaskError::Cancelled)));
            assert_eq!(called.load(SeqCst), number);
        }
        let stats = executor.stats();
        assert_eq!(
            (stats.submitted, stats.cancelled, stats.failed),
            (2, 2, 0),
            "{stats:?}"
        );
        assert_eq!((stats.queued, stats.running), (0, 0), "{stats:?}");
        // Nothing holds it open.
        executor.shutdown(Shutdown::Finish);
        assert_eq!(checkpoint.seen_sorted(), [1, 2]);
    }
}

pub(crate) fn cancelling_a_running_attempt_is_a_request_and_makes_it_the_last<S: Subject>() {
    fn fail_when_asked((at, number): (Address, u64)) -> u64 {
        at.announce(number);
        until_asked_to_stop(number);
        panic!("attempt {}", attempt())
    }
    let executor = S::start(1);
    let options = stubborn(&executor, Duration::ZERO);
    for killed in [false, true] {
        let checkpoint = Checkpoint::new();
        let running = options.submit(fail_when_asked, (checkpoint.address(), 1));
        checkpoint.wait_for(1);
        let stopped = if killed { running.kill() } else { running.cancel() };
        assert_eq!(stopped, killed && S::KILLS);
        let outcome = running.result();
        if stopped {
            assert!(matches!(outcome, Err(TaskError::Cancelled)));
        } else {
            assert_eq!(panic_message(outcome), "attempt 1");
        }
        assert_eq!(executor.submit(succeed_at, 1).result().unwrap(), 1);
        assert_eq!(checkpoint.seen(), [1]);
    }
}

pub(crate) fn a_killed_future_is_not_tried_again<S: Subject>() {
    async fn suspend((at, number): (Address, u64)) {
        at.announce(number);
        std::future::pending::<()>().await;
    }
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let options = executor.options().retries(2).retry_if(|_| true);
    let suspended = options.submit_async(suspend, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    assert_eq!(executor.submit(succeed_at, 1).result().unwrap(), 1);
    assert!(suspended.kill());
    assert!(suspended.is_done() && suspended.is_cancelled());
    assert!(!suspended.cancel());
    assert!(matches!(suspended.result(), Err(TaskError::Cancelled)));
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), [1]);
}

pub(crate) fn a_shutdown_that_finishes_makes_all_attempts<S: Subject>() {
    for pause in [Duration::ZERO, BRIEF] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let options = stubborn(&executor, pause);
        let futures = [
            options.submit(third_time, (checkpoint.address(), 1)),
            options.submit_async(third_time_async, (checkpoint.address(), 2)),
        ];
        let bounded = stubborn(&executor, pause).max_in_flight(1);
        bounded
            .map(third_time, (3..8).map(|n| (checkpoint.address(), n)))
            .detach();
        executor.shutdown(Shutdown::Finish);
        assert!(futures.iter().all(TaskFuture::is_done));
        let stats = executor.stats();
        assert_eq!(
            (stats.succeeded, stats.failed, stats.cancelled),
            (7, 0, 0),
            "{stats:?}"
        );
        let each_three_times: Vec<_> = (1..8).flat_map(|n| [n; 3]).collect();
        assert_eq!(checkpoint.seen_sorted(), each_three_times);
    }
}

pub(crate) fn dropping_the_last_handle_makes_all_attempts<S: Subject>() {
    for pause in [Duration::ZERO, BRIEF] {
        let executor = loosely_watched(S::make(2));
        let checkpoint = Checkpoint::new();
        drop(stubborn(&executor, pause).submit(third_time, (checkpoint.address(), 1)));
        let kept = stubborn(&executor, pause).submit_async(third_time_async, (checkpoint.address(), 2));
        drop(executor);
        assert_eq!(kept.result().unwrap(), 2);
        checkpoint.wait_for(6);
        assert_eq!(checkpoint.seen_sorted(), [1, 1, 1, 2, 2, 2]);
    }
}

pub(crate) fn a_shutdown_that_cancels_or_kills_waits_for_no_pause<S: Subject>() {
    for how in [Shutdown::Cancel, Shutdown::Kill] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let futures = two_between_attempts(&executor, &checkpoint);
        let outcomes = stubborn(&executor, LONG).map(third_time, [(checkpoint.address(), 3)]);
        checkpoint.wait_for(3);
        wait_until_between(&executor, 3);
        executor.shutdown(how);
        for future in futures {
            assert!(matches!(future.result(), Err(TaskError::Cancelled)));
        }
        assert!(outcomes.map(Result::unwrap_err).all(|error| error.is_cancelled()));
        let stats = executor.stats();
        assert_eq!(
            (stats.submitted, stats.cancelled, stats.failed),
            (3, 3, 0),
            "{stats:?}"
        );
        assert_eq!(checkpoint.seen_sorted(), [1, 2, 3]);
    }
}

pub(crate) fn a_shutdown_that_cancels_takes_over_from_one_that_finishes<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let futures = two_between_attempts(&executor, &checkpoint);
    let left = executor.shutdown_timeout(Shutdown::Finish, BRIEF).unwrap_err();
    assert_eq!((left.queued(), left.running()), (2, 0));
    executor.shutdown(Shutdown::Cancel);
    assert!(
        futures
            .into_iter()
            .all(|future| future.result().unwrap_err().is_cancelled())
    );
}

pub(crate) fn one_worker_may_wait_for_the_attempts_of_its_child<S: Subject>() {
    fn parent<E: Executor>(number: u64) -> u32 {
        let executor: E = lodged(number);
        let options = stubborn(&executor, Duration::ZERO);
        let patient = stubborn(&executor, Duration::from_millis(1));
        let mut sum = options.submit(succeed_at, 3).result().unwrap();
        sum += patient.submit(succeed_at, 3).result().unwrap();
        sum += block_on(options.submit(succeed_at, 3)).unwrap();
        sum += patient.submit_async(succeed_at_async, 3).result().unwrap();
        let limit = options.submit(succeed_at, 3).result_timeout(LONG);
        sum += limit.unwrap().unwrap();
        sum += options.map(succeed_at, [3; 5]).map(Result::unwrap).sum::<u32>();
        sum
    }
    for workers in [1, 2] {
        let executor = S::start(workers);
        let lodged = Lodged::new(&executor);
        let parents: Vec<_> = (0..3)
            .map(|_| executor.submit(parent::<S::Executor>, lodged.number()))
            .collect();
        assert!(parents.into_iter().all(|parent| parent.result().unwrap() == 30));
    }
}

pub(crate) fn no_pause_is_lost<S: Subject>() {
    let executor = S::start(2);
    // Over about when it has begun.
    let options = stubborn(&executor, Duration::from_micros(1));
    for _ in 0..5 {
        let outcomes = options.map(succeed_at, [3; 100]);
        assert!(outcomes.map(Result::unwrap).all(|which| which == 3));
    }
}

pub(crate) fn cancelling_at_any_moment_is_exact<S: Subject>() {
    let executor = S::start(2);
    for round in 0..200_u32 {
        let options = stubborn(&executor, Duration::from_micros(u64::from(round % 3) * 50));
        let checkpoint_free = options.submit(succeed_at, 2 + round % 3);
        for _ in 0..round % 17 * 20 {
            std::hint::spin_loop();
        }
        let cancelled = checkpoint_free.cancel();
        let outcome = checkpoint_free.result();
        match outcome {
            Ok(which) => assert!(!cancelled && which == 2 + round % 3),
            Err(TaskError::Cancelled) => assert!(cancelled),
            Err(error) => assert!(!cancelled && error.is_panicked(), "{error:?}"),
        }
    }
    executor.shutdown(Shutdown::Finish);
    super::watchdog::assert_books_are_closed(&executor);
}
