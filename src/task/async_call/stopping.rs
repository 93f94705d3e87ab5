//! What a running future is asked, and what its deadline does to it.

use super::{AsyncCell, NEXT_AWAIT};
use crate::{
    error::TaskError,
    future::core::{CallbacksRun, Outcome},
    ledger::Ledger,
    running::{About, Running, Source, TaskSpan},
    sync::Arc,
    timer::{self, Deadline},
};
use futures::task::ArcWake;
use std::{future::Future, sync::atomic::Ordering::SeqCst};

impl<F, R> Running for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn about(&self) -> About<'_> {
        About {
            task: Some(self.core.id().number()),
            executor: self.core.executor().number(),
            work: self.work,
            name: self
                .extras
                .as_ref()
                .and_then(|extras| extras.traits.name.as_ref()),
        }
    }

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
        self.extras.as_ref().map_or(1, |extras| extras.traits.attempt())
    }

    fn for_token(self: Arc<Self>) -> Source {
        let task: Arc<dyn Running> = self;
        Source::Here(Arc::downgrade(&task))
    }
}

impl<F, R> Deadline for AsyncCell<F, R>
where
    F: Future<Output = Outcome<R>> + Send + 'static,
    R: Send + 'static,
{
    fn passed(self: Arc<Self>) {
        let Some(extras) = &self.extras else { return };
        let Some(limit) = extras.traits.timeout else {
            return;
        };
        if self.core.snapshot().is_settled() {
            return;
        }
        if !extras.traits.may_be_followed {
            self.interrupt(TaskError::TimedOut(limit), CallbacksRun::Aside);
            return;
        }
        // Another attempt must not overlap with this one: its next turn drops the future and then ends it. Unless there
        // is no next turn, because this one goes on and on.
        let is_late = extras.has_expired.swap(true, SeqCst);
        if is_late && self.future.try_lock().is_none() {
            self.interrupt(TaskError::TimedOut(limit), CallbacksRun::Aside);
            return;
        }
        let again = timer::arm(&self, NEXT_AWAIT);
        let passed = extras.deadline.lock().replace(again);
        drop(passed);
        ArcWake::wake(self.clone());
    }
}
