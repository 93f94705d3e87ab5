//! Who waits for whom, and whether that goes in a circle.

use crate::{
    future::TaskId,
    ledger::Report,
    running::{Awaited, activity::Seen},
};
use std::collections::{BTreeMap, BTreeSet};

/// For each task that waits for one other task, that one.
#[derive(Debug, Default)]
pub(super) struct Edges(BTreeMap<u64, u64>);

impl Edges {
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, report: &Report) {
        for worker in &report.workers {
            if worker.pid.is_none() {
                // What lies on top of a task is what it waits for.
                for pair in worker.tasks.windows(2) {
                    self.add_edge(pair[0].task, pair[1].task);
                }
            }
            worker.tasks.iter().for_each(|task| self.add_task(task));
        }
        report.suspended.iter().for_each(|task| self.add_task(task));
    }

    fn add_task(&mut self, task: &Seen) {
        if let Awaited::Task(awaited) = task.awaits {
            self.add_edge(task.task, Some(awaited));
        }
    }

    fn add_edge(&mut self, from: Option<u64>, to: Option<u64>) {
        if let (Some(from), Some(to)) = (from, to) {
            self.0.insert(from, to);
        }
    }

    /// The circles that a task of this report is part of, or waits for.
    pub(super) fn cycles_of(&self, report: &Report) -> Vec<Vec<TaskId>> {
        let on_workers = report.workers.iter().flat_map(|worker| &worker.tasks);
        let tasks = on_workers.chain(&report.suspended).filter_map(|task| task.task);
        let mut known = BTreeSet::new();
        tasks
            .filter_map(|task| self.cycle_from(task, &mut known))
            .collect()
    }

    /// The circle that one gets into from this task, if it has not been found before.
    fn cycle_from(&self, start: u64, known: &mut BTreeSet<u64>) -> Option<Vec<TaskId>> {
        let mut path = Vec::new();
        let mut at = start;
        loop {
            if let Some(begin) = path.iter().position(|&task| task == at) {
                let circle = path[begin..].iter().copied().map(TaskId::of_number).collect();
                known.extend(path);
                return Some(circle);
            }
            if known.contains(&at) {
                break;
            }
            path.push(at);
            match self.0.get(&at) {
                Some(&next) => at = next,
                None => break,
            }
        }
        known.extend(path);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(edges: &[(u64, u64)], starts: &[u64]) -> Vec<Vec<TaskId>> {
        let edges = Edges(edges.iter().copied().collect());
        let mut known = BTreeSet::new();
        starts
            .iter()
            .filter_map(|&start| edges.cycle_from(start, &mut known))
            .collect()
    }

    #[test]
    fn a_circle_is_found_once_from_wherever_one_starts() {
        let ids = |numbers: &[u64]| numbers.iter().map(|&n| TaskId::of_number(n)).collect::<Vec<_>>();
        assert_eq!(circles(&[(1, 2), (2, 3)], &[1, 2, 3]), Vec::<Vec<TaskId>>::new());
        assert_eq!(
            circles(&[(1, 2), (2, 3), (3, 2)], &[1, 2, 3]),
            [ids(&[2, 3])],
            "one in front of it"
        );
        assert_eq!(circles(&[(7, 7)], &[7]), [ids(&[7])], "itself");
        let two = circles(&[(1, 2), (2, 1), (3, 4), (4, 3), (5, 1)], &[1, 5, 4, 3]);
        assert_eq!(two, [ids(&[1, 2]), ids(&[4, 3])]);
    }
}
