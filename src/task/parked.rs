use super::{Home, Task};
use crate::{
    future::{core::AnyCell, waiter::Parker},
    sync::{Arc, Mutex},
};
use std::sync::Weak;

/// A home for one task on a thread that waits for it.
pub(super) struct ParkedThread {
    pub(super) parker: Arc<Parker>,
    pub(super) woken: Mutex<Option<Task>>,
    /// Who has to know of suspended tasks, so as to end them.
    pub(super) executor: Option<Arc<dyn Home>>,
}

impl Home for ParkedThread {
    fn requeue(&self, task: Task) {
        let replaced = self.woken.lock().replace(task);
        drop(replaced);
        self.parker.unpark();
    }

    fn suspended(&self, task: Weak<dyn AnyCell>) -> u32 {
        self.executor
            .as_ref()
            .map_or(0, |executor| executor.suspended(task))
    }

    fn ended(&self, key: u32) {
        if let Some(executor) = &self.executor {
            executor.ended(key);
        }
    }
}
