use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{
        announce, panic_at_multiples_of_four, panic_message, pass, pass_async, square, until_asked_to_stop,
    },
};
use crate::{Executor, Shutdown, TaskError};
use futures::{StreamExt, executor::block_on};
use std::{
    cell::Cell,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

fn uneven(n: u64) -> u64 {
    (0..n % 7 * 500).fold(n, |sum, step| std::hint::black_box(sum ^ step ^ step))
}

/// Counts the items that were pulled.
fn counted(items: Range<u64>, pulled: &Cell<u64>) -> impl Iterator<Item = u64> {
    items.inspect(|_| pulled.set(pulled.get() + 1))
}

pub(crate) fn the_outcomes_come_in_the_order_of_the_items<S: Subject>() {
    let executor = S::start(3);
    let mapped: Vec<u64> = executor.map(uneven, 0..2_000).map(Result::unwrap).collect();
    assert_eq!(mapped, (0..2_000).map(uneven).collect::<Vec<_>>());
}

pub(crate) fn any_chunk_size_gives_the_same<S: Subject>() {
    let executor = S::start(2);
    for size in [1, 3, 6, 40, 50, usize::MAX] {
        let options = executor.options().chunk_size(size);
        let mapped: Vec<u64> = options.map(square, 0..40).map(Result::unwrap).collect();
        assert_eq!(
            mapped,
            (0..40).map(square).collect::<Vec<_>>(),
            "chunks of {size}"
        );
    }
}

pub(crate) fn any_buffer_and_chunk_size_give_the_same<S: Subject>() {
    let executor = S::start(2);
    let expected: Vec<_> = (0..10).map(square).collect();
    for buffer in [1, 2, 9, 10, 11] {
        for chunk in [1, 2, 9, 10, 11] {
            let options = executor.options().buffer_size(buffer).chunk_size(chunk);
            let mapped: Vec<u64> = options.map(square, 0..10).map(Result::unwrap).collect();
            assert_eq!(mapped, expected, "buffer {buffer}, chunks of {chunk}");
        }
    }
}

pub(crate) fn a_chunk_or_buffer_of_zero_is_refused<S: Subject>() {
    let executor = S::start(1);
    let message = |made: thread::Result<()>| made.unwrap_err().downcast_ref::<String>().unwrap().clone();
    let chunk = catch_unwind(AssertUnwindSafe(|| drop(executor.options().chunk_size(0))));
    assert!(message(chunk).contains("chunk_size"));
    let buffer = catch_unwind(AssertUnwindSafe(|| drop(executor.options().buffer_size(0))));
    assert!(message(buffer).contains("buffer_size"));
}

pub(crate) fn a_failed_item_yields_its_error_and_the_others_go_on<S: Subject>() {
    let executor = S::start(2);
    for chunk in [1, 2, 3, 100] {
        let mut outcomes = executor
            .options()
            .chunk_size(chunk)
            .map(panic_at_multiples_of_four, 1..10);
        for n in 1..10 {
            let outcome = outcomes.next().unwrap();
            if n % 4 == 0 {
                assert_eq!(panic_message(outcome), format!("{n} is a multiple of four"));
            } else {
                assert_eq!(outcome.unwrap(), n);
            }
        }
        for _ in 0..3 {
            assert!(outcomes.next().is_none());
        }
    }
}

pub(crate) fn one_panic_among_many_items_costs_one_item<S: Subject>() {
    fn all_but_one(n: u32) -> u32 {
        assert!(n != 40_000, "the one");
        n
    }
    let executor = S::start(4);
    let (mut values, mut failures) = (0, 0);
    for (n, outcome) in executor.map(all_but_one, 0..65_536).enumerate() {
        match outcome {
            Ok(value) => {
                assert_eq!(value as usize, n);
                values += 1;
            }
            failed => {
                assert_eq!((panic_message(failed).as_str(), n), ("the one", 40_000));
                failures += 1;
            }
        }
    }
    assert_eq!((values, failures), (65_535, 1));
}

pub(crate) fn items_may_be_few_or_of_unequal_length<S: Subject>() {
    let executor = S::start(2);
    assert_eq!(executor.map(square, []).count(), 0);
    assert_eq!(executor.options().buffer_size(3).map(square, []).count(), 0);
    assert_eq!(
        executor.map(square, [5]).map(Result::unwrap).collect::<Vec<_>>(),
        [25]
    );
    let pairs = (0..10u64).zip(0..4u64);
    let products = executor.map(|(a, b)| a * b, pairs).map(Result::unwrap);
    assert_eq!(products.collect::<Vec<_>>(), [0, 1, 4, 9]);
}

pub(crate) fn items_may_borrow_and_stay_on_their_thread<S: Subject>() {
    let executor = S::start(2);
    let words = [String::from("a"), String::from("bb")];
    let shared = std::rc::Rc::new(Cell::new(0));
    let counted = words.iter().cloned().inspect(|_| shared.set(shared.get() + 1));
    let lengths: Vec<usize> = executor
        .map(|word: String| word.len(), counted)
        .map(Result::unwrap)
        .collect();
    assert_eq!((lengths, shared.get()), (vec![1, 2], 2));
}

pub(crate) fn an_unordered_map_yields_the_same_outcomes<S: Subject>() {
    let executor = S::start(3);
    for chunk in [None, Some(6), Some(40), Some(50)] {
        let mut options = executor.options();
        if let Some(chunk) = chunk {
            options = options.chunk_size(chunk);
        }
        let outcomes = options.map(panic_at_multiples_of_four, 0..40).unordered();
        let (values, errors): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        let mut values: Vec<u64> = values.into_iter().map(Result::unwrap).collect();
        values.sort_unstable();
        assert_eq!(values, (0..40).filter(|n| n % 4 != 0).collect::<Vec<_>>());
        let mut errors: Vec<_> = errors.into_iter().map(panic_message).collect();
        errors.sort_unstable();
        errors.dedup();
        assert_eq!(errors.len(), 10);
    }
    let each = executor.map_async(|n: u64| async move { n }, 0..40).unordered();
    assert_eq!(each.map(Result::unwrap).sum::<u64>(), 780);
}

pub(crate) fn quick_items_never_time_out<S: Subject>() {
    let executor = S::start(2);
    let mapped = executor.map(square, 0..1_000).timeout(Duration::from_secs(600));
    assert_eq!(
        mapped.map(Result::unwrap).sum::<u64>(),
        (0..1_000).map(square).sum::<u64>()
    );
}

pub(crate) fn a_panic_of_the_items_comes_after_the_outcomes_before_it<S: Subject>() {
    let executor = S::start(2);
    for good in [0, 1, 5, 100] {
        let items = (0..).map(|n| if n == good { panic!("in the items") } else { n });
        let mut outcomes = executor.map(square, items);
        for n in 0..good {
            assert_eq!(outcomes.next().unwrap().unwrap(), square(n));
        }
        let raised = catch_unwind(AssertUnwindSafe(|| outcomes.next().is_none()));
        assert_eq!(raised.unwrap_err().downcast_ref::<&str>(), Some(&"in the items"));
        assert!(outcomes.next().is_none());
    }
}

pub(crate) fn a_map_knows_how_many_outcomes_are_left<S: Subject>() {
    let executor = S::start(2);
    let mut outcomes = executor.options().buffer_size(3).map(square, vec![1, 2, 3, 4, 5]);
    for left in (1..=5).rev() {
        assert_eq!(outcomes.len(), left);
        assert!(outcomes.next().unwrap().is_ok());
    }
    assert_eq!((outcomes.len(), outcomes.next().is_none()), (0, true));
}

pub(crate) fn a_map_is_a_stream_too<S: Subject>() {
    let executor = S::start(2);
    let stream = executor.map(square, 0..50).into_stream();
    let values: Vec<u64> = block_on(stream.map(Result::unwrap).collect());
    assert_eq!(values, (0..50).map(square).collect::<Vec<_>>());
    let stream = executor
        .map_async(|n: u64| async move { n + 1 }, 0..50)
        .unordered()
        .into_stream();
    let values: Vec<u64> = block_on(stream.map(Result::unwrap).collect());
    assert_eq!(values.iter().sum::<u64>(), (1..=50).sum::<u64>());
}

pub(crate) fn every_item_has_a_deadline_of_its_own<S: Subject>() {
    fn endless_if_odd(n: u64) -> u64 {
        if n % 2 == 1 { until_asked_to_stop(n) } else { n }
    }
    let executor = S::start(2);
    let limit = Duration::from_millis(20);
    for (n, outcome) in (0..).zip(executor.options().timeout(limit).map(endless_if_odd, 0..4)) {
        if n % 2 == 1 {
            assert!(matches!(outcome, Err(TaskError::TimedOut(passed)) if passed == limit));
        } else {
            // Under load an item that does nothing may pass its deadline too.
            assert!(matches!(outcome, Ok(value) if value == n) || outcome.unwrap_err().is_timed_out());
        }
    }
}

pub(crate) fn a_detached_map_runs_what_it_has_pulled<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let pulled = Cell::new(0);
    let items = counted(0..10, &pulled).map(|n| (checkpoint.address(), n));
    let mut outcomes = executor.options().chunk_size(2).map(announce, items);
    assert_eq!(outcomes.next().unwrap().unwrap(), 0);
    outcomes.detach();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), (0..pulled.get()).collect::<Vec<_>>());
    // An executor that runs an item when it is asked for has pulled no other.
    assert!(executor.read_ahead() > 0 || pulled.get() == 1);
}

pub(crate) fn a_cancelled_map_ends<S: Subject>() {
    let executor = S::start(1);
    for chunk in [1, 5] {
        let mut outcomes = executor
            .options()
            .chunk_size(chunk)
            .buffer_size(20)
            .map(square, 0..);
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        outcomes.cancel();
        let left: Vec<_> = outcomes.by_ref().collect();
        assert!(left.len() <= 20, "{}", left.len());
        assert!(
            left.into_iter()
                .all(|outcome| matches!(outcome, Ok(_) | Err(TaskError::Cancelled)))
        );
        assert!(outcomes.next().is_none());
    }
}

pub(crate) fn a_map_runs_without_being_iterated<S: Subject>() {
    let executor = S::start(2);
    // A pull that takes long ends early, and on a busy machine any may take long: then once more.
    let mut taken_in_whole = false;
    for _ in 0..100 {
        let (checkpoint, pulled) = (Checkpoint::new(), Cell::new(0));
        let items = counted(0..10, &pulled).map(|n| (checkpoint.address(), n));
        let outcomes = executor.map(announce, items);
        let at_the_call = pulled.get();
        checkpoint.wait_for(usize::try_from(at_the_call).unwrap());
        assert_eq!(checkpoint.seen_sorted(), (0..at_the_call).collect::<Vec<_>>());
        assert_eq!(outcomes.map(Result::unwrap).sum::<u64>(), 45);
        taken_in_whole |= at_the_call == 10;
        if taken_in_whole {
            break;
        }
    }
    assert!(taken_in_whole);
}

pub(crate) fn dropping_a_map_cancels_what_has_not_started<S: Subject>() {
    for chunk in [1, 3, 10] {
        let executor = S::start(1);
        let checkpoint = Checkpoint::new();
        let pulled = Cell::new(0);
        let items = counted(0..10, &pulled).map(|n| (checkpoint.address(), n));
        let mut outcomes = executor.options().chunk_size(chunk).map(pass, items);
        if chunk == 1 {
            checkpoint.let_through(0);
            assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        }
        let started = checkpoint.wait_for(if chunk == 1 { 2 } else { 1 });
        drop(outcomes);
        checkpoint.open();
        executor.shutdown(Shutdown::Finish);
        assert_eq!(checkpoint.seen(), started, "chunks of {chunk}");
        let stats = executor.stats();
        assert_eq!(
            (stats.submitted, stats.cancelled),
            (pulled.get(), pulled.get() - started.len() as u64)
        );
    }
}

pub(crate) fn dropping_a_map_of_async_work_cancels_what_has_not_started<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 100));
    checkpoint.wait_for(1);
    if !S::POLLS_APART {
        drop(executor.map_async(pass_async, (0..10).map(|n| (checkpoint.address(), n))));
    }
    let deadlines = executor.options().timeout(Duration::from_secs(600));
    drop(deadlines.map(pass, (0..10).map(|n| (checkpoint.address(), n))));
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 100);
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), [100]);
}

pub(crate) fn a_map_behind_a_busy_worker_times_out_and_never_starts<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 100));
    checkpoint.wait_for(1);
    let items = (0..2).map(|n| (checkpoint.address(), n));
    let mut outcomes = executor.map(announce, items).timeout(Duration::ZERO);
    assert!(matches!(outcomes.next(), Some(Err(TaskError::WaitTimedOut))));
    assert!(outcomes.next().is_none());
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 100);
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), [100]);
}

pub(crate) fn a_map_that_times_out_yields_what_is_there_and_ends<S: Subject>() {
    for asynchronous in [false, true] {
        let executor = S::start(1);
        let checkpoint = Checkpoint::new();
        checkpoint.let_through(0);
        checkpoint.let_through(1);
        let items = (0..4).map(|n| (checkpoint.address(), n));
        let options = executor.options().chunk_size(1);
        let mut outcomes = if asynchronous {
            options.map_async(pass_async, items)
        } else {
            options.map(pass, items)
        };
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        assert_eq!(outcomes.next().unwrap().unwrap(), 1);
        let mut outcomes = outcomes.timeout(Duration::from_millis(20));
        assert!(matches!(outcomes.next(), Some(Err(TaskError::WaitTimedOut))));
        for _ in 0..3 {
            assert!(outcomes.next().is_none());
        }
    }
}

pub(crate) fn an_unordered_map_does_not_wait_for_a_slow_first_item<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    (1..6).for_each(|n| checkpoint.let_through(n));
    let items = (0..6).map(|n| (checkpoint.address(), n));
    let mut outcomes = executor.options().chunk_size(1).map(pass, items).unordered();
    let mut early: Vec<u64> = outcomes.by_ref().take(5).map(Result::unwrap).collect();
    early.sort_unstable();
    assert_eq!(early, [1, 2, 3, 4, 5]);
    let mut outcomes = outcomes.timeout(Duration::from_millis(10));
    assert!(matches!(outcomes.next(), Some(Err(TaskError::WaitTimedOut))));
    assert!(outcomes.next().is_none());
}

pub(crate) fn after_a_cancellation_the_other_items_say_cancelled<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    checkpoint.let_through(0);
    let pulled = Cell::new(0);
    let items = counted(0..6, &pulled).map(|n| (checkpoint.address(), n));
    let mut outcomes = executor.options().chunk_size(1).map(pass, items);
    assert_eq!(outcomes.next().unwrap().unwrap(), 0);
    checkpoint.wait_for(2);
    outcomes.cancel();
    checkpoint.open();
    assert_eq!(outcomes.next().unwrap().unwrap(), 1);
    for _ in 2..pulled.get() {
        assert!(matches!(outcomes.next(), Some(Err(TaskError::Cancelled))));
    }
    assert!(outcomes.next().is_none());
    assert_eq!(checkpoint.seen(), [0, 1]);
}

pub(crate) fn a_map_ends_when_its_executor_is_shut_down<S: Subject>() {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        let executor = S::start(2);
        let other = executor.clone();
        let mut outcomes = executor.map(square, 0..);
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        let shutdown = thread::spawn(move || other.shutdown(how));
        for (n, outcome) in (1..).zip(outcomes) {
            match outcome {
                Ok(value) => assert_eq!(value, square(n)),
                Err(TaskError::ShutDown) => {}
                Err(TaskError::Cancelled) => assert_ne!(how, Shutdown::Finish),
                Err(error) => panic!("{error:?}"),
            }
        }
        shutdown.join().unwrap();
    }
}
