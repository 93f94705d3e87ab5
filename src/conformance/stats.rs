use super::{
    Subject,
    checkpoint::Checkpoint,
    watchdog::assert_books_are_closed,
    work::{panic_at_multiples_of_four, panic_with, pass, square, until_asked_to_stop},
};
use crate::{Executor, Shutdown, Stats};
use std::{cell::Cell, thread, time::Duration};

pub(crate) fn every_task_and_item_is_counted_once<S: Subject>() {
    let executor = S::start(2);
    assert_eq!(executor.stats(), Stats::default());
    for future in (0..10).map(|n| executor.submit(square, n)).collect::<Vec<_>>() {
        assert!(future.result().is_ok());
    }
    assert!(executor.submit(panic_with, 1).result().is_err());
    assert!(
        executor
            .submit_async(|n: u64| async move { n }, 1)
            .result()
            .is_ok()
    );
    assert_eq!(executor.map(panic_at_multiples_of_four, 0..100).count(), 100);
    let options = executor.options().timeout(Duration::from_millis(5));
    assert!(options.submit(until_asked_to_stop, 1).result().is_err());
    executor.shutdown(Shutdown::Finish);
    assert!(executor.submit(square, 1).result().is_err());
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.succeeded), (114, 86));
    assert_eq!((stats.failed, stats.cancelled), (27, 1));
    assert_books_are_closed(&executor);
}

pub(crate) fn who_has_an_outcome_finds_it_in_the_books<S: Subject>() {
    let executor = S::start(2);
    for n in 1..200 {
        assert!(executor.submit(square, n).result().is_ok());
        assert_eq!(executor.stats().succeeded, n);
    }
}

pub(crate) fn the_counters_show_what_is_queued_and_what_runs<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..5)
        .map(|n| executor.submit(pass, (checkpoint.address(), n)))
        .collect();
    checkpoint.wait_for(2);
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.queued, stats.running), (5, 3, 2));
    let cancelled = futures.iter().filter(|future| future.cancel()).count();
    assert_eq!(cancelled, 3);
    let stats = executor.stats();
    assert_eq!((stats.queued, stats.running, stats.cancelled), (0, 2, 3));
    checkpoint.open();
    drop(futures);
    while executor.stats().running > 0 {
        thread::yield_now();
    }
    assert_eq!(executor.stats().succeeded, 2);
}

pub(crate) fn a_dropped_map_leaves_the_books_in_order<S: Subject>() {
    for chunk in [1, 7, 1_000] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let pulled = Cell::new(0);
        let items = (0..100)
            .inspect(|_| pulled.set(pulled.get() + 1))
            .map(|n| (checkpoint.address(), n));
        let outcomes = executor.options().chunk_size(chunk).map(pass, items);
        checkpoint.wait_for(1);
        drop(outcomes);
        checkpoint.open();
        executor.shutdown(Shutdown::Finish);
        assert_eq!(executor.stats().submitted, pulled.get());
        assert_books_are_closed(&executor);
    }
}
