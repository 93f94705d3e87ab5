//! The writer's table of names: each field or variant name crosses once per message.

use std::collections::HashMap;

/// Up to this many names a scan beats hashing.
const SCANNED: usize = 8;

#[derive(Default)]
pub(crate) struct Names {
    entries: Vec<Entry>,
    /// By content, made once there are more than [`SCANNED`] names: most messages have none.
    #[allow(clippy::box_collection)] // It keeps the writer, which every small message makes, small.
    index: Option<Box<HashMap<&'static str, usize>>>,
    last: usize,
}

struct Entry {
    name: &'static str,
    /// The name that followed this one the last time: records repeat, so it nearly always follows again.
    next: usize,
}

impl Names {
    /// The number of `name`, or `None` when it is new (and from now on known).
    #[inline]
    pub(crate) fn number(&mut self, name: &'static str) -> Option<usize> {
        if let Some(last) = self.entries.get(self.last)
            && let Some(guess) = self.entries.get(last.next)
            && same_place(guess.name, name)
        {
            self.last = last.next;
            return Some(self.last);
        }
        self.look_up(name)
    }

    fn look_up(&mut self, name: &'static str) -> Option<usize> {
        let found = if self.entries.len() <= SCANNED {
            self.entries
                .iter()
                .position(|entry| same_place(entry.name, name) || entry.name == name)
        } else {
            self.index.as_ref().and_then(|index| index.get(name).copied())
        };
        let number = found.unwrap_or_else(|| self.add(name));
        if let Some(entry) = self.entries.get_mut(self.last) {
            entry.next = number;
        }
        self.last = number;
        found
    }

    fn add(&mut self, name: &'static str) -> usize {
        let number = self.entries.len();
        self.entries.push(Entry { name, next: 0 });
        if self.entries.len() > SCANNED {
            // Catches up with the scanned ones the first time.
            let index = self.index.get_or_insert_default();
            let known = index.len();
            index.extend(
                self.entries
                    .iter()
                    .enumerate()
                    .skip(known)
                    .map(|(i, entry)| (entry.name, i)),
            );
        }
        number
    }
}

/// The same name in the same place; a name that two crates spell out may have two places.
fn same_place(a: &'static str, b: &'static str) -> bool {
    std::ptr::eq(a, b)
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn numbers_are_given_in_order_and_by_content() {
        let all: Vec<&'static str> = (0..40).map(|i| &*format!("name{i}").leak()).collect();
        let mut names = Names::default();
        for name in &all {
            assert_eq!(names.number(name), None);
            assert!(names.number(name).is_some());
        }
        for round in 0..3 {
            for (i, name) in all.iter().enumerate() {
                let elsewhere: &'static str = if round == 1 { name.to_string().leak() } else { name };
                assert_eq!(names.number(elsewhere), Some(i));
            }
        }
        assert_eq!(names.number(all[7]), Some(7));
        assert_eq!(names.number(all[3]), Some(3));
    }
}
