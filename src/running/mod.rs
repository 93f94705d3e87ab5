//! The task that is running on this thread: what its work can ask about it, above all whether it is to stop.

pub(crate) mod activity;
mod current;
pub(crate) mod record;
#[cfg(not(feature = "tracing"))]
#[path = "no_span.rs"]
mod span;
#[cfg(feature = "tracing")]
pub(crate) mod span;
mod token;

pub(crate) use current::{Carried, Doing, carry, is_polling, is_running, run_as, run_carried};
pub use current::{attempt, cancel_requested};
pub use token::{CancelToken, Requested};
pub(crate) use token::{raised, raised_for};

pub(crate) use activity::{About, Awaited, NameOf, WorkName};

pub(crate) use span::TaskSpan;

use crate::sync::Arc;
use std::sync::Weak;

/// What work can ask about the task that it is run for.
pub(crate) trait Running: Send + Sync {
    fn stop_requested(&self) -> bool;

    /// Counts from 1; more only where a task is tried again.
    fn attempt(&self) -> u32 {
        1
    }

    /// Who it is, for somebody who asks how things stand.
    fn about(&self) -> About<'_>;

    /// For who traces the program.
    fn span(&self) -> &TaskSpan {
        &TaskSpan::NONE
    }

    /// What a token of the task looks at.
    fn for_token(self: Arc<Self>) -> Source;
}

/// Where a token looks.
pub(crate) enum Source {
    /// At a task of this process. Not kept by the token, which may be held by what the task holds.
    Here(Weak<dyn Running>),
    /// At a flag that another process raises, which tells nobody: who waits has to look now and then.
    Elsewhere(Arc<dyn Running>),
    /// There is no task.
    Nowhere,
}
