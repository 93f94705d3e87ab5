//! What one is told of an executor while it runs, or does not: `dump`, `Debug` and the watchdog.

mod cycles;
mod dumps;
mod watchdogs;

use concurrent_futures::{Dump, Executor, TaskDump, TaskId};
use std::{thread, time::Duration};

/// Dumps until one is as wanted. A task that has said that it started may not have said yet what it waits for.
fn dump_until(executor: &impl Executor, is_wanted: impl Fn(&Dump) -> bool) -> Dump {
    loop {
        let dump = executor.dump();
        if is_wanted(&dump) {
            return dump;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The task of this id, if it runs or is suspended.
fn find(dump: &Dump, id: TaskId) -> Option<&TaskDump> {
    dump.running().find(|task| task.id == Some(id))
}
