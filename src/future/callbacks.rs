//! Runs callbacks one after another: those that come up inside a callback are queued, not nested.
//!
//! A callback may end other tasks (cancel them, or run them on an inline executor), whose callbacks may do
//! the same; nested calls would grow the stack with the length of such a chain.

use super::TaskId;
use crate::ledger::ExecutorId;
use std::{cell::RefCell, collections::VecDeque};

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The task whose callbacks a job runs, and its executor.
type Owner = (TaskId, ExecutorId);

/// The callbacks of this thread.
struct Running {
    /// Whose callbacks run; innermost last.
    tasks: Vec<Owner>,
    queued: VecDeque<(Owner, Job)>,
}

crate::sync::thread_local! {
    static RUNNING: RefCell<Running> =
        const { RefCell::new(Running { tasks: Vec::new(), queued: VecDeque::new() }) };
}

/// Runs `job`, which contains its own panics, now or after the callback that is running on this thread.
pub(super) fn run(owner: Owner, job: Job) {
    let mut job = Some(job);
    let nested = RUNNING.try_with(|running| {
        let mut running = running.borrow_mut();
        let nested = !running.tasks.is_empty();
        if nested && let Some(job) = job.take() {
            running.queued.push_back((owner, job));
        }
        nested
    });
    // A thread whose locals are gone has no queue; it runs the job where it stands.
    if let Some(job) = job {
        enter(owner, job);
    }
    if nested == Ok(false) {
        run_queued();
    }
}

/// Runs what is queued behind the callback that is running on this thread.
///
/// Called before this thread waits: what it waits for may be among them.
pub(crate) fn run_queued() {
    while let Ok(Some((owner, job))) = RUNNING.try_with(|running| running.borrow_mut().queued.pop_front()) {
        enter(owner, job);
    }
}

/// Whether this thread is inside a callback of a task of this executor.
pub(crate) fn inside(executor: ExecutorId) -> bool {
    RUNNING
        .try_with(|running| running.borrow().tasks.iter().any(|(_, of)| *of == executor))
        .unwrap_or(false)
}

/// Whether this thread is inside a callback of this task.
pub(crate) fn is_delivering(task: TaskId) -> bool {
    RUNNING
        .try_with(|running| running.borrow().tasks.iter().any(|(of, _)| *of == task))
        .unwrap_or(false)
}

fn enter(owner: Owner, job: Job) {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = RUNNING.try_with(|running| running.borrow_mut().tasks.pop());
        }
    }
    let _ = RUNNING.try_with(|running| running.borrow_mut().tasks.push(owner));
    let _leave = Leave;
    job();
}
