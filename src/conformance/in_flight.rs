//! Maps that bound how many of their items are in flight.

use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    loosely_watched,
    work::{panic_message, pass, pass_async, square, until_asked_to_stop},
};
use crate::{Executor, Map, Options, Shutdown, TaskError};
use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
    vec,
};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(5);

type Items = Vec<(Address, u64)>;
type Outcomes = Map<vec::IntoIter<(Address, u64)>, u64>;

/// How items come to the checkpoint: each way that a map has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Blocking,
    WithDeadlines,
    WithContext,
    Async,
    AsyncWithContext,
}

const EACH_WAY: [Way; 5] = [
    Way::Blocking,
    Way::WithDeadlines,
    Way::WithContext,
    Way::Async,
    Way::AsyncWithContext,
];

impl Way {
    fn map<E: Executor>(self, options: &Options<E>, items: Items) -> Outcomes {
        match self {
            Self::Blocking => options.map(pass, items),
            Self::WithDeadlines => options.options().timeout(LONG).map(pass, items),
            Self::WithContext => options
                .with(0)
                .map(|nothing: &u64, item| pass(item) + nothing, items),
            Self::Async => options.map_async(pass_async, items),
            Self::AsyncWithContext => {
                let work = |nothing: Arc<u64>, item| async move { pass_async(item).await + *nothing };
                options.with(0).map_async(work, items)
            }
        }
    }
}

fn items(checkpoint: &Checkpoint, count: u64) -> Items {
    (0..count).map(|n| (checkpoint.address(), n)).collect()
}

fn values(outcomes: Outcomes) -> Vec<u64> {
    outcomes.map(Result::unwrap).collect()
}

pub(crate) fn a_bound_of_zero_is_refused<S: Subject>() {
    let executor = S::start(1);
    let refused = catch_unwind(AssertUnwindSafe(|| drop(executor.options().max_in_flight(0)))).unwrap_err();
    assert!(
        refused
            .downcast_ref::<String>()
            .unwrap()
            .contains("max_in_flight")
    );
}

pub(crate) fn any_bound_gives_the_same<S: Subject>() {
    let executor = S::start(2);
    let expected: Vec<_> = (0..40).map(square).collect();
    for bound in [1, 2, 3, 40, usize::MAX] {
        for buffer in [1, 2, 100] {
            let options = executor.options().max_in_flight(bound).buffer_size(buffer);
            let blocking = options.chunk_size(3).map(square, 0..40);
            assert_eq!(blocking.map(Result::unwrap).collect::<Vec<_>>(), expected);
            let options = executor.options().max_in_flight(bound).buffer_size(buffer);
            let asynchronous = options.map_async(|n: u64| async move { n * n }, 0..40);
            let mut unordered: Vec<_> = asynchronous.unordered().map(Result::unwrap).collect();
            unordered.sort_unstable();
            assert_eq!(unordered, expected);
        }
    }
}

pub(crate) fn a_bound_holds_for_many_items<S: Subject>() {
    // On the caller's stack each would lie on top of the one before it, if one let the next one through.
    let count = if S::USES_THE_CALLERS_STACK { 100_000 } else { 2_000 };
    let executor = S::start(3);
    let options = executor.options().max_in_flight(2);
    let asynchronous = options.map_async(|n: u64| async move { n }, 0..count);
    assert!(asynchronous.map(Result::unwrap).eq(0..count));
    let deadlines = options.timeout(LONG).map(|n: u64| n, 0..count);
    assert!(deadlines.map(Result::unwrap).eq(0..count));
}

pub(crate) fn with_a_bound_of_one_no_item_starts_before_the_one_before_it_has_ended<S: Subject>() {
    async fn come_and_go((at, number): (Address, u64)) -> u64 {
        pass_async((at, 2 * number)).await;
        pass_async((at, 2 * number + 1)).await;
        number
    }
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    checkpoint.open();
    let options = executor.options().max_in_flight(1);
    let outcomes = options.map_async(come_and_go, items(&checkpoint, 10));
    assert_eq!(
        outcomes.map(Result::unwrap).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    assert_eq!(checkpoint.seen(), (0..20).collect::<Vec<_>>());
}

pub(crate) fn an_item_that_fails_frees_its_place<S: Subject>() {
    fn fail_if_odd(n: u64) -> u64 {
        assert!(n.is_multiple_of(2), "{n} is odd");
        n
    }
    let executor = S::start(2);
    let options = executor.options().max_in_flight(1);
    let blocking = options.map(fail_if_odd, 0..10);
    let asynchronous = options.map_async(|n: u64| async move { fail_if_odd(n) }, 0..10);
    let deadlines = options.options().timeout(LONG).map(fail_if_odd, 0..10);
    for outcomes in [blocking, deadlines] {
        check(outcomes);
    }
    check(asynchronous);

    fn check(outcomes: impl Iterator<Item = Result<u64, TaskError>>) {
        let mut ended = 0;
        for (n, outcome) in (0..).zip(outcomes) {
            ended += 1;
            if n % 2 == 0 {
                assert_eq!(outcome.unwrap(), n);
            } else {
                assert_eq!(panic_message(outcome), format!("{n} is odd"));
            }
        }
        assert_eq!(ended, 10);
    }
}

pub(crate) fn an_item_that_does_not_cross_frees_its_place<S: Subject>() {
    #[derive(serde::Deserialize)]
    struct Picky(u64);

    impl serde::Serialize for Picky {
        fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
            if self.0 % 2 == 1 {
                return Err(serde::ser::Error::custom("odd"));
            }
            self.0.serialize(serializer)
        }
    }

    let executor = S::start(2);
    let options = executor.options().max_in_flight(1);
    let outcomes = options.map_async(|picky: Picky| async move { picky.0 }, (0..10).map(Picky));
    for (n, outcome) in (0..10).zip(outcomes) {
        assert_eq!(outcome.is_err(), S::COPIES && n % 2 == 1, "{n}: {outcome:?}");
    }
    let outcomes = options.map_async(|n: u64| async move { Picky(n) }, 0..10);
    for (n, outcome) in (0..10).zip(outcomes) {
        assert_eq!(outcome.is_err(), S::COPIES && n % 2 == 1, "{n}");
    }
}

pub(crate) fn an_item_that_passes_its_deadline_frees_its_place<S: Subject>() {
    let executor = S::start(2);
    let options = executor.options().max_in_flight(1).timeout(SHORT);
    let blocking = options.map(until_asked_to_stop, 0..5);
    let asynchronous = options.map_async(|_: u64| pending::<u64>(), 0..5);
    // All of them are accepted, so a shutdown waits for each.
    executor.begin_shutdown(Shutdown::Finish);
    let pulled = blocking.size_hint().0.min(asynchronous.size_hint().0);
    let ended = blocking
        .chain(asynchronous)
        .map(Result::unwrap_err)
        .collect::<Vec<_>>();
    assert!(ended.iter().all(TaskError::is_timed_out), "{ended:?}");
    assert!(executor.read_ahead() == 0 || ended.len() == 10 && pulled == 5);
}

pub(crate) fn a_detached_map_with_a_bound_runs_what_it_has_pulled<S: Subject>() {
    for way in EACH_WAY {
        let executor = S::start(3);
        let checkpoint = Checkpoint::new();
        checkpoint.let_through(0);
        let mut outcomes = way.map(
            &executor.options().max_in_flight(2).chunk_size(1),
            items(&checkpoint, 10),
        );
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        outcomes.detach();
        executor.begin_shutdown(Shutdown::Finish);
        checkpoint.open();
        executor.shutdown(Shutdown::Finish);
        let expected = if executor.read_ahead() == 0 { 1 } else { 10 };
        assert_eq!(
            checkpoint.seen_sorted(),
            (0..expected).collect::<Vec<_>>(),
            "{way:?}"
        );
    }
}

/// Whoever would start too many has started them when this returns: they came first.
fn let_others_start<E: Executor>(executor: &E) {
    executor.submit(square, 1).result().unwrap();
}

pub(crate) fn as_many_items_are_in_flight_as_the_bound_says_and_never_more<S: Subject>() {
    for way in EACH_WAY {
        let executor = S::start(4);
        let checkpoint = Checkpoint::new();
        let options = executor.options().max_in_flight(2).chunk_size(1);
        let outcomes = way.map(&options, items(&checkpoint, 20));
        for released in 0..18 {
            checkpoint.wait_for(released + 2);
            let_others_start(&executor);
            let seen = checkpoint.seen();
            assert_eq!(seen.len(), released + 2, "{way:?}: {seen:?}");
            checkpoint.let_through(seen[released]);
        }
        checkpoint.open();
        assert_eq!(values(outcomes), (0..20).collect::<Vec<_>>());
    }
}

pub(crate) fn more_items_may_be_in_flight_than_there_are_workers<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let outcomes = Way::Async.map(&executor.options().max_in_flight(5), items(&checkpoint, 8));
    checkpoint.wait_for(5);
    let_others_start(&executor);
    assert_eq!(checkpoint.seen_sorted(), [0, 1, 2, 3, 4]);
    checkpoint.open();
    assert_eq!(values(outcomes), (0..8).collect::<Vec<_>>());
    // Without deadlines such a bound holds for calls by itself.
    let blocking = executor.options().max_in_flight(5).map(square, 0..100);
    assert!(blocking.map(Result::unwrap).eq((0..100).map(square)));
}

pub(crate) fn items_wait_for_a_place_and_not_for_the_consumer<S: Subject>() {
    for way in EACH_WAY {
        let executor = S::start(3);
        let checkpoint = Checkpoint::new();
        checkpoint.open();
        let outcomes = way.map(&executor.options().max_in_flight(2), items(&checkpoint, 10));
        checkpoint.wait_for(10);
        assert_eq!(values(outcomes), (0..10).collect::<Vec<_>>());
    }
}

pub(crate) fn two_maps_have_a_bound_each<S: Subject>() {
    let executor = S::start(4);
    let (one, other) = (Checkpoint::new(), Checkpoint::new());
    let options = executor.options().max_in_flight(1);
    let outcomes = [&one, &other].map(|checkpoint| Way::Async.map(&options, items(checkpoint, 3)));
    one.wait_for(1);
    other.wait_for(1);
    let_others_start(&executor);
    assert_eq!((one.seen(), other.seen()), (vec![0], vec![0]));
    one.open();
    other.open();
    for outcomes in outcomes {
        assert_eq!(values(outcomes), [0, 1, 2]);
    }
}

pub(crate) fn an_unordered_map_with_a_bound_goes_on_past_a_slow_item<S: Subject>() {
    let executor = S::start(3);
    let checkpoint = Checkpoint::new();
    (1..6).for_each(|n| checkpoint.let_through(n));
    let options = executor.options().max_in_flight(2);
    let mut outcomes = Way::WithDeadlines
        .map(&options, items(&checkpoint, 6))
        .unordered();
    let mut early: Vec<u64> = outcomes.by_ref().take(5).map(Result::unwrap).collect();
    early.sort_unstable();
    assert_eq!(early, [1, 2, 3, 4, 5]);
    checkpoint.open();
    assert_eq!(values(outcomes), [0]);
}

pub(crate) fn what_waits_for_a_place_is_cancelled_with_its_map<S: Subject>() {
    for way in EACH_WAY {
        for dropped in [true, false] {
            let executor = S::start(3);
            let checkpoint = Checkpoint::new();
            let options = executor.options().max_in_flight(2).chunk_size(1);
            let mut outcomes = way.map(&options, items(&checkpoint, 10));
            let started = checkpoint.wait_for(2);
            if dropped {
                drop(outcomes);
                checkpoint.open();
            } else {
                outcomes.cancel();
                checkpoint.open();
                for n in 0..10 {
                    match outcomes.next().unwrap() {
                        Ok(value) => assert!(started.contains(&value) && value == n),
                        Err(error) => assert!(error.is_cancelled() && !started.contains(&n)),
                    }
                }
                assert!(outcomes.next().is_none());
            }
            executor.shutdown(Shutdown::Finish);
            assert_eq!(checkpoint.seen(), started, "{way:?}");
            let stats = executor.stats();
            assert_eq!((stats.submitted, stats.cancelled), (10, 8), "{way:?}");
        }
    }
}

pub(crate) fn a_shutdown_that_finishes_runs_what_waits_for_a_place<S: Subject>() {
    for way in EACH_WAY {
        let executor = S::start(3);
        let checkpoint = Checkpoint::new();
        let outcomes = way.map(&executor.options().max_in_flight(2), items(&checkpoint, 20));
        checkpoint.wait_for(2);
        executor.begin_shutdown(Shutdown::Finish);
        checkpoint.open();
        executor.shutdown(Shutdown::Finish);
        assert_eq!(values(outcomes), (0..20).collect::<Vec<_>>(), "{way:?}");
    }
}

pub(crate) fn a_shutdown_that_cancels_gives_up_what_waits_for_a_place<S: Subject>() {
    for way in EACH_WAY {
        for how in [Shutdown::Cancel, Shutdown::Kill] {
            let executor = S::start(3);
            let checkpoint = Checkpoint::new();
            let options = executor.options().max_in_flight(2).chunk_size(1);
            let outcomes = way.map(&options, items(&checkpoint, 20));
            let started = checkpoint.wait_for(2);
            executor.begin_shutdown(how);
            checkpoint.open();
            executor.shutdown(how);
            let mut ended = 0;
            for (n, outcome) in (0..).zip(outcomes) {
                ended += 1;
                match outcome {
                    Ok(value) => assert!(value == n && started.contains(&n)),
                    Err(TaskError::Cancelled) => assert!(how == Shutdown::Kill || !started.contains(&n)),
                    Err(error) => panic!("{way:?}: {error:?}"),
                }
            }
            assert_eq!((ended, checkpoint.seen()), (20, started), "{way:?}");
        }
    }
}

pub(crate) fn a_long_line_that_is_given_up_needs_no_stack<S: Subject>() {
    for how in [Some(Shutdown::Cancel), None] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let options = executor.options().max_in_flight(1);
        let outcomes = Way::Async.map(&options, items(&checkpoint, 30_000));
        checkpoint.wait_for(1);
        let pulled = outcomes.size_hint().0;
        match how {
            Some(how) => {
                executor.begin_shutdown(how);
                checkpoint.open();
                let ended = outcomes.map(|outcome| outcome.is_ok()).collect::<Vec<_>>();
                assert!(ended.len() == pulled && ended[0] && !ended[1..].contains(&true));
            }
            None => drop(outcomes),
        }
        checkpoint.open();
        executor.shutdown(Shutdown::Finish);
        assert_eq!(checkpoint.seen(), [0]);
    }
}

pub(crate) fn dropping_the_last_handle_runs_what_waits_for_a_place<S: Subject>() {
    for way in EACH_WAY {
        let executor = loosely_watched(S::make(3));
        let checkpoint = Checkpoint::new();
        checkpoint.open();
        way.map(&executor.options().max_in_flight(2), items(&checkpoint, 20))
            .detach();
        drop(executor);
        assert_eq!(checkpoint.seen_sorted(), (0..20).collect::<Vec<_>>(), "{way:?}");
    }
}

pub(crate) fn cancelling_and_shutting_down_a_map_with_a_bound_hangs_nowhere<S: Subject>() {
    for round in 0..40 {
        let executor = S::start(2);
        let how = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill][round % 3];
        let mut outcomes = executor
            .options()
            .max_in_flight(1 + round % 2)
            .map_async(|n: u64| async move { n }, 0..200);
        let other = executor.clone();
        let shutdown = thread::spawn(move || other.shutdown(how));
        if round % 4 == 0 {
            outcomes.cancel();
        }
        for (n, outcome) in (0..).zip(outcomes) {
            match outcome {
                Ok(value) => assert_eq!(value, n),
                Err(TaskError::ShutDown) => {}
                Err(TaskError::Cancelled) => assert!(how != Shutdown::Finish || round % 4 == 0),
                Err(error) => panic!("{error:?}"),
            }
        }
        shutdown.join().unwrap();
    }
}
