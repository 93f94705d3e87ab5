//! Tasks that wait because of the rate: their order, and what becomes of their places.

use super::{Bounds, Subject, busy, checkpoint::Checkpoint, on_all, work};
use concurrent_futures::{Executor, Shutdown, TaskError};
use std::time::Duration;

on_all!(
    one_worker_starts_them_in_the_order_of_submission,
    a_cancelled_task_costs_no_rate,
    a_killed_task_in_line_costs_no_rate,
    a_task_that_cannot_be_sent_keeps_no_place,
    what_waits_for_the_rate_takes_up_room,
    a_failed_task_counts_once,
    thousands_leave_nothing,
);

/// Nothing comes after the first ones within any test.
const HOUR: Duration = Duration::from_secs(3600);

fn rate(most: usize, per: Duration) -> Bounds {
    Bounds {
        workers: 1,
        rate: Some((most, per)),
        ..Bounds::default()
    }
}

fn one_worker_starts_them_in_the_order_of_submission<S: Subject>() {
    let executor = S::start(rate(4, Duration::from_millis(5)));
    let checkpoint = Checkpoint::new();
    let tasks: Vec<_> = (0..20)
        .map(|n| Executor::submit(&executor, work::announce, (checkpoint.address(), n)))
        .collect();
    assert!(tasks.into_iter().map(|task| task.result().unwrap()).eq(0..20));
    assert_eq!(checkpoint.seen(), (0..20).collect::<Vec<_>>());
}

fn a_cancelled_task_costs_no_rate<S: Subject>() {
    // One has started, and one more may.
    let (executor, checkpoint, first) = busy::<S>(rate(2, HOUR));
    let tasks: Vec<_> = (1..50)
        .map(|n| Executor::submit(&executor, work::same, n))
        .collect();
    let last = tasks.len() - 2;
    assert!(tasks[..last].iter().all(|task| task.cancel()));
    let waits = &tasks[last + 1];
    checkpoint.open();
    first.result().unwrap();
    // The first that was not cancelled has the place, although the others are still there to be looked at.
    super::until(|| tasks[last].is_done());
    assert!(!waits.is_done());
    assert!(waits.cancel());
    // Nobody waits any more: the end does not wait for the hour to pass.
    executor.shutdown(Shutdown::Finish);
    assert_eq!(executor.stats().succeeded, 2);
}

fn a_killed_task_in_line_costs_no_rate<S: Subject>() {
    let (executor, checkpoint, first) = busy::<S>(rate(2, HOUR));
    let tasks: Vec<_> = (1..5)
        .map(|n| Executor::submit(&executor, work::same, n))
        .collect();
    assert!(tasks[..3].iter().all(|task| task.kill()));
    checkpoint.open();
    first.result().unwrap();
    super::until(|| tasks[3].is_done());
    executor.shutdown(Shutdown::Finish);
}

fn a_task_that_cannot_be_sent_keeps_no_place<S: Subject>() {
    let executor = S::start(rate(1, HOUR));
    let stuck = Executor::submit(&executor, work::use_stuck, work::Stuck);
    super::until(|| stuck.is_done());
    let next = Executor::submit(&executor, work::same, 1);
    let used_it = executor.stats().succeeded == 1;
    if used_it {
        // It went nowhere, so it could run.
        executor.shutdown(Shutdown::Cancel);
        assert!(matches!(next.result(), Err(TaskError::Cancelled)));
    } else {
        assert_eq!(next.result().unwrap(), 1);
    }
    assert_eq!(stuck.result().is_ok(), used_it);
}

fn what_waits_for_the_rate_takes_up_room<S: Subject>() {
    let bounds = Bounds {
        max_pending: Some(2),
        ..rate(1, HOUR)
    };
    let (executor, checkpoint, first) = busy::<S>(bounds);
    let waiting = [1, 2].map(|n| Executor::try_submit(&executor, work::same, n).unwrap());
    assert_eq!(executor.stats().queued, 2);
    assert!(Executor::try_submit(&executor, work::same, 3).is_err());
    assert!(waiting[0].cancel());
    let third = Executor::try_submit(&executor, work::same, 3).unwrap();
    assert!(Executor::try_submit(&executor, work::same, 4).is_err());
    checkpoint.open();
    first.result().unwrap();
    executor.shutdown(Shutdown::Cancel);
    assert!(!third.result().is_ok_and(|_| true));
}

fn a_failed_task_counts_once<S: Subject>() {
    let executor = S::start(rate(3, HOUR));
    let fail = |n: u64| -> u64 { std::panic::resume_unwind(Box::new(n)) };
    let failed = [1, 2].map(|n| Executor::submit(&executor, fail, n));
    super::until(|| failed.iter().all(|task| task.is_done()));
    assert_eq!(Executor::submit(&executor, work::same, 3).result().unwrap(), 3);
    let none = Executor::submit(&executor, work::same, 4);
    executor.shutdown(Shutdown::Cancel);
    assert!(matches!(none.result(), Err(TaskError::Cancelled)));
}

fn thousands_leave_nothing<S: Subject>() {
    let executor = S::start(Bounds {
        workers: 2,
        ..rate(1_000, Duration::from_micros(200))
    });
    let mut cancelled = 0;
    let mut tasks = Vec::new();
    for n in 0..10_000 {
        let task = Executor::submit(&executor, work::same, n);
        if n % 4 == 0 && task.cancel() {
            cancelled += 1;
        }
        tasks.push(task);
    }
    executor.shutdown(Shutdown::Finish);
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.cancelled), (10_000, cancelled));
    assert_eq!(stats.succeeded, 10_000 - cancelled);
    assert!(tasks.iter().all(|task| task.is_done()));
}
