//! The same on every backend.

use concurrent_futures::{
    AnyExecutor, Backend, Executor,
    subprocess::{self, Command, Error, Output},
};
use std::time::Duration;

/// Those of this build that need nothing else. A cluster needs a server; what is its own is tested in `tests/cluster`.
pub(crate) fn all() -> impl Iterator<Item = Backend> {
    Backend::ALL.into_iter().filter(|backend| match backend {
        Backend::Async => cfg!(feature = "tokio"),
        Backend::Cluster => false,
        _ => true,
    })
}

/// Those that run something while the caller does something else.
pub(crate) fn concurrent() -> impl Iterator<Item = Backend> {
    all().filter(|backend| !matches!(backend, Backend::Inline | Backend::Checked))
}

pub(crate) fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

/// Runs it on every backend, as a call and as a future; all say the same but for the time it took, which is checked here.
pub(crate) fn everywhere(command: &Command) -> Result<Output, Error> {
    let mut first = None;
    for backend in all() {
        let executor = AnyExecutor::with_workers(backend, 1);
        let called = executor.submit(subprocess::run, command.clone());
        let awaited = executor.submit_async(subprocess::run_async, command.clone());
        for outcome in [called.result().unwrap(), awaited.result().unwrap()] {
            let first = first.get_or_insert_with(|| outcome.clone());
            assert_eq!(timeless(first), timeless(&outcome), "{backend}");
        }
    }
    first.unwrap()
}

/// Runs what `command` makes of a time limit on every backend, as a call and as a future, with a limit that is long enough for
/// the program to have written what it is to have written by then. Hands out what there was of it.
pub(crate) fn everywhere_at_its_limit(
    command: impl Fn(Duration) -> Command,
    has_written: impl Fn(&Output) -> bool,
    check: impl Fn(&Error, &Output),
) {
    for backend in all() {
        for as_future in [false, true] {
            let executor = AnyExecutor::with_workers(backend, 1);
            let mut limit = Duration::from_millis(100);
            loop {
                let running = if as_future {
                    executor.submit_async(subprocess::run_async, command(limit))
                } else {
                    executor.submit(subprocess::run, command(limit))
                };
                let error = running.result().unwrap().unwrap_err();
                let Error::TimedOut { limit: told, output } = &error else {
                    panic!("{backend}: {error}")
                };
                assert_eq!(*told, limit, "{backend}");
                if has_written(output) {
                    check(&error, output);
                    break;
                }
                limit *= 2;
            }
        }
    }
}

/// What is the same each time.
fn timeless(outcome: &Result<Output, Error>) -> String {
    let parts = |output: &Output| {
        (
            output.code(),
            output.stdout().to_vec(),
            output.stderr().to_vec(),
            output.program().to_owned(),
        )
    };
    match outcome {
        Ok(output) => format!("{:?}", parts(output)),
        Err(error) => format!("{error} {:?}", error.output().map(parts)),
    }
}
