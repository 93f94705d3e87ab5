//! Hundreds of megabytes on their way while things go wrong, and while they do not.

use crate::{
    bomb::Way,
    harness::{alone, assert_books_are_closed, assert_works, death, eventually, no_zombies},
    link::{Memory, Stream},
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use serde_bytes::ByteBuf;
use std::fs;

const MUCH: usize = 110_000_000;

fn filled(byte: u8, length: usize) -> ByteBuf {
    ByteBuf::from(vec![byte; length])
}

fn ends(bytes: &[u8]) -> (usize, Option<u8>, Option<u8>) {
    (bytes.len(), bytes.first().copied(), bytes.last().copied())
}

#[test]
fn much_goes_both_ways_at_the_same_time() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        let tasks: Vec<_> = (1..3)
            .map(|n| {
                let mut bytes = filled(n, MUCH);
                bytes[MUCH - 1] = 100 + n;
                pool.submit(
                    |mut bytes: ByteBuf| {
                        bytes[0] += 50;
                        bytes
                    },
                    bytes,
                )
            })
            .collect();
        for (n, task) in (1..).zip(tasks) {
            let back = task.result().expect("it comes back");
            assert_eq!(ends(&back), (MUCH, Some(50 + n), Some(100 + n)));
            assert!(back[1..MUCH - 1].iter().all(|byte| *byte == n));
        }
        assert_works(&pool, "afterwards");
    });
}

#[test]
fn a_pool_can_be_killed_while_it_sends_much() {
    alone(|| {
        for round in 0..4 {
            let label = format!("round {round}");
            let pool = ProcessPool::with_workers(2);
            let sending = pool.submit(|bytes: ByteBuf| bytes, filled(1, MUCH));
            let behind = pool.submit(|n: u64| n, 1);
            if round % 2 == 0 {
                // The worker asks for the body when it starts the task.
                eventually(&label, || sending.is_running());
            }
            pool.shutdown(Shutdown::Kill);
            assert!(matches!(sending.result(), Err(TaskError::Cancelled)), "{label}");
            let _ = behind.result();
            assert_books_are_closed(&pool, &label);
        }
        // In the middle for certain: the worker stands still there.
        let pool = ProcessPool::builder()
            .workers(1)
            .initializer(|way| Memory::own().mine(Stream::Down, way), Way::Stop)
            .build()
            .expect("a pool");
        let sending = pool.submit(|bytes: ByteBuf| bytes, filled(1, MUCH));
        eventually("it is sent", || sending.is_running());
        pool.shutdown(Shutdown::Kill);
        assert!(matches!(sending.result(), Err(TaskError::Cancelled)));
    });
}

#[test]
fn arguments_whose_workers_die_while_they_receive_them_cost_themselves() {
    alone(|| {
        let pool = ProcessPool::builder()
            .workers(2)
            .initializer(|way| Memory::own().mine(Stream::Down, way), Way::Kill)
            .build()
            .expect("a pool");
        let large: Vec<_> = (0..10)
            .map(|_| pool.submit(|bytes: ByteBuf| bytes.len(), filled(3, 4 * 1024 * 1024 + 1)))
            .collect();
        let small: Vec<_> = (0..10).map(|n| pool.submit(|n: u64| n, n)).collect();
        for (n, task) in large.into_iter().enumerate() {
            assert_eq!(death(task.result(), &format!("{n}")), (Some(9), None), "{n}");
        }
        for (n, task) in (0..).zip(small) {
            assert_eq!(task.result().expect("it runs"), n);
        }
        assert_works(&pool, "afterwards");
        no_zombies("afterwards");
        assert_books_are_closed(&pool, "afterwards");
    });
}

fn available_bytes() -> usize {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    info.lines()
        .find_map(|line| {
            line.strip_prefix("MemAvailable:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .map_or(0, |kib: usize| kib * 1024)
}

#[test]
fn more_than_two_gibibytes_cross() {
    alone(|| {
        if available_bytes() < 12 << 30 {
            println!("NOTE skipped: less than 12 GiB of memory are available");
            return;
        }
        let length = if cfg!(debug_assertions) {
            (300 << 20) + 1
        } else {
            (2 << 30) + 1
        };
        let pool = ProcessPool::with_workers(1);
        let mut bytes = vec![5_u8; length];
        bytes[length - 1] = 6;
        let there = pool.submit(|bytes: Vec<u8>| ends(&bytes), bytes).result();
        assert_eq!(there.expect("it arrives"), (length, Some(5), Some(6)));
        let back = pool.submit(
            |length: usize| {
                let mut bytes = vec![7_u8; length];
                bytes[length - 1] = 8;
                bytes
            },
            length,
        );
        assert_eq!(
            ends(&back.result().expect("it comes back")),
            (length, Some(7), Some(8))
        );
        assert_works(&pool, "afterwards");
    });
}
