//! A `map` whose items fail now and then is the serial map, each item tried as often as it may be.

use crate::{
    config,
    watchdog::{assert_books_are_closed, watched, within},
};
use concurrent_futures::{AnyExecutor, Backend, Executor, Map, Shutdown, TaskError, attempt};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

#[derive(Debug, Clone)]
struct Case {
    backend: Backend,
    workers: usize,
    /// How often each item fails before it succeeds.
    failures: Vec<u32>,
    retries: u32,
    pause: Duration,
    max_in_flight: Option<usize>,
    buffer_size: Option<usize>,
    asynchronous: bool,
    ordered: bool,
    /// The consumer takes so many outcomes and drops the map.
    leaves_after: Option<usize>,
}

fn case() -> impl Strategy<Value = Case> {
    let backend = prop_oneof![
        4 => Just(Backend::Threads),
        1 => Just(Backend::Inline),
        1 => Just(Backend::Checked),
    ];
    let what = (prop::collection::vec(0..5_u32, 0..60), 0..5_u32, 0..3_u64);
    let how = (
        prop::option::of(1..5_usize),
        prop::option::of(1..20_usize),
        any::<bool>(),
        any::<bool>(),
        prop::option::of(0..30_usize),
    );
    (backend, 1..=4_usize, what, how).prop_map(|(backend, workers, what, how)| {
        let (failures, retries, pause) = what;
        let (max_in_flight, buffer_size, asynchronous, ordered, leaves_after) = how;
        Case {
            backend,
            workers,
            failures,
            retries,
            pause: Duration::from_micros(pause * 20),
            max_in_flight,
            buffer_size,
            asynchronous,
            ordered,
            leaves_after,
        }
    })
}

/// The number of the case, that of the item, and how often it fails.
type Item = (u64, usize, u32);

/// How often each item was run: work that may be sent anywhere captures nothing.
static RUNS: Mutex<BTreeMap<(u64, usize), u32>> = Mutex::new(BTreeMap::new());

fn work((case, number, failures): Item) -> (usize, u32) {
    let runs = {
        let mut book = RUNS.lock().unwrap();
        let runs = book.entry((case, number)).or_default();
        *runs += 1;
        *runs
    };
    assert_eq!(runs, attempt(), "an attempt too many");
    assert!(runs > failures, "attempt {runs}");
    (number, runs)
}

fn check(
    outcomes: Vec<Result<(usize, u32), TaskError>>,
    case: &Case,
    is_whole: bool,
) -> Result<(), TestCaseError> {
    let expected = |number: usize| {
        let failures = case.failures[number];
        if failures <= case.retries {
            Ok((number, failures + 1))
        } else {
            Err(format!("attempt {}", case.retries + 1))
        }
    };
    let said = |outcome: Result<(usize, u32), TaskError>| match outcome {
        Err(TaskError::Panicked(panic)) => Err(panic.message().to_owned()),
        outcome => outcome.map_err(|error| format!("another error: {error}")),
    };
    let mut outcomes: Vec<_> = outcomes.into_iter().map(said).collect();
    if case.ordered {
        let expected: Vec<_> = (0..outcomes.len()).map(expected).collect();
        prop_assert_eq!(outcomes, expected);
    } else if is_whole {
        let mut expected: Vec<_> = (0..case.failures.len()).map(expected).collect();
        expected.sort();
        outcomes.sort();
        prop_assert_eq!(outcomes, expected);
    }
    Ok(())
}

fn run(case: &Case) -> Result<(), TestCaseError> {
    static CASES: AtomicU64 = AtomicU64::new(0);
    let number = CASES.fetch_add(1, Relaxed);
    let executor = watched(AnyExecutor::with_workers(case.backend, case.workers));
    let mut options = executor.options().retries(case.retries);
    options = options
        .backoff(case.pause, case.pause)
        .retry_if(TaskError::is_panicked);
    if let Some(bound) = case.max_in_flight {
        options = options.max_in_flight(bound);
    }
    if let Some(items) = case.buffer_size {
        options = options.buffer_size(items);
    }
    let items: Vec<Item> = (case.failures.iter().enumerate())
        .map(|(item, failures)| (number, item, *failures))
        .collect();
    let mut outcomes: Map<_, (usize, u32)> = if case.asynchronous {
        options.map_async(|item| async move { work(item) }, items)
    } else {
        options.map(work, items)
    };
    if !case.ordered {
        outcomes = outcomes.unordered();
    }
    let is_whole = case.leaves_after.is_none_or(|count| count >= case.failures.len());
    let taken: Vec<_> = match case.leaves_after {
        Some(count) => outcomes.by_ref().take(count).collect(),
        None => outcomes.by_ref().collect(),
    };
    prop_assert_eq!(
        taken.len(),
        case.leaves_after.unwrap_or(usize::MAX).min(case.failures.len())
    );
    drop(outcomes);
    check(taken, case, is_whole)?;
    executor.shutdown(Shutdown::Finish);
    assert_books_are_closed(&executor);
    let mut book = RUNS.lock().unwrap();
    for (item, failures) in case.failures.iter().enumerate() {
        let runs = book.remove(&(number, item)).unwrap_or_default();
        let most = failures.min(&case.retries) + 1;
        prop_assert!(
            runs <= most && (runs == most || !is_whole),
            "item {} ran {} times",
            item,
            runs
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_map_with_retries_is_the_serial_map(case in case()) {
        within(move || run(&case))?;
    }
}
