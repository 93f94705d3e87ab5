//! What a worker's thread tells the futures that are waited for on it, and what they tell it (promise 9).

use super::{callbacks, waiter::Parker};
use crate::{
    ledger::{ExecutorId, Ledger},
    running::{self, Awaited, activity},
    runtime,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Poll, Waker},
    time::{Duration, Instant},
};

/// A thread that runs the tasks of an executor.
pub(crate) trait Host {
    /// The books of that executor. `None` for one that has none.
    fn ledger(&self) -> Option<&Ledger>;
    fn executor(&self) -> ExecutorId {
        self.ledger().map_or(ExecutorId::NONE, Ledger::id)
    }
    /// Whether a waiter may run the task it waits for on this thread's stack: there is enough of it left.
    fn may_help(&self) -> bool;
    fn waits(&self) -> &Waits;
    /// This thread is about to block: somebody else has to take its place.
    ///
    /// # Panics
    ///
    /// Panics if nobody can, with the reason: going on could be a deadlock.
    fn leave_place(&self);
    /// This thread goes on.
    fn come_back(&self);
}

/// The waits that a thread is in, one inside the other.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    depth: Cell<u32>,
    /// A `block_on` in the running task waits for a future.
    awaiting: Cell<bool>,
}

impl dyn Host + '_ {
    fn block(&self) {
        let depth = &self.waits().depth;
        if depth.get() == 0 {
            self.leave_place();
        }
        depth.set(depth.get() + 1);
    }

    fn unblock(&self) {
        let depth = &self.waits().depth;
        depth.set(depth.get() - 1);
        if depth.get() == 0 {
            self.come_back();
        }
    }

    /// A `block_on` on this thread waits (`true`) or goes on (`false`).
    fn awaiting(&self, waiting: bool) {
        if waiting != self.waits().awaiting.get() {
            if waiting {
                // Panics if nobody can take its place: then this thread does not wait.
                self.block();
            } else {
                self.unblock();
            }
            self.waits().awaiting.set(waiting);
        }
    }

    /// The task is over. It may have given up a `block_on` without polling its future to the end.
    pub(crate) fn task_is_over(&self) {
        self.awaiting(false);
    }
}

crate::sync::thread_local! {
    static HOST: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
    /// Executors whose tasks this thread is running, or dropping, without being a worker that this crate knows.
    static INSIDE: RefCell<Vec<(ExecutorId, Inside)>> = const { RefCell::new(Vec::new()) };
}

/// What a thread does for an executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Running,
    /// What a task held, whose end may be up to the executor. If that is the last handle, it cannot wait for its own end.
    Dropping,
}

/// Makes the calling thread a worker's.
pub(crate) fn install(host: Rc<dyn Host>) {
    activity::works_for(host.ledger().map(|ledger| ledger.id().number()));
    HOST.with(|current| *current.borrow_mut() = Some(host));
}

/// The calling thread is no longer a worker's.
pub(crate) fn uninstall() {
    activity::works_for(None);
    HOST.with(|current| current.borrow_mut().take());
}

pub(crate) fn current() -> Option<Rc<dyn Host>> {
    HOST.try_with(|host| host.borrow().clone()).unwrap_or(None)
}

/// A future was polled on this thread, and is (`true`) or is no longer (`false`) what it waits for.
///
/// Within an executor's own polling that blocks nobody. Anywhere else on a worker it is a `block_on` that is
/// about to park the thread.
pub(crate) fn polled(waiting: bool) {
    // A future that is polled for an executor says so itself, with every turn.
    if !waiting && !running::is_polling() {
        activity::awaits(Awaited::Nothing);
    }
    if let Some(host) = current()
        && !running::is_polling()
    {
        callbacks::run_queued();
        host.awaiting(waiting);
    }
}

/// Whether the calling thread is running a task or a callback of this executor.
pub(crate) fn is_inside(executor: ExecutorId) -> bool {
    current().is_some_and(|host| host.executor() == executor)
        || INSIDE
            .try_with(|inside| inside.borrow().iter().any(|(of, _)| *of == executor))
            .unwrap_or(false)
        || callbacks::inside(executor)
}

/// Runs `task` on the calling thread for an executor that has not made it its worker.
pub(crate) fn run_inside<T>(executor: ExecutorId, task: impl FnOnce() -> T) -> Option<T> {
    inside(executor, Inside::Running, task)
}

/// Drops what a task of this executor held.
pub(crate) fn drop_inside(executor: ExecutorId, drop: impl FnOnce()) {
    inside(executor, Inside::Dropping, drop);
}

/// `None` if it panicked.
fn inside<T>(executor: ExecutorId, what: Inside, run: impl FnOnce() -> T) -> Option<T> {
    let _ = INSIDE.try_with(|inside| inside.borrow_mut().push((executor, what)));
    let mut outcome = None;
    crate::panic::contain(|| outcome = Some(run()));
    let _ = INSIDE.try_with(|inside| inside.borrow_mut().pop());
    outcome
}

/// What to do instead of a wait that never ends.
pub(crate) const AWAIT: &str = "`.await` the future (a map and `as_completed`: `.into_stream()`)";
pub(crate) const AWAIT_CLOSED: &str = "call `begin_shutdown` and then `closed().await`";
pub(crate) const TRY_SUBMIT: &str = "use `try_submit`, or a larger `max_pending`";

/// Panics if the calling thread is the one that has to poll what it is about to wait for, so that the wait would never
/// end. `awaited` are the executors of what it waits for, `cure` is what to do instead.
#[track_caller]
pub(crate) fn refuse_deadlock(awaited: impl IntoIterator<Item = ExecutorId>, cure: &str) {
    assert!(
        !would_deadlock(awaited),
        "this wait would block the thread that has to run what it waits for, and so never end: {cure}, or wait in a \
         blocking section such as `tokio::task::spawn_blocking`"
    );
}

/// Whether the calling thread is the one that has to poll what tasks of these executors wait for.
pub(crate) fn would_deadlock(awaited: impl IntoIterator<Item = ExecutorId>) -> bool {
    let inside = INSIDE
        .try_with(|inside| inside.borrow().clone())
        .unwrap_or_default();
    if inside.is_empty() && !runtime::is_entered() {
        return false;
    }
    let mut last = None;
    awaited.into_iter().any(|executor| {
        let is_driven_here = |driver: runtime::Driver| {
            let is_polled_here = inside.contains(&(executor, Inside::Running));
            driver.waits_for_this_thread(is_polled_here, current().is_some())
        };
        last.replace(executor) != Some(executor)
            && Ledger::of(executor)
                .and_then(|ledger| ledger.driver())
                .is_some_and(is_driven_here)
    })
}

/// Runs `wait`, which blocks; if this is a worker's thread, another takes its place meanwhile.
pub(crate) fn blocking<R>(wait: impl FnOnce() -> R) -> R {
    struct Unblock(Option<Rc<dyn Host>>);
    impl Drop for Unblock {
        fn drop(&mut self) {
            if let Some(host) = &self.0 {
                host.unblock();
            }
        }
    }

    callbacks::run_queued();
    let host = current();
    if let Some(host) = &host {
        host.block();
    }
    let is_worker = host.is_some();
    let _unblock = Unblock(host);
    activity::while_awaiting(Awaited::Other, || {
        if is_worker {
            // Its place has been given away, and no runtime counts on it.
            wait()
        } else {
            runtime::blocking(wait)
        }
    })
}

/// Blocks the calling thread until `poll` is ready, for at most `until`.
///
/// `poll` registers the waker it is given and looks; `glance` is a cheap hint that a look may pay.
pub(crate) fn block_on<T>(
    until: Option<Instant>,
    glance: impl Fn() -> bool,
    mut poll: impl FnMut(&Waker) -> Poll<T>,
) -> Option<T> {
    callbacks::run_queued();
    let parker = Parker::of_this_thread();
    let waker = parker.waker();
    if let Poll::Ready(value) = poll(&waker) {
        return Some(value);
    }
    if current().is_none()
        && spin(glance)
        && let Poll::Ready(value) = poll(&waker)
    {
        return Some(value);
    }
    blocking(|| {
        loop {
            let in_time = parker.park(until);
            match poll(&waker) {
                Poll::Ready(value) => return Some(value),
                Poll::Pending if in_time => {}
                Poll::Pending => return None,
            }
        }
    })
}

/// Looks for `ready` for a bounded moment before the caller parks. True if it came.
///
/// Waking a parked thread costs 4 to 20 µs, a look 0.06: a short task is over before its waiter has parked.
/// The yields give the core to a worker that has none; on a machine with one CPU they are all there is.
pub(crate) fn spin(ready: impl Fn() -> bool) -> bool {
    // In a scenario, time is counted in switches: who looks for long never parks.
    const IN_A_SCENARIO: bool = cfg!(concurrent_futures_shuttle);
    const LIMIT: Duration = Duration::from_micros(if IN_A_SCENARIO { 0 } else { 20 });
    const LOOKS_PER_YIELD: u32 = if IN_A_SCENARIO { 1 } else { 16 };
    let start = Instant::now();
    loop {
        for _ in 0..LOOKS_PER_YIELD {
            if ready() {
                return true;
            }
            crate::sync::hint::spin_loop();
        }
        if start.elapsed() > LIMIT {
            return false;
        }
        crate::sync::thread::yield_now();
    }
}
