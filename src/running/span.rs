//! The span of a task, for who traces the program: entered wherever the task runs, and a child of the span in which it was submitted.

use super::{About, WorkName};
use crate::sync::Arc;
use tracing::{Span, field, span::Entered};

/// A task of a program that does not trace pays for a word. Counted, so that a copy runs none of the subscriber's code.
pub(crate) struct TaskSpan(Option<Arc<Span>>);

/// What its spans are called by those who filter them.
pub(crate) const TARGET: &str = "concurrent_futures";

impl TaskSpan {
    pub(crate) const NONE: Self = Self(None);

    /// Of a task that is being submitted.
    #[inline]
    pub(crate) fn of_task(number: u64) -> Self {
        if tracing::level_filters::LevelFilter::current() == tracing::level_filters::LevelFilter::OFF {
            return Self::NONE;
        }
        Self::made(
            || tracing::info_span!(target: TARGET, "task", task = number, work = field::Empty, name = field::Empty),
        )
    }

    /// Of a map that is being made: its items have no spans of their own.
    pub(crate) fn of_map() -> Self {
        Self::made(|| tracing::info_span!(target: TARGET, "map", work = field::Empty, name = field::Empty))
    }

    /// Who has no interest in tasks keeps the span that they were submitted in.
    #[cold]
    fn made(make: impl FnOnce() -> Span) -> Self {
        let span = make();
        let span = if span.is_disabled() { Span::current() } else { span };
        Self((!span.is_disabled()).then(|| Arc::new(span)))
    }

    /// Of a batch in a worker.
    #[cfg(unix)]
    pub(crate) fn of(span: Span) -> Self {
        Self(Some(Arc::new(span)))
    }

    /// The calling thread runs the task until the result is dropped.
    #[inline]
    pub(crate) fn enter<'a>(&self, about: impl FnOnce() -> About<'a>) -> Option<Entered<'_>> {
        let span = self.0.as_deref()?;
        let about = about();
        self.describe(about.work, about.name);
        Some(span.enter())
    }

    /// What it runs. Of a task that runs elsewhere said when it is made, of any other when it starts.
    #[inline]
    pub(crate) fn describe(&self, work: WorkName, name: Option<&Arc<str>>) {
        if let Some(span) = &self.0
            && span
                .metadata()
                .is_some_and(|metadata| metadata.target() == TARGET)
        {
            span.record("work", work());
            if let Some(name) = name {
                span.record("name", &**name);
            }
        }
    }

    /// Runs `f` as a part of the task.
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = self.0.as_deref().map(Span::enter);
        f()
    }

    #[cfg(unix)]
    pub(crate) fn get(&self) -> Option<&Arc<Span>> {
        self.0.as_ref()
    }
}
