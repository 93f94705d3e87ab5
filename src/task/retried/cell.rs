//! A task of attempts as its handles and its owner see it.
#![allow(unsafe_code)]

use super::{Attempt, RetriedCell};
use crate::{
    future::{
        TaskId,
        core::{AnyCell, Cell, Core},
        state::Snapshot,
    },
    ledger::{ExecutorId, Ledger},
    sync::Arc,
};

impl<R: Send + 'static> AnyCell for RetriedCell<R> {
    fn id(&self) -> TaskId {
        self.core.id()
    }

    fn executor(&self) -> ExecutorId {
        self.core.executor()
    }

    fn snapshot(&self) -> Snapshot {
        let own = self.core.snapshot();
        if own.is_settled() {
            return own;
        }
        match self.current() {
            Some(attempt) if attempt.snapshot().has_started() => own.running(),
            _ => own,
        }
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn cancel(self: Arc<Self>) -> bool {
        self.end(AnyCell::cancel)
    }

    fn kill(self: Arc<Self>) -> bool {
        self.end(AnyCell::kill)
    }

    fn stop(self: Arc<Self>) {
        self.end(|attempt| {
            attempt.stop();
            false
        });
    }

    fn look(&self) {
        if let Some(attempt) = self.current() {
            attempt.look();
        }
    }

    fn look_closely(&self) {
        if let Some(attempt) = self.current() {
            attempt.look_closely();
        }
    }
}

impl<R: Send + 'static> Cell<R> for RetriedCell<R> {
    fn core(&self) -> &Core<R> {
        &self.core
    }

    fn drop_work(&self) {
        let prepare = self.prepare.lock().take();
        drop(prepare);
    }

    fn help(self: Arc<Self>, ledger: &Ledger) {
        if let Some(attempt) = self.current() {
            attempt.help(ledger);
        }
    }

    fn attend(&self, ended: &dyn Fn() -> bool) -> bool {
        match self.current() {
            Some(attempt) => attempt.attend(ended),
            None => ended(),
        }
    }

    fn owner_left(&self) {
        let mut progress = self.progress.lock();
        let kept = match progress.attempt.take() {
            Some(Attempt::Owned(cell)) => {
                progress.attempt = Some(Attempt::Detached(Arc::downgrade(&cell)));
                Some(cell)
            }
            other => {
                progress.attempt = other;
                None
            }
        };
        drop(progress);
        // It may be the last who keeps it, and then it reports.
        drop(kept);
    }

    fn unpack(&self) {
        let attempt = self.progress.lock().succeeded.take();
        let Some(attempt) = attempt else { return };
        let outcome = attempt.result();
        // SAFETY: `unpack` is called by the owner of a task that is `Done` or by who runs its callbacks, whose turns
        // do not overlap (see `Cell::unpack`), and the attempt was there, so this is the first call. The attempt has
        // corrected the books if its value could not be read.
        unsafe { self.core.unpacked(outcome, None) };
    }

    fn upcast(self: Arc<Self>) -> Arc<dyn AnyCell> {
        self
    }
}
