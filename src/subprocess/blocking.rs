//! A program that is driven by the thread that waits for it.

use super::{
    Command, Error, Output,
    session::{Session, Turn},
};
use crate::{future::cancel_requested, runtime, sys::channel::poll};
use std::time::{Duration, Instant};

/// How often one looks whether the task was asked to stop.
const TICK: Duration = Duration::from_millis(10);

pub(super) fn run(command: Command) -> Result<Output, Error> {
    runtime::blocking(|| drive(Session::start(command)?))
}

fn drive(mut session: Session) -> Result<Output, Error> {
    let mut ready = Vec::new();
    loop {
        let Turn::Wait(until) = session.advance(cancel_requested()) else {
            return session.conclude();
        };
        let mut descriptors = Vec::new();
        session.descriptors(&mut descriptors);
        let time = until.map(|until| until.saturating_duration_since(Instant::now()));
        if poll(
            &descriptors,
            &mut ready,
            Some(time.map_or(TICK, |time| time.min(TICK))),
        )
        .is_err()
        {
            // Out of memory, say. Nothing gets lost by looking a little later.
            std::thread::sleep(TICK);
        }
    }
}
