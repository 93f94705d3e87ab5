//! What has ended is heard of at once, though its worker is busy with something long behind it: whoever asks, and however.

use super::{build, checkpoint::Address, checkpoint::Checkpoint, within};
use concurrent_futures::{
    AsCompleted, Executor, NextCompleted, ProcessPool, ReturnWhen, TaskFuture, as_completed, wait,
};
use futures::{FutureExt, StreamExt, executor::block_on};
use std::{sync::mpsc, thread, time::Duration};

/// Passes the checkpoint with its number, if it is told to.
fn pass_if((at, number, stops): (Address, u64, bool)) -> u64 {
    if stops {
        at.pass(number);
    }
    number
}

/// A quick task and, on the same worker, one behind it that does not end before `asked` does. What asks is made before the
/// long one is known to run, or after.
fn behind_it_runs_another<A, R>(
    ask: impl Fn(TaskFuture<u64>) -> A + Copy,
    asked: impl Fn(A) -> R,
    is_early: bool,
) -> R {
    let checkpoint = Checkpoint::new();
    let pool = build(ProcessPool::builder().workers(1));
    pool.warm_up().unwrap();
    let at = checkpoint.address();
    let quick = pool.submit(pass_if, (at, 1, false));
    let long = pool.submit(pass_if, (at, 2, true));
    let seen = if is_early {
        let seen = ask(quick);
        checkpoint.wait_for(1);
        asked(seen)
    } else {
        checkpoint.wait_for(1);
        asked(ask(quick))
    };
    checkpoint.open();
    assert_eq!(long.result().unwrap(), 2);
    seen
}

#[test]
fn who_waits_is_told() {
    within(|| {
        for is_early in [true, false] {
            let told = |future: TaskFuture<u64>| {
                let (tell, told) = mpsc::channel();
                future.on_done(move |outcome| tell.send(outcome.clone().unwrap()).unwrap());
                told
            };
            assert_eq!(
                behind_it_runs_another(told, |told| told.recv().unwrap(), is_early),
                1
            );
            let thread = |future: TaskFuture<u64>| thread::spawn(|| future.result().unwrap());
            assert_eq!(
                behind_it_runs_another(thread, |thread| thread.join().unwrap(), is_early),
                1
            );
            let awaits = |future: TaskFuture<u64>| thread::spawn(|| block_on(future).unwrap());
            assert_eq!(
                behind_it_runs_another(awaits, |thread| thread.join().unwrap(), is_early),
                1
            );
            let collects = |future: TaskFuture<u64>| as_completed([future]);
            let next = |mut all: AsCompleted<TaskFuture<u64>>| all.next().unwrap().result().unwrap();
            assert_eq!(behind_it_runs_another(collects, next, is_early), 1);
        }
    });
}

#[test]
fn who_only_looks_sees_it() {
    within(|| {
        let same = |future: TaskFuture<u64>| future;
        let looks: [fn(TaskFuture<u64>) -> u64; 5] = [
            |future| {
                while !future.is_done() {
                    thread::yield_now();
                }
                future.result().unwrap()
            },
            |mut future| {
                loop {
                    if let Some(outcome) = future.result_timeout(Duration::ZERO) {
                        return outcome.unwrap();
                    }
                }
            },
            |mut future| {
                loop {
                    if let Some(outcome) = (&mut future).now_or_never() {
                        return outcome.unwrap();
                    }
                }
            },
            |future| {
                let mut waited = wait([future], ReturnWhen::AllCompleted, Some(Duration::ZERO));
                while waited.done.is_empty() {
                    waited = wait(waited.pending, ReturnWhen::AllCompleted, Some(Duration::ZERO));
                }
                waited.done.remove(0).result().unwrap()
            },
            |future| {
                let mut all = as_completed([future]);
                loop {
                    if let NextCompleted::Done(future) = all.next_timeout(Duration::ZERO) {
                        return future.result().unwrap();
                    }
                }
            },
        ];
        for look in looks {
            assert_eq!(behind_it_runs_another(same, look, false), 1);
        }
    });
}

#[test]
fn the_items_of_a_map_before_a_long_one_are_yielded() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let at = checkpoint.address();
        let pool = build(ProcessPool::builder().workers(1));
        // Whatever the size of a batch, item 777 stands in the middle of one.
        let items = move || (0..2_000).map(move |n| (at, n, n == 777));
        let mut outcomes = pool.map(pass_if, items());
        for n in 0..777 {
            assert_eq!(outcomes.next().unwrap().unwrap(), n);
        }
        let mut stream = pool.map(pass_if, items()).into_stream();
        checkpoint.wait_for(1);
        checkpoint.open();
        assert_eq!(outcomes.map(Result::unwrap).sum::<u64>(), (777..2_000).sum());
        for n in 0..2_000 {
            assert_eq!(block_on(stream.next()).unwrap().unwrap(), n);
        }
    });
}

#[test]
fn an_awaited_map_yields_the_items_before_a_long_one() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let at = checkpoint.address();
        let pool = build(ProcessPool::builder().workers(1));
        let mut stream = pool
            .map(pass_if, (0..2_000).map(move |n| (at, n, n == 777)))
            .into_stream();
        for n in 0..777 {
            assert_eq!(block_on(stream.next()).unwrap().unwrap(), n);
        }
        checkpoint.wait_for(1);
        assert!(stream.next().now_or_never().is_none());
        checkpoint.open();
        assert_eq!(block_on(stream.next()).unwrap().unwrap(), 777);
    });
}

#[test]
fn short_and_long_results_and_failures_keep_their_places() {
    within(|| {
        fn of_length(length: usize) -> Vec<u8> {
            assert!(!length.is_multiple_of(7), "no length of mine: {length}");
            vec![length.to_le_bytes()[0]; length]
        }
        let pool = build(ProcessPool::builder().workers(2));
        let lengths = || (0..3_000_usize).map(|n| (n * 7_919) % if n % 50 == 0 { 70_000 } else { 300 });
        for (length, outcome) in lengths().zip(pool.map(of_length, lengths())) {
            match outcome {
                Ok(bytes) => assert_eq!(bytes, of_length(length)),
                Err(error) => assert!(
                    error
                        .to_string()
                        .contains(&format!("no length of mine: {length}"))
                ),
            }
        }
    });
}
