//! A future as a task. The task's own cell holds the future, so that a kill or a deadline ends a suspended one
//! without waiting for anybody.
#![allow(unsafe_code)]

mod stopping;

use super::{Run, RunContext, Task, Traits, parked::ParkedThread};
use crate::{
    error::{TaskError, TaskPanic},
    future::{
        TaskId,
        core::{self, AnyCell, CallbacksRun, Cell, Core, Outcome},
        host,
        state::Snapshot,
        waiter::Parker,
    },
    ledger::{ExecutorId, Ledger},
    panic,
    running::{
        self, Awaited, Doing, WorkName,
        activity::{self, Seen},
        run_as,
    },
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicU8, AtomicU32, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    sys::clock,
    timer::{self, Armed},
};
use futures::task::{ArcWake, waker_ref};
use std::{
    future::Future,
    pin::Pin,
    sync::{OnceLock, Weak},
    task::{Context, Poll},
    time::Duration,
};

/// Where a suspended task goes when it is woken.
pub(crate) trait Home: Send + Sync {
    /// The task is to be polled again.
    fn requeue(&self, task: Task);
    /// The task was suspended for the first time; it is not in any queue while it is suspended. The key is for
    /// [`ended`](Self::ended).
    fn suspended(&self, task: Weak<dyn AnyCell>) -> u32;
    /// A task that was suspended at some time has ended.
    fn ended(&self, key: u32);
}

// Where the task is, for its wakers.
const SUSPENDED: u8 = 0;
const QUEUED: u8 = 1;
const POLLING: u8 = 2;
/// Woken while it was being polled: it has to be polled once more.
const WOKEN: u8 = 3;
const ENDED: u8 = 4;

// Where the future is, for those who end the task.
const KEPT: u8 = 0;
const DROPPING: u8 = 1;
const DROPPED: u8 = 2;

/// The key of a task that was never suspended.
const NO_KEY: u32 = u32::MAX;

/// A task that polls a future.
pub(crate) struct AsyncCell<F, R: Send + 'static> {
    core: Core<R>,
    /// `None` once the future has ended or was dropped. The lock is held while it is polled, so a kill tries
    /// it and leaves the dropping to the poller where it fails.
    future: Mutex<Option<F>>,
    home: OnceLock<Arc<dyn Home>>,
    /// What its home calls it once it was suspended.
    key: AtomicU32,
    place: AtomicU8,
    /// It is not to be polled any more: whoever polls it drops the future after that.
    stopping: AtomicBool,
    /// How far the future's end is: readable without its lock.
    remains: AtomicU8,
    /// What its future came of.
    work: WorkName,
    /// When its first turn was, by [`clock::coarse`].
    since: AtomicU64,
    /// What its future waited for when it was last polled, as [`Awaited::to_word`] has it.
    awaits: AtomicU64,
    extras: Option<Box<Extras>>,
}

/// What few tasks have.
struct Extras {
    traits: Traits,
    deadline: Mutex<Option<Armed>>,
    /// The deadline has passed, and the next turn is to end the task.
    has_expired: AtomicBool,
}

/// A future that is polled for longer than this after its deadline still runs: it is not tried again.
const NEXT_AWAIT: Duration = Duration::from_millis(20);

impl<F, R: Send + 'static> AsyncCell<F, R> {
    /// The limit, if it has passed and the next turn is to end the task.
    fn has_expired(&self) -> Option<Duration> {
        let extras = self.extras.as_ref()?;
        if extras.has_expired.load(SeqCst) {
            extras.traits.timeout
        } else {
            None
        }
    }

    /// Drops the future in place. False if it is being polled, then the poller will; or if somebody else is at that.
    fn drop_future(&self) -> bool {
        let Some(mut future) = self.future.try_lock() else {
            return false;
        };
        self.remains.store(DROPPING, SeqCst);
        host::drop_inside(self.core.executor(), || *future = None);
        self.remains.store(DROPPED, SeqCst);
        drop(future);
        // The outcome may have been handed over meanwhile, to somebody who waits for the rest.
        core::came_to_rest(&self.core);
        true
    }

    /// The end of the last turn. False if it has come before.
    fn leave(&self) -> bool {
        if self.place.swap(ENDED, SeqCst) == ENDED {
            return false;
        }
        self.drop_future();
        if let Some(extras) = &self.extras {
            drop(extras.deadline.lock().take());
        }
        let key = self.key.load(SeqCst);
        if key != NO_KEY
            && let Some(home) = self.home.get()
        {
            home.ended(key);
        }
        true
    }

    fn had_a_turn(&self) -> bool {
        self.home.get().is_some()
    }
}

impl<F, R: Send + 'static> Drop for AsyncCell<F, R> {
    /// A suspended task that nobody can wake and whose future nobody holds has ended, too. Its callbacks hear of it.
    fn drop(&mut self) {
        if self.key.load(Relaxed) != NO_KEY && self.leave() {
            if let Some(ledger) = Ledger::of(self.core.executor()) {
                ledger.killed(1);
            }
            core::interrupt_unshared(&self.core, TaskError::Cancelled);
        }
    }
}

impl<F, R> AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    pub(crate) fn new(
        executor: ExecutorId,
        future: F,
        traits: Option<Box<Traits>>,
        work: WorkName,
    ) -> Arc<Self> {
        let extras = |traits: Box<Traits>| {
            Box::new(Extras {
                traits: *traits,
                deadline: Mutex::new(None),
                has_expired: AtomicBool::new(false),
            })
        };
        Arc::new(Self {
            core: Core::new(executor),
            future: Mutex::new(Some(future)),
            home: OnceLock::new(),
            key: AtomicU32::new(NO_KEY),
            place: AtomicU8::new(QUEUED),
            stopping: AtomicBool::new(false),
            remains: AtomicU8::new(KEPT),
            work,
            since: AtomicU64::new(0),
            awaits: AtomicU64::new(0),
            extras: traits.map(extras),
        })
    }

    /// Queued → Running on the first turn. False if there is nothing to do.
    fn enter(self: &Arc<Self>, ledger: &Ledger) -> bool {
        if self.core.start() {
            ledger.started(1);
            ledger.give_room();
            self.since.store(clock::coarse(), Relaxed);
            if let Some(extras) = &self.extras
                && let Some(limit) = extras.traits.timeout
            {
                *extras.deadline.lock() = Some(timer::arm(self, limit));
            }
            return true;
        }
        // Not the first turn, or cancelled before it.
        self.had_a_turn() && self.place.load(SeqCst) != ENDED
    }

    fn poll_once(self: &Arc<Self>) -> Poll<Outcome<R>> {
        let waker = waker_ref(self);
        // Somebody else has the lock while he drops the future; he settles the task and wakes it after that.
        let Some(mut future) = self.future.try_lock() else {
            return Poll::Pending;
        };
        let Some(future) = future.as_mut() else {
            return Poll::Pending;
        };
        // SAFETY: the future lies in this cell, which is only ever made and used behind an `Arc`, so it does
        // not move; it is not moved out of the `Option` either: `drop_future` overwrites it in place.
        let future = unsafe { Pin::new_unchecked(future) };
        let mut context = Context::from_waker(&waker);
        let polled = run_as(self, Doing::Polling, || {
            let polled = panic::catch(|| future.poll(&mut context));
            self.awaits
                .store(activity::awaits(Awaited::Nothing).to_word(), Relaxed);
            polled
        });
        polled.unwrap_or_else(|caught| Poll::Ready(Err(TaskError::Panicked(TaskPanic::new(caught)))))
    }

    fn turn(self: Arc<Self>, ledger: &Ledger, home: &Arc<dyn Home>) -> Option<Arc<dyn Run>> {
        if !self.enter(ledger) {
            return None;
        }
        self.home.get_or_init(|| home.clone());
        // Read and written in one step: pairs with `wake_by_ref`.
        self.place.swap(POLLING, SeqCst);
        if !self.is_over() {
            if let Some(limit) = self.has_expired()
                && self.drop_future()
            {
                self.leave();
                running::raised_for(Arc::as_ptr(&self));
                core::settle(self, Err(TaskError::TimedOut(limit)), ledger);
                return None;
            }
            match self.poll_once() {
                Poll::Ready(outcome) => {
                    self.leave();
                    core::settle(self, outcome, ledger);
                    return None;
                }
                Poll::Pending => {}
            }
        }
        // Who stops it marks it first and then tries the future's lock; the poll above has released it. So either
        // the mark is seen here, or the lock is found free and the future is dropped there. The same for a kill,
        // whose mark is that the task is settled.
        if self.stopping.load(SeqCst) && self.drop_future() {
            core::interrupt(self.clone(), TaskError::Cancelled, CallbacksRun::Here);
        }
        if self.core.snapshot().is_settled() {
            self.come_to_rest(ledger);
            return None;
        }
        if self.key.load(SeqCst) == NO_KEY {
            let weak: Weak<dyn AnyCell> = Arc::downgrade(&(self.clone() as Arc<dyn AnyCell>));
            self.key.store(home.suspended(weak), SeqCst);
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
    fn run_to_end(self: Arc<Self>, ledger: &Ledger, executor: Option<&Arc<dyn Home>>) {
        let thread = Arc::new(ParkedThread {
            parker: Parker::of_this_thread(),
            woken: Mutex::new(None),
            executor: executor.cloned(),
        });
        let home: Arc<dyn Home> = thread.clone();
        let mut next: Option<Arc<dyn Run>> = Some(self.clone());
        let context = RunContext {
            ledger,
            home: Some(&home),
            suspended_at: None,
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

    /// The end of a task that somebody else has settled.
    fn come_to_rest(&self, ledger: &Ledger) {
        if self.leave() {
            core::count_interrupted(self, ledger);
        }
    }

    /// Whether it is not to be polled any more.
    fn is_over(&self) -> bool {
        self.stopping.load(SeqCst) || self.core.snapshot().is_settled()
    }

    /// Settles a task that has started, from outside. Its next turn finds it settled and cleans up.
    fn interrupt(self: Arc<Self>, reason: TaskError, callbacks: CallbacksRun) -> bool {
        let won = core::interrupt(self.clone(), reason, callbacks);
        if won {
            ArcWake::wake(self);
        }
        won
    }

    /// As [`interrupt`](Self::interrupt), and a suspended one has dropped its future before anybody hears of its end.
    fn end(self: Arc<Self>, reason: TaskError) -> bool {
        if !self.drop_future() && self.remains.load(SeqCst) == DROPPING && self.place.load(SeqCst) != ENDED {
            // Somebody else who ends it is at that, and settles it afterwards.
            return true;
        }
        self.interrupt(reason, CallbacksRun::Here)
    }
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
            self.run_to_end(context.ledger, context.suspended_at);
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
        if !self.had_a_turn() {
            return core::refuse(self, reason);
        }
        // A woken one whose home is gone.
        self.drop_future();
        core::interrupt(self.clone(), reason, CallbacksRun::Here);
        if let Some(ledger) = Ledger::of(self.core.executor()) {
            self.come_to_rest(&ledger);
        }
    }

    fn is_async(&self) -> bool {
        true
    }
}

impl<F, R> ArcWake for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn wake_by_ref(this: &Arc<Self>) {
        let woken = this.place.fetch_update(SeqCst, SeqCst, |place| match place {
            SUSPENDED => Some(QUEUED),
            POLLING => Some(WOKEN),
            ENDED => None,
            // Written although nothing changes: the next poll reads this value, and so sees what the waker did
            // before it woke.
            same => Some(same),
        });
        if woken == Ok(SUSPENDED)
            && let Some(home) = this.home.get()
        {
            home.requeue(Task::new(this.clone()));
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
        self.extras.as_ref()?.traits.name.as_deref()
    }

    fn cancel(self: Arc<Self>) -> bool {
        core::cancel(self)
    }

    fn kill(self: Arc<Self>) -> bool {
        core::cancel(self.clone()) || self.end(TaskError::Cancelled)
    }

    fn stop(self: Arc<Self>) {
        if core::cancel(self.clone()) {
            return;
        }
        self.stopping.store(true, SeqCst);
        if self.drop_future() {
            self.interrupt(TaskError::Cancelled, CallbacksRun::Here);
        } else {
            // It is being polled: its next turn, if not this one, finds the mark.
            ArcWake::wake(self);
        }
    }

    fn abandon(self: Arc<Self>, reason: TaskError) {
        self.end(reason);
    }

    fn seen(&self) -> Option<Seen> {
        let name = |extras: &Extras| extras.traits.name.clone();
        Some(Seen {
            task: Some(self.core.id().number()),
            executor: self.core.executor().number(),
            work: (self.work)(),
            name: self.extras.as_deref().and_then(name),
            age: Duration::from_nanos(clock::coarse().saturating_sub(self.since.load(Relaxed))),
            awaits: Awaited::of_word(self.awaits.load(Relaxed)),
        })
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

    fn is_at_rest(&self) -> bool {
        self.remains.load(SeqCst) == DROPPED
    }

    /// A future may suspend; its waiter gains nothing by polling it.
    fn help(self: Arc<Self>, _: &Ledger) {}

    fn upcast(self: Arc<Self>) -> Arc<dyn AnyCell> {
        self
    }
}
