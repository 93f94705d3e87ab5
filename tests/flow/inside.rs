//! Bounds and the executor's own tasks, which are never held up; and work that captures.

use super::{Bounds, Bridge, Shares, Threads, on_those_that_share, until, watchdog::within};
use concurrent_futures::{Executor, TrySubmitError};
use futures::executor::block_on;
use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

on_those_that_share!(
    a_task_of_the_executor_reserves_without_waiting,
    a_task_may_wait_for_what_it_submits_at_a_rate,
    what_tasks_use_is_gone_with_them,
);

fn bounds(max_pending: Option<usize>, rate: Option<(usize, Duration)>) -> Bounds {
    Bounds {
        workers: 1,
        max_pending,
        rate,
    }
}

fn a_task_of_the_executor_reserves_without_waiting<S: Shares>() {
    let executor = S::start(bounds(Some(1), None));
    for asynchronous in [false, true] {
        let (started, starts) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let inner = executor.clone();
        let reserve = async move {
            let mut sum = 0;
            let mut tasks = Vec::new();
            for n in 0..20_u64 {
                tasks.push(Executor::reserve(&inner).await.submit(|n: u64| n, n));
            }
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        };
        let first = S::call(&executor, move || {
            started.send(()).unwrap();
            let _ = gate.recv();
            0
        });
        starts.recv().unwrap();
        let task = if asynchronous {
            S::run(&executor, Box::pin(reserve))
        } else {
            S::call(&executor, move || block_on(reserve))
        };
        drop(release);
        first.result().unwrap();
        assert_eq!(task.result().unwrap(), 190);
    }
}

fn a_task_may_wait_for_what_it_submits_at_a_rate<S: Shares>() {
    let executor = S::start(bounds(None, Some((2, Duration::from_millis(5)))));
    let inner = executor.clone();
    let waits = move || {
        let tasks: Vec<_> = (0..4).map(|n| S::call(&inner, move || n)).collect();
        tasks.into_iter().map(|task| task.result().unwrap()).sum()
    };
    assert_eq!(S::call(&executor, waits).result().unwrap(), 6);
    let inner = executor.clone();
    let awaits = async move {
        let mut sum = 0;
        for n in 0..4 {
            sum += S::run(&inner, Box::pin(async move { n })).await.unwrap();
            sum += S::call(&inner, move || n).await.unwrap();
        }
        sum
    };
    assert_eq!(S::run(&executor, Box::pin(awaits)).result().unwrap(), 12);
    // Through a map and a group of its own.
    let inner = executor.clone();
    let both = move || {
        let group = Executor::group(&inner);
        (0..4).for_each(|n: u64| group.submit(|n| n, n));
        let sum: u64 = group.join().unwrap().into_iter().sum();
        sum + Executor::map(&inner, |n: u64| n, 0..4)
            .map(Result::unwrap)
            .sum::<u64>()
    };
    assert_eq!(S::call(&executor, both).result().unwrap(), 12);
}

fn what_tasks_use_is_gone_with_them<S: Shares>() {
    let executor = S::start(bounds(None, Some((1_000, Duration::from_micros(100)))));
    let used = Arc::new(());
    let mut tasks = Vec::new();
    for n in 0..10_000_u64 {
        let (there, other) = (used.clone(), used.clone());
        let task = if n % 2 == 0 {
            S::call(&executor, move || {
                drop(there);
                n
            })
        } else {
            S::run(
                &executor,
                Box::pin(async move {
                    drop(there);
                    n
                }),
            )
        };
        drop(other);
        if n % 3 == 0 {
            task.cancel();
        }
        tasks.push((n, task));
    }
    for (n, task) in tasks {
        match task.result() {
            Ok(value) => assert_eq!(value, n),
            Err(error) => assert!(error.is_cancelled() && n % 3 == 0, "{error:?}"),
        }
    }
    until(|| Arc::strong_count(&used) == 1);
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.queued, stats.running), (10_000, 0, 0));
}

macro_rules! an_argument_that_is_no_copy_comes_back {
    ($subject:ty) => {
        within(|| {
            let executor = <$subject as super::Subject>::start(bounds(Some(1), None));
            let (started, starts) = mpsc::channel();
            let (release, gate) = mpsc::channel::<()>();
            let first = executor.spawn(move || {
                started.send(()).unwrap();
                let _ = gate.recv();
            });
            starts.recv().unwrap();
            let word = String::from("captured");
            let there = word.clone();
            let task = executor
                .try_submit(move |n: Box<usize>| there.len() + *n, Box::new(1))
                .unwrap();
            let refused = executor.try_submit(move |n: Box<usize>| word.len() + *n, Box::new(2));
            let Err(TrySubmitError::Full(argument)) = refused else {
                panic!("there is no room")
            };
            assert_eq!(*argument, 2);
            drop(release);
            first.result().unwrap();
            assert_eq!(task.result().unwrap(), 9);
            executor.shutdown(concurrent_futures::Shutdown::Finish);
            let refused = executor.try_submit(|n: Box<usize>| *n, argument);
            let Err(TrySubmitError::ShutDown(argument)) = refused else {
                panic!("it is shut down")
            };
            assert_eq!(*argument, 2);
        });
    };
}

#[test]
fn work_that_captures_leaves_the_argument_to_who_has_no_room() {
    an_argument_that_is_no_copy_comes_back!(Threads);
    an_argument_that_is_no_copy_comes_back!(Bridge);
}
