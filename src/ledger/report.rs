//! How an executor tells how things stand with it, without waiting for anybody.

use super::Ledger;
use crate::{
    running::activity::{self, Seen},
    sync::Arc,
};
use std::{
    collections::BTreeSet,
    sync::{OnceLock, Weak},
};

/// An executor that knows more of its tasks than the threads say that run them.
pub(crate) trait Reporter: Send + Sync {
    /// Adds what it knows. Never waits: what is locked is left out, and the report said to be incomplete.
    fn report(&self, report: &mut Report);
}

/// How things stand with an executor.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What the executor is, with its name if it has one.
    pub(crate) executor: String,
    pub(crate) workers: Vec<WorkerSeen>,
    /// Async tasks that wait to be woken.
    pub(crate) suspended: Vec<Seen>,
    /// As in [`Stats`](super::Stats).
    pub(crate) workers_restarted: u64,
    /// As in [`Stats`](super::Stats).
    pub(crate) spare_threads: u64,
    /// Somebody was in the way of a look: there may be more.
    pub(crate) is_partial: bool,
}

/// What a worker is doing.
#[derive(Debug)]
pub(crate) struct WorkerSeen {
    /// Of its thread, or what it is.
    pub(crate) name: String,
    /// Of a process.
    pub(crate) pid: Option<u32>,
    pub(crate) host: Option<String>,
    /// The task that it is in, and those on top of that one; none if it is idle.
    pub(crate) tasks: Vec<Seen>,
    /// So many more lie on top of these.
    pub(crate) deeper: usize,
}

/// What the executor is, and who knows more of it.
pub(super) type Reporters = OnceLock<(String, Option<Weak<dyn Reporter>>)>;

impl Ledger {
    /// What the executor is, with its name if it has one.
    pub(crate) fn is_of(&self, executor: String) {
        let _ = self.0.reporter.set((executor, None));
    }

    /// The same, and who is to be asked how things stand.
    pub(crate) fn reports_through(&self, executor: String, reporter: Weak<dyn Reporter>) {
        let _ = self.0.reporter.set((executor, Some(reporter)));
    }

    /// What the executor is, with its name if it has one.
    pub(crate) fn executor(&self) -> &str {
        self.0.reporter.get().map_or("executor", |(executor, _)| executor)
    }

    /// How things stand.
    pub(crate) fn report(&self) -> Report {
        let mut report = self.report_of_executor();
        let number = self.id().number();
        match activity::all() {
            Some(threads) => report.add_threads(&threads, number),
            None => report.is_partial = true,
        }
        report.leave_out_what_is_polled();
        report
    }

    /// The same without what its threads say: what only the executor knows, as long as it exists.
    pub(crate) fn report_of_executor(&self) -> Report {
        let mut report = Report {
            executor: self.executor().to_owned(),
            ..Report::default()
        };
        let reporter = self.0.reporter.get();
        if let Some(reporter) = reporter.and_then(|(_, reporter)| reporter.as_ref()?.upgrade()) {
            reporter.report(&mut report);
        }
        report
    }

    /// How things stand with every executor of the program, apart from this one.
    pub(crate) fn reports_of_others(&self) -> Vec<Report> {
        let others: Vec<_> = match super::REGISTRY.try_read() {
            Some(registry) => registry.values().filter_map(Weak::upgrade).map(Ledger).collect(),
            None => Vec::new(),
        };
        let others = others.iter().filter(|other| other.id() != self.id());
        others.map(Ledger::report).collect()
    }
}

impl Report {
    fn add_threads(&mut self, threads: &[Arc<activity::Activity>], executor: u32) {
        for thread in threads {
            let is_worker = thread.is_worker_of(executor);
            // One whose tasks change too fast to be read is getting on.
            let (tasks, deeper) = thread.levels().unwrap_or_default();
            if is_worker || tasks.iter().any(|task| task.executor == executor) {
                self.workers.push(WorkerSeen {
                    name: thread.thread.clone(),
                    pid: None,
                    host: None,
                    tasks,
                    deeper,
                });
            }
        }
        self.workers.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// A task that was suspended once is in that table until it ends, and may be polled right now.
    fn leave_out_what_is_polled(&mut self) {
        let polled: BTreeSet<_> = self
            .workers
            .iter()
            .flat_map(|worker| &worker.tasks)
            .filter_map(|task| task.task)
            .collect();
        self.suspended
            .retain(|task| task.task.is_none_or(|task| !polled.contains(&task)));
    }
}
