//! How long calls take, and how many are worth being in hand.

use std::time::Duration;

/// So much work lies on a worker at most, besides what runs: the time in which it fetches more many times over.
const AHEAD: Duration = Duration::from_millis(20);

/// From this mean on nothing is fetched before a process is free: another worker may have one.
const LONG: Duration = Duration::from_millis(100);

/// What a call costs besides its run, so that empty ones are not counted as nothing.
const COST: Duration = Duration::from_micros(25);

/// A moving average of the time that a message takes.
#[derive(Debug, Default)]
pub(super) struct Pace {
    mean: Option<Duration>,
}

impl Pace {
    pub(super) fn measured(&mut self, took: Duration) {
        let old = self.mean.unwrap_or(took);
        // An eighth of the new: one that is long among many short ones must not stop the fetching ahead.
        self.mean = Some((old * 7 + took) / 8);
    }

    /// How many calls are to wait for each process, besides the one that it runs.
    pub(super) fn ahead(&self) -> usize {
        let Some(mean) = self.mean else { return 1 };
        if mean > LONG {
            return 0;
        }
        let ahead = AHEAD.as_nanos() / mean.max(COST).as_nanos();
        usize::try_from(ahead).unwrap_or(usize::MAX).max(1)
    }

    /// Whether it is worth to look at the pool for the end of a call, instead of being woken for it.
    pub(super) fn is_short(&self) -> bool {
        self.mean.is_none_or(|mean| mean < 4 * COST)
    }

    /// Whether something that runs for so long is long.
    pub(super) fn is_long(age: Duration) -> bool {
        age > LONG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace_of(took: Duration) -> Pace {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.measured(took);
        }
        pace
    }

    #[test]
    fn twenty_milliseconds_of_work_are_kept_ahead() {
        assert_eq!(Pace::default().ahead(), 1);
        assert_eq!(pace_of(Duration::from_millis(1)).ahead(), 20);
        assert_eq!(pace_of(Duration::from_millis(50)).ahead(), 1);
        assert_eq!(pace_of(Duration::from_millis(150)).ahead(), 0);
        assert_eq!(pace_of(Duration::ZERO).ahead(), 800);
    }

    #[test]
    fn one_long_call_among_short_ones_changes_little() {
        let mut pace = pace_of(Duration::from_micros(100));
        pace.measured(Duration::from_millis(80));
        assert!(pace.ahead() >= 1);
        assert!(pace_of(Duration::from_micros(10)).is_short() && !pace.is_short());
    }
}
