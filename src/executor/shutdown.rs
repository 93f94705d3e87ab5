use super::Executor;
use crate::{
    error::{StillRunning, TaskError},
    ledger::Ledger,
};
use std::time::{Duration, Instant};

/// How an executor is shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Accepted tasks run, and may submit more; whoever else submits gets
    /// [`TaskError::ShutDown`].
    Finish,
    /// What is queued becomes [`TaskError::Cancelled`]; what runs is asked to stop
    /// and finishes.
    Cancel,
    /// As `Cancel`, and what runs is stopped too where it can be: a process is killed, a suspended future is
    /// dropped. A thread finishes its task and its value is kept.
    Kill,
}

/// What becomes of what has not started on an executor that was asked to stop.
pub(super) fn reason_of_stop(ledger: &Ledger) -> TaskError {
    if ledger.is_lost() {
        TaskError::ShutDown
    } else {
        TaskError::Cancelled
    }
}

/// See [`Executor::shutdown_timeout`].
pub(super) fn within(executor: &impl Executor, how: Shutdown, limit: Duration) -> Result<(), StillRunning> {
    executor.begin_shutdown(how);
    if !executor.is_inside() && executor.wait_closed(Instant::now().checked_add(limit)) {
        return Ok(());
    }
    let stats = executor.stats();
    Err(StillRunning {
        running: stats.running,
        queued: stats.queued,
    })
}
