//! What can run: a call with its argument, an async call, a share of a map; here, or through the wire.
//!
//! [`Task`] is the narrow waist between the verbs and the backends: all that a backend ever sees of the work
//! it is given.

mod async_call;
mod async_work;
mod call;
mod callee;
mod entry;
pub(crate) mod failure;
pub(crate) mod packed;
pub(crate) mod parcel;
mod parked;
mod portable;
mod remote_call;
mod retried;
mod retry_policy;
mod settings;
mod shipment;
pub(crate) mod short;
mod stateful;
mod worker_state;

pub(crate) use async_call::{AsyncCell, Home};
pub(crate) use async_work::{ApplyAsync, InProcessOnly};
pub(crate) use call::{Apply, CallCell, Job, Once, OnceWith, call, guarded};
pub(crate) use callee::{AsyncBound, Bound, Callee, Context, Plain};
pub(crate) use entry::{AsyncEntryOf, Entry, EntryOf, Input, Pending, Routine, Verdict};
pub(crate) use packed::{Argument, Packed};
pub use parcel::CarrierHandle;
pub(crate) use parcel::{Admission, Answer, Carrier, Load, Parcel, Reaction, RemoteCall, Start, Whereabouts};
pub use portable::Portable;
pub use portable::{Anywhere, Crossing, InProcess};
pub(crate) use remote_call::{Decode, RemoteCell};
pub(crate) use retried::{Go, Prepare, RetriedCell};
pub(crate) use retry_policy::RetryPolicy;
pub(crate) use settings::{Enter, Settings, Traits};
pub(crate) use shipment::{Received, Shipment};
pub use stateful::{Alone, FromContext};
pub(crate) use stateful::{Init, Stateful, States};
pub(crate) use worker_state::drop_unused as drop_unused_states;

use crate::{error::TaskError, future::host, ledger::Ledger, runtime, sync::Arc};
use std::fmt;

/// What a task is run with.
pub(crate) struct RunContext<'a> {
    pub(crate) ledger: &'a Ledger,
    /// Where a suspended async task goes when it is woken; `None` makes the thread wait for it.
    pub(crate) home: Option<&'a Arc<dyn Home>>,
    /// Who is told of suspended async tasks whose thread waits for them.
    pub(crate) suspended_at: Option<&'a Arc<dyn Home>>,
}

/// Something that can be queued and run.
pub(crate) trait Run: Send + Sync {
    /// Runs it; nothing happens if it was cancelled or run before. What is left is given back, to be queued
    /// again behind others.
    fn run(self: Arc<Self>, context: &RunContext<'_>) -> Option<Arc<dyn Run>>;
    /// Its executor will not run it, for this `reason`.
    fn refuse(self: Arc<Self>, reason: TaskError);
    /// Cancels it if it has not started; one that has is given back.
    fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>>;
    /// Whether it polls a future: each turn is short, and there may be many.
    fn is_async(&self) -> bool {
        false
    }
}

/// A piece of work on its way to a worker.
///
/// A backend is given tasks through [`Executor::execute`](crate::Executor::execute) and runs each with
/// [`run`](Self::run), once, on whatever thread it likes. A task that is dropped instead resolves its future
/// with [`TaskError::ShutDown`]: whatever becomes of a backend, nobody waits for ever.
#[must_use = "a task that is dropped resolves as `ShutDown`"]
pub struct Task(Option<Arc<dyn Run>>);

impl Task {
    pub(crate) fn new(what: Arc<dyn Run>) -> Self {
        Self(Some(what))
    }

    /// What is behind the task, for a queue that has its own form of it. [`new`](Self::new) makes it a task again.
    pub(crate) fn into_inner(mut self) -> Arc<dyn Run> {
        self.0.take().expect("a task is there until it is run or refused")
    }

    /// Runs the task on the calling thread. Panics of the work stay in its future, those of a destructor end here.
    ///
    /// `Some` is the rest of a large task (a `map`): queue it again behind what waits, so that others get
    /// their turn, or run it at once. An async task is run to its end, the thread waiting where it has to.
    pub fn run(self, ledger: &Ledger) -> Option<Task> {
        self.run_for(ledger, None)
    }

    /// As [`run`](Self::run), for an executor that wants to know of suspended tasks.
    pub(crate) fn run_for(self, ledger: &Ledger, executor: Option<&Arc<dyn Home>>) -> Option<Task> {
        let context = RunContext {
            ledger,
            home: None,
            suspended_at: executor,
        };
        let _entered = runtime::enter();
        host::run_inside(ledger.id(), || self.run_in(&context)).flatten()
    }

    /// Whether the task polls a future. Such a task may be suspended and polled many times; any other calls a
    /// function, which may block.
    pub fn is_async(&self) -> bool {
        self.0.as_ref().is_some_and(|what| what.is_async())
    }

    pub(crate) fn run_in(mut self, context: &RunContext<'_>) -> Option<Task> {
        self.0.take()?.run(context).map(Task::new)
    }

    /// Cancels the task if it has not started. An async task that was suspended meanwhile has, and is given
    /// back.
    pub fn cancel_queued(mut self) -> Option<Task> {
        self.0.take()?.cancel_queued().map(Task::new)
    }

    /// Resolves the task with `reason`, unless it has been started.
    pub fn refuse(mut self, reason: TaskError) {
        if let Some(what) = self.0.take() {
            what.refuse(reason);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(what) = self.0.take() {
            what.refuse(TaskError::ShutDown);
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task(..)")
    }
}
