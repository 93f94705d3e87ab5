use std::{collections::VecDeque, time::Duration};

/// So many seconds are remembered.
const SECONDS: usize = 60;

/// How fast a counter has grown, second by second.
///
/// What counts is only what a counter has more than it ever had: a failure is taken back when the task is tried again, and if that
/// fails as well, it was one failure.
#[derive(Debug)]
pub(super) struct Rate {
    most: u64,
    at: Duration,
    /// What each second has brought, the last one that is over at the end.
    seconds: VecDeque<f64>,
    /// What the second has brought so far that is not over.
    running: f64,
}

impl Rate {
    /// What has been counted until now belongs to no second.
    pub(super) fn starting_at(at: Duration, count: u64) -> Self {
        Self {
            most: count,
            at,
            seconds: VecDeque::new(),
            running: 0.0,
        }
    }

    /// The counter stands at `count` at that time, which is not before that of the last call.
    pub(super) fn add(&mut self, at: Duration, count: u64) {
        #[allow(
            clippy::cast_precision_loss,
            reason = "exact far beyond what is counted between two looks"
        )]
        let more = count.saturating_sub(self.most) as f64;
        self.most = self.most.max(count);
        let span = at.saturating_sub(self.at);
        if span.is_zero() {
            self.running += more;
            return;
        }
        // Looks are not exactly on time. If all of it went to the second of the look, even growth would look like a saw.
        while self.at < at {
            let next_second = Duration::from_secs(self.at.as_secs() + 1);
            let until = at.min(next_second);
            self.running += more * until.saturating_sub(self.at).div_duration_f64(span);
            if until == next_second {
                self.second_is_over();
            }
            self.at = until;
        }
    }

    fn second_is_over(&mut self) {
        if self.seconds.len() == SECONDS {
            self.seconds.pop_front();
        }
        self.seconds.push_back(std::mem::take(&mut self.running));
    }

    /// Per second, now: what the last whole second has brought.
    pub(super) fn now(&self) -> f64 {
        let so_far = || self.running / self.at.as_secs_f64().max(0.001);
        self.seconds.back().copied().unwrap_or_else(so_far)
    }

    /// What the last `most` seconds have brought, the latest at the end.
    pub(super) fn last(&self, most: usize) -> impl Iterator<Item = f64> {
        self.seconds
            .iter()
            .skip(self.seconds.len().saturating_sub(most))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn seconds(rate: &Rate) -> Vec<u64> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        rate.last(SECONDS).map(|second| second.round() as u64).collect()
    }

    #[test]
    fn even_growth_looks_even_however_late_the_looks_are() {
        let mut rate = Rate::starting_at(Duration::ZERO, 1_000);
        for at in [700, 1_100, 1_990, 3_010, 4_000] {
            rate.add(millis(at), 1_000 + at);
        }
        assert_eq!(seconds(&rate), [1_000, 1_000, 1_000, 1_000]);
        assert!((rate.now() - 1_000.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_taken_back_and_counted_again_counts_once() {
        let mut rate = Rate::starting_at(Duration::ZERO, 5);
        for (at, count) in [(200, 6), (400, 5), (600, 6), (800, 4), (1_000, 7)] {
            rate.add(millis(at), count);
        }
        assert_eq!(seconds(&rate), [2]);
        rate.add(millis(2_000), 0);
        assert_eq!(seconds(&rate), [2, 0]);
    }

    #[test]
    fn a_minute_is_remembered_and_a_long_pause_is_seen_as_one() {
        let mut rate = Rate::starting_at(Duration::ZERO, 0);
        rate.add(millis(1_000), 9);
        rate.add(millis(3_600_000), 9);
        assert_eq!(seconds(&rate), [0; SECONDS]);
        rate.add(millis(3_601_000), 12);
        assert_eq!(rate.last(2).map(f64::round).collect::<Vec<_>>(), [0.0, 3.0]);
    }

    #[test]
    fn in_the_first_second_it_is_guessed_from_what_is_there() {
        let mut rate = Rate::starting_at(Duration::ZERO, 0);
        assert!(rate.now() < 0.001);
        rate.add(millis(500), 100);
        assert!((rate.now() - 200.0).abs() < 1e-6);
        rate.add(millis(500), 101);
        assert_eq!(rate.last(60).count(), 0);
    }
}
