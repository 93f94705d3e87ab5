//! Somebody who looks now and then whether an executor gets on.

use super::{
    companion::Companion,
    dump::{Dump, TaskDump},
};
use crate::{
    future::TaskId,
    ledger::{Ledger, Stats},
    panic::contain,
};
use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

/// How often it looks within the limit: a report comes late by a fourth of it at most.
const LOOKS: u32 = 4;

/// Watches over an executor until it is dropped. Made by [`Executor::watchdog`](super::Executor::watchdog) and
/// [`Executor::on_hang`](super::Executor::on_hang).
///
/// It costs one thread, which looks four times per limit, and keeps no handle on the executor.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Executor, HangReason, ThreadPool};
/// use std::{sync::mpsc, time::Duration};
///
/// let pool = ThreadPool::with_workers(1);
/// let (tell, hears) = mpsc::channel();
/// let watchdog = pool.on_hang(Duration::from_millis(20), move |hang| tell.send(hang.clone()).unwrap());
///
/// let (release, gate) = mpsc::channel::<()>();
/// let stuck = pool.spawn(move || gate.recv().is_ok());
/// let hang = hears.recv().unwrap();
/// assert_eq!(hang.reason, HangReason::LongTask(Some(stuck.id())));
/// # release.send(()).unwrap();
/// # drop(watchdog);
/// ```
#[must_use = "it stops to watch when it is dropped"]
pub struct Watchdog(#[expect(dead_code, reason = "it is there to be dropped")] Companion);

/// What a [`Watchdog`] has noticed, and how things stood then. `{}` prints all of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Hang {
    /// What has been noticed.
    pub reason: HangReason,
    /// How things stood.
    pub dump: Dump,
}

/// Why a [`Watchdog`] reports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HangReason {
    /// Work, or one turn of a future, has been running on a worker for longer than the limit. Told once of each task; `None` is part
    /// of a map.
    LongTask(Option<TaskId>),
    /// For longer than the limit nothing has started or ended, although there are tasks, all of which wait. Told once, until
    /// something does.
    Standstill,
    /// Tasks wait for each other in a circle. Told once of each.
    Cycle(Vec<TaskId>),
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            HangReason::LongTask(Some(id)) => writeln!(f, "task {id} has been running for long")?,
            HangReason::LongTask(None) => writeln!(f, "an item of a map has been running for long")?,
            HangReason::Standstill => writeln!(f, "nothing gets on")?,
            HangReason::Cycle(_) => writeln!(f, "tasks wait for each other")?,
        }
        self.dump.fmt(f)
    }
}

impl Watchdog {
    pub(super) fn over(ledger: Ledger, limit: Duration, report: impl Fn(&Hang) + Send + 'static) -> Self {
        let mut watch = Watch::new(ledger, limit);
        Self(Companion::start("watchdog", move |stop| {
            while !stop.is_over_after(limit / LOOKS) {
                for hang in watch.look() {
                    contain(|| report(&hang));
                }
            }
        }))
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watchdog(..)")
    }
}

/// What was seen so far.
struct Watch {
    ledger: Ledger,
    limit: Duration,
    /// How much had started and ended when that changed last, and when it did.
    progress: u64,
    since: Instant,
    standstill_told: bool,
    long_told: BTreeSet<Option<TaskId>>,
    cycles_told: BTreeSet<Vec<TaskId>>,
}

impl Watch {
    fn new(ledger: Ledger, limit: Duration) -> Self {
        Self {
            progress: progress(ledger.stats()),
            ledger,
            limit,
            since: Instant::now(),
            standstill_told: false,
            long_told: BTreeSet::new(),
            cycles_told: BTreeSet::new(),
        }
    }

    fn look(&mut self) -> Vec<Hang> {
        let dump = Dump::of_books(&self.ledger);
        let mut reasons = self.new_cycles(&dump);
        reasons.extend(self.new_long_tasks(&dump));
        // A circle says more.
        if self.stands_still(&dump) && reasons.is_empty() {
            reasons.push(HangReason::Standstill);
        }
        let hang = |reason| Hang {
            reason,
            dump: dump.clone(),
        };
        reasons.into_iter().map(hang).collect()
    }

    fn new_cycles(&mut self, dump: &Dump) -> Vec<HangReason> {
        let cycles: BTreeSet<_> = dump.cycles.iter().map(|cycle| from_smallest(cycle)).collect();
        let new: Vec<_> = cycles.difference(&self.cycles_told).cloned().collect();
        self.cycles_told = cycles;
        new.into_iter().map(HangReason::Cycle).collect()
    }

    fn new_long_tasks(&mut self, dump: &Dump) -> Vec<HangReason> {
        let long: BTreeSet<_> = on_workers(dump)
            // One that waits is no culprit; if what it waits for is none either, everything stands still.
            .filter(|task| task.age > self.limit && task.awaits.is_none())
            .map(|task| task.id)
            .collect();
        let new: Vec<_> = long.difference(&self.long_told).copied().collect();
        self.long_told = long;
        new.into_iter().map(HangReason::LongTask).collect()
    }

    /// True once in a standstill.
    fn stands_still(&mut self, dump: &Dump) -> bool {
        let progress = progress(dump.stats);
        let has_tasks = dump.stats.queued + dump.stats.running > 0;
        // Of a task that runs for long it is told as such.
        let something_runs = on_workers(dump).any(|task| task.awaits.is_none());
        if progress != self.progress || !has_tasks || something_runs {
            self.progress = progress;
            self.since = Instant::now();
            self.standstill_told = false;
        }
        let is_one = self.since.elapsed() > self.limit;
        is_one && !std::mem::replace(&mut self.standstill_told, is_one)
    }
}

fn on_workers(dump: &Dump) -> impl Iterator<Item = &TaskDump> {
    dump.workers.iter().flat_map(|worker| &worker.tasks)
}

fn progress(stats: Stats) -> u64 {
    // `submitted` is left out: that tasks come in is no progress.
    let started = stats.submitted.wrapping_sub(stats.queued);
    started
        .wrapping_add(stats.succeeded)
        .wrapping_add(stats.failed)
        .wrapping_add(stats.cancelled)
}

/// The same circle, however it was entered.
fn from_smallest(cycle: &[TaskId]) -> Vec<TaskId> {
    let mut cycle = cycle.to_vec();
    if let Some(at) = (0..cycle.len()).min_by_key(|&at| cycle[at]) {
        cycle.rotate_left(at);
    }
    cycle
}
