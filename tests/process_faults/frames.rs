//! Death in the middle of a body of some MiB, on its way to the worker or back.
//!
//! A page of the stream is made inaccessible, so that the copying itself goes off. A panic or a stack overflow cannot
//! happen there.

use crate::{
    bomb::Way,
    harness::{
        Log, alone, assert_books_are_closed, assert_works, children, death, eventually, no_zombies, signal,
        wait_until_stopped, write_down,
    },
    link::{Memory, Stream},
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError, TaskFuture};
use serde_bytes::ByteBuf;
use std::sync::mpsc;

const LARGE: usize = 3 * 1024 * 1024 + 5;
const DEADLY: [Way; 5] = [Way::Kill, Way::Segv, Way::Abort, Way::Exit0, Way::Exit1];

type Freight = (u64, String, ByteBuf);

fn bytes(byte: u8, length: usize) -> ByteBuf {
    ByteBuf::from(vec![byte; length])
}

fn carry((number, log, bytes): Freight) -> (u64, usize) {
    write_down(log, number);
    (number, bytes.len())
}

fn arm((stream, way): (Stream, Way)) {
    Memory::own().mine(stream, way);
}

fn arm_and_answer((number, log, way): (u64, String, Option<Way>)) -> ByteBuf {
    write_down(log, number);
    if let Some(way) = way {
        Memory::own().mine(Stream::Up, way);
    }
    bytes(u8::try_from(number).expect("it is small"), LARGE)
}

fn by_callback<R: concurrent_futures::Portable>(
    pool: &ProcessPool,
    submit: impl FnOnce(&ProcessPool) -> TaskFuture<R> + Send + 'static,
) -> TaskFuture<R> {
    let (tx, rx) = mpsc::channel();
    let there = pool.clone();
    pool.submit(|(): ()| (), ()).on_done(move |_| {
        let _ = tx.send(submit(&there));
    });
    rx.recv().expect("the callback runs")
}

#[test]
fn death_in_the_middle_of_a_large_argument_costs_one_task() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        for way in DEADLY {
            for from_callback in [false, true] {
                let label = format!("{way:?}, from a callback: {from_callback}");
                let log = Log::new();
                pool.submit(arm, (Stream::Down, way)).result().expect(&label);
                let freight = (0, log.path(), bytes(0, LARGE));
                let deadly = if from_callback {
                    by_callback(&pool, move |pool| pool.submit(carry, freight))
                } else {
                    pool.submit(carry, freight)
                };
                let behind: Vec<_> = (1..4)
                    .map(|n| {
                        pool.submit(
                            carry,
                            (n, log.path(), bytes(1, if n % 2 == 0 { 0 } else { LARGE })),
                        )
                    })
                    .collect();
                assert_eq!(death(deadly.result(), &label), way.fate(), "{label}");
                for (n, behind) in (1..).zip(behind) {
                    assert_eq!(
                        behind.result().expect(&label),
                        (n, if n % 2 == 0 { 0 } else { LARGE }),
                        "{label}"
                    );
                }
                log.assert_once(1..4, &label);
                after(&pool, &label);
            }
            let label = format!("{way:?}, of a map");
            let log = Log::new();
            pool.submit(arm, (Stream::Down, way)).result().expect(&label);
            // A large item travels alone, so it is the second batch.
            let items = (0..6).map(|n| (n, log.path(), bytes(2, if n == 2 { LARGE } else { 9 })));
            let outcomes: Vec<_> = pool.options().chunk_size(4).map(carry, items).collect();
            for (n, outcome) in (0..).zip(outcomes) {
                match n {
                    2 => assert_eq!(death(outcome, &label), way.fate(), "{label}"),
                    n => assert_eq!(outcome.expect(&label), (n, 9), "{label}"),
                }
            }
            log.assert_once([0, 1, 3, 4, 5], &label);
            after(&pool, &label);
        }
    });
}

#[test]
fn death_in_the_middle_of_a_large_result_costs_one_task() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        for way in DEADLY {
            for from_callback in [false, true] {
                let label = format!("{way:?}, from a callback: {from_callback}");
                let log = Log::new();
                let argument = (0, log.path(), Some(way));
                let deadly = if from_callback {
                    by_callback(&pool, move |pool| pool.submit(arm_and_answer, argument))
                } else {
                    pool.submit(arm_and_answer, argument)
                };
                let behind: Vec<_> = (1..4)
                    .map(|n| pool.submit(arm_and_answer, (n, log.path(), None)))
                    .collect();
                assert_eq!(death(deadly.result(), &label), way.fate(), "{label}");
                for (n, behind) in (1_u8..).zip(behind) {
                    assert!(behind.result().expect(&label) == bytes(n, LARGE), "{label}");
                }
                log.assert_once(0..4, &label);
                after(&pool, &label);
            }
            let label = format!("{way:?}, of a map");
            let log = Log::new();
            let items = (0..8).map(|n| (n, log.path(), (n == 5).then_some(way)));
            let outcomes: Vec<_> = pool.options().chunk_size(4).map(arm_and_answer, items).collect();
            for (n, outcome) in (0_u8..).zip(outcomes) {
                match n {
                    5 => assert_eq!(death(outcome, &label), way.fate(), "{label}"),
                    n => assert!(outcome.expect(&label) == bytes(n, LARGE), "{label}"),
                }
            }
            log.assert_once(0..8, &label);
            after(&pool, &label);
        }
    });
}

fn after(pool: &ProcessPool, label: &str) {
    assert_works(pool, label);
    no_zombies(label);
    assert_books_are_closed(pool, label);
}

#[test]
fn a_stop_in_the_middle_of_a_body_loses_nothing() {
    alone(|| {
        for stream in [Stream::Down, Stream::Up] {
            for ender in [
                "continued",
                "killed",
                "killed from outside",
                "Kill",
                "Cancel",
                "Finish",
            ] {
                let label = format!("{stream:?}, {ender}");
                let pool = ProcessPool::with_workers(1);
                let stuck = match stream {
                    Stream::Down => {
                        pool.submit(arm, (stream, Way::Stop)).result().expect(&label);
                        pool.submit(|bytes: ByteBuf| bytes, bytes(7, LARGE))
                    }
                    Stream::Up => pool.submit(
                        |(stream, way): (Stream, Way)| {
                            arm((stream, way));
                            bytes(7, LARGE)
                        },
                        (stream, Way::Stop),
                    ),
                };
                let behind = pool.submit(|n: u64| n, 3);
                eventually(&label, || children().len() == 1);
                let pid = children()[0].0;
                wait_until_stopped(pid);
                let outcome = match ender {
                    "continued" => {
                        signal(pid, libc::SIGCONT);
                        assert!(stuck.result().expect(&label) == bytes(7, LARGE), "{label}");
                        None
                    }
                    "killed" => {
                        assert!(stuck.kill(), "{label}");
                        Some(stuck.result())
                    }
                    "killed from outside" => {
                        signal(pid, libc::SIGKILL);
                        Some(stuck.result())
                    }
                    "Kill" => {
                        pool.shutdown(Shutdown::Kill);
                        Some(stuck.result())
                    }
                    "Cancel" => {
                        pool.shutdown(Shutdown::Cancel);
                        Some(stuck.result())
                    }
                    _ => {
                        pool.shutdown(Shutdown::Finish);
                        Some(stuck.result())
                    }
                };
                match outcome {
                    None => {}
                    Some(outcome) if matches!(ender, "killed" | "Kill") => {
                        assert!(
                            matches!(outcome, Err(TaskError::Cancelled)),
                            "{label}: {outcome:?}"
                        );
                    }
                    Some(outcome) => assert_eq!(death(outcome, &label), (Some(9), None), "{label}"),
                }
                if matches!(ender, "Kill" | "Cancel") {
                    assert!(matches!(behind.result(), Err(TaskError::Cancelled)), "{label}");
                } else {
                    assert_eq!(behind.result().expect(&label), 3, "{label}");
                }
                if ender.starts_with(char::is_lowercase) {
                    after(&pool, &label);
                }
            }
        }
    });
}
