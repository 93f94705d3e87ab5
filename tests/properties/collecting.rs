//! `wait` and `as_completed` against sets.

use crate::{
    Gate, config,
    watchdog::{watched, within},
};
use concurrent_futures::{NextCompleted, ReturnWhen, TaskFuture, TaskId, ThreadPool, as_completed, wait};
use proptest::prelude::*;
use std::{collections::BTreeSet, time::Duration};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Member {
    Value,
    Panic,
    Cancelled,
    /// Ends after the gate is opened.
    Blocked,
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![
        Just(Member::Value),
        Just(Member::Panic),
        Just(Member::Cancelled),
        Just(Member::Blocked)
    ]
}

fn when() -> impl Strategy<Value = ReturnWhen> {
    prop_oneof![
        Just(ReturnWhen::FirstCompleted),
        Just(ReturnWhen::FirstFailure),
        Just(ReturnWhen::AllCompleted)
    ]
}

/// Members that are as they are called, in this order.
struct Members {
    futures: Vec<TaskFuture<u32>>,
    kinds: Vec<Member>,
    gate: Gate,
}

/// Opens the gate even where a check fails: the pool waits for its tasks.
impl Drop for Members {
    fn drop(&mut self) {
        self.gate.open();
    }
}

impl Members {
    fn new(kinds: Vec<Member>) -> Self {
        let blocked = kinds.iter().filter(|kind| **kind == Member::Blocked).count();
        // One worker for each that blocks, one more for the others, and one pool where nothing ever starts.
        let pool = watched(ThreadPool::with_workers(blocked + 1));
        let occupied = watched(ThreadPool::with_workers(1));
        let gate = Gate::default();
        let busy = gate.clone();
        let busy = occupied.spawn(move || busy.wait());
        while !busy.is_running() {
            std::thread::yield_now();
        }
        let make = |kind: &Member| match kind {
            Member::Value => ended(pool.spawn(|| 1)),
            Member::Panic => ended(pool.spawn(|| panic!("a member"))),
            Member::Cancelled => {
                let queued = occupied.spawn(|| 2);
                assert!(queued.cancel());
                queued
            }
            Member::Blocked => {
                let gate = gate.clone();
                pool.spawn(move || {
                    gate.wait();
                    3
                })
            }
        };
        Self {
            futures: kinds.iter().map(make).collect(),
            kinds,
            gate,
        }
    }

    fn ids(&self, which: impl Fn(Member) -> bool) -> BTreeSet<TaskId> {
        let chosen = self
            .futures
            .iter()
            .zip(&self.kinds)
            .filter(|(_, kind)| which(**kind));
        chosen.map(|(future, _)| future.id()).collect()
    }
}

fn ended(future: TaskFuture<u32>) -> TaskFuture<u32> {
    wait([future], ReturnWhen::AllCompleted, None).done.remove(0)
}

fn ids(futures: &[TaskFuture<u32>]) -> BTreeSet<TaskId> {
    futures.iter().map(TaskFuture::id).collect()
}

fn check_wait(kinds: Vec<Member>, when: ReturnWhen, limited: bool) {
    let mut members = Members::new(kinds);
    let there = members.ids(|kind| kind != Member::Blocked);
    let blocked = members.ids(|kind| kind == Member::Blocked);
    let given: Vec<_> = members.futures.iter().map(TaskFuture::id).collect();
    let enough = match when {
        ReturnWhen::FirstCompleted => !there.is_empty(),
        ReturnWhen::FirstFailure => members.kinds.contains(&Member::Panic),
        ReturnWhen::AllCompleted => false,
    } || blocked.is_empty();
    let futures = std::mem::take(&mut members.futures);
    if limited || enough {
        let limit = limited.then_some(Duration::ZERO);
        let waited = wait(futures, when, limit);
        assert_eq!((ids(&waited.done), ids(&waited.pending)), (there, blocked));
        // Both sides keep the order in which they were given.
        for side in [&waited.done, &waited.pending] {
            let places = side
                .iter()
                .map(|future| given.iter().position(|id| *id == future.id()));
            assert!(places.is_sorted());
        }
        members.gate.open();
        let waited = wait(waited.pending, ReturnWhen::AllCompleted, None);
        assert!(waited.pending.is_empty());
    } else {
        members.gate.open();
        let waited = wait(futures, when, None);
        assert!(ids(&waited.done).is_superset(&there));
        assert_eq!(waited.done.len() + waited.pending.len(), given.len());
        assert!(
            ids(&waited.done).len() > there.len(),
            "it returned before anything had ended"
        );
        if when != ReturnWhen::FirstCompleted {
            assert!(waited.pending.is_empty());
        }
    }
}

fn check_as_completed(kinds: Vec<Member>, added_later: usize, in_time: bool) {
    let mut members = Members::new(kinds);
    let mut there = members.ids(|kind| kind != Member::Blocked);
    let mut blocked = members.ids(|kind| kind == Member::Blocked);
    let mut futures = std::mem::take(&mut members.futures);
    let later = futures.split_off(futures.len().saturating_sub(added_later));
    let mut completed = as_completed(futures);
    for future in later {
        completed.push(future);
    }
    assert_eq!(completed.len(), there.len() + blocked.len());
    while !there.is_empty() {
        let future = if in_time {
            match completed.next_timeout(Duration::ZERO) {
                NextCompleted::Done(future) => future,
                other => panic!("{other:?}, and {} are done", there.len()),
            }
        } else {
            completed.next().unwrap()
        };
        assert!(there.remove(&future.id()), "twice, or not done");
    }
    match completed.next_timeout(Duration::ZERO) {
        NextCompleted::TimedOut { unfinished, of } => {
            assert_eq!((unfinished, of), (blocked.len(), blocked.len()));
        }
        NextCompleted::Exhausted => assert!(blocked.is_empty()),
        NextCompleted::Done(future) => panic!("{future:?} cannot be done"),
    }
    members.gate.open();
    for future in completed.by_ref() {
        assert!(blocked.remove(&future.id()));
        assert_eq!(future.result().unwrap(), 3);
    }
    assert!(blocked.is_empty() && completed.next().is_none());
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn wait_splits_any_members_as_the_model_does(
        kinds in prop::collection::vec(member(), 0..12),
        when in when(),
        limited in any::<bool>(),
    ) {
        within(move || check_wait(kinds, when, limited));
    }

    #[test]
    fn as_completed_yields_any_members_once_and_those_that_are_done_first(
        kinds in prop::collection::vec(member(), 0..12),
        added_later in 0..12_usize,
        in_time in any::<bool>(),
    ) {
        within(move || check_as_completed(kinds, added_later, in_time));
    }
}
