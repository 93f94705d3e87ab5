use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{pass_async, square},
};
use crate::{Executor, Shutdown, TaskError, TaskFuture};
use std::{cell::Cell, future::pending, task::Poll};

/// Suspends itself so often, and is woken at once each time.
async fn yield_often((times, value): (u32, u64)) -> u64 {
    let mut left = times;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    value
}

pub(crate) fn async_work_runs_on_every_backend<S: Subject>() {
    let executor = S::start(2);
    assert_eq!(
        executor
            .submit_async(|n: u64| async move { n + 1 }, 1)
            .result()
            .unwrap(),
        2
    );
    let futures: Vec<_> = (0..50)
        .map(|n| executor.submit_async(yield_often, (10, n)))
        .collect();
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), n);
    }
    let mapped = executor.map_async(yield_often, (0..50).map(|n| (3, n)));
    assert_eq!(
        mapped.map(Result::unwrap).collect::<Vec<_>>(),
        (0..50).collect::<Vec<_>>()
    );
}

pub(crate) fn a_task_that_suspends_is_woken_from_another_thread<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    checkpoint.open();
    for n in 0..10 {
        assert_eq!(
            executor
                .submit_async(pass_async, (checkpoint.address(), n))
                .result()
                .unwrap(),
            n
        );
    }
}

pub(crate) fn a_suspended_task_leaves_its_worker_to_others<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..20)
        .map(|n| executor.submit_async(pass_async, (checkpoint.address(), n)))
        .collect();
    // All twenty are under way at once, on one worker, and it still has time for others.
    checkpoint.wait_for(20);
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
    assert!(futures.iter().all(TaskFuture::is_running));
    checkpoint.open();
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), n);
    }
}

pub(crate) fn an_async_map_keeps_as_many_under_way_as_the_buffer_holds<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let pulled = Cell::new(0);
    let items = (0..30).inspect(|_| pulled.set(pulled.get() + 1));
    let items = items.map(|n| (checkpoint.address(), n));
    let mut outcomes = executor.options().buffer_size(8).map_async(pass_async, items);
    // One that is let through makes room for one more.
    for next in 0..15 {
        let under_way = checkpoint.wait_for(pulled.get());
        assert!(under_way.len() <= next + 8, "{under_way:?} at {next}");
        let number = u64::try_from(next).unwrap();
        checkpoint.let_through(number);
        assert_eq!(outcomes.next().unwrap().unwrap(), number);
    }
    checkpoint.open();
    assert_eq!(
        outcomes.map(Result::unwrap).collect::<Vec<_>>(),
        (15..30).collect::<Vec<_>>()
    );
}

pub(crate) fn kill_ends_a_suspended_task_and_cancel_does_not<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let suspended = executor.submit_async(pass_async, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
    assert!(!suspended.cancel());
    assert!(suspended.kill());
    assert!(suspended.is_cancelled());
    assert!(matches!(suspended.result(), Err(TaskError::Cancelled)));
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
}

pub(crate) fn cancelling_what_was_killed_after_its_start_is_refused<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let suspended = executor.submit_async(pass_async, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
    assert!(suspended.kill());
    // `true` would say that it never ran.
    assert!(!suspended.cancel());
}

pub(crate) fn a_shutdown_that_kills_ends_what_is_suspended<S: Subject>() {
    let executor = S::start(1);
    let endless: Vec<_> = (0..10)
        .map(|_| executor.submit_async(|()| pending::<()>(), ()))
        .collect();
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
    executor.shutdown(Shutdown::Kill);
    assert!(
        endless
            .into_iter()
            .all(|future| matches!(future.result(), Err(TaskError::Cancelled)))
    );
}

pub(crate) fn a_shutdown_that_finishes_waits_for_what_is_suspended<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let suspended = executor.submit_async(pass_async, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    executor.begin_shutdown(Shutdown::Finish);
    assert!(!suspended.is_done());
    checkpoint.open();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(suspended.result().unwrap(), 1);
}
