use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{ended, panic_with, pass, pass_async, square},
};
use crate::{Executor, NextCompleted, TaskError, TaskFuture, as_completed};
use futures::{StreamExt, executor::block_on};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Barrier,
    thread,
    time::Duration,
};

pub(crate) fn every_future_is_yielded_once_and_done<S: Subject>() {
    let executor = S::start(3);
    let futures: Vec<_> = (0..100)
        .map(|n| {
            if n % 5 == 0 {
                executor.submit(panic_with, n)
            } else {
                executor.submit(square, n)
            }
        })
        .collect();
    let mut ids: HashSet<_> = futures.iter().map(TaskFuture::id).collect();
    let mut failed = 0;
    let mut completed = as_completed(futures);
    assert_eq!(completed.len(), 100);
    for future in completed.by_ref() {
        assert!(future.is_done() && ids.remove(&future.id()));
        failed += usize::from(future.result().is_err());
    }
    assert_eq!((ids.len(), failed), (0, 20));
    assert!(completed.next().is_none());
    assert!(matches!(
        completed.next_timeout(Duration::MAX),
        NextCompleted::Exhausted
    ));
}

pub(crate) fn keys_come_back_with_their_futures<S: Subject>() {
    let executor = S::start(2);
    let keyed = (0..50).map(|n| (n, executor.submit(square, n)));
    let mut keys = BTreeSet::new();
    for (key, future) in executor.as_completed(keyed) {
        assert_eq!(future.result().unwrap(), square(key));
        assert!(keys.insert(key));
    }
    assert_eq!(keys.len(), 50);
}

pub(crate) fn futures_of_several_executors_mix<S: Subject>() {
    let executors = [S::start(1), S::start(2)];
    let keyed = (0..40).map(|n| (n, executors[usize::from(n % 2 == 0)].submit(square, n)));
    let sum: u64 = as_completed(keyed)
        .map(|(n, future)| future.result().unwrap() - square(n) + 1)
        .sum();
    assert_eq!(sum, 40);
}

pub(crate) fn more_may_be_added_while_iterating<S: Subject>() {
    let executor = S::start(2);
    let mut completed = as_completed([executor.submit(square, 0)]);
    for n in 1..=16 {
        assert_eq!(completed.next().unwrap().result().unwrap(), square(n - 1));
        assert!(completed.next().is_none());
        completed.push(executor.submit(square, n));
        assert_eq!(completed.len(), 1);
    }
    completed.extend((0..10).map(|n| executor.submit(square, n)));
    assert_eq!((completed.len(), completed.count()), (11, 11));
}

pub(crate) fn a_look_without_waiting_takes_all_that_are_done<S: Subject>() {
    let executor = S::start(2);
    let mut completed = as_completed((0..1_000).map(|n| executor.submit(square, n)));
    let (mut taken, mut empty_looks) = (0, 0u64);
    loop {
        match completed.next_timeout(Duration::ZERO) {
            NextCompleted::Done(future) => {
                assert!(future.result().is_ok());
                taken += 1;
            }
            NextCompleted::TimedOut { unfinished, of } => {
                assert_eq!((unfinished, of), (1_000 - taken, 1_000 - taken));
                empty_looks += 1;
                thread::yield_now();
            }
            NextCompleted::Exhausted => break,
        }
    }
    assert_eq!(taken, 1_000, "{empty_looks} looks in vain");
}

pub(crate) fn completed_futures_are_a_stream_too<S: Subject>() {
    let executor = S::start(2);
    let stream = as_completed((0..50).map(|n| executor.submit(square, n))).into_stream();
    let sum = block_on(stream.fold(0, async |sum, future| sum + future.result().unwrap()));
    assert_eq!(sum, (0..50).map(square).sum::<u64>());
}

pub(crate) fn those_that_are_done_come_first<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let slow = executor.submit(pass, (checkpoint.address(), 0));
    let done = ended(executor.submit(square, 1));
    let failed = ended(executor.submit(panic_with, 2));
    checkpoint.wait_for(1);
    let blocks = executor.submit(pass, (checkpoint.address(), 3));
    checkpoint.wait_for(2);
    let cancelled = executor.submit(square, 4);
    assert!(cancelled.cancel());
    let futures = [
        ("slow", slow),
        ("done", done),
        ("failed", failed),
        ("blocks", blocks),
        ("cancelled", cancelled),
    ];
    let mut completed = as_completed(futures);
    let first: BTreeSet<_> = completed.by_ref().take(3).map(|(name, _)| name).collect();
    assert_eq!(first, ["cancelled", "done", "failed"].into());
    for limit in [Duration::ZERO, Duration::from_millis(5)] {
        let NextCompleted::TimedOut { unfinished, of } = completed.next_timeout(limit) else {
            panic!("something else than a timeout")
        };
        assert_eq!((unfinished, of), (2, 2));
    }
    checkpoint.open();
    let rest: BTreeSet<_> = completed.map(|(name, _)| name).collect();
    assert_eq!(rest, ["blocks", "slow"].into());
}

pub(crate) fn they_come_in_the_order_in_which_they_end<S: Subject>() {
    let executor = S::start(4);
    let checkpoint = Checkpoint::new();
    let futures = (0..4).map(|n| (n, executor.submit(pass, (checkpoint.address(), n))));
    let mut completed = as_completed(futures);
    checkpoint.wait_for(4);
    for n in [2, 0, 3, 1] {
        checkpoint.let_through(n);
        assert_eq!(completed.next().unwrap().0, n);
    }
    assert!(completed.next().is_none());
}

pub(crate) fn a_cancellation_is_yielded_at_once<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    let queued = executor.submit(square, 1);
    let handle = queued.handle();
    let mut completed = as_completed([queued]);
    assert!(matches!(
        completed.next_timeout(Duration::ZERO),
        NextCompleted::TimedOut { .. }
    ));
    let canceller = thread::spawn(move || handle.cancel());
    // The only worker is busy all the time.
    assert!(matches!(
        completed.next().unwrap().result(),
        Err(TaskError::Cancelled)
    ));
    assert!(canceller.join().unwrap());
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 0);
}

pub(crate) fn completions_from_many_threads_at_once_all_arrive<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    for threads in 1..=10 {
        for _ in 0..10 {
            let futures: Vec<_> = (0..threads).map(|n| executor.submit(square, n)).collect();
            let start = Barrier::new(futures.len());
            let handles: Vec<_> = futures.iter().map(TaskFuture::handle).collect();
            let yielded: HashSet<_> = thread::scope(|scope| {
                for handle in handles {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        assert!(handle.cancel());
                    });
                }
                as_completed(futures).map(|future| future.id()).collect()
            });
            assert_eq!(yielded.len() as u64, threads);
        }
    }
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 0);
}

pub(crate) fn dropping_the_iterator_detaches_the_tasks<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let mut completed = as_completed((0..4).map(|n| executor.submit(pass, (checkpoint.address(), n))));
    checkpoint.let_through(0);
    assert_eq!(completed.next().unwrap().result().unwrap(), 0);
    drop(completed);
    let async_ones =
        as_completed((4..6).map(|n| executor.submit_async(pass_async, (checkpoint.address(), n))));
    drop(async_ones);
    checkpoint.open();
    checkpoint.wait_for(6);
    assert_eq!(checkpoint.seen_sorted(), [0, 1, 2, 3, 4, 5]);
}
