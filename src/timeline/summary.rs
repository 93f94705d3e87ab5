//! A timeline in words, for a terminal.

// Means.
#![allow(clippy::cast_precision_loss)]

use super::{SliceKind, Timeline, names::short};
use std::{collections::BTreeMap, fmt, time::Duration};

/// Kinds of work that are listed.
const MOST_KINDS: usize = 20;

/// What the slices of one kind of work add up to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    pub(super) items: u64,
    pub(super) failed: u64,
    pub(super) time: Duration,
    pub(super) longest: Duration,
}

/// The kinds of work, those that took most time first.
pub(super) fn kinds(timeline: &Timeline) -> Vec<(&str, Total)> {
    let mut kinds: BTreeMap<&str, Total> = BTreeMap::new();
    for slice in timeline.slices.iter().filter(|slice| slice.is_work()) {
        let total = kinds.entry(&slice.label).or_default();
        total.items += match slice.kind {
            // A future counts once, with its first turn; see below.
            SliceKind::Turn => 0,
            _ => u64::from(slice.items),
        };
        total.failed += u64::from(slice.failed);
        total.time += slice.length();
        let each = slice.length() / slice.items.max(1);
        total.longest = total.longest.max(each);
    }
    for task in timeline
        .tasks
        .iter()
        .filter(|task| task.is_async && task.started.is_some())
    {
        if let Some(total) = kinds.get_mut(&*task.label) {
            total.items += 1;
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(name, total)| (std::cmp::Reverse(total.time), *name));
    kinds
}

/// How long something was on each lane; what lies on top of something else is not counted twice.
pub(super) fn busy(timeline: &Timeline) -> Vec<Duration> {
    let mut busy = vec![Duration::ZERO; timeline.lanes.len()];
    let mut until = vec![Duration::ZERO; timeline.lanes.len()];
    for slice in &timeline.slices {
        let end = &mut until[slice.lane];
        busy[slice.lane] += slice.to.saturating_sub(slice.from.max(*end));
        *end = slice.to.max(*end);
    }
    busy
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: Duration| 100.0 * part.as_secs_f64() / self.length.as_secs_f64().max(1e-9);
        writeln!(
            f,
            "{:.3?} recorded: {} tasks, {} items of maps",
            self.length,
            self.tasks.len(),
            self.items()
        )?;
        if self.left_out > 0 {
            writeln!(
                f,
                "  {} notes were left out: there was no room for more",
                self.left_out
            )?;
        }
        for (lane, busy) in self.lanes.iter().zip(busy(self)) {
            let executor = lane.executor.map_or("", |executor| &self.executors[executor]);
            writeln!(f, "  {:<20} {:>5.1} % busy  {executor}", lane.name, share(busy))?;
        }
        let kinds = kinds(self);
        for (name, total) in kinds.iter().take(MOST_KINDS) {
            let mean = total.time.div_f64((total.items.max(1)) as f64);
            write!(
                f,
                "  {}: {} in {:.3?}, {mean:.3?} each",
                short(name),
                total.items,
                total.time
            )?;
            if total.failed > 0 {
                write!(f, ", {} failed", total.failed)?;
            }
            writeln!(f)?;
        }
        if kinds.len() > MOST_KINDS {
            writeln!(f, "  and {} more kinds of work", kinds.len() - MOST_KINDS)?;
        }
        let sums = |of: fn(&super::TaskTrace) -> Duration| self.tasks.iter().map(of).sum::<Duration>();
        let steps = [
            ("queued", sums(|task| task.queued().unwrap_or_default())),
            ("encoding arguments", sums(|task| task.encode_argument)),
            ("decoding them", sums(|task| task.decode_argument)),
            ("running", sums(|task| task.run)),
            ("encoding results", sums(|task| task.encode_result)),
            ("decoding them", sums(|task| task.decode_result)),
        ];
        if !self.tasks.is_empty() {
            write!(f, "  a task on average:")?;
            for (number, (step, sum)) in steps.iter().filter(|(_, sum)| !sum.is_zero()).enumerate() {
                let each = sum.div_f64(self.tasks.len() as f64);
                write!(f, "{} {step} {each:.3?}", if number == 0 { "" } else { "," })?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
