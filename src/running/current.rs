use super::Running;
use crate::sync::Arc;
use std::cell::RefCell;

/// What a thread is doing for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Calling a function, which may block.
    Calling,
    /// Polling a future, which must not.
    Polling,
}

type Current = (Arc<dyn Running>, Doing);

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Runs `work` as a part of `task`.
pub(crate) fn run_as<R>(task: Arc<dyn Running>, doing: Doing, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Current>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let outer = self.0.take();
            let _ = CURRENT.try_with(|current| current.replace(outer));
        }
    }
    let outer = CURRENT
        .try_with(|current| current.replace(Some((task, doing))))
        .unwrap_or(None);
    let _restore = Restore(outer);
    work()
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
    ask(|task, _| task.clone())
}

fn ask<T>(about: impl FnOnce(&Arc<dyn Running>, Doing) -> T) -> Option<T> {
    CURRENT
        .try_with(|current| current.borrow().as_ref().map(|(task, doing)| about(task, *doing)))
        .ok()
        .flatten()
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
