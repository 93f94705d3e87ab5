//! The task that is running on this thread, for the work to ask about.

use crate::sync::Arc;
use std::cell::RefCell;

/// Somebody who can say whether the running work was asked to stop.
pub(crate) trait StopRequest: Send + Sync {
    fn stop_requested(&self) -> bool;
}

/// What a thread is doing for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Calling a function, which may block.
    Calling,
    /// Polling a future, which must not.
    Polling,
}

type Current = (Arc<dyn StopRequest>, Doing);

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Runs `work` as a part of `task`.
pub(crate) fn run_as<R>(task: Arc<dyn StopRequest>, doing: Doing, work: impl FnOnce() -> R) -> R {
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
    let polling =
        |current: &RefCell<Option<Current>>| matches!(&*current.borrow(), Some((_, Doing::Polling)));
    CURRENT.try_with(polling).unwrap_or(false)
}

/// Whether the task that is running on this thread was asked to stop.
///
/// The request is raised by `cancel` on a running task, by its deadline, by the failure of its group and by a
/// shutdown that cancels or kills. It is only a request: work that takes long should look now and then and
/// return early. Outside a task the answer is `false`.
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
    CURRENT
        .try_with(|current| {
            current
                .borrow()
                .as_ref()
                .is_some_and(|(task, _)| task.stop_requested())
        })
        .unwrap_or(false)
}
