//! What happened when, as a picture: a recording of executors, and the timeline that comes of it.
//!
//! ```
//! use concurrent_futures::{Executor, ThreadPool};
//!
//! let pool = ThreadPool::with_workers(2);
//! let recording = pool.record();
//! pool.map(|n: u64| (1..=n).product::<u64>(), 1..=20).for_each(drop);
//! let timeline = recording.finish();
//!
//! let folder = std::env::temp_dir();
//! timeline.write_svg(folder.join("timeline.svg"))?; // for a browser
//! timeline.write_chrome(folder.join("timeline.json"))?; // for https://ui.perfetto.dev and chrome://tracing
//! println!("{timeline}"); // for a terminal
//! assert_eq!(timeline.items(), 20);
//! # std::fs::remove_file(folder.join("timeline.svg"))?;
//! # std::fs::remove_file(folder.join("timeline.json"))?;
//! # std::io::Result::Ok(())
//! ```
//!
//! Several executors share one timeline with [`Recording::also`]; threads, processes and async tasks lie on the same clock. The
//! environment variable `CONCURRENT_FUTURES_TRACE` records a program that knows nothing of this: it names the file that is written
//! when the program ends (a return from `main` or `std::process::exit`; a signal that kills it leaves no file), `.svg` for the picture and
//! any other name for the JSON. All its executors are in there, but not those that tasks make inside worker processes.
//!
//! # What it costs
//!
//! Every step of a task is a note of the thread that makes it: a reading of the clock and some 100 bytes. While nobody records, it is one
//! look at a word. A recording keeps the first two million notes (a million calls on threads, 600,000 in processes) unless [told otherwise](Recording::keep), and says
//! how many it left out. `cargo bench --bench recording` measures the cost beside the same run without.

mod assemble;
mod chrome;
mod from_environment;
mod load;
mod names;
mod recording;
mod summary;
mod svg;

#[cfg(unix)]
pub(crate) use from_environment::VARIABLE_C;
pub(crate) use from_environment::executor_opened;
#[cfg(feature = "metrics")]
pub(crate) use names::short;
pub use recording::Recording;

use crate::future::TaskId;
use std::{fs, io, path::Path, time::Duration};

/// What happened on the workers of executors while they were recorded. Times count from the beginning of the recording.
///
/// `{}` prints a summary.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Timeline {
    /// How long was recorded.
    pub length: Duration,
    /// The executors, by what they are and their names.
    pub executors: Vec<String>,
    /// Threads and processes on which something happened.
    pub lanes: Vec<Lane>,
    /// What happened there, lane by lane in the order of time.
    pub slices: Vec<Slice>,
    /// The tasks, in the order in which they were submitted. Items of a `map` are no tasks of their own; they are in the slices.
    pub tasks: Vec<TaskTrace>,
    /// So many notes were not kept, because there was no room for more.
    pub left_out: u64,
}

/// A thread or process in a [`Timeline`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// The name of the thread, or `process` and its number.
    pub name: String,
    /// For which of the executors it works; `None` is a thread of the program that submits and collects.
    pub executor: Option<usize>,
    /// The worker process, if it is one.
    pub pid: Option<u32>,
}

/// A stretch of time that something took on a [`Lane`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slice {
    /// The number of the lane.
    pub lane: usize,
    /// What it was.
    pub kind: SliceKind,
    /// Of which of the executors.
    pub executor: usize,
    /// The task; `None` for items of a map.
    pub task: Option<TaskId>,
    /// The name given with `options().name(..)`, or that of the work as the compiler spells it.
    pub label: std::sync::Arc<str>,
    /// When it began.
    pub from: Duration,
    /// When it ended.
    pub to: Duration,
    /// How many items or tasks it is. Items of a map that take less than a microsecond share a slice.
    pub items: u32,
    /// How many of them failed.
    pub failed: u32,
    /// How much of it went into decoding: at its beginning the argument on a worker process, or results on the caller's side.
    pub decode: Duration,
    /// How much of it went into encoding: at its end the result on a worker process, or arguments on the caller's side.
    pub encode: Duration,
}

/// What a [`Slice`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SliceKind {
    /// A call of work.
    Call,
    /// One turn of a future.
    Turn,
    /// A thread pulls items of a map, or encodes an argument.
    Submit,
    /// A thread decodes results.
    Collect,
    /// A call that its process did not survive.
    Died,
}

/// A task in a [`Timeline`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskTrace {
    /// Its id.
    pub id: TaskId,
    /// Of which of the executors.
    pub executor: usize,
    /// The name given with `options().name(..)`, or that of the work as the compiler spells it; empty if it did not run.
    pub label: std::sync::Arc<str>,
    /// It ran as a future.
    pub is_async: bool,
    /// In which task it was submitted, if in one.
    pub parent: Option<TaskId>,
    /// When it was submitted; `None` if that was before the recording.
    pub submitted: Option<Duration>,
    /// When it began to run, if it did.
    pub started: Option<Duration>,
    /// When its outcome was there, if it was.
    pub ended: Option<Duration>,
    /// How it ended.
    pub end: TaskEnd,
    /// Encoding its argument, before it is sent to a process.
    pub encode_argument: Duration,
    /// Decoding it there.
    pub decode_argument: Duration,
    /// Its work: of a future, all turns together.
    pub run: Duration,
    /// Encoding its result there.
    pub encode_result: Duration,
    /// Decoding it here.
    pub decode_result: Duration,
}

impl TaskTrace {
    /// How long it waited for a worker; `None` if it did not start, or was submitted before the recording.
    pub fn queued(&self) -> Option<Duration> {
        Some(self.started?.saturating_sub(self.submitted?))
    }
}

/// How a task in a [`Timeline`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskEnd {
    /// It had not, as far as was noted.
    Open,
    /// With a value.
    Succeeded,
    /// It was cancelled, stopped or refused.
    Cancelled,
    /// With this error.
    Failed(String),
}

impl Slice {
    /// How long it took.
    pub fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    /// Whether its task has run to its end with it: a call, or of a future in a process the turn that says so.
    fn is_last_of_its_task(&self, lanes: &[Lane]) -> bool {
        let is_turn_that_says =
            self.kind == SliceKind::Turn && lanes[self.lane].pid.is_some() && self.items > 0;
        self.kind == SliceKind::Call || is_turn_that_says
    }

    /// Whether a worker was busy with work.
    fn is_work(&self) -> bool {
        matches!(self.kind, SliceKind::Call | SliceKind::Turn | SliceKind::Died)
    }
}

impl Timeline {
    /// How many items of maps have run.
    pub fn items(&self) -> u64 {
        let items = self
            .slices
            .iter()
            .filter(|slice| slice.is_work() && slice.task.is_none());
        items.map(|slice| u64::from(slice.items)).sum()
    }

    /// As JSON in the format of Chrome's tracing, which <https://ui.perfetto.dev> and `chrome://tracing` show. Times there are in
    /// microseconds.
    pub fn to_chrome(&self) -> String {
        chrome::write(self)
    }

    /// As a picture that stands by itself, for a browser: a lane per worker, a colour per kind of work. The pointer shows what a task
    /// is, the wheel makes the time longer, and a double click all of it.
    pub fn to_svg(&self) -> String {
        svg::write(self)
    }

    /// Writes [`to_chrome`](Self::to_chrome) to a file.
    ///
    /// # Errors
    ///
    /// Returns what the system says if the file cannot be written.
    pub fn write_chrome(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::write(path, self.to_chrome())
    }

    /// Writes [`to_svg`](Self::to_svg) to a file.
    ///
    /// # Errors
    ///
    /// Returns what the system says if the file cannot be written.
    pub fn write_svg(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::write(path, self.to_svg())
    }
}
