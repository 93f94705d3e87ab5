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
}

impl Home for ParkedThread {
    fn requeue(&self, task: Task) {
        let replaced = self.woken.lock().replace(task);
        drop(replaced);
        self.parker.unpark();
    }

    fn suspended(&self, _: Weak<dyn AnyCell>) -> u32 {
        0
    }

    fn ended(&self, _: u32) {}
}
