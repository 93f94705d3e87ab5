#![expect(clippy::float_cmp, reason = "gauges are whole numbers")]

mod counts;
mod kept;
#[cfg(unix)]
mod processes;
mod thread;
mod times;

use super::export::Export;
use crate::{Executor, ThreadPool};
use kept::Kept;
use metrics::with_local_recorder;

/// A pool of this name, and how its metrics are labelled.
fn pool(name: &str, workers: usize) -> (ThreadPool, String) {
    let pool = ThreadPool::builder().name(name).workers(workers).build().unwrap();
    (pool, format!("ThreadPool `{name}`"))
}

/// What an exporter would do on its thread, on this one.
struct Exported {
    kept: Kept,
    export: Export,
}

impl Exported {
    fn of(executor: &impl Executor) -> Self {
        Self {
            kept: Kept::default(),
            export: Export::of(executor.ledger().clone()),
        }
    }

    /// One round.
    fn round(&mut self) -> &Kept {
        with_local_recorder(&self.kept, || self.export.publish());
        &self.kept
    }
}
