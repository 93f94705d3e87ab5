//! How the items of a task have ended, in their order. Short values of neighbours lie together, as they came and as they are sent.

use super::super::message::Outcome;
use crate::task::{Load, short};
use std::collections::BTreeMap;

pub(super) struct Outcomes {
    /// By the first item that each is of.
    pieces: BTreeMap<u64, Outcome>,
    has_ended: Vec<bool>,
    missing: usize,
}

impl Outcomes {
    /// Of so many items, none of which has ended.
    pub(super) fn of(items: u32) -> Self {
        Self {
            pieces: BTreeMap::new(),
            has_ended: vec![false; items as usize],
            missing: items as usize,
        }
    }

    /// Notes that an item ends. How it ends first counts: false if it has.
    fn ends(&mut self, item: u64) -> bool {
        let place = usize::try_from(item)
            .ok()
            .and_then(|item| self.has_ended.get_mut(item));
        let is_first = place.is_some_and(|has_ended| !std::mem::replace(has_ended, true));
        self.missing -= usize::from(is_first);
        is_first
    }

    /// An item has ended.
    pub(super) fn set(&mut self, item: u64, outcome: Outcome) {
        if self.ends(item) {
            self.pieces.insert(item, outcome);
        }
    }

    /// An item has ended with this value.
    pub(super) fn set_value(&mut self, item: u64, value: &[u8]) {
        if value.len() > short::LONGEST || self.has_ended.len() == 1 {
            self.set(item, Outcome::Value(value.to_vec()));
        } else if self.ends(item) {
            short::push(self.run_up_to(item, 1), value);
        }
    }

    /// Consecutive items have ended with short values.
    pub(super) fn set_together(&mut self, first: u64, items: u32, values: &[u8]) {
        let is_single = self.has_ended.len() == 1;
        let places = usize::try_from(first).ok().and_then(|first| {
            let end = first.checked_add(items as usize)?;
            self.has_ended.get_mut(first..end)
        });
        match places {
            Some(places) if !is_single && places.iter().all(|has_ended| !has_ended) => {
                places.fill(true);
                self.missing -= items as usize;
                self.run_up_to(first, items).extend_from_slice(values);
            }
            _ => {
                let mut rest = values;
                for item in first..first + u64::from(items) {
                    let Some((value, behind)) = short::split(rest) else {
                        return;
                    };
                    self.set_value(item, value);
                    rest = behind;
                }
            }
        }
    }

    /// The values in front of this item, if any lie there: to which so many are about to be added.
    fn run_up_to(&mut self, item: u64, adding: u32) -> &mut Vec<u8> {
        let before = self.pieces.range(..item).next_back();
        let first = match before {
            Some((first, Outcome::Together { items, .. })) if first + u64::from(*items) == item => *first,
            _ => item,
        };
        let run = self.pieces.entry(first).or_insert(Outcome::Unrun);
        if !matches!(run, Outcome::Together { .. }) {
            *run = Outcome::Together {
                items: 0,
                values: Vec::new(),
            };
        }
        let Outcome::Together { items, values } = run else {
            unreachable!("it was made one just now");
        };
        *items += adding;
        values
    }

    /// These will not run.
    pub(super) fn unrun(&mut self, load: &Load) {
        for item in load.first..load.first + u64::from(load.items) {
            self.set(item, Outcome::Unrun);
        }
    }

    pub(super) fn fail_the_rest(&mut self, failed: &Outcome) {
        for item in 0..self.has_ended.len() {
            self.set(item as u64, failed.clone());
        }
    }

    pub(super) fn are_all_there(&self) -> bool {
        self.missing == 0
    }

    /// All of them; call it when all are there.
    pub(super) fn take(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.pieces).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(values: &[&[u8]]) -> Outcome {
        let mut all = Vec::new();
        values.iter().for_each(|value| short::push(&mut all, value));
        Outcome::Together {
            items: u32::try_from(values.len()).unwrap(),
            values: all,
        }
    }

    #[test]
    fn each_item_ends_once() {
        let mut outcomes = Outcomes::of(3);
        outcomes.set_value(2, &[2]);
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
            [Outcome::Failed(vec![9]), Outcome::Unrun, together(&[&[2]])]
        );
    }

    #[test]
    fn short_values_in_a_row_lie_together() {
        let Outcome::Together { values, .. } = together(&[b"c", b"d"]) else {
            unreachable!();
        };
        let mut outcomes = Outcomes::of(8);
        outcomes.set_value(0, b"a");
        outcomes.set_value(1, b"b");
        outcomes.set_together(2, 2, &values);
        let long = vec![1; short::LONGEST + 1];
        outcomes.set_value(4, &long);
        outcomes.set(6, Outcome::Unrun);
        // One of the two has ended already.
        outcomes.set_together(6, 2, &values);
        outcomes.set_together(5, 1, &values[..values.len() / 2]);
        // Of items that there are not, nothing is kept.
        outcomes.set_together(7, 2, &values);
        assert!(outcomes.are_all_there());
        assert_eq!(
            outcomes.take(),
            [
                together(&[b"a", b"b", b"c", b"d"]),
                Outcome::Value(long),
                together(&[b"c"]),
                Outcome::Unrun,
                together(&[b"d"]),
            ]
        );
    }

    #[test]
    fn the_value_of_a_task_is_for_itself() {
        let mut outcomes = Outcomes::of(1);
        outcomes.set_value(0, b"alone");
        assert_eq!(outcomes.take(), [Outcome::Value(b"alone".to_vec())]);
    }
}
