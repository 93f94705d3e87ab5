//! Sends files through another program, four at a time: `cargo run --release --example transcode -- FILE...`, and
//! `-- --help`.
//!
//! The program is `ffmpeg` where it is installed, else `gzip`. What could not be done is listed at the end, with the last words
//! of the program. Without a FILE it makes some, so that there is something to see.

mod args;
mod job;
mod samples;
mod tool;

use args::Args;
use concurrent_futures::{
    AnyExecutor, Executor,
    subprocess::{self, Command, Error},
};
use indicatif::{ProgressBar, ProgressStyle};
use job::Job;
use std::{
    fs,
    io::{self, Write},
    process::ExitCode,
};
use tool::Tool;

fn main() -> ExitCode {
    match args::parse() {
        Ok(Some(args)) => match run(&args) {
            Ok(0) => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => {
                complain(&error);
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            let _ = io::stdout().write_all(args::HELP.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("{error}; see --help"));
            ExitCode::from(2)
        }
    }
}

/// Says how many files failed; an error is what kept everything from starting.
fn run(args: &Args) -> Result<usize, String> {
    let tool = Tool::find(args.tool)?;
    let samples;
    let (files, into) = if args.files.is_empty() {
        samples = samples::make().map_err(|error| format!("no samples can be made: {error}"))?;
        (samples.files.clone(), samples.folder.path().join("out"))
    } else {
        (args.files.clone(), args.into.clone())
    };
    fs::create_dir_all(&into).map_err(|error| format!("{}: {error}", into.display()))?;
    let jobs = job::plan(&files, &into, tool)?;

    let executor = AnyExecutor::with_workers(args.backend, args.at_once);
    let bar = progress(jobs.len(), tool);
    let commands: Vec<Command> = jobs.iter().map(|job| tool.command(job)).collect();
    let mut failures = Vec::new();
    for (job, outcome) in jobs.iter().zip(convert(&executor, args.at_once, commands)) {
        if let Err(reason) = outcome {
            // What a program leaves that did not get to its end looks like a result.
            let _ = fs::remove_file(&job.to);
            failures.push((job, reason));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    for (job, reason) in &failures {
        complain(&format!("{}: {reason}", job.from.display()));
    }
    complain(&totals(&jobs, failures.len(), tool));
    Ok(failures.len())
}

/// All that knows how programs are run, and at most how many at once. The outcomes come in the order of the commands.
fn convert<E: Executor>(
    executor: &E,
    at_once: usize,
    commands: Vec<Command>,
) -> impl Iterator<Item = Result<(), String>> {
    let outcomes = executor
        .options()
        .max_in_flight(at_once)
        .map(subprocess::run, commands);
    // One may have failed twice: the task (its worker died, say), or the program.
    outcomes.map(|outcome| match outcome {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(Error::TimedOut { limit, .. })) => Err(format!("took longer than {limit:?}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    })
}

/// Hidden where stderr is not a terminal.
fn progress(files: usize, tool: Tool) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>8} {wide_bar} {pos}/{len} {eta}");
    let bar = ProgressBar::new(files as u64).with_prefix(tool.name());
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn totals(jobs: &[Job], failed: usize, tool: Tool) -> String {
    let size = |path| fs::metadata(path).map_or(0, |file| file.len());
    let before: u64 = jobs.iter().map(|job| size(&job.from)).sum();
    let after: u64 = jobs.iter().map(|job| size(&job.to)).sum();
    format!(
        "{} of {} files through {}, {before} bytes in, {after} bytes out, {failed} failed",
        jobs.len() - failed,
        jobs.len(),
        tool.name(),
    )
}

/// Does not panic if nobody reads stderr any more.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "transcode: {what}");
}
