//! How the items of a task have ended, in their order.

use super::super::message::Outcome;
use crate::task::{Load, short};

pub(super) struct Outcomes {
    all: Vec<Option<Outcome>>,
    missing: usize,
}

impl Outcomes {
    /// Of so many items, none of which has ended.
    pub(super) fn of(items: u32) -> Self {
        let items = items as usize;
        Self {
            all: std::iter::repeat_with(|| None).take(items).collect(),
            missing: items,
        }
    }

    /// An item has ended. How it ended first counts.
    pub(super) fn set(&mut self, item: u64, outcome: Outcome) {
        let place = usize::try_from(item).ok().and_then(|item| self.all.get_mut(item));
        if let Some(place @ None) = place {
            *place = Some(outcome);
            self.missing -= 1;
        }
    }

    /// These will not run.
    pub(super) fn unrun(&mut self, load: &Load) {
        for item in load.first..load.first + u64::from(load.items) {
            self.set(item, Outcome::Unrun);
        }
    }

    pub(super) fn fail_the_rest(&mut self, failed: &Outcome) {
        for place in self.all.iter_mut().filter(|place| place.is_none()) {
            *place = Some(failed.clone());
        }
        self.missing = 0;
    }

    pub(super) fn are_all_there(&self) -> bool {
        self.missing == 0
    }

    /// All of them, short values in a row together; call it when all are there.
    pub(super) fn take(&mut self) -> Vec<Outcome> {
        let mut taken = Vec::new();
        let all = std::mem::take(&mut self.all);
        let is_one = all.len() == 1;
        for outcome in all.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Unrun)) {
            let value = match outcome {
                Outcome::Value(value) if value.len() <= short::LONGEST && !is_one => value,
                other => {
                    taken.push(other);
                    continue;
                }
            };
            if !matches!(taken.last(), Some(Outcome::Together { .. })) {
                taken.push(Outcome::Together {
                    items: 0,
                    values: Vec::new(),
                });
            }
            if let Some(Outcome::Together { items, values }) = taken.last_mut() {
                *items += 1;
                short::push(values, &value);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_ends_once() {
        let mut outcomes = Outcomes::of(3);
        outcomes.set(2, Outcome::Value(vec![2]));
        outcomes.set(2, Outcome::Unrun);
        outcomes.set(7, Outcome::Unrun);
        assert!(!outcomes.are_all_there());
        let rest = Load {
            first: 1,
            items: 1,
            bytes: Vec::new(),
            bare: false,
        };
        outcomes.unrun(&rest);
        outcomes.fail_the_rest(&Outcome::Failed(vec![9]));
        assert!(outcomes.are_all_there());
        assert_eq!(
            outcomes.take(),
            [
                Outcome::Failed(vec![9]),
                Outcome::Unrun,
                Outcome::Together {
                    items: 1,
                    values: {
                        let mut values = Vec::new();
                        short::push(&mut values, &[2]);
                        values
                    }
                }
            ]
        );
    }
}
