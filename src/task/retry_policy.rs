use crate::{error::TaskError, sync::Arc};
use std::{collections::hash_map::RandomState, fmt, hash::BuildHasher, time::Duration};

/// How often a task is tried again, when, and after which errors.
#[derive(Clone, Default)]
pub(crate) struct RetryPolicy {
    pub(crate) retries: u32,
    /// The wait before the first retry, and the longest.
    pub(crate) backoff: Option<(Duration, Duration)>,
    pub(crate) retry_if: Option<Condition>,
}

pub(crate) type Condition = Arc<dyn Fn(&TaskError) -> bool + Send + Sync>;

impl RetryPolicy {
    /// Whether a task is tried again after this error. May run foreign code.
    pub(crate) fn wants_another(&self, error: &TaskError) -> bool {
        match &self.retry_if {
            Some(condition) => condition(error),
            None => matches!(error, TaskError::WorkerDied(_) | TaskError::TimedOut(_)),
        }
    }

    /// How long to wait before the next attempt, after so many.
    ///
    /// Twice as long each time, and drawn from the upper half of that: tasks that failed together do not come back
    /// together ("equal jitter" of M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    pub(crate) fn wait_after(&self, attempts: u32) -> Duration {
        let Some((first, most)) = self.backoff else {
            return Duration::ZERO;
        };
        let factor = 2u32.checked_pow(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = first.saturating_mul(factor).min(most);
        let half = whole / 2;
        half + half.mul_f64(a_share())
    }
}

/// A number between 0 and 1 that differs from call to call.
fn a_share() -> f64 {
    // Hashers are seeded at random, and each new one otherwise than the one before.
    let [high, low, ..] = RandomState::new().hash_one(0u8).to_ne_bytes();
    f64::from(u16::from_ne_bytes([high, low])) / f64::from(u16::MAX)
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("retries", &self.retries)
            .field("backoff", &self.backoff)
            .field("has_condition", &self.retry_if.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_not_all_the_same() {
        let policy = RetryPolicy {
            retries: 9,
            backoff: Some((Duration::from_secs(1), Duration::from_secs(6))),
            retry_if: None,
        };
        for (attempts, whole) in [(1, 1), (2, 2), (3, 4), (4, 6), (5, 6), (4_000_000_000, 6)] {
            let whole = Duration::from_secs(whole);
            let waits: Vec<_> = (0..100).map(|_| policy.wait_after(attempts)).collect();
            assert!(waits.iter().all(|wait| (whole / 2..=whole).contains(wait)));
            assert!(waits.iter().any(|wait| *wait != waits[0]));
        }
        assert_eq!(RetryPolicy::default().wait_after(3), Duration::ZERO);
        let endless = RetryPolicy {
            backoff: Some((Duration::MAX, Duration::MAX)),
            ..RetryPolicy::default()
        };
        assert!(endless.wait_after(7) >= Duration::MAX / 2);
    }
}
