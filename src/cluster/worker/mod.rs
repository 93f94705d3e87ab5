//! A worker: fetches tasks from the engine, runs them in the processes of its pool, finishes them on the engine.
//!
//! `desk.rs` is what it has in hand and what follows from it; `steps.rs` are the steps that act on that, and `serve.rs` the threads
//! that take them:
//!
//! | thread | step |
//! |---|---|
//! | fetch | fetches what there is room for, and finishes what ends within a moment with the same session: a short task wakes nobody else |
//! | first | tells the engine what else has ended or started, hands back what waits for too long |
//! | hear | does what clients ask for |
//! | beat | renews the holds, asks which clients are there, takes over what others have lost |
//! | holds | sees that nothing starts here any more that others may have taken over |

mod clients;
mod contexts;
mod desk;
mod done;
mod forwarded;
mod hears;
mod host;
mod opening;
mod outcomes;
mod pace;
mod serve;
mod settings;
mod steps;

pub(in crate::cluster) use settings::Settings;

use super::{
    address::Address,
    broker::{Broker, redis::RedisBroker},
    build::build_id,
};
use crate::{sync::Arc, sys};
use host::{Config, Ending, Host};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use std::{io, sync::atomic::AtomicBool};

/// As in `sysexits.h`: the variables of the worker make no sense.
const WRONG_USE: i32 = 64;
/// Something that should be there is not, or is broken.
const BROKEN: i32 = 70;
/// The engine cannot be reached: starting the worker again later may help.
const ENGINE_GONE: i32 = 75;
/// The engine does not let the worker in.
const REFUSED: i32 = 78;

/// The whole life of a worker process.
pub(super) fn run(settings: Result<Settings, String>) -> ! {
    let code = match settings {
        Ok(settings) => work(settings),
        Err(reason) => fail(WRONG_USE, &reason),
    };
    std::process::exit(code)
}

fn fail(code: i32, reason: &str) -> i32 {
    eprintln!("concurrent-futures worker: {reason}");
    code
}

fn work(settings: Settings) -> i32 {
    if let Some(parent) = settings.parent
        && !sys::worker::die_with_parent(parent)
    {
        return 0;
    }
    if settings.parent.is_some() {
        sys::worker::ignore_interrupt();
    }
    let stop = Arc::new(AtomicBool::new(false));
    if let Err(error) = leave_when_told(&stop, settings.parent.is_some()) {
        return fail(BROKEN, &format!("it cannot hear signals: {error}"));
    }
    let build = match build_id() {
        Ok(build) => build,
        Err(error) => return fail(BROKEN, &format!("it cannot read its own executable: {error}")),
    };
    let broker = match connect(&settings, build) {
        Ok(broker) => broker,
        Err((code, reason)) => return fail(code, &reason),
    };
    let mut config = Config::new(settings.slots, settings.labels, build.to_owned());
    config.give_up_after = settings.give_up_after.unwrap_or(config.give_up_after);
    if let Some(hold) = settings.hold {
        config.hold_lost_after = hold;
        config.beat_every = hold / 3;
    }
    let host = match Host::new(config, stop) {
        Ok(host) => host,
        Err(error) => return fail(BROKEN, &format!("it has no process pool: {error}")),
    };
    match serve::serve(&host, &broker) {
        Ok(Ending::Drained) => 0,
        Ok(Ending::Refused(reason)) => fail(
            REFUSED,
            &format!("{} does not let it in: {reason}", broker.address()),
        ),
        Ok(Ending::Alone(reason)) => fail(
            ENGINE_GONE,
            &format!(
                "{} could not be reached for {:?}, so it ends: {reason}",
                broker.address(),
                host.config.give_up_after
            ),
        ),
        Ok(Ending::Broken) => fail(BROKEN, "one of its threads has panicked"),
        Err(error) => fail(BROKEN, &format!("it has no threads: {error}")),
    }
}

/// Rule 13. Ctrl-C in its terminal is such a signal, too.
fn leave_when_told(stop: &Arc<AtomicBool>, has_parent: bool) -> io::Result<()> {
    // In a terminal Ctrl-C goes to the program that has started it, too, whose decision it is.
    let signals: &[i32] = if has_parent {
        &[SIGTERM]
    } else {
        &[SIGTERM, SIGINT]
    };
    for &signal in signals {
        // In this order: the second signal finds the flag set by the first.
        flag::register_conditional_shutdown(signal, 128 + signal, stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(())
}

fn connect(settings: &Settings, build: &str) -> Result<Arc<dyn Broker>, (i32, String)> {
    let address = Address::parse(&settings.address, settings.insecure, settings.authority.clone());
    let broker = address.and_then(|address| RedisBroker::new(address, &settings.pool, build));
    Ok(Arc::new(broker.map_err(|error| (WRONG_USE, error.to_string()))?))
}

#[cfg(test)]
mod tests;
