//! The task that is running on this thread.
#![allow(unsafe_code)]

use super::{Running, activity};
use crate::sync::Arc;
use std::{cell::Cell, ptr::NonNull};

/// What a thread is doing for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Calling a function, which may block.
    Calling,
    /// Polling a future, which must not.
    Polling,
}

/// What a thread is busy with.
#[derive(Clone, Copy)]
struct Current {
    /// As [`Arc::as_ptr`] gives it. Good for as long as the [`run_as`] that put it here has not returned: that borrows a counted
    /// reference. Counting another would be two of the dearest steps of a small task.
    task: Option<NonNull<dyn Running>>,
    doing: Doing,
}

crate::sync::thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(NOTHING) };
}

const NOTHING: Current = Current {
    task: None,
    doing: Doing::Calling,
};

/// Runs `work` as a part of `task`.
pub(crate) fn run_as<R>(task: &Arc<impl Running + 'static>, doing: Doing, work: impl FnOnce() -> R) -> R {
    let _entered = activity::enter(task.about(), doing);
    let _span = task.span().enter(|| task.about());
    let task = NonNull::new(Arc::as_ptr(task).cast_mut());
    run_with(task.map(|task| task as NonNull<dyn Running>), doing, work)
}

fn run_with<R>(task: Option<NonNull<dyn Running>>, doing: Doing, work: impl FnOnce() -> R) -> R {
    struct Restore(Current);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = CURRENT.try_with(|current| current.set(self.0));
        }
    }
    let outer = current();
    let _ = CURRENT.try_with(|current| current.set(Current { task, doing }));
    let _restore = Restore(outer);
    work()
}

/// The task that is running on a thread, for another thread that does a part of its work.
pub(crate) struct Carried(Option<NonNull<dyn Running>>);

// SAFETY: tasks are `Send` and `Sync`; that the pointer is still good is what `run_carried` asks of its callers.
unsafe impl Send for Carried {}
// SAFETY: as above.
unsafe impl Sync for Carried {}

/// The task that is running on this thread.
#[inline]
pub(crate) fn carry() -> Carried {
    Carried(current().task)
}

/// Runs `work`, a function, as a part of the task that runs on another thread.
///
/// # Safety
///
/// The thread on which the task was [taken along](carry) does not leave what it was doing there before this returns.
pub(crate) unsafe fn run_carried<R>(task: &Carried, work: impl FnOnce() -> R) -> R {
    // SAFETY: the caller's promise: the task is there.
    let running = task.0.map(|task| unsafe { task.as_ref() });
    let _entered = running.map(|running| activity::enter(running.about(), Doing::Calling));
    let _span = running.map(|running| running.span().enter(|| running.about()));
    run_with(task.0, Doing::Calling, work)
}

/// Whether this thread is polling a future for an executor.
pub(crate) fn is_polling() -> bool {
    ask(|_, doing| doing == Doing::Polling).unwrap_or(false)
}

/// Whether a task is running on this thread.
pub(crate) fn is_running() -> bool {
    ask(|_, _| ()).is_some()
}

/// The task that is running on this thread.
pub(super) fn task() -> Option<Arc<dyn Running>> {
    let task = current().task?.as_ptr();
    // SAFETY: the pointer came from `Arc::as_ptr`, and that `Arc` is alive: `run_as` borrows it until it returns, and takes the
    // pointer away before it does, also when the work panics. The thread-local is of this thread, which is inside that call; or
    // inside `run_carried`, whose caller promises that another thread is inside that call meanwhile.
    unsafe {
        Arc::increment_strong_count(task);
        Some(Arc::from_raw(task))
    }
}

fn ask<T>(about: impl FnOnce(&dyn Running, Doing) -> T) -> Option<T> {
    let Current { task, doing } = current();
    // SAFETY: as in `task`; and `about` returns before this thread leaves `run_as`.
    Some(about(unsafe { task?.as_ref() }, doing))
}

#[inline]
fn current() -> Current {
    CURRENT.try_with(Cell::get).unwrap_or(NOTHING)
}

/// Whether the task that is running on this thread was asked to stop.
///
/// The request is raised by `cancel` on a running task, by its deadline, by the failure of its group, by dropping its
/// map, and by a shutdown that cancels or kills. It is only a request: work that takes long should look now and then and
/// return early. Outside a task the answer is `false`. To ask from elsewhere, or to wait for it, take a
/// [`CancelToken`](crate::CancelToken).
///
/// # Examples
///
/// ```
/// use concurrent_futures::{ThreadPool, cancel_requested};
///
/// let pool = ThreadPool::with_workers(1);
/// let endless = pool.spawn(|| {
///     while !cancel_requested() {
///         std::thread::yield_now();
///     }
///     "stopped early"
/// });
/// while !endless.is_running() {
///     std::thread::yield_now();
/// }
/// assert!(!endless.cancel()); // it had started
/// assert_eq!(endless.result().unwrap(), "stopped early");
/// ```
pub fn cancel_requested() -> bool {
    ask(|task, _| task.stop_requested()).unwrap_or(false)
}

/// Which attempt at the running task this is: 1, or more where it is tried again (`options().retries(..)`). 1 outside a task.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Executor, ThreadPool, attempt};
///
/// let pool = ThreadPool::with_workers(1);
/// assert_eq!(pool.submit(|()| attempt(), ()).result().unwrap(), 1);
/// ```
pub fn attempt() -> u32 {
    ask(|task, _| task.attempt()).unwrap_or(1)
}
