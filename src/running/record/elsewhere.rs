//! What a worker process notes of the items it runs, for the process that records.

use crate::{running::WorkName, sync::Arc, sys::clock};
use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// What a worker process did with one item, or with many short ones.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// The machine, if it is one of a cluster.
    pub(crate) host: Option<Arc<str>>,
    pub(crate) pid: u32,
    pub(crate) work: WorkName,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) items: u32,
    pub(crate) failed: u32,
    /// It is a turn of a future.
    pub(crate) is_turn: bool,
    /// The process died of it.
    pub(crate) died: bool,
    /// Nanoseconds that went into decoding the argument, into the work and into encoding the result.
    pub(crate) decode: u64,
    pub(crate) run: u64,
    pub(crate) encode: u64,
}

#[cfg(feature = "cluster")]
impl Share {
    /// What another machine says of times is cut down to what can be: nothing lies behind `now`.
    pub(crate) fn not_after(self, at: u64, now: u64) -> Self {
        let left = now.saturating_sub(at);
        let decode = self.decode.min(left);
        let run = self.run.min(left - decode);
        let encode = self.encode.min(left - decode - run);
        Self {
            decode,
            run,
            encode,
            ..self
        }
    }
}

/// The times at which an item went from one step to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks {
    pub(crate) decoded: u64,
    pub(crate) ran: u64,
}

/// A step of an item that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Decoded,
    Ran,
}

/// Whether this process marks steps. Only in a worker; whether it is to is said with each batch.
static MARKS: AtomicBool = AtomicBool::new(false);

thread_local!(static OF_THIS_THREAD: Cell<Marks> = const { Cell::new(Marks { decoded: 0, ran: 0 }) });

impl Mark {
    /// The item on this thread has come so far.
    #[inline]
    pub(crate) fn set(self) {
        if MARKS.load(Relaxed) {
            self.set_now();
        }
    }

    #[cold]
    fn set_now(self) {
        let mut marks = OF_THIS_THREAD.get();
        let mark = match self {
            Self::Decoded => &mut marks.decoded,
            Self::Ran => &mut marks.ran,
        };
        *mark = clock::precise();
        OF_THIS_THREAD.set(marks);
    }
}

impl Marks {
    /// From now on, steps are marked or not.
    #[inline]
    pub(crate) fn are_wanted(wanted: bool) {
        if MARKS.load(Relaxed) != wanted {
            MARKS.store(wanted, Relaxed);
        }
    }

    /// Those of the last item on this thread; the next one has none yet.
    pub(crate) fn take() -> Self {
        OF_THIS_THREAD.take()
    }
}
