//! What a builder refuses.

use super::{pid, within};
use concurrent_futures::{BuildError, Executor, ProcessPool, TaskError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::panic::catch_unwind;

/// Cannot be encoded.
struct Stays {
    panics: bool,
}

impl Serialize for Stays {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        assert!(!self.panics, "stays with a bang");
        Err(serde::ser::Error::custom("stays here"))
    }
}

impl<'de> Deserialize<'de> for Stays {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self { panics: false })
    }
}

#[test]
fn no_workers_are_refused() {
    let refused = ProcessPool::builder().workers(0).build();
    assert!(matches!(refused, Err(BuildError::NoWorkers)));
    assert!(catch_unwind(|| ProcessPool::with_workers(0)).is_err());
}

#[test]
fn no_room_is_refused() {
    let refused = ProcessPool::builder().max_pending(0).build();
    assert!(matches!(refused, Err(BuildError::NoRoom)));
}

#[test]
fn no_and_too_many_futures_are_refused() {
    for futures in [0, 901] {
        let refused = ProcessPool::builder().async_concurrency(futures).build();
        assert!(matches!(refused, Err(BuildError::AsyncConcurrency(n)) if n == futures));
    }
}

#[test]
fn an_initializer_that_cannot_be_sent_is_refused() {
    let build = |panics| {
        ProcessPool::builder()
            .initializer(|_: Stays| (), Stays { panics })
            .build()
    };
    let refused = build(false).unwrap_err();
    assert!(
        matches!(&refused, BuildError::Initializer(TaskError::Encode(_))),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("stays here"), "{refused}");
    let refused = build(true).unwrap_err();
    assert!(
        matches!(&refused, BuildError::Initializer(TaskError::Panicked(_))),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("stays with a bang"), "{refused}");
}

#[test]
fn the_number_of_workers_is_that_of_the_cpus_unless_told_otherwise() {
    within(|| {
        assert_eq!(ProcessPool::new().workers(), num_cpus::get());
        let pool = ProcessPool::builder().workers(7).build().unwrap();
        assert_eq!(pool.workers(), 7);
        assert_eq!(
            pool.submit(pid, 0).result().is_ok(),
            pool.worker_pids().len() == 1
        );
    });
}
