//! Workers that write nonsense into the memory they share with the pool.

use crate::{
    checkpoint::{Address, Checkpoint},
    harness::{Random, alone, assert_books_are_closed, assert_works, eventually, no_zombies, signal},
    link::{Memory, ring_the_bell},
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use std::{sync::atomic::Ordering::Relaxed, thread, time::Duration};

/// Offsets of counters in the control part; checked where they are used.
const DOWN_HEAD: usize = 512;
const UP_TAIL: usize = 640;
const UP_HEAD: usize = 768;
const BULK_UP_TAIL: usize = 1152;
const SLOTS: usize = 1408;
const SLOT: usize = 64;

/// What is ruined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Target {
    /// How far the frames to the parent reach.
    Tail,
    /// Frames, and a tail that shows them.
    Frames,
    /// Frames whose numbers are almost right.
    LikelyFrames,
    /// A long body that never ends, or ends in nonsense.
    Body,
    /// All counters and flags.
    Control,
    /// Which items have started.
    Slots,
    /// What the worker has taken.
    DownHead,
    Everything,
    Nothing,
}

const TARGETS: [Target; 8] = [
    Target::Tail,
    Target::Frames,
    Target::LikelyFrames,
    Target::Body,
    Target::Control,
    Target::Slots,
    Target::DownHead,
    Target::Everything,
];

impl Target {
    fn ruin(self, memory: Memory, random: &mut Random) {
        let (tail, head) = (memory.word(UP_TAIL), memory.word(UP_HEAD));
        let shown = tail.load(Relaxed);
        assert!(
            shown >= 64 && shown.is_multiple_of(8) && head.load(Relaxed) <= shown,
            "the layout changed"
        );
        let (up, length) = memory.parts()[2];
        let place = |at: u64| up + usize::try_from(at).expect("64 bits") % length;
        match self {
            Self::Tail => tail.store(random.next(), Relaxed),
            Self::Frames => {
                for word in 0..512 {
                    memory.word(place(shown + 8 * word)).store(random.next(), Relaxed);
                }
                tail.store(shown + 8 * (1 + random.next() % 512), Relaxed);
            }
            Self::LikelyFrames => {
                let mut at = shown;
                for _ in 0..=random.next() % 6 {
                    at += likely_frame(memory, at, random);
                }
                tail.store(at, Relaxed);
            }
            Self::Body => {
                let (slot, id) = own_batch(memory);
                let (in_stream, last) = (1, random.next() & 2);
                let length = 1 << (random.next() % 63);
                write_header(
                    memory,
                    shown,
                    [
                        64 | 4 << 32 | (in_stream | last) << 40 | slot << 48,
                        length,
                        id,
                        0,
                    ],
                );
                memory
                    .word(BULK_UP_TAIL)
                    .store(random.next() % (3 << 20), Relaxed);
                tail.store(shown + 64, Relaxed);
            }
            Self::Control => ruin(memory, 128, memory.control(), random),
            Self::Slots => ruin(memory, SLOTS, SLOTS + 64 * SLOT, random),
            Self::Nothing => {}
            Self::DownHead => memory.word(DOWN_HEAD).store(random.next(), Relaxed),
            Self::Everything => {
                let (last, length) = memory.parts()[4];
                ruin(memory, 128, last + length, random);
            }
        }
    }
}

fn write_header(memory: Memory, at: u64, first: [u64; 4]) {
    let (up, length) = memory.parts()[2];
    for (word, value) in (0..).zip(first) {
        let place = usize::try_from(at + 8 * word).expect("64 bits") % length;
        memory.word(up + place).store(value, Relaxed);
    }
}

/// The slot and the number of the batch that runs: its frame is the last that was taken.
fn own_batch(memory: Memory) -> (u64, u64) {
    let head = memory.word(DOWN_HEAD).load(Relaxed);
    let (down, length) = memory.parts()[1];
    let word = |at: u64| {
        memory
            .word(down + usize::try_from(at).expect("64 bits") % length)
            .load(Relaxed)
    };
    (64..4_096)
        .step_by(8)
        .take_while(|back| *back <= head)
        .map(|back| (back, word(head - back), word(head - back + 16)))
        .find(|(back, first, _)| first & 0xffff_ffff == *back && (first >> 32) & 0xff == 1)
        .map(|(_, first, id)| (first >> 48, id))
        .expect("the layout changed")
}

/// A frame as the worker might send it, but for when and how often. Gives its length.
fn likely_frame(memory: Memory, at: u64, random: &mut Random) -> u64 {
    if random.next().is_multiple_of(4) {
        return short_answers(memory, at, random);
    }
    let (mut slot, mut id) = own_batch(memory);
    match random.next() % 10 {
        0 => slot = random.next() & 0xffff,
        1 => slot = random.next() % 64,
        2 => id += random.next() % 3,
        _ => {}
    }
    let body = random.next() % 3 * 40;
    let length = 64 + body.next_multiple_of(8);
    let kind = 1 + random.next() % 9;
    let flags = random.next() & 0b1110;
    write_header(
        memory,
        at,
        [
            length | kind << 32 | flags << 40 | slot << 48,
            body,
            id,
            random.next(),
        ],
    );
    let (up, whole) = memory.parts()[2];
    let item = usize::try_from(at + 48).expect("64 bits") % whole;
    memory.word(up + item).store(random.next() % 3, Relaxed);
    length
}

/// Answers that name no batch, one of them with a length that is wrong, perhaps.
fn short_answers(memory: Memory, mut at: u64, random: &mut Random) -> u64 {
    const MARK: u64 = 0xFE;
    let (up, whole) = memory.parts()[2];
    let mut all = 0;
    for _ in 0..=random.next() % 4 {
        let value = random.next() % 20;
        let length = 8 + value.next_multiple_of(8);
        let said = if random.next().is_multiple_of(3) {
            random.next() % 100
        } else {
            value
        };
        let place = up + usize::try_from(at).expect("64 bits") % whole;
        memory
            .word(place)
            .store(length | MARK << 32 | said << 48, Relaxed);
        at += length;
        all += length;
    }
    all
}

fn ruin(memory: Memory, from: usize, to: usize, random: &mut Random) {
    for at in (from..to).step_by(8) {
        let value = if random.next().is_multiple_of(2) {
            random.next()
        } else {
            random.next() % 100
        };
        memory.word(at).store(value, Relaxed);
    }
}

/// Ruins, and stays: the parent meets it as it is.
fn ruin_and_stay((target, seed): (Target, u64)) {
    target.ruin(Memory::own(), &mut Random(seed));
    ring_the_bell();
    loop {
        thread::park();
    }
}

fn ruin_announce_and_stay((argument, gate): ((Target, u64), Address)) {
    argument.0.ruin(Memory::own(), &mut Random(argument.1));
    gate.announce(1);
    ruin_and_stay((Target::Nothing, 0));
}

fn ruin_and_return((target, seed): (Target, u64)) -> u64 {
    target.ruin(Memory::own(), &mut Random(seed));
    ring_the_bell();
    seed
}

#[test]
fn an_impossible_tail_fails_the_worker_with_a_reason() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        let mut random = Random(9);
        for round in 0..100 {
            let label = format!("round {round}");
            // No multiple of eight, so that it cannot be right.
            let seed = loop {
                let seed = random.next();
                if !Random(seed).next().is_multiple_of(8) {
                    break seed;
                }
            };
            let ruinous = pool.submit(ruin_and_stay, (Target::Tail, seed));
            let others: Vec<_> = (0..4).map(|n| pool.submit(|n: u64| n, n)).collect();
            match ruinous.result() {
                Err(TaskError::WorkerDied(death)) => {
                    assert!(death.to_string().contains("makes no sense"), "{label}: {death}");
                }
                other => panic!("{label}: {other:?}"),
            }
            for (n, other) in (0..).zip(others) {
                assert_eq!(other.result().expect(&label), n, "{label}");
            }
            assert_works(&pool, &label);
        }
        no_zombies("at the end");
        assert_books_are_closed(&pool, "at the end");
    });
}

fn kill_all(pool: &ProcessPool) {
    for pid in pool.worker_pids() {
        signal(pid, libc::SIGKILL);
    }
}

fn ruined(target: Target) {
    let pool = ProcessPool::with_workers(2);
    let mut random = Random(target as u64 + 1);
    for round in 0..100 {
        let label = format!("{target:?}, round {round}");
        let argument = (target, random.next());
        let limit = Duration::from_millis(50);
        let settings = pool.options().timeout(limit);
        let mut ruinous = if round % 2 == 0 {
            settings.submit(
                |argument| {
                    ruin_and_stay(argument);
                    0
                },
                argument,
            )
        } else {
            settings.submit(ruin_and_return, argument)
        };
        // Whatever comes of it, it comes.
        assert!(
            ruinous.result_timeout(Duration::from_secs(10)).is_some(),
            "{label}: {pool:?}"
        );
        if round % 2 == 0 {
            // One that said that it is done and then never takes anything is not found out.
            kill_all(&pool);
        }
        // Others may be lost with the worker, if they came to it; they end.
        let others: Vec<_> = (0..4)
            .map(|n| {
                pool.options()
                    .timeout(Duration::from_secs(5))
                    .submit(|n: u64| n, n)
            })
            .collect();
        for (n, mut other) in (0..).zip(others) {
            match other.result_timeout(Duration::from_secs(10)) {
                Some(Ok(value)) => assert_eq!(value, n, "{label}"),
                Some(Err(_)) => {}
                None => panic!("{label}: a task hangs; {pool:?}"),
            }
        }
        // A worker that still works is a worker, whatever it did; none may keep the pool from working.
        kill_all(&pool);
        let mut next = pool.options().retries(5).submit(|n: u64| n + 1, 1);
        match next.result_timeout(Duration::from_secs(10)) {
            Some(Ok(2)) => {}
            other => panic!("{label}: the next task: {other:?}; {pool:?}"),
        }
    }
    no_zombies("at the end");
    assert_books_are_closed(&pool, "at the end");
}

#[test]
fn ruined_tails_harm_nobody_else() {
    alone(|| ruined(Target::Tail));
}

#[test]
fn ruined_frames_harm_nobody_else() {
    alone(|| {
        ruined(Target::Frames);
        ruined(Target::LikelyFrames);
        ruined(Target::Body);
    });
}

#[test]
fn a_ruined_control_part_harms_nobody_else() {
    alone(|| ruined(Target::Control));
}

#[test]
fn ruined_slots_harm_nobody_else() {
    alone(|| ruined(Target::Slots));
}

#[test]
fn a_ruined_head_harms_nobody_else() {
    alone(|| ruined(Target::DownHead));
}

#[test]
fn ruined_links_harm_nobody_else() {
    alone(|| ruined(Target::Everything));
}

/// What the parent takes back by a ruined count of started items.
#[test]
fn what_is_stopped_after_it_ruined_its_link_is_stopped() {
    alone(|| {
        for target in TARGETS {
            for ender in 0..5 {
                for seed in 0..4 {
                    let label = format!("{target:?}, ender {ender}, seed {seed}");
                    let pool = ProcessPool::with_workers(1);
                    let gate = Checkpoint::new();
                    let ruinous = pool.submit(ruin_announce_and_stay, ((target, seed), gate.address()));
                    let behind: Vec<_> = (0..5).map(|n| pool.submit(|n: u64| n, n)).collect();
                    // The worker may be found out before it can say anything.
                    eventually(&label, || !gate.seen().is_empty() || ruinous.is_done());
                    match ender {
                        0 => drop(ruinous.cancel()),
                        1 => drop(ruinous.kill()),
                        2 => pool.shutdown(Shutdown::Kill),
                        3 => {
                            for task in &behind {
                                task.cancel();
                            }
                        }
                        _ => {}
                    }
                    // One whose start was written over runs once more.
                    eventually(&label, || {
                        kill_all(&pool);
                        ruinous.is_done()
                    });
                    assert!(
                        ruinous.result().is_err() || target == Target::LikelyFrames,
                        "{label}"
                    );
                    for task in behind {
                        let _ = task.result();
                    }
                    if ender != 2 {
                        assert_works(&pool, &label);
                    }
                    assert_books_are_closed(&pool, &label);
                }
            }
        }
    });
}
