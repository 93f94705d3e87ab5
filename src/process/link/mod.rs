//! The channel between the parent and one worker: memory that both have mapped, and a socket to wake each other.
//!
//! The rules are in `../README.md`; the numbers cited are that file's.
#![allow(unsafe_code)]

mod bell;
pub(super) mod bulk;
pub(super) mod frame;
#[cfg(all(test, concurrent_futures_loom))]
mod models;
pub(super) mod ring;
pub(super) mod slot;

use crate::sys::{
    board::{self, Board},
    memory::SharedMemory,
};
use bell::Bell;
pub(super) use bell::Wish;
use slot::Slot;
use std::{
    ptr::NonNull,
    sync::{Arc, atomic::AtomicU64},
};

/// Batches that a worker can have at the same time. Each of its futures is one.
pub(super) const SLOTS: usize = 1024;

/// What has to be the same on both sides, besides the executable.
pub(super) const MAGIC: u64 = 0x6366_7072_6f63_0001;

/// Bytes of each ring of frames, and of each stream of large bodies. Pages that are never written cost nothing.
pub(super) const RING: usize = 256 * 1024;
pub(super) const BULK: usize = 512 * 1024;

/// A body longer than this goes through the stream. Several of the longest frames fit into a ring.
pub(super) const MOST_INLINE: usize = 32 * 1024;

/// Two cache lines, because processors fetch them in pairs.
#[repr(C, align(128))]
struct Line<T>(T);

/// The start of the shared memory. All of it is zero in the beginning.
#[repr(C)]
struct Control {
    hello: Line<Hello>,
    /// The worker sleeps, or is about to: whoever adds or makes room for something rings.
    worker_asleep: Line<Bell>,
    /// Nobody in the parent looks at what the worker adds: it has to ring.
    parent_away: Line<Bell>,
    down: Ends,
    up: Ends,
    bulk_down: Ends,
    bulk_up: Ends,
    /// The groups of the programs that the worker runs (`sys/board.rs`): the parent kills them when it is dead.
    programs: Line<[AtomicU64; board::PLACES]>,
    slots: [Slot; SLOTS],
}

/// How far the two ends of a ring have come, in bytes since the start.
#[repr(C)]
pub(super) struct Ends {
    /// Written by who adds.
    tail: Line<AtomicU64>,
    /// Written by who takes.
    head: Line<AtomicU64>,
}

/// What the parent writes before it starts the worker.
#[repr(C)]
pub(super) struct Hello {
    pub(super) magic: AtomicU64,
    /// What tells two builds of the executable apart.
    pub(super) identity: [AtomicU64; 4],
    /// 0: none.
    pub(super) max_tasks: AtomicU64,
    /// In bytes; 0: none.
    pub(super) max_memory: AtomicU64,
    /// In bytes; 0: none.
    pub(super) memory_limit: AtomicU64,
    pub(super) stack_size: AtomicU64,
    /// 1: a descriptor for what is logged follows.
    pub(super) logs: AtomicU64,
}

const fn areas() -> [usize; 5] {
    let down = size_of::<Control>().next_multiple_of(4096);
    let up = down + RING;
    let bulk_down = up + RING;
    let bulk_up = bulk_down + BULK;
    [down, up, bulk_down, bulk_up, bulk_up + BULK]
}

/// How much memory a link takes.
pub(super) const LENGTH: usize = areas()[4];

/// One side's view of the shared memory.
#[derive(Clone)]
pub(super) struct Link(Arc<SharedMemory>);

/// One of the four rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Down,
    Up,
    BulkDown,
    BulkUp,
}

impl Link {
    pub(super) fn new(memory: SharedMemory) -> Self {
        assert!(memory.len() >= LENGTH, "the shared memory is too short");
        Self(Arc::new(memory))
    }

    fn control(&self) -> &Control {
        // SAFETY: the mapping is page-aligned, at least `LENGTH` bytes long (checked in `new`) and lives as long as
        // `self`. `Control` consists of atomics, for which every bit pattern is valid and which the other process may
        // change at any time.
        unsafe { self.0.as_ptr().cast::<Control>().as_ref() }
    }

    pub(super) fn hello(&self) -> &Hello {
        &self.control().hello.0
    }

    /// The worker is dead: kills what it has not seen to the end.
    pub(super) fn kill_programs(&self) {
        board::kill_all(self.places());
    }

    pub(super) fn slot(&self, number: usize) -> &Slot {
        &self.control().slots[number]
    }

    fn ends(&self, way: Way) -> &Ends {
        let control = self.control();
        match way {
            Way::Down => &control.down,
            Way::Up => &control.up,
            Way::BulkDown => &control.bulk_down,
            Way::BulkUp => &control.bulk_up,
        }
    }

    pub(super) fn tail(&self, way: Way) -> &AtomicU64 {
        &self.ends(way).tail.0
    }

    pub(super) fn head(&self, way: Way) -> &AtomicU64 {
        &self.ends(way).head.0
    }

    /// The bytes of a ring.
    pub(super) fn area(&self, way: Way) -> (NonNull<u8>, usize) {
        let (area, length) = match way {
            Way::Down => (0, RING),
            Way::Up => (1, RING),
            Way::BulkDown => (2, BULK),
            Way::BulkUp => (3, BULK),
        };
        // SAFETY: every area ends within `LENGTH` bytes, which the mapping has.
        (unsafe { self.0.as_ptr().add(areas()[area]) }, length)
    }

    /// Something was added for the worker. True if it has to be rung for (rule 3).
    #[must_use]
    pub(super) fn worker_sleeps(&self) -> bool {
        self.control().worker_asleep.0.take(Wish::Urgent)
    }

    /// Something the worker added was taken. True if it waits for that and has to be rung for.
    #[must_use]
    pub(super) fn worker_needs_room(&self) -> bool {
        self.control().worker_asleep.0.take(Wish::All)
    }

    /// The worker is about to sleep until something is added; it has to look once more before it does.
    pub(super) fn going_to_sleep(&self) {
        self.control().worker_asleep.0.set(Wish::Urgent);
    }

    /// As [`going_to_sleep`](Self::going_to_sleep), also until something is taken.
    pub(super) fn going_to_wait_for_room(&self) {
        self.control().worker_asleep.0.set(Wish::All);
    }

    pub(super) fn awake(&self) {
        self.control().worker_asleep.0.clear();
    }

    /// Something was added for the parent, which is as urgent as `done` says. True if it has to be rung for.
    #[must_use]
    pub(super) fn parent_is_away(&self, done: Wish) -> bool {
        self.control().parent_away.0.take(done)
    }

    /// As [`parent_is_away`](Self::parent_is_away), for who has just claimed an item of a batch: the parent touches the slot
    /// after it has set the bell.
    #[must_use]
    pub(super) fn parent_is_away_after_claim(&self) -> bool {
        self.control().parent_away.0.take_ordered(Wish::All)
    }

    /// The worker begins what is its last for now. True if the parent has to be rung for; should it go away just now, the worker
    /// will say so again at the end.
    #[must_use]
    pub(super) fn parent_is_away_at_last_batch(&self) -> bool {
        self.control().parent_away.0.take_ordered(Wish::Urgent)
    }

    /// Nobody in the parent will look unasked; who arms has to look once more.
    pub(super) fn arm(&self, wish: Wish) {
        self.control().parent_away.0.set(wish);
    }

    /// Somebody in the parent looks all the time.
    pub(super) fn disarm(&self) {
        self.control().parent_away.0.clear();
    }
}

impl Board for Link {
    fn places(&self) -> &[AtomicU64; board::PLACES] {
        &self.control().programs.0
    }
}
