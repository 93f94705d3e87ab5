use super::{
    Subject,
    checkpoint::Checkpoint,
    lodge::{Lodged, lodged},
    work::{ended, panic_message, panic_with, pass, pass_and_panic, square, until_asked_to_stop},
};
use crate::{Executor, Shutdown, TaskError};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

fn describe(outcome: &Result<u64, TaskError>) -> String {
    match outcome {
        Ok(value) => format!("value {value}"),
        Err(TaskError::Panicked(panic)) => format!("panic {}", panic.message()),
        Err(TaskError::Cancelled) => "cancelled".to_owned(),
        Err(TaskError::TimedOut(_)) => "timed out".to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

pub(crate) fn a_callback_added_after_the_end_runs_at_once_and_here<S: Subject>() {
    let executor = S::start(1);
    for (future, expected) in [
        (executor.submit(square, 3), "value 9"),
        (executor.submit(panic_with, 3), "panic no 3"),
    ] {
        let future = ended(future);
        let (tell, told) = mpsc::channel();
        future.on_done(move |outcome| tell.send((describe(outcome), thread::current().id())).unwrap());
        assert_eq!(
            told.try_recv().unwrap(),
            (expected.to_owned(), thread::current().id())
        );
    }
}

pub(crate) fn a_callback_that_panics_after_the_end_does_not_unwind_into_the_caller<S: Subject>() {
    let executor = S::start(1);
    let future = ended(executor.submit(square, 3));
    let adding = catch_unwind(AssertUnwindSafe(|| future.on_done(|_| panic!("in a callback"))));
    assert!(adding.is_ok());
    assert_eq!(future.result().unwrap(), 9);
}

pub(crate) fn a_deadline_reaches_callbacks_too<S: Subject>() {
    let executor = S::start(1);
    let options = executor.options().timeout(Duration::from_millis(10));
    let future = options.submit(until_asked_to_stop, 1);
    let (tell, told) = mpsc::channel();
    future.on_done(move |outcome| tell.send(describe(outcome)).unwrap());
    assert!(matches!(future.result(), Err(TaskError::TimedOut(_))));
    assert_eq!(told.recv().unwrap(), "timed out");
}

pub(crate) fn a_refused_task_calls_back_too<S: Subject>() {
    let executor = S::start(1);
    executor.shutdown(Shutdown::Finish);
    let future = executor.submit(square, 1);
    let (tell, told) = mpsc::channel();
    future.on_done(move |outcome| tell.send(outcome.as_ref().unwrap_err().is_shut_down()).unwrap());
    assert!(told.recv().unwrap());
    assert!(future.is_cancelled());
}

pub(crate) fn a_callback_runs_once_and_sees_the_task_done<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let value = executor.submit(pass, (checkpoint.address(), 1));
    let failure = executor.submit(pass_and_panic, (checkpoint.address(), 2));
    let cancelled = executor.submit(square, 3);
    let (tell, told) = mpsc::channel();
    for future in [&value, &failure, &cancelled] {
        let (tell, handle) = (tell.clone(), future.handle());
        future.on_done(move |outcome| {
            let state = (handle.is_done(), handle.is_running(), handle.is_cancelled());
            tell.send((describe(outcome), state)).unwrap();
        });
    }
    drop(tell);
    assert!(cancelled.cancel());
    assert_eq!(
        told.recv().unwrap(),
        ("cancelled".to_owned(), (true, false, true))
    );
    checkpoint.open();
    assert_eq!(told.recv().unwrap(), ("value 1".to_owned(), (true, false, false)));
    assert_eq!(
        told.recv().unwrap(),
        ("panic after the checkpoint: 2".to_owned(), (true, false, false))
    );
    assert_eq!(value.result().unwrap(), 1);
    assert_eq!(panic_message(failure.result()), "after the checkpoint: 2");
    assert!(told.recv().is_err());
}

pub(crate) fn callbacks_run_in_order_and_before_the_outcome_is_handed_over<S: Subject>() {
    let executor = S::start(1);
    for round in 0..50 {
        let checkpoint = Checkpoint::new();
        let future = executor.submit(pass, (checkpoint.address(), round));
        let called = Arc::new(AtomicUsize::new(0));
        for number in 0..5 {
            let called = called.clone();
            future.on_done(move |_| {
                thread::yield_now();
                assert_eq!(called.fetch_add(1, SeqCst), number);
            });
        }
        checkpoint.open();
        assert_eq!(future.result().unwrap(), round);
        assert_eq!(called.load(SeqCst), 5);
    }
}

pub(crate) fn a_callback_that_panics_costs_nothing_else<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let future = executor.submit(pass, (checkpoint.address(), 1));
    let after = Arc::new(AtomicBool::new(false));
    let flag = after.clone();
    future.on_done(|_| panic!("in a callback"));
    future.on_done(move |_| flag.store(true, SeqCst));
    let cancelled = executor.submit(square, 2);
    cancelled.on_done(|_| panic!("in the callback of a cancellation"));
    assert!(cancelled.cancel());
    assert!(matches!(cancelled.result(), Err(TaskError::Cancelled)));
    checkpoint.open();
    assert_eq!(future.result().unwrap(), 1);
    assert!(after.load(SeqCst));
    assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
}

pub(crate) fn the_callback_of_a_cancelled_task_runs_on_the_thread_that_cancels<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 1));
    let queued = executor.submit(square, 2);
    let (tell, told) = mpsc::channel();
    queued.on_done(move |_| tell.send(thread::current().id()).unwrap());
    assert!(queued.cancel());
    assert_eq!(told.try_recv().unwrap(), thread::current().id());
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 1);
}

pub(crate) fn a_callback_may_shut_the_executor_down_while_others_submit<S: Subject>() {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let future = executor.submit(pass, (checkpoint.address(), 1));
        let inner = executor.clone();
        future.on_done(move |_| inner.shutdown(how));
        checkpoint.open();
        let mut refused = 0;
        while refused == 0 {
            match executor.submit(square, 5).result() {
                Ok(value) => assert_eq!(value, 25),
                Err(TaskError::ShutDown) => refused += 1,
                Err(TaskError::Cancelled) => assert_ne!(how, Shutdown::Finish),
                Err(error) => panic!("{error:?}"),
            }
        }
        drop(future);
        executor.shutdown(how);
    }
}

pub(crate) fn a_callback_may_submit_and_wait_on_one_worker<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let future = executor.submit(pass, (checkpoint.address(), 1));
    let inner = executor.clone();
    let (tell, told) = mpsc::channel();
    future.on_done(move |outcome| {
        let value = *outcome.as_ref().unwrap();
        let sum: u64 = inner.map(square, 0..4).map(Result::unwrap).sum();
        tell.send(inner.submit(square, value + 1).result().unwrap() + sum)
            .unwrap();
    });
    checkpoint.open();
    assert_eq!(told.recv().unwrap(), 4 + 14);
    assert_eq!(future.result().unwrap(), 1);
}

pub(crate) fn callbacks_that_come_up_inside_a_callback_wait_for_its_end<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 1));
    let (first, second) = (executor.submit(square, 1), executor.submit(square, 2));
    let (tell, told) = mpsc::channel();
    let (inner, other) = (tell.clone(), second.handle());
    second.on_done(move |_| tell.send("nested").unwrap());
    first.on_done(move |_| {
        assert!(other.cancel());
        inner.send("outer ends").unwrap();
    });
    assert!(first.cancel());
    assert_eq!(
        [told.recv().unwrap(), told.recv().unwrap()],
        ["outer ends", "nested"]
    );
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 1);
}

pub(crate) fn a_callback_that_work_adds_runs_too<S: Subject>() {
    fn work<E: Executor>((number, n): (u64, u64)) -> u64 {
        let (tell, told) = mpsc::channel();
        let future = lodged::<E>(number).submit(square, n);
        future.on_done(move |outcome| tell.send(*outcome.as_ref().unwrap()).unwrap());
        future.result().unwrap() + told.recv().unwrap()
    }
    let executor = S::start(1);
    let lodged = Lodged::new(&executor);
    assert_eq!(
        executor
            .submit(work::<S::Executor>, (lodged.number(), 3))
            .result()
            .unwrap(),
        18
    );
}
