//! In a build without the feature `tracing`, tasks have no spans.

use super::{About, WorkName};
use crate::sync::Arc;

pub(crate) struct TaskSpan;

impl TaskSpan {
    pub(crate) const NONE: Self = Self;

    #[inline]
    pub(crate) fn of_task(_: u64) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn of_map() -> Self {
        Self
    }

    #[inline]
    #[allow(clippy::unused_self)]
    pub(crate) fn enter<'a>(&self, _: impl FnOnce() -> About<'a>) -> Option<()> {
        None
    }

    #[inline]
    #[allow(clippy::unused_self)]
    pub(crate) fn describe(&self, _: WorkName, _: Option<&Arc<str>>) {}

    #[inline]
    #[allow(clippy::unused_self)]
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}
