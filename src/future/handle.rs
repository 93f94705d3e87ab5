use super::{
    TaskId,
    core::AnyCell,
    state::{Ending, Phase},
};
use crate::{ledger::ExecutorId, sync::Arc};
use std::{fmt, sync::Weak};

/// Looks at a task and can stop it, without owning its outcome. Cheap to clone.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{TaskError, ThreadPool};
/// use std::sync::mpsc;
///
/// let pool = ThreadPool::with_workers(1);
/// let (release, gate) = mpsc::channel::<()>();
/// let busy = pool.spawn(move || gate.recv().is_ok());
/// let queued = pool.spawn(|| 1);
/// let handle = queued.handle();
/// assert!(handle.cancel());
/// assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
/// release.send(()).unwrap();
/// assert!(busy.result().unwrap());
/// ```
#[derive(Clone)]
pub struct TaskHandle(Arc<dyn AnyCell>);

impl TaskHandle {
    pub(crate) fn new(cell: Arc<dyn AnyCell>) -> Self {
        Self(cell)
    }

    /// The task's id.
    pub fn id(&self) -> TaskId {
        self.0.id()
    }

    /// The name given with `options().name(..)`.
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// See [`TaskFuture::is_done`](super::TaskFuture::is_done).
    pub fn is_done(&self) -> bool {
        self.0.look();
        self.0.snapshot().is_settled()
    }

    /// See [`TaskFuture::is_running`](super::TaskFuture::is_running).
    pub fn is_running(&self) -> bool {
        self.0.look_closely();
        self.0.snapshot().phase() == Phase::Running
    }

    /// See [`TaskFuture::is_cancelled`](super::TaskFuture::is_cancelled).
    pub fn is_cancelled(&self) -> bool {
        self.0.snapshot().ending() == Some(Ending::Cancelled)
    }

    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle(Arc::downgrade(&self.0))
    }

    pub(crate) fn executor(&self) -> ExecutorId {
        self.0.executor()
    }

    pub(crate) fn has_started(&self) -> bool {
        self.0.snapshot().has_started()
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.0.snapshot().ending() == Some(Ending::Succeeded)
    }

    /// See [`TaskFuture::cancel`](super::TaskFuture::cancel).
    pub fn cancel(&self) -> bool {
        self.0.clone().cancel()
    }

    /// See [`AnyCell::stop`].
    pub(crate) fn stop(&self) {
        self.0.clone().stop();
    }

    /// See [`TaskFuture::kill`](super::TaskFuture::kill).
    pub fn kill(&self) -> bool {
        self.0.clone().kill()
    }
}

/// A handle that keeps nothing: neither the task nor what its future holds.
#[derive(Clone)]
pub(crate) struct WeakHandle(Weak<dyn AnyCell>);

impl WeakHandle {
    pub(crate) fn upgrade(&self) -> Option<TaskHandle> {
        self.0.upgrade().map(TaskHandle)
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("state", &self.0.snapshot())
            .finish()
    }
}
