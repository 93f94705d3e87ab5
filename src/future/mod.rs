#![doc = include_str!("README.md")]

pub(crate) mod aside;
pub(crate) mod callbacks;
pub(crate) mod core;
mod handle;
pub(crate) mod host;
mod id;
#[cfg(all(test, concurrent_futures_loom))]
mod models;
mod shared;
pub(crate) mod slot;
pub(crate) mod state;
pub(crate) mod turn;
pub(crate) mod waiter;

pub use handle::TaskHandle;
pub(crate) use handle::WeakHandle;
pub use id::TaskId;
pub use shared::Shared;

use self::{
    core::{Cell, Outcome},
    state::{Ending, Phase},
    waiter::{Parker, Report, Waiter},
};
use crate::{
    ledger::ExecutorId,
    running::{Awaited, activity},
    runtime,
    sync::Arc,
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

/// The caller's end of a task: what Python calls a future.
///
/// It is waited for in any of four ways: blocked on ([`result`](Self::result)), awaited (it is a
/// [`Future`]), called back from ([`on_done`](Self::on_done)), or collected
/// ([`as_completed`](crate::as_completed), [`wait`](crate::wait)). It resolves exactly once: with the value, or
/// with the [`TaskError`](crate::TaskError) that says why there is none.
///
/// Dropping it detaches: the task still runs, and its outcome is dropped when it ends. See [`cancel_on_drop`](Self::cancel_on_drop).
///
/// # Examples
///
/// ```
/// use concurrent_futures::ThreadPool;
///
/// let pool = ThreadPool::with_workers(2);
/// let future = pool.spawn(|| 6 * 7);
/// assert_eq!(future.result().unwrap(), 42);
///
/// // The same handle can be awaited, on any runtime.
/// let future = pool.spawn(|| 6 * 7);
/// assert_eq!(futures::executor::block_on(future).unwrap(), 42);
/// ```
#[must_use = "dropping a future detaches its task: errors and panics go unnoticed; call `.result()`, or \
              `drop(..)` it to say that this is meant"]
pub struct TaskFuture<R> {
    cell: Arc<dyn Cell<R>>,
    on_drop: OnDrop,
}

/// What becomes of a task whose future is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnDrop {
    /// It runs, and its outcome is dropped when it is there.
    Detach,
    Cancel,
    Nothing,
}

impl<R: Send + 'static> TaskFuture<R> {
    pub(crate) fn new(cell: Arc<dyn Cell<R>>) -> Self {
        Self {
            cell,
            on_drop: OnDrop::Detach,
        }
    }

    /// The task's id, which no other task of this program has.
    pub fn id(&self) -> TaskId {
        self.cell.id()
    }

    /// The name given with `options().name(..)`.
    pub fn name(&self) -> Option<&str> {
        self.cell.name()
    }

    /// Whether the outcome is final: a value, a failure or a cancellation. Callbacks see `true`.
    pub fn is_done(&self) -> bool {
        self.cell.look();
        self.cell.snapshot().is_settled()
    }

    /// Whether the task has started and not ended.
    pub fn is_running(&self) -> bool {
        self.cell.look_closely();
        self.cell.snapshot().phase() == Phase::Running
    }

    /// Whether the task was cancelled, killed or refused.
    pub fn is_cancelled(&self) -> bool {
        self.cell.snapshot().ending() == Some(Ending::Cancelled)
    }

    /// Waits for the outcome and takes it.
    ///
    /// On a worker of the task's own executor this cannot deadlock: the waiter runs the task itself if nobody
    /// has started it, and otherwise another thread takes the worker's place for as long as it waits. A
    /// thread that is not a worker never runs a task here. In async code, await the future instead.
    ///
    /// # Errors
    ///
    /// Returns the [`TaskError`](crate::TaskError) that says why the task has no value.
    ///
    /// # Panics
    ///
    /// Panics if the outcome was taken before (by [`result_timeout`](Self::result_timeout) or by polling), if
    /// it is called from a callback of this very task, in a task that would have to be replaced by
    /// another thread that the system does not start, and in async code on the very thread that has to run the task
    /// (see [`AsyncBridge`](crate::AsyncBridge#blocking-in-async-code)): instead of waiting for ever.
    pub fn result(mut self) -> Outcome<R> {
        if self.cell.core().snapshot().phase() != Phase::Done {
            self.wait_until(None);
        }
        self.take()
    }

    /// Waits for the outcome for at most `limit`, and takes it if it comes.
    ///
    /// A wait that runs out of time leaves the task and this handle as they are. `Duration::MAX` waits for
    /// ever; a zero limit only looks.
    ///
    /// # Panics
    ///
    /// As [`result`](Self::result).
    pub fn result_timeout(&mut self, limit: Duration) -> Option<Outcome<R>> {
        let until = Instant::now().checked_add(limit);
        self.wait_until(until).then(|| self.take())
    }

    /// Cancels the task if it has not started.
    ///
    /// True means that the task will never run: the future is done at once, for everybody who waits, and what
    /// the work captured is dropped. False means that it has started or ended; a running task is then asked to
    /// stop, which it sees through [`cancel_requested`](crate::cancel_requested). Cancelling twice is true
    /// twice.
    pub fn cancel(&self) -> bool {
        self.cell.clone().upcast().cancel()
    }

    /// Stops the task where that can be done, and says whether it could.
    ///
    /// A queued task is cancelled. A running one is stopped if it is async (its future is dropped, at once if
    /// it is suspended, else at its next await) or if it runs in a process of its own; a thread cannot be
    /// stopped, so there the answer is `false` and the task is asked to stop as by [`cancel`](Self::cancel).
    pub fn kill(&self) -> bool {
        self.cell.clone().upcast().kill()
    }

    /// Calls `callback` with the outcome when the task has ended; at once if it has.
    ///
    /// Callbacks of a task run in the order they were added, on the thread that ended it (a worker, or
    /// whoever cancelled it; a thread for callbacks, if a process or a deadline ended it), before the outcome is handed over: whoever waits for the task waits for them
    /// too. They may block, submit, and shut executors down. A panic in one is reported by the panic hook and
    /// goes no further. A callback that comes up inside another one is run after it.
    ///
    /// # Panics
    ///
    /// Panics if the outcome was taken before.
    pub fn on_done(&self, callback: impl FnOnce(&Outcome<R>) + Send + 'static) {
        self.refuse_taken();
        core::add_callback(&self.cell, Box::new(callback));
    }

    /// From now on, dropping the future cancels the task.
    pub fn cancel_on_drop(mut self) -> Self {
        self.on_drop = OnDrop::Cancel;
        self
    }

    /// A handle to look at the task and to stop it, for somebody who does not own its outcome.
    pub fn handle(&self) -> TaskHandle {
        TaskHandle::new(self.cell.clone().upcast())
    }

    /// Turns the future into one that can be cloned; every clone gets the outcome.
    pub fn shared(self) -> Shared<R>
    where
        R: Clone + Sync,
    {
        Shared::new(&self)
    }

    /// Whether a task that failed may be done once more: it was started, so its executor has not refused it, nobody asked it
    /// to stop, and nothing of it runs any more (a deadline that meets running work asks it to stop).
    pub(crate) fn may_be_repeated(&self) -> bool {
        let snapshot = self.cell.snapshot();
        snapshot.has_started() && !snapshot.stop_requested()
    }

    /// The task, whose outcome is kept for who makes a future of it again.
    pub(crate) fn into_cell(mut self) -> Arc<dyn Cell<R>> {
        self.on_drop = OnDrop::Nothing;
        self.cell.clone()
    }

    pub(crate) fn executor(&self) -> ExecutorId {
        self.cell.executor()
    }

    /// Reports the end of the task to `collection` as `number`. False if it has ended already.
    pub(crate) fn report_to(&self, collection: Arc<dyn Report>, number: usize) -> bool {
        self.set_waiter(Waiter::Report(collection, number))
    }

    /// False if the outcome is there already.
    fn set_waiter(&self, waiter: Waiter) -> bool {
        let waits = self.cell.core().set_waiter(waiter);
        if waits {
            self.cell.awaited();
        }
        waits
    }

    /// Brings the state up to date with what has happened elsewhere, and says whether the outcome can be taken.
    pub(crate) fn look(&self) -> bool {
        self.is_handed_over() || {
            self.cell.look();
            self.is_handed_over()
        }
    }

    /// Undoes [`report_to`](Self::report_to).
    pub(crate) fn stop_reporting(&self) {
        self.cell.core().clear_waiter();
    }

    /// Ready once the outcome can be taken; until then `waker` is kept.
    pub(crate) fn poll_ended(&self, waker: &Waker) -> Poll<()> {
        if self.look() || !self.set_waiter(Waiter::Wake(waker.clone())) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Whether the outcome can be taken without waiting.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.cell.core().snapshot().is_handed_over()
    }

    pub(crate) fn has_failed(&self) -> bool {
        if self.is_handed_over() {
            self.cell.unpack();
        }
        self.cell.snapshot().ending() == Some(Ending::Failed)
    }

    /// Waits until the outcome can be taken. False if `until` came first.
    fn wait_until(&mut self, until: Option<Instant>) -> bool {
        self.refuse_taken();
        let done = || self.is_handed_over();
        if done() {
            return true;
        }
        // It may be queued behind the callback that this thread is in.
        callbacks::run_queued();
        if done() {
            return true;
        }
        let host = host::current();
        if until.is_none()
            && let Some(host) = &host
            && let Some(ledger) = host.ledger()
            && ledger.id() == self.cell.executor()
            && host.may_help()
        {
            self.cell.clone().help(ledger);
            if done() {
                return true;
            }
        }
        self.refuse_own_callback();
        if until.is_some_and(|until| until <= Instant::now()) {
            return self.look();
        }
        host::refuse_deadlock([self.cell.executor()], host::AWAIT);
        // A worker does not spin: it would keep its place from the task it waits for.
        if host.is_none() && self.cell.attend(&done) {
            return true;
        }
        self.park_until(until)
    }

    fn park_until(&self, until: Option<Instant>) -> bool {
        let parker = Parker::of_this_thread();
        if !self.set_waiter(Waiter::Wake(parker.waker())) {
            return true;
        }
        let park = || {
            while !self.is_handed_over() {
                if !parker.park(until) && !self.is_handed_over() {
                    self.cell.core().clear_waiter();
                    return false;
                }
            }
            true
        };
        activity::while_awaiting(self.awaited(), || host::blocking(park))
    }

    fn take(&mut self) -> Outcome<R> {
        self.refuse_taken();
        self.cell.unpack();
        // There is nothing left to detach from.
        self.on_drop = OnDrop::Nothing;
        self.cell.core().take()
    }

    /// What a task that waits for this one says.
    fn awaited(&self) -> Awaited {
        Awaited::Task(self.id().number())
    }

    #[track_caller]
    fn refuse_taken(&self) {
        assert!(
            self.cell.core().snapshot().phase() != Phase::Taken,
            "the outcome of task {} was taken before; keep it, or use `shared()` to have it more than once",
            self.id()
        );
    }

    /// A callback that waits for its own task would wait for ever: the outcome is handed over after it.
    #[track_caller]
    fn refuse_own_callback(&self) {
        assert!(
            !callbacks::is_delivering(self.id()),
            "a callback of task {} waits for that task; use the outcome it is called with",
            self.id()
        );
    }
}

impl<R: Send + 'static> Future for TaskFuture<R> {
    type Output = Outcome<R>;

    /// # Panics
    ///
    /// Panics if the outcome was taken before.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.refuse_taken();
        let share = ready!(runtime::proceed(cx));
        let ready = self.look() || !self.set_waiter(Waiter::Wake(cx.waker().clone()));
        host::polled(!ready);
        if ready {
            share.used();
            Poll::Ready(self.take())
        } else {
            activity::polled_in_vain(self.id().number());
            Poll::Pending
        }
    }
}

// The cell is only ever used through `Arc`; nothing in the future itself is pinned.
impl<R> Unpin for TaskFuture<R> {}

impl<R> TaskFuture<R> {
    /// Cancels the task, for owners that cannot name the bounds of its value.
    pub(crate) fn cancel_unasked(&self) {
        self.cell.clone().upcast().cancel();
    }
}

impl<R> Drop for TaskFuture<R> {
    fn drop(&mut self) {
        match self.on_drop {
            OnDrop::Detach => {}
            OnDrop::Cancel => self.cancel_unasked(),
            OnDrop::Nothing => return,
        }
        if self.cell.snapshot().phase() != Phase::Taken {
            self.cell.core().detach();
            self.cell.owner_left();
        }
    }
}

impl<R> fmt::Debug for TaskFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.cell.snapshot();
        f.debug_struct("TaskFuture")
            .field("id", &self.cell.id())
            .field("name", &self.cell.name())
            .field("phase", &snapshot.phase())
            .field("ending", &snapshot.ending())
            .finish_non_exhaustive()
    }
}
