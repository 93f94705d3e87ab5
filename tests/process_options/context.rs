//! `with`: a context is encoded once, sent to each worker once, and decoded there once.

use super::{
    abort, build,
    checkpoint::{Address, Checkpoint},
    death, within,
};
use concurrent_futures::{Executor, ProcessPool, TaskError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::{BTreeMap, BTreeSet},
    process,
    sync::{Arc, Mutex},
    thread,
};

/// Counts how often each key was met in this process.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<u64, u64>>);

impl Counts {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn count(&self, key: u64) {
        *self.0.lock().unwrap().entry(key).or_default() += 1;
    }

    fn of(&self, key: u64) -> u64 {
        self.0.lock().unwrap().get(&key).copied().unwrap_or(0)
    }
}

static ENCODED: Counts = Counts::new();
static DECODED: Counts = Counts::new();

/// A context that counts its crossings. The key tells the tests from each other, which share this process.
#[derive(Debug)]
struct Counted {
    key: u64,
    load: Vec<u8>,
}

impl Counted {
    fn new(key: u64) -> Self {
        Self {
            key,
            load: b"load".to_vec(),
        }
    }
}

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ENCODED.count(self.key);
        (self.key, &self.load).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (key, load) = Deserialize::deserialize(deserializer)?;
        DECODED.count(key);
        Ok(Self { key, load })
    }
}

/// Which worker, how often it has decoded the context, and the argument.
type Seen = (u32, u64, u64);

fn look(context: &Counted, n: u64) -> Seen {
    assert_eq!(context.load, b"load");
    (process::id(), DECODED.of(context.key), n)
}

async fn look_async(context: Arc<Counted>, n: u64) -> Seen {
    look(&context, n)
}

fn pass(_: &Counted, (at, n): (Address, u64)) -> u32 {
    at.pass(n);
    process::id()
}

#[test]
fn a_context_is_encoded_once_and_decoded_once_by_each_worker() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(3));
        let with = pool.with(Counted::new(1));
        assert_eq!(ENCODED.of(1), 0);
        let mut seen = Vec::new();
        let futures: Vec<_> = (0..1_000).map(|n| with.submit(look, n)).collect();
        seen.extend(futures.into_iter().map(|future| future.result().unwrap()));
        seen.extend(with.map(look, 0..10_000).map(Result::unwrap));
        let futures: Vec<_> = (0..100).map(|n| with.submit_async(look_async, n)).collect();
        seen.extend(futures.into_iter().map(|future| future.result().unwrap()));
        seen.extend(with.map_async(look_async, 0..100).map(Result::unwrap));
        let numbers = (0..1_000).chain(0..10_000).chain(0..100).chain(0..100);
        assert!(seen.iter().map(|(.., n)| *n).eq(numbers));
        let crossings: BTreeSet<(u32, u64)> = seen.iter().map(|(pid, decoded, _)| (*pid, *decoded)).collect();
        assert!(
            crossings.iter().all(|(_, decoded)| *decoded == 1),
            "{crossings:?}"
        );
        assert!(crossings.len() <= 3, "{crossings:?}");
        assert_eq!((ENCODED.of(1), DECODED.of(1)), (1, 0));
    });
}

#[test]
fn every_worker_that_needs_it_is_sent_it() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(3));
        let with = pool.with(Counted::new(2));
        let tasks: Vec<_> = (0..3)
            .map(|n| with.submit(pass, (checkpoint.address(), n)))
            .collect();
        checkpoint.wait_for(3);
        checkpoint.open();
        let pids: BTreeSet<u32> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        assert_eq!((pids.len(), ENCODED.of(2)), (3, 1));
    });
}

#[test]
fn many_threads_that_use_it_first_encode_it_once() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        let with = pool.with(Counted::new(3));
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let with = with.clone();
                thread::spawn(move || with.submit(look, n).result().unwrap().2)
            })
            .collect();
        assert!(threads.into_iter().map(|thread| thread.join().unwrap()).eq(0..8));
        assert_eq!(ENCODED.of(3), 1);
    });
}

#[test]
fn a_worker_that_replaces_another_is_sent_it_again() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        let with = pool.with(Counted::new(4));
        let (first, ..) = with.submit(look, 0).result().unwrap();
        assert_eq!(death(pool.submit(abort, 0).result()).pid(), first);
        let (second, decoded, _) = with.submit(look, 0).result().unwrap();
        assert!(second != first && decoded == 1);

        let pool = build(ProcessPool::builder().workers(2).max_tasks_per_worker(1));
        let with = pool.with(Counted::new(5));
        let seen: Vec<Seen> = with.map(look, 0..10).map(Result::unwrap).collect();
        let pids: BTreeSet<u32> = seen.iter().map(|(pid, ..)| *pid).collect();
        assert_eq!(pids.len(), 10);
        assert!(seen.iter().all(|(_, decoded, _)| *decoded == 1));
        assert_eq!((ENCODED.of(4), ENCODED.of(5)), (1, 1));
    });
}

#[test]
fn contexts_of_different_types_and_values_do_not_mix() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        let words = pool.with("words".to_owned());
        let numbers = pool.with(vec![1_u64, 2, 3]);
        let others = pool.with(vec![10_u64, 20, 30]);
        let tasks: Vec<_> = (0..100_usize)
            .map(|n| {
                (
                    words.submit(|word: &String, n: usize| word.as_bytes()[n % 5], n),
                    numbers.submit(|numbers: &Vec<u64>, n: usize| numbers[n % 3], n),
                    others.submit(|numbers: &Vec<u64>, n: usize| numbers[n % 3], n),
                )
            })
            .collect();
        for (n, (word, number, other)) in tasks.into_iter().enumerate() {
            assert_eq!(word.result().unwrap(), b"words"[n % 5]);
            assert_eq!(number.result().unwrap(), [1, 2, 3][n % 3]);
            assert_eq!(other.result().unwrap(), [10, 20, 30][n % 3]);
        }
    });
}

#[test]
fn a_context_without_any_bytes_is_one() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        let values = pool.with(()).map(|(): &(), n: u64| n, 0..10).map(Result::unwrap);
        assert!(values.eq(0..10));
    });
}

#[test]
fn a_context_may_be_large() {
    within(|| {
        const LARGE: usize = 20 << 20;
        let pool = build(ProcessPool::builder().workers(2));
        let mut load = vec![3_u8; LARGE];
        load[LARGE - 1] = 9;
        let with = pool.with(Counted { key: 6, load });
        let ends = |context: &Counted, at: usize| (context.load.len(), context.load[at % context.load.len()]);
        let tasks: Vec<_> = (0..10).map(|_| with.submit(ends, LARGE - 1)).collect();
        for task in tasks {
            assert_eq!(task.result().unwrap(), (LARGE, 9));
        }
        assert!(
            with.map(ends, 0..100)
                .all(|outcome| outcome.unwrap() == (LARGE, 3))
        );
        assert_eq!(ENCODED.of(6), 1);
    });
}

/// A context that goes wrong on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Faulty {
    Encode,
    EncodePanics,
    Decode,
    DecodePanics,
}

impl Serialize for Faulty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Encode => Err(serde::ser::Error::custom("too heavy")),
            Self::EncodePanics => panic!("fell from the cart"),
            Self::Decode => false.serialize(serializer),
            Self::DecodePanics => true.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Faulty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let panics = bool::deserialize(deserializer)?;
        assert!(!panics, "fell from the cart");
        Err(serde::de::Error::custom("does not fit through the door"))
    }
}

/// The outcomes of every verb with this context.
fn every_verb(pool: &ProcessPool, context: Faulty) -> Vec<TaskError> {
    let with = pool.with(context);
    let work = |_: &Faulty, n: u64| n;
    let work_async = |_: Arc<Faulty>, n: u64| async move { n };
    let mut outcomes: Vec<_> = (0..3)
        .map(|n| with.submit(work, n))
        .map(|task| task.result())
        .collect();
    outcomes.extend(with.map(work, 0..5));
    outcomes.push(with.submit_async(work_async, 0).result());
    outcomes.extend(with.map_async(work_async, 0..5));
    assert_eq!(outcomes.len(), 14);
    outcomes.into_iter().map(|outcome| outcome.unwrap_err()).collect()
}

#[test]
fn a_context_that_cannot_be_encoded_fails_each_task() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        for error in every_verb(&pool, Faulty::Encode) {
            let TaskError::Encode(reason) = &error else {
                panic!("{error:?}")
            };
            assert_eq!(reason.what(), "the context");
            assert!(reason.reason().contains("too heavy"), "{error}");
        }
        for error in every_verb(&pool, Faulty::EncodePanics) {
            assert!(error.is_panicked(), "{error:?}");
            assert!(error.to_string().contains("fell from the cart"), "{error}");
        }
        assert!(pool.map(|n: u64| n, 0..10).map(Result::unwrap).eq(0..10));
    });
}

#[test]
fn a_context_that_cannot_be_decoded_fails_each_task() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        for error in every_verb(&pool, Faulty::Decode) {
            let TaskError::Decode(reason) = &error else {
                panic!("{error:?}")
            };
            assert_eq!(reason.what(), "the context");
            assert!(
                reason.reason().contains("does not fit through the door"),
                "{error}"
            );
        }
        for error in every_verb(&pool, Faulty::DecodePanics) {
            assert!(error.is_panicked(), "{error:?}");
            assert!(error.to_string().contains("fell from the cart"), "{error}");
        }
        assert!(pool.map(|n: u64| n, 0..10).map(Result::unwrap).eq(0..10));
        assert_eq!(pool.stats().workers_restarted, 0);
    });
}
