//! What a task of this process carries in its work when not all may run at once, or not at any rate.

use super::{gate::Permit, throttle::Ration};
use crate::{
    future::core::Outcome,
    ledger::Mode,
    running::WorkName,
    task::{Job, Start, guarded},
};
use futures::{FutureExt, future::poll_fn};
use std::future::Future;

#[derive(Default)]
pub(crate) struct Passes {
    /// Its place among those in flight, until it has ended.
    pub(super) permit: Option<Permit>,
    /// Its part in the rate, from its start.
    pub(super) ration: Option<Ration>,
}

impl Passes {
    pub(super) fn are_none(&self) -> bool {
        self.permit.is_none() && self.ration.is_none()
    }

    pub(super) fn numbers(&self) -> (Option<usize>, Option<u64>) {
        (
            self.permit.as_ref().map(Permit::number),
            self.ration.as_ref().map(Ration::number),
        )
    }
}

/// A call with its passes.
pub(super) struct WithPasses<J> {
    job: J,
    passes: Passes,
}

impl<J> WithPasses<J> {
    pub(super) fn new(job: J, passes: Passes) -> Self {
        Self { job, passes }
    }
}

impl<J: Job> Job for WithPasses<J> {
    type Output = J::Output;
    const NAME: WorkName = J::NAME;

    fn run(self, mode: Mode) -> Outcome<J::Output> {
        if let Some(ration) = &self.passes.ration {
            ration.started();
        }
        // Not dropped by a panic on its way up: letting the next one through is no clean-up.
        let outcome = guarded(|| self.job.run(mode));
        drop(self.passes);
        outcome
    }
}

/// A future with its passes.
pub(super) fn with_passes<R>(
    future: impl Future<Output = Outcome<R>> + Send + 'static,
    passes: Passes,
) -> impl Future<Output = Outcome<R>> + Send + 'static
where
    R: 'static,
{
    let Passes { permit, ration } = passes;
    let future = future.map(|outcome| {
        drop(permit);
        outcome
    });
    match ration {
        None => future.left_future(),
        Some(ration) => {
            let mut future = Box::pin(future);
            poll_fn(move |cx| {
                ration.started();
                future.as_mut().poll(cx)
            })
            .right_future()
        }
    }
}
