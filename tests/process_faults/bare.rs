//! Long vectors of bytes, which cross without a message around them: whole, in every kind of task, and while things go
//! wrong.

use crate::{
    bomb::Way,
    harness::{
        Log, alone, assert_books_are_closed, assert_works, children, death, eventually, no_zombies, signal,
        wait_until_stopped, write_down,
    },
    link::{Memory, Stream},
};
use concurrent_futures::{Executor, ProcessPool};

const LARGE: usize = 3 * 1024 * 1024 + 5;

/// Around the length from which they cross bare, and around that of a piece of the stream.
const LENGTHS: [usize; 8] = [
    0,
    1,
    32 * 1024,
    64 * 1024 - 1,
    64 * 1024,
    128 * 1024,
    512 * 1024 + 1,
    LARGE,
];

/// No two pieces are alike.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| (n % 251).to_le_bytes()[0] ^ (n / 4096).to_le_bytes()[0])
        .collect()
}

/// Changes both ends, so that what comes back is not what was sent.
fn change(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(first) = bytes.first_mut() {
        *first = !*first;
    }
    if let Some(last) = bytes.last_mut() {
        *last = last.wrapping_add(1);
    }
    bytes
}

fn changed(length: usize) -> Vec<u8> {
    change(pattern(length))
}

async fn change_async(bytes: Vec<u8>) -> Vec<u8> {
    change(bytes)
}

fn after(pool: &ProcessPool, label: &str) {
    assert_works(pool, label);
    no_zombies(label);
    assert_books_are_closed(pool, label);
}

#[test]
fn vectors_of_every_length_come_back_changed_in_every_kind_of_task() {
    alone(|| {
        let pool = ProcessPool::builder()
            .workers(1)
            .max_pending(3)
            .build()
            .expect("a pool");
        for length in LENGTHS {
            let expected = changed(length);
            let same = |bytes: Vec<u8>, how: &str| assert!(bytes == expected, "{length}, {how}");
            let bytes = || pattern(length);
            same(pool.submit(change, bytes()).result().expect("a call"), "a call");
            same(
                pool.submit_async(change_async, bytes())
                    .result()
                    .expect("a future"),
                "a future",
            );
            let again = pool.options().retries(1).submit(change, bytes());
            same(again.result().expect("with retries"), "with retries");
            for outcome in pool.map(change, [bytes(), bytes()]) {
                same(outcome.expect("a map"), "a map");
            }
            for outcome in pool.map(|length: usize| changed(length), [length; 3]).unordered() {
                same(outcome.expect("a result of a map"), "a result of a map");
            }
            // Sent alone, and received alone.
            assert_eq!(
                pool.submit(|bytes: Vec<u8>| bytes.len(), bytes())
                    .result()
                    .expect("its length"),
                length
            );
            same(
                pool.submit(changed, length).result().expect("made there"),
                "made there",
            );
            // Not a vector alone: a message.
            let pair = pool.submit(|(n, bytes): (u8, Vec<u8>)| (n, change(bytes)), (7, bytes()));
            let (n, bytes) = pair.result().expect("a pair");
            assert_eq!(n, 7);
            same(bytes, "in a pair");
        }
        after(&pool, "afterwards");
    });
}

#[test]
fn an_answer_of_another_length_than_the_argument_is_as_long_as_it_is() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        for (there, back) in [
            (LARGE, LARGE / 2),
            (LARGE, LARGE - 1),
            (LARGE - 1, LARGE),
            (LARGE, 1),
            (1, LARGE),
        ] {
            let answer = pool.submit(
                |(bytes, back): (Vec<u8>, usize)| (bytes.len(), changed(back)),
                (pattern(there), back),
            );
            assert!(
                answer.result().expect("a message") == (there, changed(back)),
                "{there}, {back}"
            );
            let answer = pool.submit(
                |mut bytes: Vec<u8>| bytes.split_off(bytes.len() / 16),
                pattern(there),
            );
            let answer = answer.result().expect("a part");
            assert!(answer == pattern(there)[there / 16..], "{there}");
            assert!(
                answer.capacity() <= 2 * answer.len().max(1),
                "{there}: {}",
                answer.capacity()
            );
        }
        after(&pool, "afterwards");
    });
}

fn arm((stream, way): (Stream, Way)) {
    Memory::own().mine(stream, way);
}

fn arm_and_answer((log, way): (String, Way)) -> Vec<u8> {
    write_down(log, 1);
    Memory::own().mine(Stream::Up, way);
    changed(LARGE)
}

#[test]
fn death_in_the_middle_costs_one_task() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        for way in [Way::Kill, Way::Abort, Way::Exit0] {
            let label = format!("{way:?}");
            pool.submit(arm, (Stream::Down, way)).result().expect(&label);
            let deadly = pool.submit(change, pattern(LARGE));
            let behind = [
                pool.submit(change, pattern(LARGE)),
                pool.submit(change, pattern(9)),
            ];
            assert_eq!(death(deadly.result(), &label), way.fate(), "{label}, there");
            for (behind, length) in behind.into_iter().zip([LARGE, 9]) {
                assert!(
                    behind.result().expect(&label) == changed(length),
                    "{label}, {length}"
                );
            }
            let log = Log::new();
            let deadly = pool.submit(arm_and_answer, (log.path(), way));
            let behind = pool.submit(change, pattern(LARGE));
            assert_eq!(death(deadly.result(), &label), way.fate(), "{label}, back");
            assert!(behind.result().expect(&label) == changed(LARGE), "{label}, back");
            log.assert_once([1], &label);
            after(&pool, &label);
        }
    });
}

#[test]
fn an_attempt_that_dies_with_its_argument_is_followed_by_one_that_has_it_whole() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        pool.submit(arm, (Stream::Down, Way::Kill))
            .result()
            .expect("armed");
        let task = pool.options().retries(1).submit(change, pattern(LARGE));
        assert!(task.result().expect("the second attempt") == changed(LARGE));
        after(&pool, "afterwards");
    });
}

#[test]
fn a_stop_in_the_middle_loses_nothing_and_can_be_ended() {
    alone(|| {
        for stream in [Stream::Down, Stream::Up] {
            for is_killed in [false, true] {
                let label = format!("{stream:?}, killed: {is_killed}");
                let pool = ProcessPool::with_workers(1);
                pool.submit(arm, (stream, Way::Stop)).result().expect(&label);
                let stuck = pool.submit(change, pattern(LARGE));
                let behind = pool.submit(change, pattern(LARGE));
                eventually(&label, || children().len() == 1);
                let pid = children()[0].0;
                wait_until_stopped(pid);
                if is_killed {
                    assert!(stuck.kill(), "{label}");
                    assert!(stuck.result().is_err_and(|error| error.is_cancelled()), "{label}");
                } else {
                    signal(pid, libc::SIGCONT);
                    assert!(stuck.result().expect(&label) == changed(LARGE), "{label}");
                }
                assert!(behind.result().expect(&label) == changed(LARGE), "{label}");
                after(&pool, &label);
            }
        }
    });
}
