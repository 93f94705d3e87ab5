//! The engine's clock, which all machines of a cluster can ask, and that of this machine.

use super::broker::{Fault, Session};
use crate::sys::clock;

/// How far the two are apart: as exact as half of the time that a question takes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    /// Nanoseconds from this machine's to the engine's.
    ahead: i128,
}

impl Clock {
    pub(super) fn compare(session: &mut dyn Session) -> Result<Self, Fault> {
        let asked = clock::precise();
        let now = session.now()?;
        let answered = clock::precise();
        Ok(Self::of(asked.midpoint(answered), now))
    }

    fn of(here: u64, there: u64) -> Self {
        Self {
            ahead: i128::from(there) * 1_000 - i128::from(here),
        }
    }

    /// The engine's microseconds at a time of this machine, in nanoseconds by [`clock::precise`].
    pub(super) fn there(self, here: u64) -> u64 {
        u64::try_from((i128::from(here) + self.ahead) / 1_000).unwrap_or(0)
    }

    /// The other way round. Nothing lies in the future.
    pub(super) fn here(self, there: u64) -> u64 {
        let here = u64::try_from(i128::from(there) * 1_000 - self.ahead).unwrap_or(0);
        here.min(clock::precise())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_went() {
        let clock = Clock::of(5_000_000, 1_700_000_000_000_000);
        assert_eq!(clock.there(5_000_000), 1_700_000_000_000_000);
        assert_eq!(clock.there(7_000_000), 1_700_000_000_002_000);
        assert_eq!(clock.here(1_700_000_000_002_000), 7_000_000);
        assert_eq!(clock.here(0), 0);
        assert!(clock.here(u64::MAX) <= clock::precise());
    }
}
