//! The verbs that take work which captures, on every backend that has them.

use super::within;
use concurrent_futures::{Inline, TaskError, ThreadPool};
use std::{
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// Not to be sent to another process by any means.
struct Local(Box<dyn Fn(u64) -> u64 + Send>);

fn local(work: impl Fn(u64) -> u64 + Send + 'static) -> Local {
    Local(Box::new(work))
}

macro_rules! capturing {
    ($backend:ident, $make:expr) => {
        mod $backend {
            use super::*;

            #[test]
            fn every_verb_takes_work_that_captures() {
                within(|| {
                    let executor = $make;
                    let sum = Arc::new(AtomicU64::new(0));
                    let add = |n: u64| {
                        let sum = sum.clone();
                        move || {
                            sum.fetch_add(n, Ordering::Relaxed);
                            n
                        }
                    };
                    let (one, two, four) = (add(1), add(2), add(4));
                    assert_eq!(executor.spawn(add(3)).result().unwrap(), 3);
                    assert_eq!(
                        executor
                            .submit(move |n: u64| n + one(), 1)
                            .result()
                            .unwrap(),
                        2
                    );
                    assert_eq!(
                        executor.spawn_async(async move { two() }).result().unwrap(),
                        2
                    );
                    let asynchronous = executor.submit_async(|n: u64| async move { n + four() }, 1);
                    assert_eq!(asynchronous.result().unwrap(), 5);
                    let (five, six) = (add(5), Arc::new(add(6)));
                    assert_eq!(
                        executor
                            .map(move |n: u64| n * five(), 0..3)
                            .flatten()
                            .sum::<u64>(),
                        15
                    );
                    let mapped = executor.map_async(
                        move |n: u64| {
                            let six = six.clone();
                            async move { n * six() }
                        },
                        0..3,
                    );
                    assert_eq!(mapped.flatten().sum::<u64>(), 18);
                    assert_eq!(sum.load(Ordering::Relaxed), 3 + 1 + 2 + 4 + 3 * 5 + 3 * 6);
                });
            }

            #[test]
            fn options_contexts_and_groups_take_work_that_captures() {
                within(|| {
                    let executor = $make;
                    let with = executor.with(Mutex::new(Vec::new()));
                    let offset = 10;
                    let pushed = with.map(
                        move |log, n: u64| log.lock().unwrap().push(n + offset),
                        0..3,
                    );
                    assert_eq!(pushed.filter(Result::is_ok).count(), 3);
                    let push = move |log: Arc<Mutex<Vec<u64>>>, n: u64| async move {
                        log.lock().unwrap().push(n + offset);
                    };
                    with.submit_async(push, 3).result().unwrap();
                    let log = with.submit(|log, ()| log.lock().unwrap().clone(), ());
                    let mut seen = log.result().unwrap();
                    seen.sort_unstable();
                    assert_eq!(seen, [10, 11, 12, 13]);

                    let named = executor.options().name("captures");
                    let future = named.spawn(move || offset);
                    assert_eq!(future.name(), Some("captures"));
                    assert_eq!(future.result().unwrap(), 10);
                    let group = named.group();
                    group.spawn(move || offset);
                    group.submit(move |n| n + offset, 1);
                    group.spawn_async(async move { offset + 2 });
                    group.submit_async(move |n| async move { n + offset }, 3);
                    assert_eq!(group.join().unwrap(), [10, 11, 12, 13]);
                });
            }

            #[test]
            fn arguments_and_results_need_no_serde() {
                within(|| {
                    let executor = $make;
                    let value = executor.submit(|local: Local| (local.0)(41), local(|n| n + 1));
                    assert_eq!(value.result().unwrap(), 42);
                    let made = executor.spawn(|| local(|n| n * 2));
                    assert_eq!((made.result().unwrap().0)(4), 8);
                    let words = executor.map(|word: &'static str| Some(word), ["a", "b"]);
                    assert_eq!(words.flatten().collect::<Vec<_>>(), [Some("a"), Some("b")]);
                });
            }

            #[test]
            fn the_payload_of_a_panic_can_be_taken_once() {
                within(|| {
                    let executor = $make;
                    let odd = executor.spawn(|| -> u8 { std::panic::panic_any(vec![1_u8, 2]) });
                    let Err(TaskError::Panicked(panic)) = odd.result() else {
                        panic!("another outcome")
                    };
                    let payload = panic.take_payload().unwrap();
                    assert_eq!(*payload.downcast::<Vec<u8>>().unwrap(), [1, 2]);
                    assert!(panic.take_payload().is_none() && panic.clone().take_payload().is_none());
                });
            }

            #[test]
            fn what_precedes_a_submission_is_visible_and_so_is_what_the_task_did() {
                within(|| {
                    let executor = $make;
                    let cell = Arc::new(AtomicU64::new(0));
                    for round in 0..500 {
                        cell.store(round, Ordering::Relaxed);
                        let there = cell.clone();
                        let task = executor.spawn(move || {
                            let seen = there.load(Ordering::Relaxed);
                            there.store(seen + 1_000, Ordering::Relaxed);
                            seen
                        });
                        assert_eq!(task.result().unwrap(), round);
                        assert_eq!(cell.load(Ordering::Relaxed), round + 1_000);
                    }
                });
            }

            #[test]
            fn items_are_pulled_on_the_calling_thread() {
                within(|| {
                    let executor = $make;
                    let here = std::thread::current().id();
                    let pulls = Rc::new(std::cell::Cell::new(0));
                    let counted = pulls.clone();
                    let items = (0..100).inspect(move |_| {
                        assert_eq!(std::thread::current().id(), here);
                        counted.set(counted.get() + 1);
                    });
                    assert_eq!(executor.map(|n: u32| n, items).flatten().sum::<u32>(), 4950);
                    assert_eq!(pulls.get(), 100);
                });
            }
        }
    };
}

capturing!(threads, ThreadPool::with_workers(2));
capturing!(inline, Inline::new());
