//! What a worker has to tell the engine of tasks that it is done with.

use super::super::{
    broker::{ClientId, Place},
    message::{Outcome, Report},
};
use std::collections::VecDeque;

/// A task that has ended, and waits to be finished on the engine.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) place: Place,
    pub(super) client: ClientId,
    /// `None` if nobody wants to hear of it.
    pub(super) report: Option<Report>,
    /// It was finished before, and the answer got lost: if the engine does not have it any more, it may have been ours.
    pub(super) is_again: bool,
}

impl Done {
    pub(super) fn new(place: Place, client: ClientId, report: Option<Report>) -> Self {
        Self {
            place,
            client,
            report,
            is_again: false,
        }
    }

    /// Bytes of its results, as far as they matter.
    fn size(&self) -> usize {
        match &self.report {
            Some(Report::Ended { outcomes, .. }) => outcomes.iter().map(size).sum(),
            _ => 0,
        }
    }
}

/// Bytes of a result.
pub(super) fn size(outcome: &Outcome) -> usize {
    use super::super::message::Payload;
    match outcome {
        Outcome::Together { values: bytes, .. }
        | Outcome::Value(bytes)
        | Outcome::Failed(bytes)
        | Outcome::Bare(Payload::Here(bytes)) => bytes.len(),
        Outcome::ValueApart(_) | Outcome::Bare(Payload::Apart(_)) | Outcome::Unrun => 0,
    }
}

/// All of them, oldest first. Large ones apart: who is in a hurry leaves them to others.
#[derive(Default)]
pub(super) struct Ends {
    small: VecDeque<Done>,
    large: VecDeque<Done>,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Small,
    All,
}

/// Results up to this size are small.
const SMALL: usize = 64 * 1024;

impl Ends {
    pub(super) fn push(&mut self, done: Done) {
        if done.size() <= SMALL {
            self.small.push_back(done);
        } else {
            self.large.push_back(done);
        }
    }

    /// At most so many; of the large ones one at a time.
    pub(super) fn take(&mut self, most: usize, which: Which) -> Vec<Done> {
        let small = most.min(self.small.len());
        let mut taken: Vec<_> = self.small.drain(..small).collect();
        if which == Which::All {
            taken.extend(self.large.pop_front());
        }
        taken
    }

    /// Whether it is known that they were finished is not.
    pub(super) fn put_back(&mut self, all: Vec<Done>) {
        for mut done in all.into_iter().rev() {
            done.is_again = true;
            if done.size() <= SMALL {
                self.small.push_front(done);
            } else {
                self.large.push_front(done);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }

    pub(super) fn has_large(&self) -> bool {
        !self.large.is_empty()
    }
}
