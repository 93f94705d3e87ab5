//! A task that is tried again: one future for several attempts, each of which is a task of its own.
//!
//! The attempts run like any other tasks; so a retry means the same on every backend, and no backend knows of it. What a
//! task of attempts adds is who decides, and when. It is *between attempts* from the end of one until the next stands
//! ready; a cancellation is exact there, because either it settles this task, or the next attempt is put in its place
//! before it may start, and is what the cancellation meets.

mod cell;

use super::RetryPolicy;
use crate::{
    error::{TaskError, TaskPanic, WorkerDeath},
    future::{
        TaskFuture, aside,
        core::{self, AnyCell, Cell, Core, Outcome},
        host,
        waiter::{Parker, Report},
    },
    ledger::{ExecutorId, Hold, Ledger, Waiting},
    panic,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    timer::{self, Armed, Deadline},
};
use std::{
    sync::Weak,
    task::Waker,
    thread,
    time::{Duration, Instant},
};

/// Hands a prepared attempt to its executor.
pub(crate) type Go = Box<dyn FnOnce() + Send>;

/// Makes the next attempt, given how many there were.
pub(crate) type Prepare<R> = Box<dyn FnMut(u32) -> (TaskFuture<R>, Go) + Send>;

pub(crate) struct RetriedCell<R: Send + 'static> {
    core: Core<R>,
    name: Option<Arc<str>>,
    policy: Arc<RetryPolicy>,
    /// It was asked to stop: there is no further attempt.
    asked_to_stop: AtomicBool,
    /// Taken while it is used, and for good when no attempt follows.
    prepare: Mutex<Option<Prepare<R>>>,
    progress: Mutex<Progress<R>>,
    me: Weak<Self>,
}

struct Progress<R> {
    /// How many attempts have ended without a value.
    failed: u32,
    /// The attempt that is queued or runs; `None` between attempts.
    attempt: Option<Attempt<R>>,
    /// The attempt that has the value.
    succeeded: Option<TaskFuture<R>>,
    deaths: Vec<WorkerDeath>,
    pause: Option<Pause>,
    /// Where attempts run on the thread that submits: why the last one failed. That thread goes on from there.
    left_to_submitter: Option<(TaskError, Hold)>,
    submitter: Option<Waker>,
}

/// An attempt reports to its task and so keeps it.
enum Attempt<R> {
    /// The task keeps it as well, as long as somebody owns the outcome.
    Owned(Arc<dyn Cell<R>>),
    /// After that only who runs it does: a future that nobody can wake any more has to end.
    Detached(Weak<dyn Cell<R>>),
}

impl<R> Attempt<R> {
    fn get(&self) -> Option<Arc<dyn Cell<R>>> {
        match self {
            Self::Owned(cell) => Some(cell.clone()),
            Self::Detached(cell) => cell.upgrade(),
        }
    }
}

/// The wait before the next attempt.
struct Pause {
    /// Keeps the task, which nobody else may have.
    _until: Armed,
    hold: Hold,
}

impl<R: Send + 'static> RetriedCell<R> {
    pub(crate) fn new(
        executor: ExecutorId,
        name: Option<Arc<str>>,
        policy: Arc<RetryPolicy>,
        prepare: Prepare<R>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            core: Core::new(executor),
            name,
            policy,
            asked_to_stop: AtomicBool::new(false),
            prepare: Mutex::new(Some(prepare)),
            progress: Mutex::new(Progress {
                failed: 0,
                attempt: None,
                succeeded: None,
                deaths: Vec::new(),
                pause: None,
                left_to_submitter: None,
                submitter: None,
            }),
            me: me.clone(),
        })
    }

    /// The first attempt; those that follow come by themselves.
    pub(crate) fn start(self: &Arc<Self>) {
        self.attempt();
    }

    /// All attempts, on this thread, for an executor that runs a task where it is submitted.
    pub(crate) fn run_here(self: &Arc<Self>) {
        let parker = Parker::of_this_thread();
        self.progress.lock().submitter = Some(parker.waker());
        self.attempt();
        loop {
            let mut progress = self.progress.lock();
            let Some((error, _hold)) = progress.left_to_submitter.take() else {
                break;
            };
            let attempts = progress.failed;
            drop(progress);
            if !self.is_retried_after(&error) {
                self.fail_between(error);
                break;
            }
            let until = Instant::now().checked_add(self.policy.wait_after(attempts));
            host::blocking(|| {
                while !self.core.snapshot().is_settled() && until.is_none_or(|until| until > Instant::now()) {
                    parker.park(until);
                }
            });
            self.attempt();
        }
        self.progress.lock().submitter = None;
    }

    /// Prepares the next attempt and lets it go. Runs foreign code: what copies the argument.
    fn attempt(self: &Arc<Self>) {
        let Some(mut prepare) = self.prepare.lock().take() else {
            // Cancelled meanwhile.
            return;
        };
        let failed = self.progress.lock().failed;
        let (future, go) = match panic::catch(|| self.core.span().within(|| prepare(failed))) {
            Ok(prepared) => prepared,
            Err(caught) => {
                if failed == 0
                    && let Some(ledger) = self.ledger()
                {
                    ledger.give_room();
                }
                return self.fail_between(TaskError::Panicked(TaskPanic::new(caught)));
            }
        };
        let mut progress = self.progress.lock();
        if self.core.snapshot().is_settled() {
            drop(progress);
            // Its task was cancelled meanwhile, and counted; the attempt is nobody's.
            if future.handle().cancel()
                && let Some(ledger) = self.ledger()
            {
                ledger.not_cancelled();
            }
            return go();
        }
        // From here on a cancellation meets the attempt.
        let reports = future.report_to(self.clone(), failed as usize);
        let cell = future.into_cell();
        let detached = self.core.snapshot().is_detached();
        progress.attempt = Some(if detached {
            Attempt::Detached(Arc::downgrade(&cell))
        } else {
            Attempt::Owned(cell.clone())
        });
        drop(progress);
        let mut unneeded = None;
        if failed < self.policy.retries {
            *self.prepare.lock() = Some(prepare);
            if self.core.snapshot().is_settled() {
                panic::contain(|| self.drop_work());
            }
        } else {
            unneeded = Some(prepare);
        }
        if !reports {
            self.ended(failed as usize);
        }
        go();
        // With what is left of the argument, whose destructor is foreign code; and after the last attempt has gone: an
        // executor of somebody else's may have its last handle in there, and wait for that attempt when it is dropped.
        panic::contain(|| drop(unneeded));
    }

    /// There is no further attempt, for this reason. The task counts as queued.
    fn fail_between(&self, error: TaskError) {
        let outcome = Some(Err(after(&mut self.progress.lock().deaths, error)));
        if core::claim(&self.core, outcome.as_ref(), true) {
            if let Some(ledger) = self.ledger() {
                ledger.refused(1, false);
            }
            self.conclude(outcome);
        }
    }

    /// Settles a task that its executor does not take.
    pub(crate) fn refuse(&self, reason: TaskError) {
        if let Some(ledger) = self.ledger() {
            ledger.give_room();
        }
        let _ = self.cancel_between(reason);
    }

    fn conclude(&self, outcome: Option<Outcome<R>>) {
        if let Some(this) = self.me.upgrade() {
            core::conclude(this, outcome);
        }
        let mut progress = self.progress.lock();
        let (pause, submitter) = (progress.pause.take(), progress.submitter.take());
        drop(progress);
        drop(pause);
        if let Some(submitter) = submitter {
            submitter.wake();
        }
    }

    /// Cancels the task if no attempt is queued or runs. `None` if one does.
    fn cancel_between(&self, reason: TaskError) -> Option<bool> {
        let is_cancelled = reason.is_cancellation();
        let outcome = Some(Err(reason));
        // Under the lock, under which an attempt is put in its place.
        let progress = self.progress.lock();
        if progress.attempt.is_some() {
            return None;
        }
        let won = core::claim(&self.core, outcome.as_ref(), false);
        drop(progress);
        if won {
            if let Some(ledger) = self.ledger() {
                ledger.refused(1, is_cancelled);
            }
            self.conclude(outcome);
        }
        Some(won)
    }

    fn ledger(&self) -> Option<Ledger> {
        Ledger::of(self.core.executor())
    }

    /// The books, if another attempt may follow as far as that can be said without asking the user.
    fn ledger_if_it_may_follow(&self, failed: u32) -> Option<Ledger> {
        let may_follow = failed <= self.policy.retries && !self.asked_to_stop.load(SeqCst);
        self.ledger()
            .filter(|ledger| may_follow && !ledger.stop_requested())
    }

    fn is_retried_after(&self, error: &TaskError) -> bool {
        // A condition that panics does not want another attempt; the panic hook has reported it.
        let wants = panic::catch(|| self.policy.wants_another(error)).unwrap_or(false);
        if wants && let TaskError::WorkerDied(death) = error {
            self.progress.lock().deaths.push(death.clone());
        }
        wants
    }

    /// Decides about an attempt that has failed. Not on a thread that supervises others.
    fn go_on_after(self: &Arc<Self>, error: TaskError, attempts: u32, hold: Hold) {
        if !self.is_retried_after(&error) {
            return self.fail_between(error);
        }
        let wait = self.policy.wait_after(attempts);
        if wait == Duration::ZERO {
            self.attempt();
            return drop(hold);
        }
        let waiting: Weak<dyn Waiting> = self.me.clone();
        let Some(ledger) = self.ledger() else {
            return self.fail_between(error);
        };
        let next = ledger.hold_for(waiting);
        let mut progress = self.progress.lock();
        let unused = if self.core.snapshot().is_settled() {
            Some(next)
        } else {
            // Under the lock, or it might be over before it is there to be found.
            let until = timer::arm_owned(self, wait);
            progress.pause = Some(Pause {
                _until: until,
                hold: next,
            });
            None
        };
        drop(progress);
        drop((unused, hold));
        if ledger.stop_requested() {
            self.stopped();
        }
    }

    fn current(&self) -> Option<Arc<dyn Cell<R>>> {
        let progress = self.progress.lock();
        progress.attempt.as_ref()?.get()
    }

    /// Asks for the end. `stop` is how; it says whether the attempt will not run, or not go on.
    fn end(self: Arc<Self>, stop: impl FnOnce(Arc<dyn AnyCell>) -> bool) -> bool {
        self.asked_to_stop.store(true, SeqCst);
        loop {
            if self.core.snapshot().is_settled() {
                return core::cancel(self);
            }
            if let Some(attempt) = self.current() {
                let stopped = stop(attempt.clone().upcast());
                if stopped {
                    // Its own end may be told a little later; who has cancelled finds the future done.
                    let outcome = Some(Err(TaskError::Cancelled));
                    if core::claim(&self.core, outcome.as_ref(), attempt.snapshot().has_started()) {
                        self.conclude(outcome);
                    }
                }
                return stopped;
            }
            if self.cancel_between(TaskError::Cancelled) == Some(true) {
                return true;
            }
            // An attempt is gone and about to say so.
            thread::yield_now();
        }
    }
}

/// The error, with the deaths before it if it is one.
fn after(deaths: &mut Vec<WorkerDeath>, error: TaskError) -> TaskError {
    match error {
        TaskError::WorkerDied(death) => TaskError::WorkerDied(death.after(std::mem::take(deaths))),
        other => other,
    }
}

impl<R: Send + 'static> Report for RetriedCell<R> {
    fn ended(&self, number: usize) {
        let Some(this) = self.me.upgrade() else { return };
        // Decided under the lock: a cancellation either meets the attempt, or what has become of the task.
        let mut progress = self.progress.lock();
        if progress.failed as usize != number {
            return;
        }
        let Some(attempt) = progress.attempt.take() else {
            return;
        };
        // Gone is a future that nobody could wake any more.
        let attempt = attempt.get().map(TaskFuture::new);
        let (attempt, error) = match attempt {
            Some(attempt) if attempt.handle().succeeded() => {
                progress.succeeded = Some(attempt);
                let won = core::claim(&self.core, None, true);
                drop(progress);
                if won {
                    self.conclude(None);
                }
                return;
            }
            Some(attempt) => {
                let (handle, may_be_repeated) = (attempt.handle(), attempt.may_be_repeated());
                // A failure is never packed: this runs no foreign code.
                let Err(error) = attempt.result() else { return };
                (Some((handle, may_be_repeated)), error)
            }
            None => (None, TaskError::Cancelled),
        };
        progress.failed += 1;
        let attempts = progress.failed;
        let may_be_repeated = attempt.as_ref().is_some_and(|(_, may)| *may) && !error.is_cancellation();
        let ledger = if may_be_repeated {
            self.ledger_if_it_may_follow(attempts)
        } else {
            None
        };
        let Some(ledger) = ledger else {
            let ran = attempt.is_none_or(|(handle, _)| handle.has_started());
            let outcome = Some(Err(after(&mut progress.deaths, error)));
            let won = core::claim(&self.core, outcome.as_ref(), ran);
            drop(progress);
            if won {
                self.conclude(outcome);
            }
            return;
        };
        let hold = ledger.hold();
        ledger.retried();
        if progress.submitter.is_some() {
            let waiting: Weak<dyn Waiting> = self.me.clone();
            progress.left_to_submitter = Some((error, ledger.hold_for(waiting)));
            return;
        }
        drop(progress);
        // What follows asks the user, copies the argument and submits: nothing for a thread that others count on.
        let job = Box::new(move || this.go_on_after(error, attempts, hold));
        if let Err(job) = aside::run(job) {
            job();
        }
    }

    fn waits_for_rest(&self) -> bool {
        self.core.owner_waits_for_rest()
    }
}

impl<R: Send + 'static> Deadline for RetriedCell<R> {
    /// The pause is over.
    fn passed(self: Arc<Self>) {
        let pause = self.progress.lock().pause.take();
        let Some(pause) = pause else { return };
        let job = Box::new(move || {
            self.attempt();
            drop(pause.hold);
        });
        if let Err(job) = aside::run(job) {
            job();
        }
    }
}

impl<R: Send + 'static> Waiting for RetriedCell<R> {
    /// What has not started shall not start.
    fn stopped(&self) {
        let is_lost = Ledger::of(self.core.executor()).is_some_and(|ledger| ledger.is_lost());
        let reason = if is_lost {
            TaskError::ShutDown
        } else {
            TaskError::Cancelled
        };
        self.cancel_between(reason);
    }
}
