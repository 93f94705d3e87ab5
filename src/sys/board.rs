//! Where the process groups of running programs are written down, so that they can be killed when this process was: by
//! somebody who sees the board and outlives it. Without such a somebody there is no board, and nothing is written.

use rustix::process::{self, Pid, Signal};
use std::sync::{
    OnceLock,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

/// So many programs fit on a board. What runs beyond that is not written down.
pub(crate) const PLACES: usize = 64;

/// Memory that somebody else sees. All of it is zero in the beginning.
pub(crate) trait Board: Send + Sync {
    fn places(&self) -> &[AtomicU64; PLACES];
}

static BOARD: OnceLock<Box<dyn Board>> = OnceLock::new();

/// From now on programs are written down here. Once in the life of a process.
pub(crate) fn put_up(board: Box<dyn Board>) {
    let _ = BOARD.set(board);
}

/// A place is free, taken by a program that is about to start, or names a group.
const FREE: u64 = 0;
const TAKEN: u64 = 1;

/// A place on the board, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entry(&'static AtomicU64);

impl Entry {
    /// `None` if there is no board, or no room on it.
    pub(crate) fn take() -> Option<Self> {
        let places = BOARD.get()?.places();
        let is_mine = |place: &&AtomicU64| place.compare_exchange(FREE, TAKEN, AcqRel, Relaxed).is_ok();
        places.iter().find(is_mine).map(Self)
    }

    /// Where the program itself writes its group between fork and exec: so there is no moment at which it has
    /// descendants and is not on the board.
    pub(crate) fn place(&self) -> &'static AtomicU64 {
        self.0
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.store(FREE, Release);
    }
}

/// Writes down the group of the calling process, which leads it. May be called between fork and exec.
pub(crate) fn write_own_group(place: &AtomicU64) {
    let group = process::getpid().as_raw_nonzero().get().unsigned_abs();
    place.store(word(group), Release);
}

/// The number and its complement: memory that was overwritten by accident names no group.
fn word(group: u32) -> u64 {
    u64::from(group) | u64::from(!group) << 32
}

#[allow(clippy::cast_possible_truncation)] // The low half.
fn group(read: u64) -> Option<Pid> {
    let group = read as u32;
    let group = i32::try_from(group)
        .ok()
        .filter(|group| word(group.unsigned_abs()) == read)?;
    // 1 would be everybody.
    Pid::from_raw(group).filter(|group| !group.is_init())
}

/// Kills the groups on the board of a process that is dead. Who wrote them down cannot be trusted with more than their
/// numbers: the own group is spared.
pub(crate) fn kill_all(places: &[AtomicU64; PLACES]) {
    for place in places {
        let Some(group) = group(place.swap(FREE, Acquire)) else {
            continue;
        };
        if group != process::getpgrp() {
            // An error says that nobody is left in it.
            let _ = process::kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt, process::Command};

    fn board() -> [AtomicU64; PLACES] {
        [const { AtomicU64::new(FREE) }; PLACES]
    }

    #[test]
    fn only_what_was_written_as_a_group_is_read_as_one() {
        assert_eq!(
            group(word(4711)).map(|pid| pid.as_raw_nonzero().get()),
            Some(4711)
        );
        for nonsense in [
            FREE,
            TAKEN,
            4711,
            u64::MAX,
            word(0),
            word(1),
            word(u32::MAX),
            word(4711) + 1,
        ] {
            assert_eq!(group(nonsense), None, "{nonsense:x}");
        }
    }

    #[test]
    fn what_is_on_the_board_is_killed_once_and_the_own_group_is_not() {
        let mut child = Command::new("sleep")
            .arg("1000")
            .process_group(0)
            .spawn()
            .unwrap();
        let board = board();
        board[0].store(
            word(process::getpgrp().as_raw_nonzero().get().unsigned_abs()),
            Relaxed,
        );
        board[PLACES - 1].store(word(child.id()), Relaxed);
        kill_all(&board);
        assert!(!child.wait().unwrap().success());
        assert!(board.iter().all(|place| place.load(Relaxed) == FREE));
    }
}
