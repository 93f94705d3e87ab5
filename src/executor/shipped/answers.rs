use crate::{
    error::TaskError,
    task::{Packed, short},
};
use std::collections::VecDeque;

/// The answers to consecutive items, still packed: short values one behind the other, and apart from them the rare
/// long ones and the failures.
#[derive(Default)]
pub(super) struct Answers {
    values: Vec<u8>,
    /// How much of `values` has been yielded.
    at: usize,
    /// What does not lie in `values`, by the place of its item.
    apart: VecDeque<(u32, Result<Packed<'static>, TaskError>)>,
    /// Why none of the items ran.
    lost: Option<TaskError>,
    items: u32,
    yielded: u32,
    bytes: usize,
}

impl Answers {
    /// So many items that did not run.
    pub(super) fn lost(items: u32, reason: TaskError) -> Self {
        Self {
            lost: Some(reason),
            items,
            ..Self::default()
        }
    }

    /// Adds as many values as `items` says, each as [`short`] has it.
    pub(super) fn push_short(&mut self, items: u32, values: &[u8]) {
        self.values.extend_from_slice(values);
        self.items += items;
        self.bytes += values.len();
    }

    pub(super) fn push_value(&mut self, value: &[u8]) {
        if value.len() > short::LONGEST {
            return self.push_long(value.to_vec());
        }
        let before = self.values.len();
        short::push(&mut self.values, value);
        self.items += 1;
        self.bytes += self.values.len() - before;
    }

    /// Adds a value in a vector of its own.
    pub(super) fn push_long(&mut self, value: Vec<u8>) {
        self.bytes += value.len();
        self.push_apart(Ok(Packed::Encoded(value.into())));
    }

    /// A [bare](Packed::Bare) value.
    pub(super) fn push_bare(&mut self, value: Vec<u8>) {
        self.bytes += value.len();
        self.push_apart(Ok(Packed::Bare(value)));
    }

    pub(super) fn push_failure(&mut self, reason: TaskError) {
        self.push_apart(Err(reason));
    }

    fn push_apart(&mut self, answer: Result<Packed<'static>, TaskError>) {
        self.apart.push_back((self.items, answer));
        self.items += 1;
    }

    pub(super) fn len(&self) -> u32 {
        self.items - self.yielded
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much was added.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next answer.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Result<Packed<'_>, TaskError>> {
        if self.yielded == self.items {
            return None;
        }
        let place = self.yielded;
        self.yielded += 1;
        if self.lost.is_some() || self.apart.front().is_some_and(|(of, _)| *of == place) {
            return Some(self.next_apart());
        }
        let (value, rest) = short::split(&self.values[self.at..])
            .expect("a value was pushed for every item that is not apart");
        self.at = self.values.len() - rest.len();
        Some(Ok(Packed::Encoded(value.into())))
    }

    #[cold]
    fn next_apart(&mut self) -> Result<Packed<'static>, TaskError> {
        if let Some(reason) = &self.lost {
            return Err(reason.clone());
        }
        let (_, answer) = self.apart.pop_front().expect("the caller has seen it");
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_out_as_they_went_in() {
        let mut answers = Answers::default();
        answers.push_value(b"one");
        answers.push_failure(TaskError::Cancelled);
        answers.push_bare(b"bare".to_vec());
        answers.push_value(b"");
        let long = vec![1; short::LONGEST + 1];
        answers.push_value(&long);
        answers.push_long(b"of its own".to_vec());
        let mut together = Vec::new();
        short::push(&mut together, b"two");
        short::push(&mut together, b"more");
        answers.push_short(2, &together);
        assert_eq!(answers.len(), 8);
        let encoded = |bytes: &[u8]| Packed::Encoded(bytes.to_vec().into());
        assert_eq!(answers.next().unwrap().unwrap(), encoded(b"one"));
        assert!(answers.next().unwrap().unwrap_err().is_cancelled());
        assert_eq!(answers.next().unwrap().unwrap(), Packed::Bare(b"bare".to_vec()));
        assert_eq!(answers.next().unwrap().unwrap(), encoded(b""));
        assert_eq!(answers.next().unwrap().unwrap(), encoded(&long));
        assert_eq!(answers.next().unwrap().unwrap(), encoded(b"of its own"));
        assert_eq!(answers.next().unwrap().unwrap(), encoded(b"two"));
        assert_eq!(answers.next().unwrap().unwrap(), encoded(b"more"));
        assert!(answers.next().is_none() && answers.is_empty());
    }

    #[test]
    fn lost_items_all_have_the_reason() {
        let mut answers = Answers::lost(2, TaskError::ShutDown);
        assert!(answers.next().unwrap().unwrap_err().is_shut_down());
        assert!(answers.next().unwrap().unwrap_err().is_shut_down());
        assert!(answers.next().is_none());
    }
}
