//! One executor as the monitor knows it: how things stand, and what led there.

use super::rate::Rate;
use crate::{executor::Dump, ledger::Ledger, sys::resident::resident_bytes_of};
use std::{collections::BTreeMap, thread, time::Duration};

/// A look falls into a change now and then; the next one rarely does.
const LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_micros(200);

/// An executor that is watched. Keeps its books, and no handle.
pub(super) struct Watched {
    ledger: Ledger,
    pub(super) seen: Seen,
}

/// What there is to draw of an executor.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) dump: Dump,
    /// It takes nothing more, or is gone.
    pub(super) is_ending: bool,
    /// Bytes of physical memory of its processes.
    pub(super) memory: BTreeMap<u32, u64>,
    pub(super) submitted: Rate,
    pub(super) finished: Rate,
    pub(super) failed: Rate,
}

impl Watched {
    pub(super) fn new(ledger: Ledger, at: Duration) -> Self {
        let mut watched = Self {
            seen: Seen::first(Dump::of_books(&ledger), at),
            ledger,
        };
        watched.look(at);
        watched
    }

    /// Waits for nobody.
    pub(super) fn look(&mut self, at: Duration) {
        let mut dump = Dump::of_books(&self.ledger);
        for _ in 1..LOOKS {
            if !dump.is_partial {
                break;
            }
            thread::sleep(BETWEEN_LOOKS);
            dump = Dump::of_books(&self.ledger);
        }
        // What runs elsewhere has a number that here is somebody else's.
        let here = dump.workers.iter().filter(|worker| worker.host.is_none());
        let pids = here.filter_map(|worker| worker.pid);
        let memory = pids
            .filter_map(|pid| Some((pid, resident_bytes_of(pid)?)))
            .collect();
        self.seen.add(at, dump, memory, self.ledger.refuses());
    }
}

impl Seen {
    pub(super) fn first(dump: Dump, at: Duration) -> Self {
        let stats = dump.stats;
        Self {
            is_ending: false,
            memory: BTreeMap::new(),
            submitted: Rate::starting_at(at, stats.submitted),
            finished: Rate::starting_at(at, finished(&dump)),
            failed: Rate::starting_at(at, stats.failed),
            dump,
        }
    }

    pub(super) fn add(&mut self, at: Duration, dump: Dump, memory: BTreeMap<u32, u64>, is_ending: bool) {
        self.submitted.add(at, dump.stats.submitted);
        self.finished.add(at, finished(&dump));
        self.failed.add(at, dump.stats.failed);
        self.is_ending = is_ending;
        let before = std::mem::replace(&mut self.dump, dump);
        if self.dump.is_partial {
            // What was in the way is as it was just before, rather than gone for the blink of an eye.
            self.dump.workers = before.workers;
            self.dump.suspended = before.suspended;
            self.dump.stats.workers_restarted = before.stats.workers_restarted;
            self.dump.stats.spare_threads = before.stats.spare_threads;
        } else {
            self.memory = memory;
        }
        if is_ending && self.dump.workers.is_empty() {
            // Who knew that has gone.
            self.dump.stats.workers_restarted = before.stats.workers_restarted;
        }
    }
}

fn finished(dump: &Dump) -> u64 {
    let stats = &dump.stats;
    stats
        .succeeded
        .saturating_add(stats.failed)
        .saturating_add(stats.cancelled)
}
