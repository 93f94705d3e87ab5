//! A call of a function: the task, its state and its result in one allocation.
#![allow(unsafe_code)]

use super::{Callee, Crossing, InProcess, Run, RunContext, Traits};
use crate::{
    error::{TaskError, TaskPanic},
    future::{
        TaskId,
        core::{self, AnyCell, CallbacksRun, Cell, Core, Outcome},
        slot::Slot,
        state::Snapshot,
    },
    ledger::{ExecutorId, Ledger, Mode},
    panic,
    running::{About, Doing, NameOf, Running, Source, TaskSpan, WorkName, run_as},
    sync::Arc,
    timer::{self, Deadline},
};
use std::marker::PhantomData;

/// What a call does when its turn comes.
pub(crate) trait Job: Send + 'static {
    type Output: Send + 'static;
    /// Of what is called.
    const NAME: WorkName;
    fn run(self, mode: Mode) -> Outcome<Self::Output>;
}

/// A closure that is called once and stays in this process.
pub(crate) struct Once<F>(pub(crate) F);

impl<F, R> Job for Once<F>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = R;
    const NAME: WorkName = NameOf::<F>::NAME;

    fn run(self, mode: Mode) -> Outcome<R> {
        if mode == Mode::Checked {
            <InProcess as Crossing<()>>::cross("the work", &())?;
        }
        Ok((self.0)())
    }
}

/// The same with an argument. Known by the work, and not by a closure of ours around both.
pub(crate) struct OnceWith<F, T>(pub(crate) F, pub(crate) T);

impl<F, T, R> Job for OnceWith<F, T>
where
    F: FnOnce(T) -> R + Send + 'static,
    T: Send + 'static,
    R: Send + 'static,
{
    type Output = R;
    const NAME: WorkName = NameOf::<F>::NAME;

    fn run(self, mode: Mode) -> Outcome<R> {
        let Self(work, argument) = self;
        Once(move || work(argument)).run(mode)
    }
}

/// Work and the argument it is called with; `X` says how the argument and the result cross.
pub(crate) struct Apply<K, T, X> {
    callee: K,
    argument: T,
    crossing: PhantomData<X>,
}

impl<K, T, X> Apply<K, T, X> {
    pub(crate) fn new(callee: K, argument: T) -> Self {
        Self {
            callee,
            argument,
            crossing: PhantomData,
        }
    }
}

impl<K, T, X> Job for Apply<K, T, X>
where
    K: Callee<T>,
    T: Send + 'static,
    K::Output: Send + 'static,
    X: Crossing<T> + Crossing<K::Output>,
{
    type Output = K::Output;
    const NAME: WorkName = &(K::name as fn() -> &'static str);

    fn run(self, mode: Mode) -> Outcome<K::Output> {
        call::<K, T, X>(&self.callee, self.argument, mode)
    }
}

/// Calls work with one argument, both of which cross as `mode` says.
pub(crate) fn call<K, T, X>(callee: &K, argument: T, mode: Mode) -> Outcome<K::Output>
where
    K: Callee<T>,
    X: Crossing<T> + Crossing<K::Output>,
{
    match mode {
        Mode::Here => callee.call(mode, argument),
        Mode::Checked => {
            let argument = X::cross("the argument", &argument)?;
            let result = callee.call(mode, argument)?;
            X::cross("the result", &result)
        }
    }
}

/// Runs work of the user's: a panic becomes the outcome.
pub(crate) fn guarded<R>(work: impl FnOnce() -> Outcome<R>) -> Outcome<R> {
    panic::catch(work).unwrap_or_else(|caught| Err(TaskError::Panicked(TaskPanic::new(caught))))
}

/// A task that calls something.
pub(crate) struct CallCell<J: Job> {
    core: Core<J::Output>,
    job: Slot<J>,
    traits: Option<Box<Traits>>,
}

impl<J: Job> CallCell<J> {
    pub(crate) fn new(executor: ExecutorId, job: J, traits: Option<Box<Traits>>) -> Arc<Self> {
        Arc::new(Self {
            core: Core::new(executor),
            job: Slot::new(Some(job)),
            traits,
        })
    }

    fn run_here(self: Arc<Self>, ledger: &Ledger) {
        if !self.core.start() {
            return;
        }
        ledger.started(1);
        ledger.give_room();
        // SAFETY: `start` was true for this thread and is so once per task: the job is this thread's.
        let job = unsafe { self.job.take() }.expect("a queued task has its work");
        let deadline = self.traits.as_ref().and_then(|traits| traits.timeout);
        let armed = deadline.map(|after| timer::arm(&self, after));
        let outcome = run_as(&self, Doing::Calling, || guarded(|| job.run(ledger.mode())));
        if armed.is_some() {
            drop(armed);
            core::settle(self, outcome, ledger);
        } else {
            core::settle_alone(self, outcome, ledger);
        }
    }
}

impl<J: Job> Run for CallCell<J> {
    fn run(self: Arc<Self>, context: &RunContext<'_>) -> Option<Arc<dyn Run>> {
        self.run_here(context.ledger);
        None
    }

    fn refuse(self: Arc<Self>, reason: TaskError) {
        core::refuse(self, reason);
    }

    fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>> {
        self.refuse(TaskError::Cancelled);
        None
    }
}

impl<J: Job> AnyCell for CallCell<J> {
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

    /// A call that runs on a thread cannot be stopped.
    fn kill(self: Arc<Self>) -> bool {
        core::cancel(self)
    }
}

impl<J: Job> Cell<J::Output> for CallCell<J> {
    fn core(&self) -> &Core<J::Output> {
        &self.core
    }

    fn drop_work(&self) {
        // SAFETY: called once, by who moved the task from `Queued` to `Settling`: nobody else has or will
        // have the job.
        drop(unsafe { self.job.take() });
    }

    fn help(self: Arc<Self>, ledger: &Ledger) {
        // A deadline must be able to resolve the future while the work still runs; the waiter could not see
        // that from inside the work.
        let must_not = |traits: &Traits| traits.timeout.is_some() || traits.stays_in_line;
        if self.traits.as_deref().is_some_and(must_not) {
            return;
        }
        self.run_here(ledger);
    }

    fn upcast(self: Arc<Self>) -> Arc<dyn AnyCell> {
        self
    }
}

impl<J: Job> Running for CallCell<J> {
    fn span(&self) -> &TaskSpan {
        self.core.span()
    }

    fn stop_requested(&self) -> bool {
        let now = self.core.snapshot();
        // What becomes of the executor afterwards is nothing to a task that has ended.
        now.stop_requested()
            || !now.is_settled()
                && Ledger::of(self.core.executor()).is_some_and(|ledger| ledger.stop_requested())
    }

    fn attempt(&self) -> u32 {
        self.traits.as_ref().map_or(1, |traits| traits.attempt())
    }

    fn about(&self) -> About<'_> {
        About {
            task: Some(self.core.id().number()),
            executor: self.core.executor().number(),
            work: J::NAME,
            name: self.traits.as_ref().and_then(|traits| traits.name.as_ref()),
        }
    }

    fn for_token(self: Arc<Self>) -> Source {
        let task: Arc<dyn Running> = self;
        Source::Here(Arc::downgrade(&task))
    }
}

impl<J: Job> Deadline for CallCell<J> {
    fn passed(self: Arc<Self>) {
        let Some(limit) = self.traits.as_ref().and_then(|traits| traits.timeout) else {
            return;
        };
        core::interrupt(self, TaskError::TimedOut(limit), CallbacksRun::Aside);
    }
}
