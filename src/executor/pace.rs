use std::{num::NonZeroUsize, time::Duration};

/// A chunk lasts about this long if there is enough to do: the cost of passing a chunk on (about a
/// microsecond) disappears in it, and other work gets its turn soon.
const CHUNK: Duration = Duration::from_micros(200);

/// Below this, sharing what is left among workers costs more than it saves.
pub(super) const WORTH_SHARING: Duration = Duration::from_micros(20);

/// A chunk is at most this many times as large as what was measured before it.
const GROWTH: usize = 8;

/// How long items take, and what follows for the size of the next chunk.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// A moving average; `None` before the first chunk.
    nanos_per_item: Option<f64>,
    largest: usize,
}

impl Pace {
    pub(super) fn measured(&mut self, items: usize, took: Duration) {
        if items == 0 {
            return;
        }
        #[allow(clippy::cast_precision_loss)] // An estimate.
        let nanos = (took.as_nanos() as f64 / items as f64).max(0.1);
        // Half of the new: items whose cost varies a thousandfold must not swing the size as far.
        self.nanos_per_item = Some(self.nanos_per_item.map_or(nanos, |old| f64::midpoint(old, nanos)));
        self.largest = self.largest.max(items);
    }

    /// How many of `waiting` items the next chunk takes; 0 only if none wait.
    pub(super) fn chunk_size(&self, fixed: Option<NonZeroUsize>, waiting: usize, workers: usize) -> usize {
        if let Some(fixed) = fixed {
            return fixed.get().min(waiting);
        }
        // Every worker gets at least two more shares of what waits, so that the last ones end together.
        let share = waiting / (2 * workers);
        share
            .clamp(self.items_lasting(WORTH_SHARING), self.items_lasting(CHUNK))
            .min(waiting)
    }

    /// How many items are worth a chunk.
    pub(super) fn worth_a_chunk(&self) -> usize {
        self.items_lasting(WORTH_SHARING)
    }

    /// How many items take this long, as far as that can be said by now; at least 1.
    fn items_lasting(&self, time: Duration) -> usize {
        let Some(nanos) = self.nanos_per_item else {
            return 1;
        };
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let items = (time.as_nanos() as f64 / nanos) as usize;
        items.min(self.largest.saturating_mul(GROWTH)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_chunk_is_one_item_and_sizes_grow_by_what_was_measured() {
        let mut pace = Pace::default();
        assert_eq!(pace.chunk_size(None, 1_000_000, 2), 1);
        pace.measured(1, Duration::from_nanos(100));
        assert_eq!(pace.chunk_size(None, 1_000_000, 2), 8);
        pace.measured(8, Duration::from_nanos(800));
        pace.measured(2_000, Duration::from_micros(200));
        assert_eq!(pace.chunk_size(None, 1_000_000, 2), 2_000);
    }

    #[test]
    fn long_items_go_one_by_one_and_the_end_is_shared() {
        let mut pace = Pace::default();
        pace.measured(1, Duration::from_millis(5));
        assert_eq!(pace.chunk_size(None, 100, 2), 1);
        let mut pace = Pace::default();
        pace.measured(400, Duration::from_micros(400));
        assert_eq!(pace.chunk_size(None, 400, 2), 100);
        assert_eq!(pace.chunk_size(None, 40, 2), 20); // 20 µs: not worth sharing
        assert_eq!(pace.chunk_size(None, 0, 2), 0);
    }

    #[test]
    fn a_fixed_size_is_kept() {
        let pace = Pace::default();
        assert_eq!(pace.chunk_size(NonZeroUsize::new(7), 50, 2), 7);
        assert_eq!(pace.chunk_size(NonZeroUsize::new(7), 3, 2), 3);
    }
}
