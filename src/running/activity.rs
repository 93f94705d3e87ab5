//! What every thread that runs tasks is doing: written by the thread itself, read by whoever asks how things stand.
//!
//! Neither side waits for the other, so a pool can be looked at whatever its threads are stuck in. A look may fall into
//! the middle of a change; [`Activity::levels`] looks again then.
#![allow(unsafe_code)]

use super::{Doing, record};
use crate::{
    sync::{
        Arc,
        global::{
            Mutex,
            atomic::{
                AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
                Ordering::{Acquire, Relaxed, Release},
                fence,
            },
        },
    },
    sys::clock,
};
use std::{ptr, time::Duration};

/// Tasks that lie on top of each other on one stack, because one waits for the next: so many are shown.
const LEVELS: usize = 8;

/// How often a look is tried again that fell into a change.
const LOOKS: usize = 16;

/// The executor that a thread that is no worker works for.
const NOBODY: u32 = u32::MAX;

/// What the name of some work is asked of: of its type.
pub(crate) type WorkName = &'static fn() -> &'static str;

/// The name of the type `T`, as work.
pub(crate) struct NameOf<T>(T);

impl<T> NameOf<T> {
    pub(crate) const NAME: WorkName = &(std::any::type_name::<T> as fn() -> &'static str);
}

/// Who a task is, for somebody who reads it.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    /// The number of the task; `None` for a part of a map, which is none by itself.
    pub(crate) task: Option<u64>,
    /// The number of its executor.
    pub(crate) executor: u32,
    pub(crate) work: WorkName,
    pub(crate) name: Option<&'a Arc<str>>,
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    Nothing,
    /// The task of this number.
    Task(u64),
    /// One of several, or something that is no task.
    Other,
}

impl Awaited {
    const OTHER: u64 = u64::MAX;

    pub(crate) fn to_word(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Task(number) => number + 1,
            Self::Other => Self::OTHER,
        }
    }

    pub(crate) fn of_word(word: u64) -> Self {
        match word {
            0 => Self::Nothing,
            Self::OTHER => Self::Other,
            more => Self::Task(more - 1),
        }
    }
}

/// A task that a thread is in, as somebody else has read it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) task: Option<u64>,
    pub(crate) executor: u32,
    pub(crate) work: &'static str,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) age: Duration,
    pub(crate) awaits: Awaited,
}

/// One task that a thread is in.
struct Level {
    /// Its number and one, or 0.
    task: AtomicU64,
    executor: AtomicU32,
    /// By [`clock::coarse`].
    since: AtomicU64,
    work: AtomicPtr<fn() -> &'static str>,
    /// As [`Awaited::to_word`] has it.
    awaits: AtomicU64,
    /// Only few tasks have one.
    is_named: AtomicBool,
    name: Mutex<Option<Arc<str>>>,
}

/// What one thread is doing.
pub(crate) struct Activity {
    /// Of the thread.
    pub(crate) thread: String,
    worker_of: AtomicU32,
    /// Goes up with every change, so that a reader sees whether one has come in between.
    changes: AtomicU64,
    /// How many tasks the thread is in.
    depth: AtomicUsize,
    levels: [Level; LEVELS],
}

/// Those of all threads that are or were in a task, and have not ended.
static ALL: Mutex<Vec<Arc<Activity>>> = Mutex::new(Vec::new());

/// A thread's own, until it ends.
struct Mine(Arc<Activity>);

impl Mine {
    fn enter() -> Self {
        let activity = Arc::new(Activity {
            thread: crate::sync::thread::current()
                .name()
                .unwrap_or("unnamed")
                .to_owned(),
            worker_of: AtomicU32::new(NOBODY),
            changes: AtomicU64::new(0),
            depth: AtomicUsize::new(0),
            levels: std::array::from_fn(|_| Level {
                task: AtomicU64::new(0),
                executor: AtomicU32::new(NOBODY),
                since: AtomicU64::new(0),
                work: AtomicPtr::new(ptr::null_mut()),
                awaits: AtomicU64::new(0),
                is_named: AtomicBool::new(false),
                name: Mutex::new(None),
            }),
        });
        ALL.lock().push(activity.clone());
        Self(activity)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut all = ALL.lock();
        let mine = all.iter().position(|activity| Arc::ptr_eq(activity, &self.0));
        let gone = mine.map(|at| all.swap_remove(at));
        drop(all);
        drop(gone);
    }
}

crate::sync::thread_local!(static MINE: Mine = Mine::enter());

/// Shows `f` what the calling thread is doing, if the thread is not about to end.
#[inline]
fn with_mine<R>(f: impl FnOnce(&Activity) -> R) -> Option<R> {
    MINE.try_with(|mine| f(&mine.0)).ok()
}

/// The calling thread is a worker of this executor from now on; of none, if `None`.
pub(crate) fn works_for(executor: Option<u32>) {
    with_mine(|mine| mine.worker_of.store(executor.unwrap_or(NOBODY), Relaxed));
}

/// What all threads are doing. `None` if somebody who begins or ends is in the way.
pub(crate) fn all() -> Option<Vec<Arc<Activity>>> {
    ALL.try_lock().map(|all| all.clone())
}

/// The calling thread is in a task until this is dropped.
pub(super) struct Entered(Option<record::Begun>);

/// The calling thread begins a task.
#[inline]
pub(super) fn enter(about: About<'_>, doing: Doing) -> Entered {
    let begun = record::begin(&about, doing);
    with_mine(|mine| {
        let depth = mine.depth.load(Relaxed);
        if let Some(level) = mine.levels.get(depth) {
            mine.change(|| {
                level.task.store(about.task.map_or(0, |task| task + 1), Relaxed);
                level.executor.store(about.executor, Relaxed);
                level.since.store(clock::coarse(), Relaxed);
                level.work.store(ptr::from_ref(about.work).cast_mut(), Relaxed);
                level.awaits.store(0, Relaxed);
                if about.name.is_some() || level.is_named.load(Relaxed) {
                    *level.name.lock() = about.name.cloned();
                    level.is_named.store(about.name.is_some(), Relaxed);
                }
                mine.depth.store(depth + 1, Relaxed);
            });
        } else {
            mine.depth.store(depth + 1, Relaxed);
        }
    });
    Entered(begun)
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        if let Some(begun) = self.0.take() {
            begun.end();
        }
        with_mine(|mine| {
            let depth = mine.depth.load(Relaxed).saturating_sub(1);
            mine.change(|| mine.depth.store(depth, Relaxed));
        });
    }
}

/// The task that the calling thread is in waits for this; what it said before is returned.
#[inline]
pub(crate) fn awaits(awaited: Awaited) -> Awaited {
    with_mine(|mine| {
        let level = mine.depth.load(Relaxed).checked_sub(1);
        let Some(level) = level.and_then(|level| mine.levels.get(level)) else {
            return Awaited::Nothing;
        };
        Awaited::of_word(level.awaits.swap(awaited.to_word(), Relaxed))
    })
    .unwrap_or(Awaited::Nothing)
}

/// The number of the task that the calling thread is in.
pub(super) fn task() -> Option<u64> {
    with_mine(|mine| {
        let level = mine.depth.load(Relaxed).checked_sub(1)?;
        mine.levels.get(level)?.task.load(Relaxed).checked_sub(1)
    })
    .flatten()
}

/// A future of the task that the calling thread polls has said that it waits for the task of this number.
#[inline]
pub(crate) fn polled_in_vain(task: u64) {
    match awaits(Awaited::Task(task)) {
        Awaited::Nothing => {}
        Awaited::Task(before) if before == task => {}
        _ => _ = awaits(Awaited::Other),
    }
}

/// Runs `wait`, for which the task that the calling thread is in says that it waits for this, if it says nothing so far.
pub(crate) fn while_awaiting<R>(awaited: Awaited, wait: impl FnOnce() -> R) -> R {
    struct Before(Awaited);
    impl Drop for Before {
        fn drop(&mut self) {
            awaits(self.0);
        }
    }
    let before = awaits(awaited);
    if before != Awaited::Nothing {
        // Who began this wait has said it better.
        awaits(before);
    }
    let _before = Before(before);
    wait()
}

impl Activity {
    /// By the thread itself.
    #[inline]
    fn change(&self, change: impl FnOnce()) {
        let changes = self.changes.load(Relaxed);
        // Odd while the change is under way. The fence orders the odd number before what `change` writes, the release what
        // it has written before the even one: as in a sequence lock.
        self.changes.store(changes | 1, Relaxed);
        fence(Release);
        change();
        self.changes.store((changes | 1) + 1, Release);
    }

    pub(crate) fn is_worker_of(&self, executor: u32) -> bool {
        self.worker_of.load(Relaxed) == executor
    }

    /// The tasks that the thread is in, the innermost last, and how many more of them are not shown. `None` if they change too fast
    /// to be read: the thread is getting on.
    pub(crate) fn levels(&self) -> Option<(Vec<Seen>, usize)> {
        (0..LOOKS).find_map(|_| {
            let before = self.changes.load(Acquire);
            let depth = self.depth.load(Relaxed);
            let seen: Vec<_> = self.levels[..depth.min(LEVELS)].iter().map(Level::read).collect();
            fence(Acquire);
            let is_whole = before.is_multiple_of(2) && self.changes.load(Relaxed) == before;
            is_whole.then(|| (seen, depth.saturating_sub(LEVELS)))
        })
    }
}

impl Level {
    fn read(&self) -> Seen {
        let work = self.work.load(Relaxed);
        Seen {
            task: self.task.load(Relaxed).checked_sub(1),
            executor: self.executor.load(Relaxed),
            // SAFETY: the pointer is null or was made of a `&'static` of this type by `enter`, and what is there never changes.
            work: unsafe { work.as_ref() }.map_or("", |name| name()),
            name: self.name.try_lock().and_then(|name| name.clone()),
            age: Duration::from_nanos(clock::coarse().saturating_sub(self.since.load(Relaxed))),
            awaits: Awaited::of_word(self.awaits.load(Relaxed)),
        }
    }
}
