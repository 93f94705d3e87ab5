//! A future as a task. The task's own cell holds the future, so that a kill or a deadline ends a suspended one
//! without waiting for anybody.
#![allow(unsafe_code)]

use super::{Callee, Crossing, InProcess, Run, RunContext, Task, Traits};
use crate::{
    error::{TaskError, TaskPanic},
    future::{
        TaskId,
        core::{self, AnyCell, CallbacksRun, Cell, Core, Outcome},
        current::{self, Doing, StopRequest},
        host,
        state::Snapshot,
        waiter::Parker,
    },
    ledger::{ExecutorId, Ledger, Mode},
    panic,
    sync::{Arc, Mutex},
    timer::{self, Armed, Deadline},
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        OnceLock, Weak,
        atomic::{AtomicBool, AtomicU8, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

/// Where a suspended task goes when it is woken.
pub(crate) trait Home: Send + Sync {
    /// The task is to be polled again.
    fn requeue(self: Arc<Self>, task: Task);
    /// The task was suspended for the first time; it is not in any queue while it is suspended.
    fn suspended(&self, id: TaskId, task: Weak<dyn AnyCell>);
    /// A task that was suspended at some time has ended.
    fn ended(&self, id: TaskId);
}

/// The future of async work that is called with one argument.
pub(crate) async fn apply_async<K, T, X, Fut>(callee: K, argument: T, mode: Mode) -> Outcome<Fut::Output>
where
    K: Callee<T, Output = Fut>,
    Fut: Future,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    match mode {
        Mode::Here => Ok(callee.call(mode, argument)?.await),
        Mode::Checked => {
            let crossed = X::cross("the argument", &argument);
            drop(argument);
            let result = callee.call(mode, crossed?)?.await;
            X::cross("the result", &result)
        }
    }
}

/// A future that stays in this process.
pub(crate) async fn in_process_only<Fut: Future>(future: Fut, mode: Mode) -> Outcome<Fut::Output> {
    if mode == Mode::Checked {
        <InProcess as Crossing<()>>::cross("the future", &())?;
    }
    Ok(future.await)
}

// Where the task is, for its wakers.
const SUSPENDED: u8 = 0;
const QUEUED: u8 = 1;
const POLLING: u8 = 2;
/// Woken while it was being polled: it has to be polled once more.
const WOKEN: u8 = 3;
const ENDED: u8 = 4;

/// A task that polls a future.
pub(crate) struct AsyncCell<F, R> {
    core: Core<R>,
    /// `None` once the future has ended or was dropped. The lock is held while it is polled, so a kill tries
    /// it and leaves the dropping to the poller where it fails.
    future: Mutex<Option<F>>,
    place: AtomicU8,
    home: OnceLock<Arc<dyn Home>>,
    registered: AtomicBool,
    deadline: Mutex<Option<Armed>>,
    traits: Option<Box<Traits>>,
}

impl<F, R> AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    pub(crate) fn new(executor: ExecutorId, future: F, traits: Option<Box<Traits>>) -> Arc<Self> {
        Arc::new(Self {
            core: Core::new(executor),
            future: Mutex::new(Some(future)),
            place: AtomicU8::new(QUEUED),
            home: OnceLock::new(),
            registered: AtomicBool::new(false),
            deadline: Mutex::new(None),
            traits,
        })
    }

    /// Queued → Running on the first turn. False if there is nothing to do.
    fn enter(self: &Arc<Self>, ledger: &Ledger) -> bool {
        if self.core.start() {
            ledger.started(1);
            ledger.give_room();
            if let Some(limit) = self.traits.as_ref().and_then(|traits| traits.timeout) {
                *self.deadline.lock() = Some(timer::arm(self, limit));
            }
            return true;
        }
        // Not the first turn, or cancelled before it.
        self.had_a_turn() && self.place.load(SeqCst) != ENDED
    }

    fn poll_once(self: &Arc<Self>) -> Poll<Outcome<R>> {
        let waker = Waker::from(self.clone());
        let mut future = self.future.lock();
        let Some(future) = future.as_mut() else {
            return Poll::Pending;
        };
        // SAFETY: the future lies in this cell, which is only ever made and used behind an `Arc`, so it does
        // not move; it is not moved out of the `Option` either: `drop_future` overwrites it in place.
        let future = unsafe { Pin::new_unchecked(future) };
        let mut context = Context::from_waker(&waker);
        let polled = current::run_as(self.clone(), Doing::Polling, || {
            panic::catch(|| future.poll(&mut context))
        });
        polled.unwrap_or_else(|caught| Poll::Ready(Err(TaskError::Panicked(TaskPanic::new(caught)))))
    }

    /// Drops the future in place. False if it is being polled: then the poller will.
    fn drop_future(&self) -> bool {
        let Some(mut future) = self.future.try_lock() else {
            return false;
        };
        panic::contain(|| *future = None);
        true
    }

    /// The end of the last turn.
    fn leave(&self) {
        self.place.store(ENDED, SeqCst);
        self.drop_future();
        drop(self.deadline.lock().take());
        if self.registered.load(SeqCst)
            && let Some(home) = self.home.get()
        {
            home.ended(self.core.id());
        }
    }

    fn turn(self: Arc<Self>, ledger: &Ledger, home: &Arc<dyn Home>) -> Option<Arc<dyn Run>> {
        if !self.enter(ledger) {
            return None;
        }
        self.home.get_or_init(|| home.clone());
        // Read and written in one step: pairs with `wake_by_ref`.
        self.place.swap(POLLING, SeqCst);
        if !self.core.snapshot().is_settled() {
            match self.poll_once() {
                Poll::Ready(outcome) => {
                    self.leave();
                    core::settle(self, outcome, ledger);
                    return None;
                }
                Poll::Pending => {}
            }
        }
        // A kill settles first and then tries the future's lock; the poll above has released it. So either
        // the kill is seen here, or it finds the lock free and drops the future itself.
        if self.core.snapshot().is_settled() {
            self.leave();
            core::count_interrupted(&*self, ledger);
            return None;
        }
        if !self.registered.swap(true, SeqCst) {
            let weak: Weak<dyn AnyCell> = Arc::downgrade(&(self.clone() as Arc<dyn AnyCell>));
            home.suspended(self.core.id(), weak);
        }
        if self
            .place
            .compare_exchange(POLLING, SUSPENDED, SeqCst, SeqCst)
            .is_ok()
        {
            return None;
        }
        // Woken while it was polled: behind the others, once more.
        self.place.store(QUEUED, SeqCst);
        Some(self)
    }

    /// Runs the task to its end on this thread, which parks while the future is suspended.
    fn run_to_end(self: Arc<Self>, ledger: &Ledger) {
        let thread = Arc::new(ParkedThread {
            parker: Parker::of_this_thread(),
            woken: Mutex::new(None),
        });
        let home: Arc<dyn Home> = thread.clone();
        let mut next: Option<Arc<dyn Run>> = Some(self.clone());
        let context = RunContext {
            ledger,
            home: Some(&home),
        };
        while let Some(task) = next.take() {
            next = task.run(&context);
            while next.is_none() && self.place.load(SeqCst) != ENDED && self.had_a_turn() {
                let woken = thread.woken.lock().take();
                match woken {
                    Some(mut task) => next = task.0.take(),
                    None => host::blocking(|| {
                        thread.parker.park(None);
                    }),
                }
            }
        }
    }

    fn had_a_turn(&self) -> bool {
        self.home.get().is_some()
    }

    /// Settles a task that has started, from outside, and gets rid of its future.
    fn interrupt(self: Arc<Self>, reason: TaskError, callbacks: CallbacksRun) -> bool {
        let won = core::interrupt(self.clone(), reason, callbacks);
        if won {
            if callbacks == CallbacksRun::Here {
                self.drop_future();
            }
            // Its next turn finds it settled and cleans up.
            self.wake();
        }
        won
    }
}

/// A home for one task on a thread that waits for it.
struct ParkedThread {
    parker: Arc<Parker>,
    woken: Mutex<Option<Task>>,
}

impl Home for ParkedThread {
    fn requeue(self: Arc<Self>, task: Task) {
        let replaced = self.woken.lock().replace(task);
        drop(replaced);
        self.parker.unpark();
    }

    fn suspended(&self, _: TaskId, _: Weak<dyn AnyCell>) {}

    fn ended(&self, _: TaskId) {}
}

impl<F, R> Run for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn run(self: Arc<Self>, context: &RunContext<'_>) -> Option<Arc<dyn Run>> {
        if let Some(home) = context.home {
            self.turn(context.ledger, home)
        } else {
            self.run_to_end(context.ledger);
            None
        }
    }

    fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>> {
        if self.had_a_turn() {
            return Some(self);
        }
        core::refuse(self, TaskError::Cancelled);
        None
    }

    fn refuse(self: Arc<Self>, reason: TaskError) {
        core::refuse(self.clone(), reason.clone());
        // One that had started is a woken one whose home is gone.
        if core::interrupt(self.clone(), reason, CallbacksRun::Here) {
            self.leave();
        }
    }
}

impl<F, R> Wake for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.place.fetch_update(SeqCst, SeqCst, |place| match place {
            SUSPENDED => Some(QUEUED),
            POLLING => Some(WOKEN),
            ENDED => None,
            // Written although nothing changes: the next poll reads this value, and so sees what the waker did
            // before it woke.
            same => Some(same),
        });
        if woken == Ok(SUSPENDED)
            && let Some(home) = self.home.get()
        {
            home.clone().requeue(Task::new(self.clone()));
        }
    }
}

impl<F, R> AnyCell for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn id(&self) -> TaskId {
        self.core.id()
    }

    fn executor(&self) -> ExecutorId {
        self.core.executor()
    }

    fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    fn name(&self) -> Option<&str> {
        self.traits.as_ref()?.name.as_deref()
    }

    fn cancel(self: Arc<Self>) -> bool {
        core::cancel(self)
    }

    fn kill(self: Arc<Self>) -> bool {
        core::cancel(self.clone()) || self.interrupt(TaskError::Cancelled, CallbacksRun::Here)
    }
}

impl<F, R> Cell<R> for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn core(&self) -> &Core<R> {
        &self.core
    }

    fn drop_work(&self) {
        self.place.store(ENDED, SeqCst);
        self.drop_future();
    }

    /// A future may suspend; its waiter gains nothing by polling it.
    fn help(self: Arc<Self>) {}

    fn upcast(self: Arc<Self>) -> Arc<dyn AnyCell> {
        self
    }
}

impl<F, R> StopRequest for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn stop_requested(&self) -> bool {
        self.core.snapshot().stop_requested()
            || Ledger::of(self.core.executor()).is_some_and(|ledger| ledger.stop_requested())
    }
}

impl<F, R> Deadline for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn passed(self: Arc<Self>) {
        let Some(limit) = self.traits.as_ref().and_then(|traits| traits.timeout) else {
            return;
        };
        self.interrupt(TaskError::TimedOut(limit), CallbacksRun::Aside);
    }
}
