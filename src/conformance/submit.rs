use super::{
    Subject,
    checkpoint::Checkpoint,
    watched,
    work::{announce, panic_at_multiples_of_four, panic_message, pass, square},
};
use crate::{Executor, TaskError, TaskFuture};
use std::{collections::HashSet, thread};

pub(crate) fn the_value_of_work_comes_back<S: Subject>() {
    let executor = S::start(2);
    assert_eq!(executor.submit(square, 7).result().unwrap(), 49);
    assert_eq!(executor.submit(|(a, b)| a + b, (1, 2)).result().unwrap(), 3);
    let text = "x".repeat(1 << 20);
    assert_eq!(
        executor
            .submit(|text: String| text + "y", text)
            .result()
            .unwrap()
            .len(),
        (1 << 20) + 1
    );
}

pub(crate) fn one_worker_runs_all_tasks<S: Subject>() {
    let executor = S::start(1);
    let futures: Vec<_> = (0..100).map(|n| executor.submit(square, n)).collect();
    let sum: u64 = futures.into_iter().map(|future| future.result().unwrap()).sum();
    assert_eq!(sum, (0..100).map(square).sum::<u64>());
}

pub(crate) fn a_failed_task_harms_no_other<S: Subject>() {
    let executor = S::start(4);
    let futures: Vec<_> = (0..16)
        .map(|n| executor.submit(panic_at_multiples_of_four, n))
        .collect();
    for (n, future) in (0..).zip(futures) {
        match future.result() {
            Ok(value) => assert_eq!((value, n % 4 == 0), (n, false)),
            failed => assert_eq!(panic_message(failed), format!("{n} is a multiple of four")),
        }
    }
}

pub(crate) fn executors_do_not_mix_up_their_tasks<S: Subject>() {
    let executors = [S::start(1), S::start(2), S::start(3)];
    let mut futures = Vec::new();
    for n in 0..100 {
        futures.push((n + 1, executors[0].submit(|n: u64| n + 1, n)));
        futures.push((n * 2, executors[1].submit(|n: u64| n * 2, n)));
        futures.push((n * n, executors[2].submit(square, n)));
    }
    for (expected, future) in futures {
        assert_eq!(future.result().unwrap(), expected);
    }
    for executor in &executors {
        assert_eq!(executor.stats().succeeded, 100);
    }
}

pub(crate) fn an_error_that_work_returns_is_a_value<S: Subject>() {
    let executor = S::start(1);
    let refused = |n: i32| -> Result<i32, String> { Err(format!("no {n}")) };
    let future = executor.submit(refused, 3);
    assert_eq!(future.result().unwrap(), Err("no 3".to_owned()));
    let stats = executor.stats();
    assert_eq!((stats.succeeded, stats.failed), (1, 0));
}

pub(crate) fn a_value_that_looks_empty_is_a_value<S: Subject>() {
    let executor = S::start(1);
    assert_eq!(executor.submit(|()| (), ()).result().unwrap(), ());
    assert_eq!(executor.submit(|_: u8| None::<u8>, 0).result().unwrap(), None);
    assert_eq!(
        executor.submit(|_: u8| Some(None::<u8>), 0).result().unwrap(),
        Some(None)
    );
    assert_eq!(executor.submit(|_: u8| Some(()), 0).result().unwrap(), Some(()));
    assert_eq!(
        executor.submit(|_: u8| Err::<u8, ()>(()), 0).result().unwrap(),
        Err(())
    );
    assert_eq!(
        executor
            .submit(|text: String| text, String::new())
            .result()
            .unwrap(),
        ""
    );
    assert_eq!(
        executor
            .submit(|bytes: Vec<u8>| bytes, Vec::new())
            .result()
            .unwrap(),
        [0_u8; 0]
    );
    let units: Vec<_> = executor.map(|()| (), [(); 5]).map(Result::unwrap).collect();
    assert_eq!(units, [(); 5]);
}

pub(crate) fn a_dropped_future_detaches_its_task<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    for n in 0..5 {
        drop(executor.submit(announce, (checkpoint.address(), n)));
    }
    checkpoint.wait_for(5);
    assert_eq!(checkpoint.seen_sorted(), [0, 1, 2, 3, 4]);
}

pub(crate) fn no_two_tasks_have_the_same_id<S: Subject>() {
    let executor = S::start(2);
    let from = |count: u64| -> Vec<_> { (0..count).map(|n| executor.submit(square, n).id()).collect() };
    let ids: HashSet<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| from(500))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 2_000);
}

pub(crate) fn many_threads_may_submit_to_one_executor<S: Subject>() {
    let executor = S::start(2);
    let total: u64 = thread::scope(|scope| {
        let users: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let first: u64 = executor.map(square, 0..40).map(Result::unwrap).sum();
                    let futures: Vec<_> = (0..20).map(|n| executor.submit(square, n)).collect();
                    let cancelled: Vec<_> = futures.iter().map(TaskFuture::cancel).collect();
                    for ((n, future), cancelled) in (0..).zip(futures).zip(cancelled) {
                        match future.result() {
                            Ok(value) => assert_eq!((value, cancelled), (square(n), false)),
                            Err(TaskError::Cancelled) => assert!(cancelled),
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                    let last: u64 = executor.map(square, 0..40).map(Result::unwrap).sum();
                    assert_eq!(first, last);
                    last
                })
            })
            .collect();
        users.into_iter().map(|user| user.join().unwrap()).sum()
    });
    assert_eq!(total, 10 * (0..40).map(square).sum::<u64>());
}

pub(crate) fn as_many_tasks_run_at_once_as_there_are_workers<S: Subject>() {
    for workers in [1, 2, 4, 10] {
        let executor = S::start(workers);
        assert_eq!(executor.workers(), workers);
        let checkpoint = Checkpoint::new();
        let futures: Vec<_> = (0..workers as u64)
            .map(|n| executor.submit(pass, (checkpoint.address(), n)))
            .collect();
        // Nobody is let through before all are here.
        checkpoint.wait_for(workers);
        assert!(futures.iter().all(TaskFuture::is_running));
        checkpoint.open();
        assert!(futures.into_iter().all(|future| future.result().is_ok()));
    }
}

pub(crate) fn never_do_more_tasks_run_than_there_are_workers<S: Subject>() {
    let workers = 3;
    let executor = S::start(workers);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..45)
        .map(|n| executor.submit(pass, (checkpoint.address(), n)))
        .collect();
    for released in 0..45 {
        let seen = checkpoint.wait_for((released + workers).min(45));
        assert!(
            seen.len() <= released + workers,
            "{released} were released, and {seen:?} started"
        );
        checkpoint.let_through(seen[released]);
    }
    assert!(futures.into_iter().all(|future| future.result().is_ok()));
}

pub(crate) fn letting_go_those_that_have_started_finishes_all<S: Subject>() {
    let executor = S::start(4);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..10)
        .map(|n| executor.submit(pass, (checkpoint.address(), n)))
        .collect();
    for next in 0..10 {
        let seen = checkpoint.wait_for(next + 1);
        checkpoint.let_through(seen[next]);
    }
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), n);
    }
}

pub(crate) fn a_submission_from_anywhere_wakes_idle_workers<S: Subject>() {
    let executor = S::start(2);
    for round in 0..50 {
        let (foreign, n) = (executor.clone(), round);
        let future = thread::spawn(move || foreign.submit(square, n)).join().unwrap();
        assert_eq!(future.result().unwrap(), square(round));
    }
}

pub(crate) fn a_submission_gets_through_to_a_busy_executor<S: Subject>() {
    let executor = S::start(2);
    let load: Vec<_> = (0..5_000).map(|n| executor.submit(square, n)).collect();
    let (foreign, checkpoint) = (executor.clone(), Checkpoint::new());
    let address = checkpoint.address();
    let future = thread::spawn(move || foreign.submit(announce, (address, 1)))
        .join()
        .unwrap();
    checkpoint.wait_for(1);
    assert_eq!(future.result().unwrap(), 1);
    assert!(load.into_iter().all(|future| future.result().is_ok()));
}

pub(crate) fn every_submission_to_a_fresh_executor_starts<S: Subject>() {
    // Workers are on their way from idle to busy all the time: a wake-up that is lost shows as a hang.
    for _ in 0..64 {
        let executor = watched(S::make(3));
        let checkpoint = Checkpoint::new();
        let futures: Vec<_> = (0..3)
            .map(|n| executor.submit(pass, (checkpoint.address(), n)))
            .collect();
        checkpoint.wait_for(3);
        checkpoint.open();
        assert!(futures.into_iter().all(|future| future.result().is_ok()));
    }
}
