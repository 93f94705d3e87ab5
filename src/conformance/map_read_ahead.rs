use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{announce, pass, square},
};
use crate::{Executor, Shutdown, TaskError};
use std::cell::Cell;

pub(crate) fn never_are_more_items_pulled_than_the_buffer_holds<S: Subject>() {
    let executor = S::start(2);
    for buffer in [1, 2, 3, 10] {
        let pulled = Cell::new(0);
        let items = (0..100).inspect(|_| pulled.set(pulled.get() + 1));
        let mut outcomes = executor.options().buffer_size(buffer).map(square, items);
        assert!(pulled.get() <= buffer, "{} pulled at the call", pulled.get());
        for yielded in 0..100 {
            assert_eq!(outcomes.next().unwrap().unwrap(), square(yielded as u64));
            assert!(
                pulled.get() <= yielded + 1 + buffer,
                "{} after {yielded}",
                pulled.get()
            );
        }
        assert!(outcomes.next().is_none());
        assert_eq!(pulled.get(), 100);
    }
}

pub(crate) fn an_endless_iterator_can_be_mapped<S: Subject>() {
    let executor = S::start(2);
    let first: Vec<u64> = executor.map(square, 0..).take(3).map(Result::unwrap).collect();
    assert_eq!(first, [0, 1, 4]);
    let bounded = executor.options().buffer_size(4);
    let first: Vec<u64> = bounded.map(square, 0..).take(3).map(Result::unwrap).collect();
    assert_eq!(first, [0, 1, 4]);
    let pairs = (0u64..).zip((0u64..).step_by(2));
    let sums: Vec<u64> = bounded
        .map(|(a, b)| a + b, pairs)
        .take(3)
        .map(Result::unwrap)
        .collect();
    assert_eq!(sums, [0, 3, 6]);
    let each = bounded.map_async(|n: u64| async move { n }, 0..);
    assert_eq!(each.take(3).map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2]);
}

pub(crate) fn after_a_shutdown_the_items_stand_where_they_were<S: Subject>() {
    let executor = S::start(1);
    let pulled = Cell::new(0);
    let items = (0..100).inspect(|_| pulled.set(pulled.get() + 1));
    let mut outcomes = executor.options().buffer_size(4).map(square, items);
    assert_eq!(outcomes.next().unwrap().unwrap(), 0);
    executor.shutdown(Shutdown::Finish);
    let before = pulled.get();
    // What was pulled yields its outcome, then it ends.
    let mut yielded = 1;
    for outcome in outcomes.by_ref() {
        assert!(
            matches!(outcome, Ok(_) | Err(TaskError::ShutDown | TaskError::Cancelled)),
            "{outcome:?}"
        );
        yielded += 1;
    }
    assert_eq!((pulled.get(), yielded), (before, before));
    assert!(outcomes.next().is_none());
}

pub(crate) fn reading_ahead_stops_at_the_buffer_size<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let pulled = Cell::new(0);
    let items = (0..)
        .inspect(|_| pulled.set(pulled.get() + 1))
        .map(|n| (checkpoint.address(), n));
    let mut outcomes = executor.options().buffer_size(4).chunk_size(1).map(pass, items);
    // Nothing is yielded while these wait, so nothing more may be pulled either.
    checkpoint.wait_for(pulled.get().min(2));
    assert!(pulled.get() <= 4);
    checkpoint.let_through(0);
    assert_eq!(outcomes.next().unwrap().unwrap(), 0);
    assert!(pulled.get() <= 5);
    checkpoint.open();
    outcomes.cancel();
    let left = outcomes.count();
    assert_eq!(left + 1, pulled.get());
}

pub(crate) fn a_pull_that_waits_for_an_earlier_item_does_not_wait_for_ever<S: Subject>() {
    let executor = S::start(2);
    for ready in [1, 2, 5, 17, 100] {
        let checkpoint = Checkpoint::new();
        // The last item comes only after all before it have run: whoever keeps items back waits for ever.
        let items = (0..ready).chain(std::iter::once_with(|| {
            checkpoint.wait_for(usize::try_from(ready).unwrap());
            ready
        }));
        let outcomes = executor.map(announce, items.map(|n| (checkpoint.address(), n)));
        let values: Vec<u64> = outcomes.map(Result::unwrap).collect();
        assert_eq!(values, (0..=ready).collect::<Vec<_>>());
    }
}
