//! Items of a map, of which there may be too many for a note each.

use super::{Passage, Ran, What, is_on, note, now_if_on, passed_items};
use crate::{
    running::{Doing, WorkName},
    sync::Arc,
    sys::clock,
};

/// Items that are shorter share a note: nobody could see them, and the notes would take longer than they.
const SHORTEST: u64 = 1_000;

/// Items that run on this thread, one after another.
pub(crate) struct Items {
    executor: u32,
    work: WorkName,
    name: Option<Arc<str>>,
    since: u64,
    ended: u32,
    failed: u32,
}

impl Items {
    /// The first is about to begin. `None` if nobody records.
    #[inline]
    pub(crate) fn begin(executor: u32, work: WorkName) -> Option<Self> {
        is_on(executor).then(|| Self {
            executor,
            work,
            name: None,
            since: clock::precise(),
            ended: 0,
            failed: 0,
        })
    }

    /// One has ended.
    #[cold]
    pub(crate) fn ended(&mut self, failed: bool) {
        self.ended += 1;
        self.failed += u32::from(failed);
        let now = clock::precise();
        if now.saturating_sub(self.since) >= SHORTEST {
            self.note(now);
        }
    }

    fn note(&mut self, until: u64) {
        let ran = Ran {
            until,
            work: self.work,
            name: self.name.clone(),
            doing: Doing::Calling,
            items: self.ended,
            failed: self.failed,
        };
        note(self.executor, None, self.since, What::Ran(ran));
        (self.since, self.ended, self.failed) = (until, 0, 0);
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if self.ended > 0 {
            self.note(clock::precise());
        }
    }
}

/// Adds up what encoding or decoding takes, item by item, if somebody records.
#[derive(Default)]
pub(crate) struct Stopwatch {
    since: Option<u64>,
    items: usize,
    nanos: u64,
}

impl Stopwatch {
    /// A round of items begins.
    #[inline]
    pub(crate) fn begin(&mut self, executor: u32) {
        if self.since.is_some() || is_on(executor) {
            *self = Self {
                since: now_if_on(executor),
                ..Self::default()
            };
        }
    }

    /// An item begins.
    #[inline]
    pub(crate) fn start(&self) -> Option<u64> {
        self.since.map(|_| clock::precise())
    }

    /// The item that began then is done.
    #[inline]
    pub(crate) fn stop(&mut self, since: Option<u64>) {
        if let Some(since) = since {
            self.items += 1;
            self.nanos += clock::precise().saturating_sub(since);
        }
    }

    /// What the items of the round took, in nanoseconds.
    pub(crate) fn nanos(&self) -> u64 {
        self.nanos
    }

    /// The round is over, and noted.
    #[inline]
    pub(crate) fn tell(&mut self, executor: u32, passage: Passage) {
        if let Some(since) = self.since.take() {
            passed_items(executor, passage, since, self.items, self.nanos);
        }
    }
}
