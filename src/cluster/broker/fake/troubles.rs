//! What goes wrong with the fake, and when.

use std::collections::BTreeMap;

/// An operation whose caller hears that the engine is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It has not happened.
    Before,
    /// It has happened; its answer is lost.
    After,
}

/// Troubles at random, from a seed.
#[derive(Debug)]
struct Dice {
    state: u64,
    one_in: u64,
}

impl Dice {
    /// `SplitMix64`: what a test needs of randomness in four lines.
    fn throw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[derive(Debug, Default)]
pub(super) struct Troubles {
    operations: u64,
    planned: BTreeMap<u64, Trouble>,
    dice: Option<Dice>,
}

impl Troubles {
    /// The operation that comes after `skipped` others fails.
    pub(super) fn plan(&mut self, skipped: u64, trouble: Trouble) {
        self.planned.insert(self.operations + skipped, trouble);
    }

    /// From here on one in so many operations fails, before or after it has happened.
    pub(super) fn at_random(&mut self, seed: u64, one_in: u64) {
        assert!(one_in > 0, "one in none");
        self.dice = Some(Dice { state: seed, one_in });
    }

    pub(super) fn none(&mut self) {
        self.planned.clear();
        self.dice = None;
    }

    /// What happens to the next operation.
    pub(super) fn next(&mut self) -> Option<Trouble> {
        let planned = self.planned.remove(&self.operations);
        self.operations += 1;
        planned.or_else(|| {
            let dice = self.dice.as_mut()?;
            if !dice.throw().is_multiple_of(dice.one_in) {
                return None;
            }
            Some(if dice.throw() & 1 == 0 {
                Trouble::Before
            } else {
                Trouble::After
            })
        })
    }
}
