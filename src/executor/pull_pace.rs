//! How often the clock is looked at while items are pulled, and what it says about them.

use std::time::{Duration, Instant};

/// A look at the clock that comes this late met a slow item iterator, or a thread that lost its core.
const SLOW_PULL: Duration = Duration::from_millis(5);

/// So many slow looks in one round, and it is the iterator: the outcomes that are there must not wait for it.
const SLOW_PULLS: u32 = 3;

/// The clock, and whether the executor still takes items, is looked at for each of the first so many pulls,
const FIRST_PULLS: usize = 16;

/// and once per so many after that, unless the last look came late;
pub(super) const PULLS_PER_LOOK: usize = 64;

/// once per so many if that is still often enough,
const MOST_PULLS_PER_LOOK: usize = 1024;

/// which is so often.
const OFTEN: Duration = Duration::from_micros(10);

/// Tells a slow item iterator from a quick one, without reading the clock for every item.
pub(super) struct PullPace {
    /// Pulls before the last look.
    pulled: usize,
    /// From the last look to the next.
    pub(super) until_look: usize,
    last_look: Instant,
    slow_looks: u32,
}

impl PullPace {
    pub(super) fn new(slow_before: bool) -> Self {
        let slow_looks = if slow_before { SLOW_PULLS } else { 0 };
        Self {
            pulled: 0,
            until_look: 0,
            last_look: Instant::now(),
            slow_looks,
        }
    }

    /// Looks at the clock, and says by `until_look` how many may be pulled before the next look.
    pub(super) fn look(&mut self) {
        self.pulled += self.until_look;
        let now = Instant::now();
        let took = now.duration_since(self.last_look);
        let late = took > SLOW_PULL;
        if late {
            self.slow_looks += 1;
        } else if self.pulled >= FIRST_PULLS {
            self.slow_looks = 0;
        }
        self.last_look = now;
        self.until_look = if late || self.pulled < FIRST_PULLS {
            1
        } else if took < OFTEN {
            (2 * self.until_look).clamp(PULLS_PER_LOOK, MOST_PULLS_PER_LOOK)
        } else {
            PULLS_PER_LOOK
        };
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow_looks >= SLOW_PULLS
    }
}
