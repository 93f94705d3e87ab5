//! Notes of what happens to tasks, for who records it: each made by the thread that does it, and put in order later.
//!
//! While nobody records, each place that would make a note costs one look at a word ([`is_on`]). A note names its task by a
//! number; which notes belong together is found out when they are read, so that a task has no field for it.

mod desk;
mod elsewhere;
mod items;

pub(crate) use desk::{Notes, Recorder, is_on};
pub(crate) use elsewhere::{Mark, Marks, Share};
pub(crate) use items::{Items, Stopwatch};

use super::{About, Doing, WorkName, activity};
use crate::{sync::Arc, sys::clock};

/// One thing that has happened.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// On which thread it was noted, as [`Recorder::threads`] numbers them.
    pub(crate) thread: u32,
    /// Of which executor.
    pub(crate) executor: u32,
    /// The number of the task; `None` for a part of a map, which is none by itself.
    pub(crate) task: Option<u64>,
    /// When it happened, or began, by [`clock::precise`].
    pub(crate) at: u64,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// The task was made, by this one if by any.
    /// If its argument had to be encoded, that took until then.
    Submitted {
        by: Option<u64>,
        encoded: Option<u64>,
    },
    /// It had a thread until then: one call, one turn of a future, or items of a map.
    Ran(Ran),
    /// Items of a map had the thread that uses the map: they were pulled, or their outcomes were yielded. If they cross to another
    /// process, so many nanoseconds of it went into encoding them, or into decoding the results.
    Passed {
        passage: Passage,
        until: u64,
        items: u32,
        busy: u64,
    },
    /// It ran in another process.
    Elsewhere(Share),
    Ended(End),
}

#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) until: u64,
    pub(crate) work: WorkName,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) doing: Doing,
    /// How many, and how many of them failed.
    pub(crate) items: u32,
    pub(crate) failed: u32,
}

/// Between a caller and a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    In,
    Out,
}

#[derive(Debug, Clone)]
pub(crate) enum End {
    Succeeded,
    Cancelled,
    /// With this error.
    Failed(Arc<str>),
}

/// Makes a note, on the calling thread.
fn note(executor: u32, task: Option<u64>, at: u64, what: What) {
    desk::put(Note {
        thread: 0,
        executor,
        task,
        at,
        what,
    });
}

/// The time, if this executor is recorded.
#[inline]
pub(crate) fn now_if_on(executor: u32) -> Option<u64> {
    is_on(executor).then(clock::precise)
}

/// A task of this number was made.
#[inline]
pub(crate) fn submitted(executor: u32, task: u64) {
    if is_on(executor) {
        note(
            executor,
            Some(task),
            clock::precise(),
            What::Submitted {
                by: activity::task(),
                encoded: None,
            },
        );
    }
}

/// The same of a task whose argument was encoded, since then.
#[cold]
pub(crate) fn submitted_encoded(executor: u32, task: u64, since: u64) {
    let (by, encoded) = (activity::task(), Some(clock::precise()));
    note(executor, Some(task), since, What::Submitted { by, encoded });
}

/// A task was settled.
#[cold]
pub(crate) fn ended(executor: u32, task: u64, end: End) {
    note(executor, Some(task), clock::precise(), What::Ended(end));
}

/// The result of a task was decoded, since then.
#[cold]
pub(crate) fn decoded(executor: u32, task: u64, since: u64) {
    let until = clock::precise();
    let what = What::Passed {
        passage: Passage::Out,
        until,
        items: 1,
        busy: until.saturating_sub(since),
    };
    note(executor, Some(task), since, what);
}

/// So many items of a map were pulled or yielded since then; so many nanoseconds of it went into encoding or decoding them.
#[cold]
pub(crate) fn passed_items(executor: u32, passage: Passage, since: u64, items: usize, busy: u64) {
    if items > 0 {
        let what = What::Passed {
            passage,
            until: clock::precise(),
            items: u32::try_from(items).unwrap_or(u32::MAX),
            busy,
        };
        note(executor, None, since, what);
    }
}

/// A share of the parcel that is this task, or a map, has been run by the process.
pub(crate) fn ran_elsewhere(executor: u32, task: Option<u64>, at: u64, share: Share) {
    note(executor, task, at, What::Elsewhere(share));
}

/// A task that has a thread.
pub(super) struct Begun {
    executor: u32,
    task: u64,
    work: WorkName,
    name: Option<Arc<str>>,
    doing: Doing,
    at: u64,
}

/// A task begins, or goes on. What is part of a map says itself what it does.
#[inline]
pub(super) fn begin(about: &About<'_>, doing: Doing) -> Option<Begun> {
    let task = about.task?;
    is_on(about.executor).then(|| Begun {
        executor: about.executor,
        task,
        work: about.work,
        name: about.name.cloned(),
        doing,
        at: clock::precise(),
    })
}

impl Begun {
    /// It has ended, or is suspended.
    #[cold]
    pub(super) fn end(self) {
        let ran = Ran {
            until: clock::precise(),
            work: self.work,
            name: self.name,
            doing: self.doing,
            items: 1,
            failed: 0,
        };
        note(self.executor, Some(self.task), self.at, What::Ran(ran));
    }
}
