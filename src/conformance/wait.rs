use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{ended, panic_with, pass, pass_and_panic, square},
};
use crate::{Executor, ReturnWhen, TaskFuture, wait};
use std::{thread, time::Duration};

fn ids(futures: &[TaskFuture<u64>]) -> Vec<crate::TaskId> {
    futures.iter().map(TaskFuture::id).collect()
}

pub(crate) fn all_means_values_and_failures<S: Subject>() {
    let executor = S::start(2);
    let futures: Vec<_> = (0..20)
        .map(|n| {
            if n % 3 == 0 {
                executor.submit(panic_with, n)
            } else {
                executor.submit(square, n)
            }
        })
        .collect();
    let given = ids(&futures);
    let waited = wait(futures, ReturnWhen::AllCompleted, None);
    assert_eq!((ids(&waited.done), waited.pending.len()), (given, 0));
    for (n, future) in (0..).zip(waited.done) {
        assert_eq!(future.result().ok(), (n % 3 != 0).then(|| square(n)));
    }
}

pub(crate) fn waiting_for_nothing_returns<S: Subject>() {
    let executor = S::start(1);
    for when in [
        ReturnWhen::FirstCompleted,
        ReturnWhen::FirstFailure,
        ReturnWhen::AllCompleted,
    ] {
        let waited = wait(Vec::<TaskFuture<u64>>::new(), when, None);
        assert_eq!((waited.done.len(), waited.pending.len()), (0, 0));
        let waited = wait([executor.submit(square, 1)], when, None);
        assert_eq!((waited.done.len(), waited.pending.len()), (1, 0));
    }
}

pub(crate) fn a_failure_that_is_there_already_ends_the_wait<S: Subject>() {
    let executor = S::start(1);
    let failed = ended(executor.submit(panic_with, 1));
    let waited = wait([failed], ReturnWhen::FirstFailure, None);
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 0));
}

pub(crate) fn all_waits_for_the_last_and_counts_cancellations<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let cancelled = executor.submit(square, 2);
    let fails = executor.submit(pass_and_panic, (checkpoint.address(), 3));
    assert!(cancelled.cancel());
    let waits = thread::spawn(move || wait([running, cancelled, fails], ReturnWhen::AllCompleted, None));
    checkpoint.open();
    let waited = waits.join().unwrap();
    assert_eq!((waited.done.len(), waited.pending.len()), (3, 0));
    let endings: Vec<_> = waited.done.iter().map(TaskFuture::is_cancelled).collect();
    assert_eq!(endings, [false, true, false]);
}

pub(crate) fn the_first_that_completes_is_enough<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let slow = executor.submit(pass, (checkpoint.address(), 1));
    let quick = executor.submit(pass, (checkpoint.address(), 2));
    let expected = [quick.id()];
    checkpoint.let_through(2);
    let waited = wait([slow, quick], ReturnWhen::FirstCompleted, None);
    assert_eq!((ids(&waited.done), waited.pending.len()), (expected.to_vec(), 1));
    checkpoint.open();
    let waited = wait(waited.pending, ReturnWhen::FirstCompleted, None);
    assert_eq!(waited.done.len(), 1);
}

pub(crate) fn all_that_have_completed_already_are_done<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let slow = executor.submit(pass, (checkpoint.address(), 1));
    let value = ended(executor.submit(square, 2));
    let failure = ended(executor.submit(panic_with, 3));
    let blocks = executor.submit(pass, (checkpoint.address(), 4));
    checkpoint.wait_for(2);
    let cancelled = executor.submit(square, 5);
    assert!(cancelled.cancel());
    let expected = [cancelled.id(), failure.id(), value.id()];
    let waited = wait(
        [cancelled, slow, failure, blocks, value],
        ReturnWhen::FirstCompleted,
        None,
    );
    assert_eq!((ids(&waited.done), waited.pending.len()), (expected.to_vec(), 2));
}

pub(crate) fn the_first_failure_ends_the_wait_before_the_last<S: Subject>() {
    let executor = S::start(3);
    let checkpoint = Checkpoint::new();
    let slow = executor.submit(pass, (checkpoint.address(), 1));
    let fails = executor.submit(pass_and_panic, (checkpoint.address(), 2));
    let succeeds = ended(executor.submit(square, 3));
    let expected = [fails.id(), succeeds.id()];
    checkpoint.let_through(2);
    let waited = wait([slow, fails, succeeds], ReturnWhen::FirstFailure, None);
    assert_eq!((ids(&waited.done), waited.pending.len()), (expected.to_vec(), 1));
}

pub(crate) fn a_cancellation_is_done_and_no_failure<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let cancelled = executor.submit(square, 2);
    assert!(cancelled.cancel());
    let limit = Some(Duration::from_millis(5));
    let waited = wait([running, cancelled], ReturnWhen::FirstFailure, limit);
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
    assert!(waited.done[0].is_cancelled());
    checkpoint.open();
    let waited = wait(waited.pending, ReturnWhen::FirstFailure, None);
    assert_eq!(waited.done.len(), 1);
}

pub(crate) fn a_timeout_splits_done_from_pending<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let slow = executor.submit(pass, (checkpoint.address(), 1));
    let quick = ended(executor.submit(square, 2));
    let waited = wait(
        [slow, quick],
        ReturnWhen::AllCompleted,
        Some(Duration::from_millis(5)),
    );
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
    let again = wait(waited.pending, ReturnWhen::AllCompleted, Some(Duration::ZERO));
    assert_eq!((again.done.len(), again.pending.len()), (0, 1));
    checkpoint.open();
    let last = wait(again.pending, ReturnWhen::AllCompleted, None);
    assert_eq!((last.done.len(), last.pending.len()), (1, 0));
}

pub(crate) fn no_completion_is_missed_when_many_end_at_once<S: Subject>() {
    let executor = S::start(8);
    for _ in 0..20 {
        let checkpoint = Checkpoint::new();
        let futures: Vec<_> = (0..50)
            .map(|n| executor.submit(pass, (checkpoint.address(), n)))
            .collect();
        checkpoint.wait_for(8);
        let waits = thread::spawn(move || wait(futures, ReturnWhen::AllCompleted, None));
        checkpoint.open();
        let waited = waits.join().unwrap();
        assert_eq!((waited.done.len(), waited.pending.len()), (50, 0));
    }
}
