//! What holds for the backends that share the program's memory, with work that captures, and for threads alone.

mod callbacks;
mod capturing;
mod combinations;
mod hooks;
mod in_flight;
mod process_end;
mod release;
mod requests;
mod retries;
mod scheduling;
mod scope;
mod shutdown;
mod waiting;

use crate::conformance::watchdog::{loosely_watched, watched, within};
use concurrent_futures::{TaskFuture, ThreadPool};
use std::sync::mpsc;

fn pool(workers: usize) -> ThreadPool {
    watched(ThreadPool::with_workers(workers))
}

/// A task that keeps one worker until it is let go (or the gate is dropped).
fn occupy(pool: &ThreadPool) -> (mpsc::Sender<()>, TaskFuture<()>) {
    let (started, starts) = mpsc::channel();
    let (release, gate) = mpsc::channel::<()>();
    let busy = pool.spawn(move || {
        started.send(()).unwrap();
        let _ = gate.recv();
    });
    starts.recv().unwrap();
    (release, busy)
}
