//! How many tasks waited and ran at each time.

use super::Timeline;
use std::time::Duration;

/// So many tasks of an executor waited and ran from then on, as far as they are tasks of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) at: Duration,
    pub(super) queued: u64,
    /// Those that have started, suspended ones included.
    pub(super) running: u64,
}

/// The load of an executor over time, in steps: at most about so many, each the state at its time. Empty if it had no tasks of their own.
pub(super) fn load(timeline: &Timeline, executor: usize, most: usize) -> Vec<Point> {
    let mut changes: Vec<(Duration, i64, i64)> = Vec::new();
    for task in timeline.tasks.iter().filter(|task| task.executor == executor) {
        let from = task.submitted.or(task.started).unwrap_or_default();
        changes.push((from, 1, 0));
        if let Some(started) = task.started {
            changes.push((started.max(from), -1, 1));
            if let Some(ended) = task.ended {
                changes.push((ended.max(started), 0, -1));
            }
        } else if let Some(ended) = task.ended {
            changes.push((ended, -1, 0));
        }
    }
    changes.sort_unstable();
    let step = timeline.length / u32::try_from(most.max(1)).unwrap_or(u32::MAX);
    let (mut queued, mut running) = (0, 0);
    let mut points: Vec<Point> = Vec::new();
    for (at, waits, runs) in changes {
        queued += waits;
        running += runs;
        let point = Point {
            at,
            queued: u64::try_from(queued).unwrap_or(0),
            running: u64::try_from(running).unwrap_or(0),
        };
        match points.last_mut() {
            // Of several within a step the last stands for all.
            Some(last) if at.saturating_sub(last.at) < step => {
                let at = last.at;
                *last = Point { at, ..point };
            }
            _ => points.push(point),
        }
    }
    points
}
