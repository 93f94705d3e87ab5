//! How much a worker takes, and what it gives back: rule 11.

use super::{ALONE_AT, Desk, Stage};
use crate::cluster::worker::pace::Pace;
use std::time::{Duration, Instant};

/// So many futures are in hand for each process.
const FUTURES_PER_SLOT: usize = 64;

/// No more are fetched at once.
const MOST_AT_ONCE: usize = 512;

/// What has waited so long behind longer work is handed back: rule 11.
const WAITED_TOO_LONG: Duration = Duration::from_millis(200);

impl<W: Clone> Desk<W> {
    /// How many more tasks are to be fetched: rule 11.
    pub(in crate::cluster::worker) fn capacity(&self, now: Instant) -> usize {
        let is_closed = self.draining || !self.alone.is_empty() || self.alone_runs.is_some();
        if is_closed || self.futures >= FUTURES_PER_SLOT * self.slots {
            return 0;
        }
        let long = self.calls_running_for(now, Pace::is_long).min(self.slots);
        // Behind what is long nothing is to wait.
        let wanted = long + (self.slots - long) * (1 + self.pace.ahead());
        wanted
            .saturating_sub(self.calls + self.unopened.len())
            .min(MOST_AT_ONCE)
    }

    fn calls_running_for(&self, now: Instant, is_meant: impl Fn(Duration) -> bool) -> usize {
        self.running
            .iter()
            .filter_map(|place| self.held.get(place))
            .filter(|held| {
                matches!(held.stage, Stage::Running(since)
                    if !held.label.is_async && is_meant(now.saturating_duration_since(since)))
            })
            .count()
    }

    /// Those that are to be handed back, if they have not started.
    pub(in crate::cluster::worker) fn overdue(&self, now: Instant) -> Vec<W> {
        let mut all = self.stuck(now);
        // If what goes first takes this worker along, the others are not to be lost with it.
        all.extend(
            self.alone
                .iter()
                .skip(usize::from(self.alone_runs.is_none()))
                .filter_map(|place| self.held.get(place))
                .map(|held| held.work.clone()),
        );
        all
    }

    /// What the pool has, and has not begun.
    pub(in crate::cluster::worker) fn unstarted(&self) -> Vec<W> {
        let waiting = self
            .held
            .values()
            .filter(|held| matches!(held.stage, Stage::Waiting(_)));
        waiting.map(|held| held.work.clone()).collect()
    }

    /// Those that have waited for too long while nothing is free here (rule 11); once the worker is to leave, all that have not
    /// started. What runs alone is not among them: it is its turn.
    fn stuck(&self, now: Instant) -> Vec<W> {
        let are_calls_stuck = self.calls_running_for(now, |_| true) >= self.slots;
        let futures_running = self.running.len() - self.calls_running_for(now, |_| true);
        let are_futures_stuck = are_calls_stuck || futures_running >= FUTURES_PER_SLOT * self.slots;
        if !self.draining && !are_calls_stuck && !are_futures_stuck {
            return Vec::new();
        }
        self.held
            .values()
            .filter(|held| {
                let is_stuck = if held.label.is_async {
                    are_futures_stuck
                } else {
                    are_calls_stuck
                };
                let is_late = |since| now.saturating_duration_since(since) >= WAITED_TOO_LONG;
                matches!(held.stage, Stage::Waiting(since)
                    if held.label.times < ALONE_AT && (self.draining || is_stuck && is_late(since)))
            })
            .map(|held| held.work.clone())
            .collect()
    }
}
