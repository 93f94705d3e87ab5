//! What becomes of a task that the pool has, and who hears of it.

use super::{
    super::message::{Outcome, Ran},
    forwarded::Forwarded,
};
use crate::{
    error::{TaskError, WorkerDeath},
    task::failure,
};
use std::time::Duration;

/// Who hears of a task: the worker's desk. What is called under the pool's lock must not call the pool.
pub(super) trait Hears: Send + Sync {
    /// Its first item has started. Called under the pool's lock.
    fn started(&self, task: &Forwarded);
    /// It has ended, or was taken back whole.
    fn ended(&self, task: &Forwarded, end: End);
    /// The machine, for errors.
    fn host(&self) -> &str;
    /// Names this worker in what clients see.
    fn worker(&self) -> &str;
    /// Microseconds of the engine's clock at this time of [`clock::precise`](crate::sys::clock::precise).
    fn engine_time(&self, at: u64) -> u64;
}

/// What a task came to.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) took: Duration,
    pub(super) ran: Vec<Ran>,
}

/// A failure as an outcome; whoever died did so on this host.
pub(super) fn failed(error: TaskError, host: &str) -> Outcome {
    let error = match error {
        TaskError::WorkerDied(death) => TaskError::WorkerDied(on_host(death, host)),
        other => other,
    };
    let mut bytes = Vec::new();
    failure::write(&error, &mut bytes);
    Outcome::Failed(bytes)
}

fn on_host(death: WorkerDeath, host: &str) -> WorkerDeath {
    if death.host().is_some() {
        death
    } else {
        death.on_host(host)
    }
}
