//! `with_state`: what each worker keeps from one task to the next, on threads, in processes and beside a runtime.

#[cfg(unix)]
mod processes;
mod threads;

use concurrent_futures::{Executor, TaskError, cancel_requested};
use std::{collections::BTreeMap, process, thread};

/// A state that says where it was made, and counts its uses.
struct Counter {
    made: String,
    uses: u64,
}

/// Names the worker that this is called on.
fn worker() -> String {
    format!("{}/{:?}", process::id(), thread::current().id())
}

fn make() -> Counter {
    Counter {
        made: worker(),
        uses: 0,
    }
}

/// Where the state was made, where it is used, and how often it has been.
fn count(counter: &mut Counter, _: u64) -> (String, String, u64) {
    counter.uses += 1;
    (counter.made.clone(), worker(), counter.uses)
}

/// Every worker makes one state, where it works, and keeps it.
fn each_worker_has_a_state_of_its_own<E: Executor>(executor: &E, workers: usize) {
    let counters = executor.with_state(make);
    let mut uses = BTreeMap::<String, Vec<u64>>::new();
    for outcome in counters.map(count, 0..200) {
        let (made, here, number) = outcome.unwrap();
        assert_eq!(made, here);
        uses.entry(made).or_default().push(number);
    }
    assert!((1..=workers).contains(&uses.len()), "{uses:?}");
    for mut numbers in uses.into_values() {
        numbers.sort_unstable();
        assert!(
            numbers.iter().copied().eq(1..=numbers.len() as u64),
            "{numbers:?}"
        );
    }
    // Another call, another state; the same options, the same.
    let others = executor.with_state(make);
    assert!((0..20).any(|n| others.submit(count, n).result().unwrap().2 == 1));
    assert!((0..20).any(|n| counters.clone().submit(count, n).result().unwrap().2 > 1));
}

fn panic_at_two(counter: &mut Counter, n: u64) -> u64 {
    counter.uses += 1;
    assert!(n != 2, "half done");
    counter.uses
}

/// On one worker: after a panic the state is made anew.
fn a_panic_costs_the_state<E: Executor>(executor: &E) {
    let counters = executor.with_state(make);
    let uses = (0..5).map(|n| counters.submit(panic_at_two, n).result().ok());
    assert_eq!(
        uses.collect::<Vec<_>>(),
        [Some(1), Some(2), None, Some(1), Some(2)]
    );
}

fn cannot() -> u64 {
    panic!("no connection")
}

/// A state that cannot be made fails the tasks that need it, and those only.
fn a_panic_of_the_initializer_is_the_outcome<E: Executor>(executor: &E) {
    let broken = executor.with_state(cannot);
    for _ in 0..3 {
        let outcome = broken.submit(|state: &mut u64, ()| *state, ()).result();
        let Err(TaskError::Panicked(panic)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(panic.message(), "no connection");
    }
    assert_eq!(executor.submit(|n: u64| n, 7).result().unwrap(), 7);
}

/// The initializer takes the context, options apply, and groups have states too.
fn it_combines_with_all_else<E: Executor>(executor: &E) {
    let sums = executor
        .with(vec![1u64, 2, 3])
        .with_state(|context| context.iter().sum::<u64>());
    let add = |sum: &mut u64, n: u64| *sum + n;
    assert_eq!(sums.submit(add, 10).result().unwrap(), 16);
    let named = executor
        .options()
        .name("adding")
        .retries(1)
        .with(5u64)
        .with_state(|first| *first);
    let future = named.submit(add, 1);
    assert_eq!(future.name(), Some("adding"));
    assert_eq!(future.result().unwrap(), 6);
    let group = sums.group();
    (0..4).for_each(|n| group.submit(add, n));
    assert_eq!(group.join().unwrap(), [6, 7, 8, 9]);
    let outcomes: Result<Vec<u64>, _> = sums
        .map(
            |sum, n: u64| {
                *sum += 1;
                n
            },
            0..50,
        )
        .collect();
    assert_eq!(outcomes.unwrap(), (0..50).collect::<Vec<_>>());
    let sees_requests = executor.with_state(|| ()).submit(|(), ()| cancel_requested(), ());
    assert!(!sees_requests.result().unwrap());
}
