use crate::{
    error::TaskError,
    future::core::AnyCell,
    running::activity::Seen,
    sync::{Arc, Mutex},
};
use std::{fmt, sync::Weak};

/// Async tasks between two polls: they are in no queue, and a shutdown has to know of them.
#[derive(Default)]
pub(crate) struct Suspended(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// A task's key is its index here.
    tasks: Vec<Option<Weak<dyn AnyCell>>>,
    /// Indices to use again.
    free: Vec<u32>,
}

impl Table {
    fn len(&self) -> usize {
        self.tasks.len() - self.free.len()
    }
}

impl Suspended {
    /// Adds a task; the key is for [`remove`](Self::remove).
    pub(crate) fn add(&self, task: Weak<dyn AnyCell>) -> u32 {
        let mut table = self.0.lock();
        if let Some(key) = table.free.pop() {
            table.tasks[key as usize] = Some(task);
            return key;
        }
        table.tasks.push(Some(task));
        u32::try_from(table.tasks.len() - 1).expect("fewer than 2^32 tasks are suspended at once")
    }

    pub(crate) fn remove(&self, key: u32) {
        let mut table = self.0.lock();
        let removed = table.tasks[key as usize].take();
        debug_assert!(removed.is_some(), "a task is removed once");
        table.free.push(key);
        drop(table);
        // It may be the last reference to the memory of a cell.
        drop(removed);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().len() == 0
    }

    /// `None` if that cannot be said without waiting.
    pub(crate) fn len(&self) -> Option<usize> {
        self.0.try_lock().map(|table| table.len())
    }

    fn all(&self) -> Vec<Arc<dyn AnyCell>> {
        let table = self.0.lock();
        table.tasks.iter().flatten().filter_map(Weak::upgrade).collect()
    }

    /// How they stand; `None` if that cannot be said without waiting.
    pub(crate) fn seen(&self) -> Option<Vec<Seen>> {
        let all: Vec<_> = {
            let table = self.0.try_lock()?;
            table.tasks.iter().flatten().filter_map(Weak::upgrade).collect()
        };
        Some(all.iter().filter_map(|task| task.seen()).collect())
    }

    pub(crate) fn kill_all(&self) {
        for task in self.all() {
            task.kill();
        }
    }

    /// Ends all of them with this error: those who would poll them are gone.
    pub(crate) fn abandon_all(&self, reason: &TaskError) {
        for task in self.all() {
            task.abandon(reason.clone());
        }
    }
}

impl fmt::Debug for Suspended {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspended").field("tasks", &self.len()).finish()
    }
}
