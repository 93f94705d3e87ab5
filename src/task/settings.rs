use super::RetryPolicy;
use crate::{
    future::{TaskFuture, TaskHandle, waiter::Report},
    ledger::Room,
    sync::{Arc, Mutex},
};
use std::{fmt, num::NonZeroUsize, time::Duration};

/// How to run, apart from what to run: what `options()` collects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) timeout: Option<Duration>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) chunk_size: Option<NonZeroUsize>,
    pub(crate) buffer_size: Option<NonZeroUsize>,
    pub(crate) max_in_flight: Option<NonZeroUsize>,
    pub(crate) retry: Option<Arc<RetryPolicy>>,
    pub(crate) earlier: u32,
    pub(crate) may_be_followed: bool,
    pub(crate) stays_in_line: bool,
    /// Room for the first task that is submitted with these settings.
    pub(crate) room: Option<Arc<Mutex<Option<Room>>>>,
    /// The group that tasks are members of.
    pub(crate) group: Option<Arc<dyn Enter>>,
}

/// Somebody who wants to know of every task before it can run.
pub(crate) trait Enter: fmt::Debug + Send + Sync {
    /// `report_to` has the task report its end; false if it has ended.
    fn enter(self: Arc<Self>, task: TaskHandle, report_to: &dyn Fn(Arc<dyn Report>, usize) -> bool);
}

/// The settings that a single task carries; boxed, because most tasks have none.
pub(crate) struct Traits {
    pub(crate) timeout: Option<Duration>,
    pub(crate) name: Option<Arc<str>>,
    /// Attempts before this one.
    pub(crate) earlier: u32,
    /// Another attempt may follow this one.
    pub(crate) may_be_followed: bool,
    /// It starts when it is its turn, and no waiter may run it before.
    pub(crate) stays_in_line: bool,
}

impl Traits {
    pub(crate) fn attempt(&self) -> u32 {
        self.earlier + 1
    }
}

/// For work that is submitted without options: made once, for making and dropping it takes a while for a small task.
static PLAIN: Settings = Settings {
    timeout: None,
    name: None,
    chunk_size: None,
    buffer_size: None,
    max_in_flight: None,
    retry: None,
    earlier: 0,
    may_be_followed: false,
    stays_in_line: false,
    room: None,
    group: None,
};

impl Settings {
    /// What holds where nobody has asked for anything.
    pub(crate) fn plain() -> &'static Self {
        &PLAIN
    }

    /// Called with every task that was made with these settings, before it is handed over.
    pub(crate) fn enter<R: Send + 'static>(&self, future: &TaskFuture<R>) {
        if let Some(group) = &self.group {
            group.clone().enter(future.handle(), &|report, number| {
                future.report_to(report, number)
            });
        }
    }

    pub(crate) fn traits(&self) -> Option<Box<Traits>> {
        let has_some = self.timeout.is_some()
            || self.name.is_some()
            || self.earlier > 0
            || self.may_be_followed
            || self.stays_in_line;
        has_some.then(|| {
            Box::new(Traits {
                timeout: self.timeout,
                name: self.name.clone(),
                earlier: self.earlier,
                may_be_followed: self.may_be_followed,
                stays_in_line: self.stays_in_line,
            })
        })
    }
}
