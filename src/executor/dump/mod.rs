//! How things stand with an executor, to look at and to print.

mod cycles;
mod shown;

use super::Executor;
use crate::{
    future::TaskId,
    ledger::{Ledger, Report, Stats, WorkerSeen},
    running::{Awaited, activity::Seen},
};
use std::{fmt, time::Duration};

/// How things stand with an executor at one moment: its workers, what runs on them and for how long, what waits for what.
///
/// Made by [`Executor::dump`]; `{}` prints it. Nobody is stopped for it, so what it says of different workers may
/// belong to slightly different moments. Tasks outside of the executor's own workers, on threads of the program, are
/// listed by the thread's name.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Executor, ThreadPool};
/// use std::sync::mpsc;
///
/// let pool = ThreadPool::with_workers(1);
/// let (release, gate) = mpsc::channel::<()>();
/// let (started, has_started) = mpsc::channel();
/// let stuck = pool.options().name("reads the gate").spawn(move || {
///     started.send(()).unwrap();
///     gate.recv().is_ok()
/// });
/// has_started.recv().unwrap();
///
/// let dump = pool.dump();
/// assert_eq!(dump.running().next().unwrap().name.as_deref(), Some("reads the gate"));
/// assert!(dump.to_string().contains("reads the gate"));
/// # release.send(()).unwrap();
/// # assert!(stuck.result().unwrap());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Dump {
    /// What the executor is, with its name if it has one.
    pub executor: String,
    /// Its counters.
    pub stats: Stats,
    /// Its workers, and other threads that run its tasks.
    pub workers: Vec<WorkerDump>,
    /// Async tasks that have started and wait to be woken.
    pub suspended: Vec<TaskDump>,
    /// Tasks that wait for each other in a circle, so that none of them will ever end by itself. Tasks of other executors may
    /// be among them.
    pub cycles: Vec<Vec<TaskId>>,
    /// Something was being changed just then and is left out.
    pub is_partial: bool,
}

/// One worker in a [`Dump`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerDump {
    /// The name of its thread; of a process what it is: `process`, or how far its start or end is; of a worker of a cluster its machine, and how
    /// many tasks it runs at once.
    pub name: String,
    /// The process, if it is one.
    pub pid: Option<u32>,
    /// The machine, if it is a worker of a cluster.
    pub host: Option<String>,
    /// The task that it runs; behind it those that run on top of it, because each waits for the next. A process may poll
    /// several at once. None if it is idle.
    pub tasks: Vec<TaskDump>,
    /// So many more lie on top of these.
    pub deeper: usize,
}

/// One task in a [`Dump`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TaskDump {
    /// `None` for a part of a `map`, which is no task by itself.
    pub id: Option<TaskId>,
    /// The name given with `options().name(..)`.
    pub name: Option<String>,
    /// The type of the work, as the compiler spells it.
    pub work: &'static str,
    /// How long it has been running. Exact to some milliseconds; in a process, counted from the beginning of its batch.
    pub age: Duration,
    /// What it waits for, as far as it waits for something of this crate.
    pub awaits: Option<Awaits>,
}

/// What a task in a [`Dump`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaits {
    /// Another task.
    Task(TaskId),
    /// One of several tasks, items of a map, room, or the end of an executor.
    Other,
}

impl Dump {
    pub(super) fn of(executor: &impl Executor) -> Self {
        if let Some(carrier) = executor.carrier() {
            carrier.0.look();
        }
        Self::of_books(executor.ledger())
    }

    /// Without the executor.
    pub(super) fn of_books(ledger: &Ledger) -> Self {
        let report = ledger.report();
        let mut edges = cycles::Edges::default();
        edges.add(&report);
        // Only what waits can be part of a circle.
        if !edges.are_none() {
            ledger
                .reports_of_others()
                .iter()
                .for_each(|report| edges.add(report));
        }
        let cycles = edges.cycles_of(&report);
        let Report {
            executor,
            workers,
            suspended,
            workers_restarted,
            spare_threads,
            is_partial,
        } = report;
        Self {
            executor,
            stats: Stats {
                workers_restarted,
                spare_threads,
                ..ledger.stats()
            },
            workers: workers.into_iter().map(WorkerDump::of).collect(),
            suspended: suspended.into_iter().map(TaskDump::of).collect(),
            cycles,
            is_partial,
        }
    }

    /// All tasks that run or are suspended.
    pub fn running(&self) -> impl Iterator<Item = &TaskDump> {
        let on_workers = self.workers.iter().flat_map(|worker| &worker.tasks);
        on_workers.chain(&self.suspended)
    }
}

/// What the workers of an executor are doing, for its `Debug`: a line for each.
pub(crate) struct WorkersShown<'a>(pub(crate) &'a Ledger);

impl fmt::Debug for WorkersShown<'_> {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workers = self.0.report().workers.into_iter().map(WorkerDump::of);
        f.debug_list()
            .entries(workers.map(|worker| format!("{worker}").trim_end().to_owned()))
            .finish()
    }
}

impl WorkerDump {
    fn of(seen: WorkerSeen) -> Self {
        Self {
            name: seen.name,
            pid: seen.pid,
            host: seen.host,
            tasks: seen.tasks.into_iter().map(TaskDump::of).collect(),
            deeper: seen.deeper,
        }
    }
}

impl TaskDump {
    fn of(seen: Seen) -> Self {
        Self {
            id: seen.task.map(TaskId::of_number),
            name: seen.name.as_deref().map(str::to_owned),
            work: seen.work,
            age: seen.age,
            awaits: match seen.awaits {
                Awaited::Nothing => None,
                Awaited::Task(number) => Some(Awaits::Task(TaskId::of_number(number))),
                Awaited::Other => Some(Awaits::Other),
            },
        }
    }
}
