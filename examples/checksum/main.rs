//! Hashes every file below a folder, on any backend: `cargo run --release --example checksum -- --help`, and with
//! `--backend processes` in other processes.
//!
//! Prints on stdout what `sha256sum` prints, in the order of the paths, and on stderr whatever could not be
//! hashed and why, then the totals. Everything that knows how tasks run is in [`hash_all`], which is written
//! against `E: Executor`.

#![allow(
    clippy::unnecessary_debug_formatting,
    reason = "a path may hold anything, and each message is one line"
)]

mod args;
mod files;
mod hash;
mod report;

use args::Args;
use concurrent_futures::{AnyExecutor, Executor};
use files::{Listed, Problem};
use hash::Checksum;
use report::{Totals, complain, progress};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// How many tasks are under way per worker. Enough that no worker waits for this thread, few enough that a tree of
/// a million files is not a million tasks.
const AHEAD: usize = 64;

fn main() -> ExitCode {
    match args::parse() {
        Ok(Some(args)) => run(&args),
        Ok(None) => {
            let printed = report::print(args::help().as_bytes());
            exit_code(printed.is_ok())
        }
        Err(error) => {
            complain(&format!("{error}; see --help"));
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> ExitCode {
    let listing = files::list(&args.root(), args.skipped());
    for path in &listing.skipped {
        complain(&format!("{path:?} is left out, because no PATH was given"));
    }
    for problem in &listing.problems {
        complain(&problem.to_string());
    }
    let mut problems = listing.problems.len();

    let measure_serial = args.serial && !listing.files.is_empty();
    let serial = measure_serial.then(|| serial(&listing.files, listing.bytes));

    let executor = match args.workers {
        Some(workers) => AnyExecutor::with_workers(args.backend, workers.get()),
        None => AnyExecutor::new(args.backend),
    };
    let bar = progress(args.backend.name(), listing.bytes);
    let mut checksums: Vec<Option<Checksum>> = vec![None; listing.files.len()];
    let start = Instant::now();
    hash_all(&executor, &listing.files, |number, outcome| {
        let file = &listing.files[number];
        match outcome {
            Ok(checksum) => checksums[number] = Some(checksum),
            Err(reason) => {
                problems += 1;
                let problem = Problem::new(file.path.clone(), reason);
                bar.suspend(|| complain(&problem.to_string()));
            }
        }
        bar.inc(file.bytes);
    });
    let time = start.elapsed();
    bar.finish_and_clear();

    let hashed = listing.files.iter().zip(&checksums);
    let lines =
        hashed.filter_map(|(file, checksum)| Some(report::line(&checksum.as_ref()?.digest, &file.path)));
    if let Err(error) = report::print(&lines.collect::<Vec<_>>().concat()) {
        problems += 1;
        complain(&format!("stdout: {error}"));
    }
    let totals = Totals {
        listed: listing.files.len(),
        hashed: checksums.iter().flatten().count(),
        bytes: checksums.iter().flatten().map(|checksum| checksum.bytes).sum(),
        problems,
        time,
        serial,
        backend: args.backend,
        workers: executor.workers(),
    };
    complain(&totals.to_string());
    exit_code(problems == 0)
}

/// Hashes `files` on `executor` and calls `on_done` with the number of each and its outcome as they come, in
/// whatever order that is.
fn hash_all<E: Executor>(
    executor: &E,
    files: &[Listed],
    mut on_done: impl FnMut(usize, Result<Checksum, String>),
) {
    // Each future travels with the number of its file, so that a task which fails (and has no value to say
    // whose it was) can still be reported by name.
    let mut tasks = files
        .iter()
        .enumerate()
        .map(|(number, file)| (number, executor.submit(hash::checksum, file.path.clone())));
    let mut running = executor.as_completed(tasks.by_ref().take(AHEAD * executor.workers()));
    while let Some((number, future)) = running.next() {
        running.extend(tasks.next());
        on_done(
            number,
            future.result().unwrap_or_else(|error| Err(error.to_string())),
        );
    }
}

/// How long one thread takes for all files without an executor: what the speed-up is measured against.
fn serial(files: &[Listed], bytes: u64) -> Duration {
    // A first read, which is not timed, brings the files into the page cache. Without it the first of the two
    // timed passes would wait for the disk and the second would not, and the quotient would compare the disk
    // with the memory. (A tree that is larger than the memory does not fit: then both passes wait for the disk.)
    let bar = progress("warm-up", bytes);
    for file in files {
        // What fails here fails in the pass that reports it.
        let _ = hash::read_through(&file.path, |_| ());
        bar.inc(file.bytes);
    }
    bar.finish_and_clear();

    let bar = progress("serial", bytes);
    let start = Instant::now();
    for file in files {
        let _ = hash::checksum(file.path.clone());
        bar.inc(file.bytes);
    }
    let time = start.elapsed();
    bar.finish_and_clear();
    time
}

fn exit_code(all_is_well: bool) -> ExitCode {
    if all_is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
