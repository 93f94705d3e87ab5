//! A `map` on any backend is the serial map.

use crate::{
    config,
    watchdog::{assert_books_are_closed, watched, within},
};
use concurrent_futures::{AnyExecutor, Backend, Executor, Shutdown, TaskError};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Case {
    backend: Backend,
    workers: usize,
    /// Those that are divisible by `panics_at` panic.
    items: Vec<u32>,
    panics_at: Option<u32>,
    chunk_size: Option<usize>,
    buffer_size: Option<usize>,
    max_in_flight: Option<usize>,
    /// One task per item.
    asynchronous: bool,
    ordered: bool,
    leave: Leave,
}

/// How the consumer leaves the map.
#[derive(Debug, Clone, Copy)]
enum Leave {
    AtTheEnd,
    DropAfter(usize),
    CancelAfter(usize),
    DetachAfter(usize),
}

fn case() -> impl Strategy<Value = Case> {
    let backend = prop_oneof![
        4 => Just(Backend::Threads),
        1 => Just(Backend::Inline),
        1 => Just(Backend::Checked),
    ];
    let leave = prop_oneof![
        3 => Just(Leave::AtTheEnd),
        1 => (0..50_usize).prop_map(Leave::DropAfter),
        1 => (0..50_usize).prop_map(Leave::CancelAfter),
        1 => (0..50_usize).prop_map(Leave::DetachAfter),
    ];
    let how = (
        prop::option::of(2..20_u32),
        prop::option::of(1..40_usize),
        prop::option::of(1..40_usize),
        prop::option::of(1..6_usize),
        any::<bool>(),
        any::<bool>(),
    );
    (
        backend,
        1..=4_usize,
        prop::collection::vec(0..100_u32, 0..120),
        how,
        leave,
    )
        .prop_map(
            |(
                backend,
                workers,
                items,
                (panics_at, chunk_size, buffer_size, max_in_flight, asynchronous, ordered),
                leave,
            )| Case {
                backend,
                workers,
                items,
                panics_at,
                chunk_size,
                buffer_size,
                max_in_flight,
                asynchronous,
                ordered,
                leave,
            },
        )
}

type Item = (usize, u32, bool);

fn work((place, value, panics): Item) -> (usize, u64) {
    assert!(!panics, "item {place}");
    (place, u64::from(value) * 3)
}

async fn work_async(item: Item) -> (usize, u64) {
    work(item)
}

/// The place of an item whose outcome is not a cancellation, after a look at whether it is the serial one.
fn check(items: &[Item], outcome: Result<(usize, u64), TaskError>) -> Option<usize> {
    match outcome {
        Ok((place, value)) => {
            let (_, item, panics) = items[place];
            assert_eq!((value, panics), (u64::from(item) * 3, false));
            Some(place)
        }
        Err(TaskError::Panicked(panic)) => {
            let place: usize = panic.message().strip_prefix("item ").unwrap().parse().unwrap();
            assert!(items[place].2);
            Some(place)
        }
        Err(TaskError::Cancelled) => None,
        Err(error) => panic!("{error:?}"),
    }
}

fn run(case: &Case) {
    let executor = watched(AnyExecutor::with_workers(case.backend, case.workers));
    let panics = |item: u32| case.panics_at.is_some_and(|at| item.is_multiple_of(at));
    let items: Vec<Item> = case
        .items
        .iter()
        .enumerate()
        .map(|(place, item)| (place, *item, panics(*item)))
        .collect();
    let mut options = executor.options();
    if let Some(size) = case.chunk_size {
        options = options.chunk_size(size);
    }
    if let Some(size) = case.buffer_size {
        options = options.buffer_size(size);
    }
    if let Some(bound) = case.max_in_flight {
        options = options.max_in_flight(bound);
    }
    let mut outcomes = if case.asynchronous {
        options.map_async(work_async, items.clone())
    } else {
        options.map(work, items.clone())
    };
    if !case.ordered {
        outcomes = outcomes.unordered();
    }
    let take = match case.leave {
        Leave::AtTheEnd => usize::MAX,
        Leave::DropAfter(count) | Leave::CancelAfter(count) | Leave::DetachAfter(count) => count,
    };
    let mut seen: Vec<usize> = outcomes
        .by_ref()
        .take(take)
        .filter_map(|outcome| check(&items, outcome))
        .collect();
    assert_eq!(
        seen.len(),
        take.min(items.len()),
        "an item was cancelled although nobody asked"
    );
    if case.ordered {
        assert!(seen.iter().copied().eq(0..seen.len()), "{seen:?}");
    }
    match case.leave {
        Leave::AtTheEnd => assert!(outcomes.next().is_none()),
        Leave::DropAfter(_) => drop(outcomes),
        Leave::DetachAfter(_) => outcomes.detach(),
        Leave::CancelAfter(_) => {
            outcomes.cancel();
            for outcome in outcomes.by_ref() {
                seen.extend(check(&items, outcome));
            }
            assert!(outcomes.next().is_none());
        }
    }
    executor.shutdown(Shutdown::Finish);
    seen.sort_unstable();
    seen.dedup();
    let stats = executor.stats();
    assert!(seen.len() as u64 <= stats.succeeded + stats.failed, "{stats:?}");
    if matches!(case.leave, Leave::AtTheEnd) {
        assert_eq!(seen.len(), items.len());
        assert_eq!(stats.failed, items.iter().filter(|item| item.2).count() as u64);
    }
    if matches!(case.leave, Leave::AtTheEnd | Leave::DetachAfter(_)) {
        assert_eq!(stats.cancelled, 0);
    }
    assert_books_are_closed(&executor);
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn any_map_on_any_backend_is_the_serial_map(case in case()) {
        within(move || run(&case));
    }
}
