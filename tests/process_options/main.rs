//! What a `ProcessPool` can be told when it is built, and the data that its tasks share.
//!
//! Work meets the test at a `Checkpoint` over the loopback network, or tells with its result in which process it ran.
#![cfg(unix)]

mod behind;
mod building;
mod context;
mod context_lifetime;
mod deaths;
mod ending;
mod idle;
mod initializer;
mod limits;
mod memory;
mod recycling;
mod retries;
mod reviewed;
mod starting;
mod surroundings;

use concurrent_futures::{
    ProcessPool, ProcessPoolBuilder, TaskError, WorkerDeath,
    conformance::{
        checkpoint::{self, Address},
        watchdog::{self, loosely_watched, watched, within},
    },
};
use futures::channel::oneshot;
use std::{
    thread,
    time::{Duration, Instant},
};

const MEGABYTE: u64 = 1 << 20;

/// The pool that this builder makes; shown if the test hangs, ended after it.
fn build(builder: ProcessPoolBuilder) -> ProcessPool {
    watched(builder.build().expect("a pool"))
}

/// Work that tells where it ran.
fn pid(_: u64) -> u32 {
    std::process::id()
}

/// Tells the checkpoint, waits there, and tells where it ran.
fn pass((at, number): (Address, u64)) -> u32 {
    at.pass(number);
    std::process::id()
}

/// As [`pass`], suspended instead of blocked.
async fn pass_async((at, number): (Address, u64)) -> u32 {
    let (passed, gate) = oneshot::channel();
    thread::spawn(move || {
        at.pass(number);
        let _ = passed.send(());
    });
    let _ = gate.await;
    std::process::id()
}

fn abort(_: u64) -> u32 {
    std::process::abort()
}

/// Waits until it is so, and says what it waited for if that does not come.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether there is a process with this id.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// The death that an outcome reports.
fn death<R: std::fmt::Debug>(outcome: Result<R, TaskError>) -> WorkerDeath {
    match outcome {
        Err(TaskError::WorkerDied(death)) => death,
        other => panic!("no death: {other:?}"),
    }
}
