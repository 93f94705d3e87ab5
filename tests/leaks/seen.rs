//! What the system knows of this process.

use crate::counting;
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// What is looked for again and again comes within this time, or never.
const SOON: Duration = Duration::from_secs(20);

/// Everything that can be left behind, as numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    descriptors: usize,
    threads: usize,
    /// Zombies included.
    children: usize,
    /// Pieces of memory that are shared with workers.
    links: usize,
    maps: usize,
    bytes: isize,
}

/// Arenas of the allocator and stacks of threads that are kept for the next ones come and go.
const MAPS: usize = 16;

/// Less than any pool takes, and more than a runtime's and a thread's own records vary by.
const BYTES: isize = 16 * 1024;

impl Seen {
    pub(crate) fn now() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").expect("maps");
        let link = |line: &&str| line.contains("memfd:") || line.contains("/dev/shm/");
        Self {
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            children: children(),
            links: maps.lines().filter(link).count(),
            maps: maps.lines().count(),
            bytes: counting::bytes(),
        }
    }

    fn is_no_more_than(&self, before: &Self) -> bool {
        self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.children <= before.children
            && self.links <= before.links
            && self.maps <= before.maps + MAPS
            && self.bytes <= before.bytes + BYTES
    }
}

/// Waits until there is no more than there was. A thread that has ended is listed for a moment longer.
pub(crate) fn assert_no_more_than(before: &Seen, what: &str) {
    let begun = Instant::now();
    loop {
        let now = Seen::now();
        if now.is_no_more_than(before) {
            return;
        }
        assert!(
            begun.elapsed() < SOON,
            "{what} left something behind: {before:?}, {now:?}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

fn entries(folder: impl AsRef<Path>) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Of all threads of this process.
fn children() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("threads");
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks
        .flatten()
        .map(|task| of(task).split_whitespace().count())
        .sum()
}
