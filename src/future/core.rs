//! What every task has whatever it runs: its state, its outcome and who is to be told.
//!
//! The *promise* is whoever made the transition that allows the next step; there is no object for it. The
//! rules cited are in `README.md`.
#![allow(unsafe_code)]

mod delivery;

pub(crate) use delivery::add_callback;

use super::{
    TaskId, host,
    slot::Slot,
    state::{Cancel, Ending, Snapshot, State},
    waiter::Waiter,
};
use crate::{
    error::TaskError,
    ledger::{ExecutorId, Ledger},
    panic,
    running::{
        self, TaskSpan,
        activity::Seen,
        record::{self, End},
    },
    sync::{
        Arc, Mutex,
        atomic::{Ordering::SeqCst, fence},
    },
};
use delivery::{deliver, delivered, run_callbacks};

/// The outcome of a task.
pub(crate) type Outcome<R> = Result<R, TaskError>;

pub(crate) type Callback<R> = Box<dyn FnOnce(&Outcome<R>) + Send>;

/// The part of a task that does not depend on what it runs.
pub(crate) struct Core<R> {
    id: TaskId,
    span: TaskSpan,
    executor: ExecutorId,
    state: State,
    outcome: Slot<Outcome<R>>,
    audience: Mutex<Audience<R>>,
}

/// Who is to be told. Only touched under its lock, and only if the state says that somebody is there.
struct Audience<R> {
    /// A future has one owner, and an owner waits in one place at a time.
    waiter: Option<Waiter>,
    /// Boxed, because few tasks have one and every task pays for the field.
    #[allow(clippy::box_collection)]
    callbacks: Option<Box<Vec<Callback<R>>>>,
}

/// A task seen from its handles.
pub(crate) trait AnyCell: Send + Sync {
    fn id(&self) -> TaskId;
    fn executor(&self) -> ExecutorId;
    fn snapshot(&self) -> Snapshot;
    fn name(&self) -> Option<&str>;
    /// See [`TaskFuture::cancel`](super::TaskFuture::cancel).
    fn cancel(self: Arc<Self>) -> bool;
    /// See [`TaskFuture::kill`](super::TaskFuture::kill).
    fn kill(self: Arc<Self>) -> bool;
    /// Ends the task as far as that costs nobody else anything: one that is queued is cancelled, a future is dropped at
    /// its next await, and then the task ends; any other that runs is asked to stop.
    fn stop(self: Arc<Self>) {
        self.cancel();
    }
    /// Ends a suspended task for which there is nobody any more to poll it.
    fn abandon(self: Arc<Self>, _reason: TaskError) {}
    /// How it stands, if it is one of those that are suspended now and then.
    fn seen(&self) -> Option<Seen> {
        None
    }
    /// Brings the state up to date with what has happened elsewhere.
    fn look(&self) {}
    /// The same, also if that takes a question and an answer.
    fn look_closely(&self) {
        self.look();
    }
}

/// A task seen from the owner of its outcome.
pub(crate) trait Cell<R>: AnyCell {
    fn core(&self) -> &Core<R>;
    /// Drops the work of a task that will never run. Called once, by who made that decision.
    fn drop_work(&self);
    /// Runs the task here if nobody has started it, for a waiter of the same executor (promise 9).
    fn help(self: Arc<Self>, ledger: &Ledger);
    /// Looks for the end of the task for a bounded moment, before the caller parks. True if it came.
    fn attend(&self, ended: &dyn Fn() -> bool) -> bool {
        host::spin(ended)
    }
    /// Makes the outcome of what came back from elsewhere as bytes. Called by the owner of a task that is done, or by
    /// who runs its callbacks; their turns do not overlap.
    fn unpack(&self) {}
    /// Somebody has asked to be told of the end of the task, which has not come.
    fn awaited(&self) {}
    /// The owner of the outcome is gone.
    fn owner_left(&self) {}
    /// Whether nothing of the work is there any more, be it that it still runs although the outcome is final.
    fn is_at_rest(&self) -> bool {
        true
    }
    fn upcast(self: Arc<Self>) -> Arc<dyn AnyCell>;
}

impl<R> Core<R> {
    /// The owner drops its future: an outcome that is there is dropped now, one that comes later by who brings it.
    pub(crate) fn detach(&self) {
        if self.state.detach() {
            drop_outcome(self);
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.state.snapshot()
    }

    pub(crate) fn executor(&self) -> ExecutorId {
        self.executor
    }
}

impl<R: Send + 'static> Core<R> {
    pub(crate) fn new(executor: ExecutorId) -> Self {
        let core = Self::unnoted(executor);
        record::submitted(executor.number(), core.id.number());
        core
    }

    /// The same, of which somebody else makes a note.
    pub(crate) fn unnoted(executor: ExecutorId) -> Self {
        let id = TaskId::next();
        Self {
            id,
            span: TaskSpan::of_task(id.number()),
            executor,
            state: State::queued(),
            outcome: Slot::new(None),
            audience: Mutex::new(Audience {
                waiter: None,
                callbacks: None,
            }),
        }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn span(&self) -> &TaskSpan {
        &self.span
    }

    /// Notes that it was settled, if somebody records: with a value that is still packed, if not with this outcome.
    #[inline]
    fn note_end(&self, outcome: Option<&Outcome<R>>) {
        let executor = self.executor.number();
        if record::is_on(executor) {
            let end = match outcome {
                None | Some(Ok(_)) => End::Succeeded,
                Some(Err(error)) if error.is_cancellation() => End::Cancelled,
                Some(Err(error)) => End::Failed(error.to_string().into()),
            };
            record::ended(executor, self.id.number(), end);
        }
    }

    /// Queued → Running; true for the one who shall run it.
    #[must_use]
    pub(crate) fn start(&self) -> bool {
        self.state.start()
    }

    /// Whether the owner is a collection that waits for the rest of the work, too.
    pub(crate) fn owner_waits_for_rest(&self) -> bool {
        self.audience
            .lock()
            .waiter
            .as_ref()
            .is_some_and(Waiter::waits_for_rest)
    }

    /// The transition of [`cancel`], for who has to make it in step with something else; [`cancelled`] is to be called
    /// with what it met.
    pub(crate) fn try_cancel(&self) -> Cancel {
        self.state.cancel()
    }

    /// Stores the outcome of a task that was settled by [`settle_packed`].
    ///
    /// # Safety
    ///
    /// As for [`Slot::put`]: the caller is the owner of a task that is `Done`, or who runs its callbacks while it is
    /// `Settling`.
    pub(crate) unsafe fn unpacked(&self, outcome: Outcome<R>, ledger: Option<&Ledger>) {
        if outcome.is_err() {
            self.note_end(Some(&outcome));
            self.state.succeeded_in_vain();
            if let Some(ledger) = ledger {
                ledger.failed_after_all();
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.outcome.put(outcome) };
    }

    /// Takes the outcome. The caller is the owner and has seen that it was handed over.
    pub(crate) fn take(&self) -> Outcome<R> {
        self.state.take();
        // SAFETY: the task is past `Settling`, so its promise is done with the slot and that happened before
        // (the caller saw `Done`); the owner is the only other party, and `take` is called once per task:
        // the handle checks `Taken` first.
        unsafe { self.outcome.take() }.expect("a task that is done has an outcome")
    }

    /// Puts the owner's waiter in the place of an earlier one. False if the outcome is there already.
    #[must_use]
    pub(crate) fn set_waiter(&self, waiter: Waiter) -> bool {
        let mut audience = self.audience.lock();
        if let Some(Waiter::Wake(old)) = &audience.waiter
            && let Waiter::Wake(new) = &waiter
            && old.will_wake(new)
        {
            return !self.snapshot().is_handed_over();
        }
        let replaced = audience.waiter.replace(waiter);
        let kept = self.state.waiter_added();
        let withdrawn = if kept { None } else { audience.waiter.take() };
        drop(audience);
        // Wakers are other people's code: never dropped under the lock.
        drop((replaced, withdrawn));
        kept
    }

    /// The owner stops waiting.
    pub(crate) fn clear_waiter(&self) {
        let waiter = self.audience.lock().waiter.take();
        drop(waiter);
    }
}

/// Running → settled with `outcome`, by the one who ran it. The outcome is dropped if a deadline or a kill was
/// faster.
pub(crate) fn settle<R: Send + 'static>(cell: Arc<dyn Cell<R>>, outcome: Outcome<R>, ledger: &Ledger) {
    let won = cell.core().state.settle(ending_of(&outcome));
    // Counted before it is handed over: who has the outcome finds it in the books.
    match (&outcome, won) {
        (Ok(_), true) => ledger.succeeded(1),
        (Err(_), true) => ledger.failed(1),
        (_, false) => count_interrupted(&*cell, ledger),
    }
    if won {
        hand_over(cell, outcome, CallbacksRun::Here);
    } else {
        panic::contain(|| drop(outcome));
    }
}

/// As [`settle`], for a task that nobody but who runs it can settle: it has no deadline, and cannot be killed.
pub(crate) fn settle_alone<R: Send + 'static>(cell: Arc<dyn Cell<R>>, outcome: Outcome<R>, ledger: &Ledger) {
    let ending = ending_of(&outcome);
    match outcome {
        Ok(_) => ledger.succeeded(1),
        Err(_) => ledger.failed(1),
    }
    let core = cell.core();
    // That it ran to its end is noted, and is the whole truth unless it failed.
    if outcome.is_err() {
        core.note_end(Some(&outcome));
    }
    // SAFETY: the task is running, and until it is settled the slot is of nobody else's interest: the owner touches it after
    // `Done`, callbacks run after `Settling`, and there is no one else who could settle it, as the caller says.
    unsafe { core.outcome.put(outcome) };
    let met = core.state.complete(ending);
    delivered(cell, met, CallbacksRun::Here);
}

/// Running → settled with a value that is still packed: see [`Cell::unpack`]. Callbacks run aside, for the caller
/// supervises others or waits for another task.
pub(crate) fn settle_packed<R: Send + 'static>(cell: Arc<dyn Cell<R>>, ledger: &Ledger) {
    if cell.core().state.settle(Ending::Succeeded) {
        // That it ran to its end was noted where it did.
        ledger.succeeded(1);
        deliver(cell, CallbacksRun::Aside);
    }
}

/// Queued → Settling with an outcome (`None` is a packed one), of a task whose books others keep. `ran` says whether it
/// counts as started. True for the one who now has to call [`conclude`].
pub(crate) fn claim<R: Send + 'static>(core: &Core<R>, outcome: Option<&Outcome<R>>, ran: bool) -> bool {
    let ending = outcome.map_or(Ending::Succeeded, ending_of);
    if ran {
        core.state.start() && core.state.settle(ending)
    } else {
        core.state.refuse(ending)
    }
}

/// What follows a [`claim`].
pub(crate) fn conclude<R: Send + 'static>(cell: Arc<dyn Cell<R>>, outcome: Option<Outcome<R>>) {
    panic::contain(|| cell.drop_work());
    if let Some(outcome) = outcome {
        hand_over(cell, outcome, CallbacksRun::Aside);
    } else {
        cell.core().note_end(None);
        deliver(cell, CallbacksRun::Aside);
    }
}

/// Running → settled with a failure that somebody else than a worker of this process reports.
pub(crate) fn settle_failed<R: Send + 'static>(cell: Arc<dyn Cell<R>>, reason: TaskError, ledger: &Ledger) {
    let outcome = Err(reason);
    let ending = ending_of(&outcome);
    if cell.core().state.settle(ending) {
        match ending {
            Ending::Cancelled => ledger.killed(1),
            _ => ledger.failed(1),
        }
        hand_over(cell, outcome, CallbacksRun::Aside);
    }
}

/// A task that had started was settled by somebody else than who ran it, and has now come to rest.
pub(crate) fn count_interrupted<R: Send + 'static>(cell: &dyn Cell<R>, ledger: &Ledger) {
    match cell.core().snapshot().ending() {
        Some(Ending::Cancelled) => ledger.killed(1),
        _ => ledger.failed(1),
    }
}

/// Running → settled with `reason`, by somebody else than who runs it. False if it had ended.
pub(crate) fn interrupt<R: Send + 'static>(
    cell: Arc<dyn Cell<R>>,
    reason: TaskError,
    run: CallbacksRun,
) -> bool {
    let outcome = Err(reason);
    let won = cell.core().state.interrupt(ending_of(&outcome));
    if won {
        running::raised_for(Arc::as_ptr(&cell));
        hand_over(cell, outcome, run);
    }
    won
}

/// As [`interrupt`], for a task that is being dropped: nobody has its future, and callbacks run where they stand.
pub(crate) fn interrupt_unshared<R: Send + 'static>(core: &Core<R>, reason: TaskError) -> bool {
    let outcome = Err(reason);
    let won = core.state.interrupt(ending_of(&outcome));
    if won {
        running::raised();
        core.note_end(Some(&outcome));
        // SAFETY: as in `hand_over`.
        unsafe { core.outcome.put(outcome) };
        run_callbacks(core, &|| true);
    }
    won
}

/// Where the callbacks of a task run that is settled now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbacksRun {
    /// On this thread.
    Here,
    /// On a thread for callbacks: this one supervises others, and callbacks are foreign code that may block.
    Aside,
}

fn ending_of<R>(outcome: &Outcome<R>) -> Ending {
    match outcome {
        Ok(_) => Ending::Succeeded,
        Err(error) if error.is_cancellation() => Ending::Cancelled,
        Err(_) => Ending::Failed,
    }
}

/// Cancels a task. See [`TaskFuture::cancel`](super::TaskFuture::cancel) for what it answers.
pub(crate) fn cancel<R: Send + 'static>(cell: Arc<dyn Cell<R>>) -> bool {
    let met = cell.core().try_cancel();
    cancelled(cell, met)
}

/// What follows the transition of [`cancel`].
pub(crate) fn cancelled<R: Send + 'static>(cell: Arc<dyn Cell<R>>, met: Cancel) -> bool {
    match met {
        Cancel::Won => {
            if let Some(ledger) = Ledger::of(cell.core().executor) {
                ledger.cancelled(1);
                ledger.give_room();
            }
            discard(cell, Err(TaskError::Cancelled), CallbacksRun::Here);
            true
        }
        Cancel::AlreadyCancelled => true,
        Cancel::Requested => {
            running::raised_for(Arc::as_ptr(&cell));
            false
        }
        Cancel::TooLate => false,
    }
}

/// Settles a task that its executor will never run; nothing happens if it was started or cancelled.
pub(crate) fn refuse<R: Send + 'static>(cell: Arc<dyn Cell<R>>, reason: TaskError) {
    refuse_with(cell, reason, CallbacksRun::Here);
}

/// As [`refuse`], with the callbacks where `run` says.
pub(crate) fn refuse_with<R: Send + 'static>(cell: Arc<dyn Cell<R>>, reason: TaskError, run: CallbacksRun) {
    let outcome = Err(reason);
    let ending = ending_of(&outcome);
    if cell.core().state.refuse(ending) {
        if let Some(ledger) = Ledger::of(cell.core().executor) {
            ledger.refused(1, ending == Ending::Cancelled);
            ledger.give_room();
        }
        discard(cell, outcome, run);
    }
}

/// Drops the work before the outcome is seen: what it captured is gone when the caller knows (promise 4).
fn discard<R: Send + 'static>(cell: Arc<dyn Cell<R>>, outcome: Outcome<R>, run: CallbacksRun) {
    panic::contain(|| cell.drop_work());
    hand_over(cell, outcome, run);
}

/// Stores the outcome and delivers it. The caller has just moved the state to `Settling`.
fn hand_over<R: Send + 'static>(cell: Arc<dyn Cell<R>>, outcome: Outcome<R>, callbacks: CallbacksRun) {
    cell.core().note_end(Some(&outcome));
    // SAFETY: only the one who moved the state to `Settling` for the first time gets here, once per task; the
    // owner touches the slot only after `Done`, which is set below, after this.
    unsafe { cell.core().outcome.put(outcome) };
    deliver(cell, callbacks);
}

/// Drops an outcome that nobody will take.
fn drop_outcome<R>(core: &Core<R>) {
    // SAFETY: the caller has just moved the task to `Taken` in the owner's place, or is the owner and has moved it
    // there from `Done`: the promise is done with the slot, and nobody else will touch it.
    let outcome = unsafe { core.outcome.take() };
    panic::contain(|| drop(outcome));
}

/// Tells the waiter that the outcome is handed over. One that waits for the rest of the work as well is told by
/// [`came_to_rest`], if that comes later: one of the two sees what the other did.
fn tell_waiter<R>(core: &Core<R>, is_at_rest: &dyn Fn() -> bool) {
    let mut audience = core.audience.lock();
    if audience.waiter.as_ref().is_some_and(Waiter::waits_for_rest) {
        fence(SeqCst);
        if !is_at_rest() {
            return;
        }
    }
    let waiter = audience.waiter.take();
    drop(audience);
    if let Some(waiter) = waiter {
        waiter.tell();
    }
}

/// Nothing of the work is there any more. Tells who waits for that, if the outcome was handed over before.
pub(crate) fn came_to_rest<R>(core: &Core<R>) {
    // Pairs with the fence in `tell_waiter`: either the hand-over is seen here, or the rest is seen there.
    fence(SeqCst);
    if !core.snapshot().is_handed_over() {
        // Who hands the outcome over will find the task at rest.
        return;
    }
    let waiter = core.audience.lock().waiter.take();
    if let Some(waiter) = waiter {
        waiter.tell();
    }
}
