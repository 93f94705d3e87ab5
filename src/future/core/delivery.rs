//! How the outcome of a task gets to those who are to have it: callbacks first, then the waiter.
#![allow(unsafe_code)]

use super::{Callback, CallbacksRun, Cell, Core, drop_outcome, tell_waiter};
use crate::{
    future::{
        aside, callbacks,
        state::{AddCallback, Finish},
    },
    ledger::Ledger,
    panic,
    sync::Arc,
};

/// Settling → Done: callbacks, then the waiter (rule 4). Inside another callback it is queued (rule 6).
pub(super) fn deliver<R: Send + 'static>(cell: Arc<dyn Cell<R>>, run: CallbacksRun) {
    let met = cell.core().state.finish();
    delivered(cell, met, run);
}

/// What follows the delivery that has met this.
pub(super) fn delivered<R: Send + 'static>(cell: Arc<dyn Cell<R>>, met: Finish, run: CallbacksRun) {
    match met {
        Finish::Unwatched => {}
        Finish::TellWaiter => tell_waiter(cell.core(), &|| cell.is_at_rest()),
        Finish::Unwanted => drop_outcome(cell.core()),
        Finish::CallbacksFirst => {
            if run == CallbacksRun::Here {
                return queue_callbacks(cell);
            }
            let hold = Ledger::of(cell.core().executor).map(|ledger| ledger.hold());
            let job = move || {
                queue_callbacks(cell);
                drop(hold);
            };
            if let Err(job) = aside::run(Box::new(job)) {
                // The system starts no thread: late and here is better than never.
                job();
            }
        }
    }
}

fn queue_callbacks<R: Send + 'static>(cell: Arc<dyn Cell<R>>) {
    let owner = (cell.core().id, cell.core().executor);
    callbacks::run(
        owner,
        Box::new(move || {
            cell.unpack();
            run_callbacks(cell.core(), &|| cell.is_at_rest());
        }),
    );
}

pub(super) fn run_callbacks<R: Send + 'static>(core: &Core<R>, is_at_rest: &dyn Fn() -> bool) {
    loop {
        for callback in take_callbacks(core) {
            // SAFETY: the state is `Settling` until `finish` below says otherwise: the outcome was stored
            // before, the owner may not touch it yet, and there is one deliverer at a time: the one who moved
            // the state to `Settling`.
            unsafe {
                core.outcome.with_ref(|outcome| {
                    let outcome = outcome.expect("an outcome is stored before it is delivered");
                    panic::contain(|| callback(outcome));
                });
            }
        }
        match core.state.finish() {
            Finish::Unwatched => return,
            Finish::TellWaiter => return tell_waiter(core, is_at_rest),
            Finish::Unwanted => return drop_outcome(core),
            Finish::CallbacksFirst => {}
        }
    }
}

fn take_callbacks<R>(core: &Core<R>) -> Vec<Callback<R>> {
    let mut audience = core.audience.lock();
    core.state.callbacks_taken();
    audience
        .callbacks
        .take()
        .map_or_else(Vec::new, |callbacks| *callbacks)
}

/// Adds a callback; if the task has ended, it runs now (rule 5).
pub(crate) fn add_callback<R: Send + 'static>(cell: &Arc<dyn Cell<R>>, callback: Callback<R>) {
    let core = cell.core();
    let mut audience = core.audience.lock();
    audience.callbacks.get_or_insert_default().push(callback);
    let added = core.state.callback_added();
    drop(audience);
    match added {
        AddCallback::Kept => cell.awaited(),
        AddCallback::DeliverAgain => deliver(cell.clone(), CallbacksRun::Here),
    }
}
