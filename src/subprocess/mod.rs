#![doc = include_str!("README.md")]

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
