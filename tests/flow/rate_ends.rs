//! The end of an executor for whose rate tasks wait.

use super::{Bounds, Subject, busy, checkpoint::Checkpoint, on_all, work};
use concurrent_futures::{Executor, Shutdown, TaskError};
use std::{thread, time::Duration};

on_all!(
    a_shutdown_that_finishes_runs_what_waits,
    a_shutdown_that_gives_up_tells_those_who_wait_at_once,
    dropping_the_last_handle_runs_what_waits,
    a_rate_without_end_lets_the_first_ones_start,
    submissions_and_a_shutdown_race,
);

const HOUR: Duration = Duration::from_secs(3600);

fn rate(most: usize, per: Duration) -> Bounds {
    Bounds {
        workers: 1,
        rate: Some((most, per)),
        ..Bounds::default()
    }
}

fn a_shutdown_that_finishes_runs_what_waits<S: Subject>() {
    let executor = S::start(rate(2, Duration::from_millis(5)));
    let checkpoint = Checkpoint::new();
    let tasks: Vec<_> = (0..10)
        .map(|n| Executor::submit(&executor, work::announce, (checkpoint.address(), n)))
        .collect();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), (0..10).collect::<Vec<_>>());
    assert!(tasks.into_iter().map(|task| task.result().unwrap()).eq(0..10));
}

fn a_shutdown_that_gives_up_tells_those_who_wait_at_once<S: Subject>() {
    for how in [Shutdown::Cancel, Shutdown::Kill] {
        let (executor, checkpoint, _first) = busy::<S>(rate(2, HOUR));
        let tasks: Vec<_> = (1..10)
            .map(|n| Executor::submit(&executor, work::same, n))
            .collect();
        let map = Executor::map(&executor, work::same, 0..5);
        executor.begin_shutdown(how);
        // Nobody has let the first one go.
        for task in tasks {
            assert!(matches!(task.result(), Err(TaskError::Cancelled)));
        }
        for outcome in map {
            assert!(matches!(outcome, Err(TaskError::Cancelled)), "{outcome:?}");
        }
        checkpoint.open();
        executor.shutdown(how);
        let late = Executor::submit(&executor, work::same, 1);
        assert!(matches!(late.result(), Err(TaskError::ShutDown)));
    }
}

fn dropping_the_last_handle_runs_what_waits<S: Subject>() {
    let executor = S::build(rate(2, Duration::from_millis(5))).unwrap();
    let checkpoint = Checkpoint::new();
    for n in 0..10 {
        drop(Executor::submit(
            &executor,
            work::announce,
            (checkpoint.address(), n),
        ));
    }
    drop(executor);
    assert_eq!(checkpoint.seen(), (0..10).collect::<Vec<_>>());
}

fn a_rate_without_end_lets_the_first_ones_start<S: Subject>() {
    let executor = S::start(rate(2, Duration::MAX));
    let tasks: Vec<_> = (0..4)
        .map(|n| Executor::submit(&executor, work::same, n))
        .collect();
    super::until(|| tasks[..2].iter().all(|task| task.is_done()));
    executor.shutdown(Shutdown::Cancel);
    let outcomes: Vec<_> = tasks.into_iter().map(|task| task.result().ok()).collect();
    assert_eq!(outcomes, [Some(0), Some(1), None, None]);
}

fn submissions_and_a_shutdown_race<S: Subject>() {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        let executor = S::start(rate(50, Duration::from_micros(500)));
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let executor = executor.clone();
                thread::spawn(move || {
                    let tasks: Vec<_> = (0..200)
                        .map(|n| Executor::submit(&executor, work::same, n))
                        .collect();
                    tasks.into_iter().map(|task| task.result()).collect::<Vec<_>>()
                })
            })
            .collect();
        super::until(|| executor.stats().succeeded > 5);
        executor.shutdown(how);
        for submitter in submitters {
            for (n, outcome) in (0..).zip(submitter.join().unwrap()) {
                match outcome {
                    Ok(value) => assert_eq!(value, n),
                    Err(TaskError::ShutDown) => {}
                    Err(TaskError::Cancelled) => assert_ne!(how, Shutdown::Finish),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }
}
