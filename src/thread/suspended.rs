//! Async tasks that have been suspended: they are in no queue, and a shutdown has to know of them.

use super::shared::{Shared, Stage};
use crate::{
    future::{TaskId, core::AnyCell},
    sync::{Arc, Mutex},
    task::{Home, Task},
};
use std::{collections::HashMap, sync::Weak};

#[derive(Default)]
pub(super) struct Suspended(Mutex<HashMap<TaskId, Weak<dyn AnyCell>>>);

impl Suspended {
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// `None` if that cannot be said without waiting.
    pub(super) fn len(&self) -> Option<usize> {
        self.0.try_lock().map(|tasks| tasks.len())
    }

    pub(super) fn kill_all(&self) {
        let tasks: Vec<_> = self.0.lock().values().filter_map(Weak::upgrade).collect();
        for task in tasks {
            task.kill();
        }
    }
}

impl Home for Shared {
    fn requeue(self: Arc<Self>, task: Task) {
        self.resubmit(task);
    }

    fn suspended(&self, id: TaskId, task: Weak<dyn AnyCell>) {
        let cell = task.upgrade();
        self.suspended.0.lock().insert(id, task);
        // Either the kill is seen here, or this task is seen by `kill_all`.
        if self.stage() == Stage::Killing
            && let Some(cell) = cell
        {
            cell.kill();
        }
    }

    fn ended(&self, id: TaskId) {
        self.suspended.0.lock().remove(&id);
        self.close_if_at_rest();
    }
}
