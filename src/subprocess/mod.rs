//! External programs as work: [`run`] on threads and in processes, [`run_async`] in futures, on every executor.
//!
//! ```
//! # #[cfg(unix)] {
//! use concurrent_futures::{Executor, ThreadPool, subprocess::{self, Command}};
//! use std::time::Duration;
//!
//! let pool = ThreadPool::new();
//! let commands = (1..=3).map(|n| {
//!     Command::new("sh")
//!         .args(["-c", "echo $N; exit $N"])
//!         .env("N", n.to_string())
//!         .timeout(Duration::from_secs(60))
//!         .check(false)
//! });
//! // Four at a time, in their order.
//! for outcome in pool.options().max_in_flight(4).map(subprocess::run, commands) {
//!     let output = outcome.unwrap().unwrap();
//!     assert_eq!(output.text().unwrap().trim(), output.code().unwrap().to_string());
//! }
//! # }
//! ```
//!
//! There are two results around an output: whether the task had a value ([`TaskError`](crate::TaskError)), and whether
//! the program did what it should ([`Error`]).
//!
//! # What stops a program
//!
//! Its own limits ([`timeout`](Command::timeout), [`max_output`](Command::max_output)), and whatever asks its task to stop:
//! [`cancel`](crate::TaskFuture::cancel), the task's own deadline, a group that fails, a map that is dropped, a shutdown that
//! cancels or kills. A program that is stopped is stopped with its *group*, that is, with all that it has started, unless
//! that has left the group (as daemons do). [`grace`](Command::grace) lets it put things in order.
//!
//! Who dies with whom:
//!
//! | what happens | the program | what it has started |
//! |---|---|---|
//! | it ends by itself | | goes on |
//! | it is stopped, as above | dies | dies |
//! | the future of [`run_async`] is dropped | dies | dies |
//! | its worker process is killed, or dies | dies | dies (of 64 programs at once in a worker) |
//! | this process is killed (`SIGKILL`), or exits meanwhile | dies on Linux | goes on |
//!
//! No program is left as a zombie in any of these cases. On a system that is not Unix there are no groups: the program is killed
//! alone, and [`grace`](Command::grace) has no meaning.
//!
//! # What a program finds
//!
//! Standard input is what it was given ([`stdin`](Command::stdin)), or empty. Environment and folder are those of this process,
//! with the changes of the [`Command`]. It inherits no other descriptor that this crate or `std` has opened, no blocked signal,
//! and no ignored `SIGPIPE`. It leads a process group of its own, so Ctrl-C in a terminal reaches this process and not the program;
//! and since that group is not the terminal's, it cannot read from the terminal.
//!
//! # What is captured
//!
//! Everything that the program itself writes until it ends. What it has left running may go on writing to the same pipes;
//! that is read for a moment after the program's end (until nothing has come for a tenth of a second, one second at most) and
//! not waited for.

// The rules behind this are in `README.md`; the numbers cited are that file's.

#[cfg(unix)]
mod blocking;
#[cfg(unix)]
mod caretaker;
mod command;
mod conclude;
mod course;
mod error;
mod output;
#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod session;
mod transcript;

pub use command::{Command, Sink};
pub use error::Error;
pub use output::{Output, Stream};

#[cfg(unix)]
use blocking::run as run_here;
#[cfg(unix)]
use caretaker::Order;
#[cfg(not(unix))]
use portable::{Order, run as run_here};

use crate::running::{CancelToken, cancel_requested};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// Runs a program to its end, and returns what it wrote.
///
/// This is work for any executor: `executor.map(subprocess::run, commands)`; it can be called anywhere else, too. It blocks
/// its thread, so that as many programs run at once as there are workers (or as
/// [`max_in_flight`](crate::Options::max_in_flight) allows).
///
/// The program is stopped at its own time limit, when it writes too much, and when the task that this is called in is asked to
/// stop.
///
/// # Errors
///
/// Fails if the program cannot be started, does not exit with 0, or is stopped: see [`Error`].
///
/// # Examples
///
/// ```
/// # #[cfg(unix)] {
/// use concurrent_futures::{Executor, ThreadPool, subprocess::{self, Command}};
///
/// let pool = ThreadPool::with_workers(4);
/// let commands = ["c\na\nb\n", "2\n1\n"].map(|text| Command::new("sort").stdin(text));
/// let outputs: Result<Vec<_>, _> = pool.map(subprocess::run, commands).map(|outcome| outcome.unwrap()).collect();
/// let texts: Vec<_> = outputs.unwrap().iter().map(|output| output.text().unwrap().to_owned()).collect();
/// assert_eq!(texts, ["a\nb\nc\n", "1\n2\n"]);
/// # }
/// ```
pub fn run(command: Command) -> Result<Output, Error> {
    if cancel_requested() {
        let output = Output::none(&command);
        return Err(Error::Cancelled { output });
    }
    run_here(command)
}

/// As [`run`], for async verbs: `bridge.map_async(subprocess::run_async, commands)`. No thread waits for the program.
///
/// The future runs on any runtime, with and without tokio. The program is started when it is first polled. Dropped before its
/// end, it kills the program and its group, at once.
///
/// # Errors
///
/// As [`run`].
///
/// # Examples
///
/// ```
/// # #[cfg(all(unix, feature = "tokio"))] {
/// use concurrent_futures::{AsyncBridge, Executor, subprocess::{self, Command}};
///
/// let bridge = AsyncBridge::new();
/// let hello = bridge.submit_async(subprocess::run_async, Command::new("echo").arg("hello"));
/// assert_eq!(hello.result().unwrap().unwrap().text().unwrap(), "hello\n");
/// # }
/// ```
pub fn run_async(command: Command) -> impl Future<Output = Result<Output, Error>> + Send + 'static {
    let mut command = Some(command);
    let mut order = None;
    let mut request = None;
    let mut is_requested = false;
    poll_fn(move |cx| {
        let request = request.get_or_insert_with(|| CancelToken::current().requested());
        is_requested = is_requested || Pin::new(request).poll(cx).is_ready();
        if let Some(command) = command.take() {
            if is_requested {
                let output = Output::none(&command);
                return Poll::Ready(Err(Error::Cancelled { output }));
            }
            order = Some(Order::place(command)?);
        }
        match &mut order {
            Some(order) => order.poll(cx, is_requested),
            None => unreachable!("polled after its end"),
        }
    })
}
