//! A pipeline of bounded memory: records are produced here, transformed in processes and written by a thread.
//! `cargo run --release --example pipeline`, and with `-- --help`.
//!
//! ```text
//!  records ──▶ map on a ProcessPool ──▶ map on a ThreadPool of one ──▶ counted here
//! (an iterator)    (transforms)               (writes)
//! ```
//!
//! The result iterator of the first map is the item iterator of the second. Nothing runs by itself: whoever asks the
//! last map for an outcome pulls records through all of it, and each map holds at most its buffer. So ten million
//! records need the memory of a few thousand, in every process; how much that is stands in the table at the end.
//!
//! What fails travels like everything else: the outcome of the first map *is* the item of the second, error and all. So
//! none is lost, none stops the others, and those that are written are still in order.

mod args;
mod check;
mod memory;
mod record;
mod report;

use args::Args;
use concurrent_futures::{Executor, ProcessPool, TaskError, ThreadPool};
use memory::Memory;
use record::{Line, Record};
use report::{Totals, complain};
use std::{
    cell::Cell,
    error::Error,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// So many records that failed are shown; all are counted.
const SHOWN: u64 = 3;

fn main() -> ExitCode {
    let done = match args::parse() {
        Ok(Some(args)) => run(&args),
        Ok(None) => report::print(&args::help()).map_err(Into::into),
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

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::TempDir::new()?;
    let path = match &args.output {
        Some(path) => path.clone(),
        None => temporary.path().join("lines"),
    };
    let named = |error| format!("{}: {error}", path.display());
    let totals = pipeline(args, &path).map_err(named)?;
    report::print(&totals.to_string())?;

    let found = check::of_file(&path)?;
    let expected = check::of_records(args);
    report::print(&format!("{:<12} {:#018x}\n", "checksum", found.checksum))?;
    if found != expected {
        return Err(format!("the file is {found:x?} and should be {expected:x?}").into());
    }
    Ok(())
}

/// Why a record is not in the file.
enum Lost {
    /// It could not be transformed, or was lost with the process that did.
    Record(String),
    /// The file cannot be written, and so no other record will be.
    Output(io::Error),
}

fn pipeline(args: &Args, path: &Path) -> Result<Totals, Box<dyn Error>> {
    let file = Arc::new(Mutex::new(BufWriter::new(File::create(path)?)));
    let processes = ProcessPool::builder().workers(args.workers).build()?;
    let writer = ThreadPool::with_workers(1);

    let (produced, done, most_under_way) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let records = (0..args.items).map(|number| {
        produced.set(number + 1);
        most_under_way.set(most_under_way.get().max(produced.get() - done.get()));
        Record::produce(number, args.poison)
    });
    let output = file.clone();
    let write = move |transformed: Result<Result<Line, String>, TaskError>| -> Result<u64, Lost> {
        let line = transformed.map_err(|error| Lost::Record(error.to_string()))?;
        let line = line.map_err(Lost::Record)?;
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        line.write_to(&mut *output).map_err(Lost::Output)
    };

    let start = Instant::now();
    let transformed = processes
        .options()
        .buffer_size(args.buffer)
        .map(record::transform, records);
    let written = writer.options().buffer_size(args.buffer).map(write, transformed);

    let mut memory = Memory::default();
    let (mut bytes, mut failed) = (0, 0);
    for outcome in written {
        match outcome? {
            Ok(length) => bytes += length,
            Err(Lost::Record(reason)) => {
                failed += 1;
                if failed <= SHOWN {
                    complain(&reason);
                }
            }
            // Returning drops the maps, which cancels what has not started.
            Err(Lost::Output(error)) => return Err(error.into()),
        }
        done.set(done.get() + 1);
        if done.get() == args.items.div_ceil(10) {
            memory.early(&processes.worker_pids());
        }
    }
    file.lock().unwrap_or_else(PoisonError::into_inner).flush()?;
    let time = start.elapsed();
    memory.late(&processes.worker_pids());
    Ok(Totals {
        items: done.get(),
        failed,
        bytes,
        time,
        most_under_way: most_under_way.get(),
        buffer: args.buffer,
        memory,
    })
}
