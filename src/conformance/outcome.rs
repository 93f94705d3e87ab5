use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{ended, panic_message, panic_with, pass, pass_and_panic, square},
};
use crate::{Executor, ReturnWhen, Shutdown, TaskError, TaskFuture, wait};
use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Barrier, mpsc},
    task::{Context, Waker},
    thread,
    time::Duration,
};

#[derive(Serialize, Deserialize)]
struct WithoutDebug(#[allow(dead_code)] u64);

pub(crate) fn a_zero_limit_takes_an_outcome_that_is_there<S: Subject>() {
    let executor = S::start(1);
    let mut value = ended(executor.submit(square, 3));
    let mut failure = ended(executor.submit(panic_with, 3));
    assert_eq!(value.result_timeout(Duration::ZERO).unwrap().unwrap(), 9);
    assert_eq!(
        panic_message(failure.result_timeout(Duration::ZERO).unwrap()),
        "no 3"
    );
}

pub(crate) fn asking_for_an_outcome_that_was_taken_panics_and_says_so<S: Subject>() {
    let executor = S::start(1);
    let mut future = executor.submit(square, 3);
    assert_eq!(future.result_timeout(Duration::MAX).unwrap().unwrap(), 9);
    let said = |panic: Box<dyn std::any::Any + Send>| panic.downcast_ref::<String>().cloned().unwrap();
    let again = catch_unwind(AssertUnwindSafe(|| {
        future.result_timeout(Duration::ZERO).is_some()
    }));
    assert!(said(again.unwrap_err()).contains("taken before"));
    let called = catch_unwind(AssertUnwindSafe(|| future.on_done(|_| ())));
    assert!(said(called.unwrap_err()).contains("taken before"));
    let consumed = catch_unwind(AssertUnwindSafe(|| future.result().is_ok()));
    assert!(said(consumed.unwrap_err()).contains("taken before"));
}

pub(crate) fn every_clone_of_a_shared_future_has_the_outcome<S: Subject>() {
    let executor = S::start(1);
    for threads in [1, 2, 1_000] {
        let shared = executor.submit(square, threads).shared();
        let users: Vec<_> = (0..threads)
            .map(|_| {
                let shared = shared.clone();
                let user = thread::Builder::new().stack_size(128 * 1024);
                user.spawn(move || shared.result().unwrap()).unwrap()
            })
            .collect();
        assert!(
            users
                .into_iter()
                .all(|user| user.join().unwrap() == square(threads))
        );
        assert_eq!(shared.result().unwrap(), square(threads));
        assert_eq!(block_on(shared).unwrap(), square(threads));
    }
}

pub(crate) fn a_shared_future_reports_a_panic_as_often_as_it_is_asked<S: Subject>() {
    let executor = S::start(1);
    let shared = executor.submit(panic_with, 1).shared();
    for _ in 0..3 {
        assert_eq!(panic_message(shared.result()), "no 1");
        assert_eq!(panic_message(block_on(shared.clone())), "no 1");
    }
}

pub(crate) fn debug_output_shows_the_state_and_needs_no_debug_of_the_value<S: Subject>() {
    let executor = S::start(1);
    let future = ended(executor.options().name("lookup").submit(WithoutDebug, 1));
    let handle = future.handle();
    let done = ended(executor.submit(|n: u64| -> WithoutDebug { panic!("no {n}") }, 1));
    assert!(format!("{future:?}").contains("lookup") && format!("{future:?}").contains("Succeeded"));
    assert!(format!("{handle:?}").contains("lookup"));
    assert!(format!("{done:?}").contains("Failed"));
}

pub(crate) fn every_future_can_be_awaited<S: Subject>() {
    let executor = S::start(2);
    block_on(async {
        assert_eq!(executor.submit(square, 5).await.unwrap(), 25);
        assert_eq!(panic_message(executor.submit(panic_with, 5).await), "no 5");
        let both = futures::future::join(executor.submit(square, 6), executor.submit(square, 7)).await;
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (36, 49));
    });
}

pub(crate) fn a_limit_without_end_overflows_nowhere<S: Subject>() {
    let executor = S::start(1);
    let endless = executor.options().timeout(Duration::MAX);
    assert_eq!(
        endless
            .submit(square, 2)
            .result_timeout(Duration::MAX)
            .unwrap()
            .unwrap(),
        4
    );
    assert_eq!(
        endless
            .map(square, 0..3)
            .timeout(Duration::MAX)
            .map(Result::unwrap)
            .sum::<u64>(),
        5
    );
    let mut completed = executor.as_completed([executor.submit(square, 3)]);
    assert!(matches!(
        completed.next_timeout(Duration::MAX),
        crate::NextCompleted::Done(_)
    ));
    let waited = wait(
        [executor.submit(square, 3)],
        ReturnWhen::AllCompleted,
        Some(Duration::MAX),
    );
    assert_eq!(waited.done.len(), 1);
    let shared = executor.submit(square, 3).shared();
    assert_eq!(shared.result_timeout(Duration::MAX).unwrap().unwrap(), 9);
    executor
        .shutdown_timeout(Shutdown::Finish, Duration::MAX)
        .unwrap();
}

pub(crate) fn a_task_is_queued_then_runs_then_is_done<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let mut runs = executor.submit(pass, (checkpoint.address(), 1));
    let mut fails = executor.submit(pass_and_panic, (checkpoint.address(), 2));
    let mut queued = executor.submit(square, 3);
    let state = |future: &TaskFuture<u64>| (future.is_running(), future.is_done(), future.is_cancelled());

    checkpoint.wait_for(1);
    assert_eq!(state(&runs), (true, false, false));
    assert_eq!(state(&queued), (false, false, false));
    assert!(runs.result_timeout(Duration::ZERO).is_none());
    assert!(queued.result_timeout(Duration::ZERO).is_none());
    let handle = queued.handle();
    assert!(!handle.is_running() && !handle.is_done() && !handle.is_cancelled());

    assert!(queued.cancel());
    assert_eq!(state(&queued), (false, true, true));
    assert!(handle.is_done() && handle.is_cancelled());
    assert!(matches!(
        queued.result_timeout(Duration::ZERO),
        Some(Err(TaskError::Cancelled))
    ));

    checkpoint.let_through(1);
    checkpoint.wait_for(2);
    runs = ended(runs);
    assert_eq!(state(&runs), (false, true, false));
    assert_eq!(runs.result_timeout(Duration::ZERO).unwrap().unwrap(), 1);
    assert_eq!(state(&fails), (true, false, false));
    checkpoint.let_through(2);
    let failed = fails.result_timeout(Duration::MAX).unwrap();
    assert_eq!(panic_message(failed), "after the checkpoint: 2");
    assert!(fails.is_done() && !fails.is_cancelled());
}

pub(crate) fn a_blocked_waiter_wakes_when_the_task_ends<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    for n in [1, 2] {
        let future = if n == 1 {
            executor.submit(pass, (checkpoint.address(), n))
        } else {
            executor.submit(pass_and_panic, (checkpoint.address(), n))
        };
        let (about_to_wait, waits) = mpsc::channel();
        let waiter = thread::spawn(move || {
            about_to_wait.send(()).unwrap();
            future.result()
        });
        waits.recv().unwrap();
        checkpoint.let_through(n);
        match waiter.join().unwrap() {
            Ok(value) => assert_eq!((value, n), (1, 1)),
            failed => assert_eq!(
                (panic_message(failed).as_str(), n),
                ("after the checkpoint: 2", 2)
            ),
        }
    }
}

pub(crate) fn a_blocked_waiter_wakes_when_somebody_cancels<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    for _ in 0..20 {
        let future = executor.submit(square, 2);
        let handle = future.handle();
        let (about_to_wait, waits) = mpsc::channel();
        let waiter = thread::spawn(move || {
            about_to_wait.send(()).unwrap();
            future.result()
        });
        waits.recv().unwrap();
        assert!(handle.cancel());
        assert!(matches!(waiter.join().unwrap(), Err(TaskError::Cancelled)));
    }
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 1);
}

pub(crate) fn a_waiter_that_gives_up_takes_no_wake_up_with_it<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let shared = executor.submit(pass, (checkpoint.address(), 1)).shared();
    let mut gives_up = Box::pin(shared.clone());
    assert!(
        gives_up
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    let stays = shared.clone();
    let (about_to_wait, waits) = mpsc::channel();
    let waiter = thread::spawn(move || {
        about_to_wait.send(()).unwrap();
        block_on(stays)
    });
    waits.recv().unwrap();
    drop(gives_up);
    assert!(shared.result_timeout(Duration::from_millis(1)).is_none());
    checkpoint.open();
    assert_eq!(waiter.join().unwrap().unwrap(), 1);
}

pub(crate) fn a_future_may_be_polled_and_dropped_while_its_task_ends<S: Subject>() {
    let executor = S::start(2);
    for round in 0..50 {
        let checkpoint = Checkpoint::new();
        let future = executor.submit(pass, (checkpoint.address(), round));
        let handle = future.handle();
        checkpoint.wait_for(1);
        {
            let mut polled = pin!(future);
            assert!(
                polled
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            checkpoint.open();
        }
        while !handle.is_done() {
            thread::yield_now();
        }
        assert!(!handle.is_cancelled());
    }
}

pub(crate) fn all_who_look_at_an_ended_task_see_the_same<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let futures = [
        executor.submit(square, 1),
        executor.submit(panic_with, 1),
        executor.submit(pass, (checkpoint.address(), 1)),
    ];
    checkpoint.open();
    let futures = wait(futures, ReturnWhen::AllCompleted, None).done;
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..1_000 {
                    for future in &futures {
                        let handle = future.handle();
                        assert!(handle.is_done() && !handle.is_running() && !handle.is_cancelled());
                        assert!(!handle.cancel() && !handle.kill());
                    }
                }
            });
        }
    });
}

pub(crate) fn waiting_never_ends_a_task<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let mut stuck = executor.submit(pass, (checkpoint.address(), 1));
    assert!(stuck.result_timeout(Duration::from_millis(5)).is_none());
    // Another task gets through meanwhile, and the handle is as good as before.
    assert_eq!(executor.submit(square, 4).result().unwrap(), 16);
    assert!(stuck.result_timeout(Duration::from_millis(5)).is_none());
    let waited = wait([stuck], ReturnWhen::AllCompleted, Some(Duration::from_millis(5)));
    assert_eq!((waited.done.len(), waited.pending.len()), (0, 1));
    checkpoint.open();
    let mut pending = waited.pending;
    assert_eq!(pending.remove(0).result().unwrap(), 1);
}
