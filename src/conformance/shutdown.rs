use super::{
    Subject,
    checkpoint::Checkpoint,
    lodge::{Lodged, lodged},
    loosely_watched,
    work::{announce, announce_until_asked_to_stop, panic_with, pass, pass_and_panic, square},
};
use crate::{Executor, ReturnWhen, Shutdown, TaskError, TaskFuture, wait};
use futures::executor::block_on;
use std::{thread, time::Duration};

const EACH_WAY: [Shutdown; 3] = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill];

pub(crate) fn who_submits_after_a_shutdown_is_told<S: Subject>() {
    for how in EACH_WAY {
        let executor = S::start(2);
        assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
        executor.shutdown(how);
        assert!(matches!(
            executor.submit(square, 2).result(),
            Err(TaskError::ShutDown)
        ));
        let refused = executor.submit_async(|n: u64| async move { n }, 2);
        assert!(refused.is_done() && matches!(refused.result(), Err(TaskError::ShutDown)));
        let group = executor.group();
        group.submit(square, 2);
        assert!(matches!(group.join(), Err(TaskError::ShutDown)));
        let clone = executor.clone();
        assert!(matches!(
            clone.submit(square, 2).result(),
            Err(TaskError::ShutDown)
        ));
    }
}

pub(crate) fn results_can_be_read_after_a_shutdown<S: Subject>() {
    let executor = S::start(2);
    let futures: Vec<_> = (0..50).map(|n| executor.submit(square, n)).collect();
    executor.shutdown(Shutdown::Finish);
    for (n, future) in (0..).zip(futures) {
        assert!(future.is_done());
        assert_eq!(future.result().unwrap(), square(n));
    }
}

pub(crate) fn shutting_down_again_is_harmless<S: Subject>() {
    for first in EACH_WAY {
        let executor = S::start(2);
        drop((0..10).map(|n| executor.submit(square, n)).collect::<Vec<_>>());
        executor.shutdown(first);
        for again in EACH_WAY {
            executor.begin_shutdown(again);
            executor.shutdown(again);
            executor.shutdown_timeout(again, Duration::ZERO).unwrap();
        }
        assert!(matches!(
            executor.submit(square, 2).result(),
            Err(TaskError::ShutDown)
        ));
    }
}

pub(crate) fn the_end_can_be_awaited<S: Subject>() {
    let executor = S::start(2);
    let future = executor.submit(square, 3);
    let closed = executor.closed();
    executor.begin_shutdown(Shutdown::Finish);
    block_on(closed);
    assert!(future.is_done());
    block_on(executor.closed());
}

pub(crate) fn dropping_the_last_handle_finishes_what_was_accepted<S: Subject>() {
    let executor = loosely_watched(S::make(2));
    let closed = executor.closed();
    let clone = executor.clone();
    let futures: Vec<_> = (0..100).map(|n| executor.submit(square, n)).collect();
    drop(executor);
    assert_eq!(clone.submit(square, 3).result().unwrap(), 9);
    drop(clone);
    block_on(closed);
    assert!(futures.iter().all(TaskFuture::is_done));
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), square(n));
    }
}

pub(crate) fn executors_come_and_go<S: Subject>() {
    for n in 0..200 {
        let executor = loosely_watched(S::make(2));
        if n % 3 != 0 {
            drop(executor.submit(square, n));
        }
        if n % 3 == 2 {
            executor.shutdown(EACH_WAY[(n % 9 / 3) as usize]);
        }
        let closed = executor.closed();
        drop(executor);
        block_on(closed);
    }
}

pub(crate) fn an_executor_in_a_thread_local_ends_with_its_thread<S: Subject>() {
    let executor = loosely_watched(S::make(1));
    let closed = executor.closed();
    let future = thread::spawn(move || {
        thread_local!(static KEPT: std::cell::RefCell<Option<Box<dyn std::any::Any>>> =
            const { std::cell::RefCell::new(None) });
        let future = executor.submit(square, 3);
        KEPT.set(Some(Box::new(executor)));
        future
    })
    .join()
    .unwrap();
    block_on(closed);
    assert_eq!(future.result().unwrap(), 9);
}

pub(crate) fn finish_runs_what_was_accepted<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..50)
        .map(|n| executor.submit(pass, (checkpoint.address(), n)))
        .collect();
    checkpoint.wait_for(1);
    executor.begin_shutdown(Shutdown::Finish);
    assert!(matches!(
        executor.submit(square, 1).result(),
        Err(TaskError::ShutDown)
    ));
    assert!(futures.iter().all(|future| !future.is_done()));
    checkpoint.open();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), (0..50).collect::<Vec<_>>());
    assert!(futures.into_iter().all(|future| future.result().is_ok()));
}

pub(crate) fn cancel_gives_up_what_is_queued_and_nothing_else<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..50)
        .map(|n| executor.submit(pass, (checkpoint.address(), n)))
        .collect();
    let started = checkpoint.wait_for(2);
    executor.begin_shutdown(Shutdown::Cancel);
    let waited = wait(futures, ReturnWhen::AllCompleted, Some(Duration::ZERO));
    assert_eq!((waited.done.len(), waited.pending.len()), (48, 2));
    assert!(waited.done.iter().all(TaskFuture::is_cancelled));
    checkpoint.open();
    executor.shutdown(Shutdown::Cancel);
    let values: Vec<u64> = waited
        .pending
        .into_iter()
        .map(|future| future.result().unwrap())
        .collect();
    assert_eq!(values.len(), 2);
    assert_eq!(checkpoint.seen(), started);
}

pub(crate) fn a_stricter_shutdown_takes_over<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(announce_until_asked_to_stop, (checkpoint.address(), 1));
    let queued = executor.submit(square, 2);
    checkpoint.wait_for(1);
    executor.begin_shutdown(Shutdown::Finish);
    assert!(!queued.is_done());
    executor.begin_shutdown(Shutdown::Cancel);
    assert!(queued.is_cancelled());
    // A milder one changes nothing.
    executor.begin_shutdown(Shutdown::Finish);
    // The running task is asked to stop, and its value is kept.
    assert_eq!(running.result().unwrap(), 1);
    executor.shutdown(Shutdown::Finish);
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
}

pub(crate) fn kill_ends_what_can_be_ended<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(announce_until_asked_to_stop, (checkpoint.address(), 1));
    let queued = executor.submit(square, 2);
    checkpoint.wait_for(1);
    executor.shutdown(Shutdown::Kill);
    match running.result() {
        Ok(value) => assert_eq!((value, S::KILLS), (1, false)),
        Err(error) => assert!(S::KILLS && error.is_cancelled(), "{error:?}"),
    }
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
}

pub(crate) fn shutting_down_behind_a_full_queue_does_not_hang<S: Subject>() {
    for workers in [1, 2, 4] {
        for _ in 0..20 {
            let executor = S::start(workers);
            let futures: Vec<_> = (0..=workers as u64).map(|n| executor.submit(square, n)).collect();
            executor.shutdown(Shutdown::Finish);
            assert!(futures.into_iter().all(|future| future.result().is_ok()));
        }
    }
}

pub(crate) fn a_submission_that_races_a_shutdown_resolves<S: Subject>() {
    for round in 0..60 {
        let executor = S::start(2);
        let how = EACH_WAY[round % 3];
        let outcomes: Vec<Result<u64, TaskError>> = thread::scope(|scope| {
            let users: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let futures: Vec<_> = (0..50).map(|n| executor.submit(square, n)).collect();
                        futures.into_iter().map(TaskFuture::result).collect::<Vec<_>>()
                    })
                })
                .collect();
            scope.spawn(|| executor.shutdown(how));
            users.into_iter().flat_map(|user| user.join().unwrap()).collect()
        });
        for outcome in outcomes {
            match outcome {
                Ok(_) | Err(TaskError::ShutDown) => {}
                Err(TaskError::Cancelled) => assert_ne!(how, Shutdown::Finish),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

pub(crate) fn tasks_that_panic_after_the_handle_is_gone_harm_nobody<S: Subject>() {
    let executor = loosely_watched(S::make(2));
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..4)
        .map(|n| executor.submit(pass_and_panic, (checkpoint.address(), n)))
        .collect();
    let queued = executor.submit(panic_with, 5);
    checkpoint.wait_for(2);
    let dropping = thread::spawn(move || drop(executor));
    checkpoint.open();
    dropping.join().unwrap();
    assert!(
        futures
            .into_iter()
            .chain([queued])
            .all(|future| matches!(future.result(), Err(TaskError::Panicked(_))))
    );
}

pub(crate) fn dropping_the_last_handle_waits_for_a_running_task<S: Subject>() {
    let executor = loosely_watched(S::make(1));
    let checkpoint = Checkpoint::new();
    let running = executor.submit(pass, (checkpoint.address(), 1));
    let queued = executor.submit(announce, (checkpoint.address(), 2));
    checkpoint.wait_for(1);
    let dropping = thread::spawn(move || drop(executor));
    checkpoint.open();
    dropping.join().unwrap();
    assert!(running.is_done() && queued.is_done());
    assert_eq!((running.result().unwrap(), queued.result().unwrap()), (1, 2));
}

pub(crate) fn while_it_finishes_its_own_tasks_may_submit_more<S: Subject>() {
    fn family<E: Executor>((number, depth): (u64, u64)) -> u64 {
        if depth == 0 {
            return 1;
        }
        let executor: E = lodged(number);
        executor.begin_shutdown(Shutdown::Finish);
        let children: Vec<_> = (0..2)
            .map(|_| executor.submit(family::<E>, (number, depth - 1)))
            .collect();
        let mapped: u64 = executor.map(square, 0..2).map(Result::unwrap).sum();
        mapped
            + children
                .into_iter()
                .map(|child| child.result().unwrap())
                .sum::<u64>()
    }
    let executor = S::start(2);
    let lodged = Lodged::new(&executor);
    let root = executor.submit(family::<S::Executor>, (lodged.number(), 4));
    executor.shutdown(Shutdown::Finish);
    assert_eq!(root.result().unwrap(), 16 + 15);
    assert!(matches!(
        executor.submit(square, 1).result(),
        Err(TaskError::ShutDown)
    ));
}

pub(crate) fn a_task_may_shut_its_own_executor_down_in_each_way<S: Subject>() {
    fn work<E: Executor>((number, way): (u64, u64)) -> bool {
        let executor: E = lodged(number);
        executor.shutdown(EACH_WAY[usize::try_from(way).unwrap()]);
        executor
            .shutdown_timeout(Shutdown::Finish, Duration::MAX)
            .is_err()
    }
    for way in 0..3 {
        let executor = S::start(1);
        let lodged = Lodged::new(&executor);
        let future = executor.submit(work::<S::Executor>, (lodged.number(), way));
        assert!(future.result().unwrap());
        executor.shutdown(Shutdown::Finish);
    }
}

pub(crate) fn a_task_that_has_the_last_handle_finishes_what_it_submitted<S: Subject>() {
    fn work<E: Executor>(number: u64) -> u64 {
        let executor: E = lodged(number);
        drop(executor.submit(square, 5));
        5
    }
    let executor = loosely_watched(S::make(1));
    let (books, closed) = (executor.ledger().clone(), executor.closed());
    let lodged = Lodged::new(&executor);
    let future = executor.submit(work::<S::Executor>, lodged.number());
    drop(executor);
    assert_eq!(future.result().unwrap(), 5);
    drop(lodged);
    block_on(closed);
    assert_eq!(books.stats().succeeded, 2);
}
