//! Waiting for many things at once: downloads from a server that takes its time, in five ways.
//! `cargo run --release --example fetch`, and with `-- --help`.
//!
//! | way | who waits |
//! |---|---|
//! | `serial` | this thread, for one download after the other |
//! | `threads` | the threads of a `ThreadPool`, with a blocking client |
//! | `bridge-blocking` | the threads beside the runtime of an `AsyncBridge`, with the same blocking client |
//! | `bridge-async` | nobody: futures on an `AsyncBridge`, with an async client |
//! | `joinset` | nobody: the same futures in tokio's own `JoinSet`, to compare with |
//!
//! The server is this program, started once more: on loopback, slow and broken on purpose, and always for the same
//! pages. So every way has to come to the same end, which is checked. The ways themselves are in `ways.rs`.

mod args;
mod clients;
mod limits;
mod measure;
mod memory;
mod remote;
mod report;
mod rounds;
mod server;
mod site;
mod ways;

use args::{Args, Asked};
use measure::measure;
use report::complain;
use rounds::rounds;
use std::{error::Error, process::ExitCode};
use ways::Way;

fn main() -> ExitCode {
    let done = match args::parse() {
        Ok(Asked::Downloads(args)) => compare(&args),
        Ok(Asked::Help) => report::print(&args::help()).map_err(Into::into),
        Ok(Asked::Server(site)) => server::serve(site).map_err(Into::into),
        Err(error) => {
            complain(&format!("{error}; see --help"));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn compare(args: &Args) -> Result<(), Box<dyn Error>> {
    for round in rounds(args)? {
        report::print(&format!("{round}\n{}", report::heading()))?;
        let mut serial = round.latencies();
        for &way in &round.ways {
            let measured = measure(&round, way)?;
            if way == Way::Serial {
                serial = measured.time;
            }
            report::print(&report::row(way, &measured, serial))?;
        }
        report::print("\n")?;
    }
    Ok(())
}
