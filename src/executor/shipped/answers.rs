use crate::{error::TaskError, task::Packed};
use std::collections::VecDeque;

/// The answers to consecutive items, still packed: values one behind the other, and apart from them the rare failures
/// and the values that are too long to be copied once more.
#[derive(Default)]
pub(super) struct Answers {
    values: Vec<u8>,
    /// How much of `values` has been yielded.
    at: usize,
    /// Failures and bare values by the place of their item.
    apart: VecDeque<(u32, Result<Vec<u8>, TaskError>)>,
    /// Bytes of the bare values.
    bare: usize,
    /// Why none of the items ran.
    lost: Option<TaskError>,
    items: u32,
    yielded: u32,
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

    pub(super) fn push_value(&mut self, bytes: &[u8]) {
        self.values.extend_from_slice(&bytes.len().to_ne_bytes());
        self.values.extend_from_slice(bytes);
        self.items += 1;
    }

    pub(super) fn push_failure(&mut self, reason: TaskError) {
        self.apart.push_back((self.items, Err(reason)));
        self.items += 1;
    }

    /// A [bare](Packed::Bare) value.
    pub(super) fn push_bare(&mut self, bytes: Vec<u8>) {
        self.bare += bytes.len();
        self.apart.push_back((self.items, Ok(bytes)));
        self.items += 1;
    }

    pub(super) fn len(&self) -> u32 {
        self.items - self.yielded
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.len() + self.bare
    }

    /// The next answer.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Result<Packed<'_>, TaskError>> {
        if self.yielded == self.items {
            return None;
        }
        let place = self.yielded;
        self.yielded += 1;
        if let Some(reason) = &self.lost {
            return Some(Err(reason.clone()));
        }
        if self.apart.front().is_some_and(|(of, _)| *of == place) {
            return self.apart.pop_front().map(|(_, answer)| answer.map(Packed::Bare));
        }
        let (length, rest) = self.values[self.at..]
            .split_first_chunk()
            .expect("a value was pushed for every item that is not apart");
        let value = &rest[..usize::from_ne_bytes(*length)];
        self.at += size_of::<usize>() + value.len();
        Some(Ok(Packed::Encoded(value.into())))
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
        answers.push_bare(b"long".to_vec());
        answers.push_value(b"");
        assert_eq!(answers.len(), 4);
        assert_eq!(answers.bytes(), 3 + 4 + 2 * size_of::<usize>());
        let encoded = |bytes: &'static [u8]| Packed::Encoded(bytes.into());
        assert_eq!(answers.next().unwrap().unwrap(), encoded(b"one"));
        assert!(answers.next().unwrap().unwrap_err().is_cancelled());
        assert_eq!(answers.next().unwrap().unwrap(), Packed::Bare(b"long".to_vec()));
        assert_eq!(answers.next().unwrap().unwrap(), encoded(b""));
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
