//! The command line.

use concurrent_futures::Backend;
use lexopt::{Arg, ValueExt};
use std::{ffi::OsString, num::NonZeroUsize};

/// What is left out of the crate's own folder: megabytes of build products and history that nobody asked for.
const SKIPPED: &[&str] = &["target", ".git"];

/// More workers than this is a mistake on the command line, and a system that runs out of them on the way
/// would make it hard to see.
const MOST_WORKERS: usize = 1024;

pub(crate) struct Args {
    pub(crate) backend: Backend,
    /// `None` leaves it to the backend.
    pub(crate) workers: Option<NonZeroUsize>,
    /// Whether to measure one thread as well.
    pub(crate) serial: bool,
    path: Option<OsString>,
}

impl Args {
    pub(crate) fn root(&self) -> OsString {
        let own_folder = || env!("CARGO_MANIFEST_DIR").into();
        self.path.clone().unwrap_or_else(own_folder)
    }

    /// Names directly below the root that are left out. Nothing is where the user named the folder.
    pub(crate) fn skipped(&self) -> &'static [&'static str] {
        if self.path.is_none() { SKIPPED } else { &[] }
    }
}

/// Reads the command line; `None` asks for help.
pub(crate) fn parse() -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args {
        backend: Backend::Threads,
        workers: None,
        serial: true,
        path: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("backend") => {
                // Its own message says which backends there are.
                let name = parser.value()?.string()?;
                args.backend = name.parse().map_err(|error| format!("--backend: {error}"))?;
            }
            Arg::Long("workers") => {
                let number = parser.value()?.string()?;
                let workers = number
                    .parse()
                    .ok()
                    .filter(|n: &NonZeroUsize| n.get() <= MOST_WORKERS);
                let wrong = || format!("--workers: {number:?} is no number from 1 to {MOST_WORKERS}");
                args.workers = Some(workers.ok_or_else(wrong)?);
            }
            Arg::Long("no-serial") => args.serial = false,
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Value(path) if args.path.is_none() => args.path = Some(path),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(args))
}

pub(crate) fn help() -> String {
    let backends = Backend::ALL.map(Backend::name).join("|");
    format!(
        "\
Prints the SHA-256 of every file below PATH, as `sha256sum` does, in the order of the paths.
Links are followed. What cannot be hashed is reported on stderr, where the totals are, too.

Usage: checksum [--backend {backends}] [--workers N] [--no-serial] [PATH]

  --backend NAME  what runs the work (threads). A crash in one of the processes would cost one file
  --workers N     how many files at the same time, where the backend has workers (one per CPU)
  --no-serial     do not measure one thread without an executor, which reads every file twice more
  -h, --help      print this
  PATH            a folder or a file (the folder of this crate, without its `target` and `.git`)

Exit code: 0 if every file was hashed, 1 if there was any problem, 2 if the arguments make no sense.
"
    )
}
