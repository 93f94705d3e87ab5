//! How it can fail.

use super::{Output, Stream};
use crate::error::signal_name;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Why a program has no [`Output`] that counts.
///
/// Every message names the program, the cause, and what can be done about it. It crosses to other processes as the outputs do.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)] {
/// use concurrent_futures::subprocess::{Command, Error, run};
///
/// let error = run(Command::new("sh").args(["-c", "echo no such table >&2; exit 3"])).unwrap_err();
/// assert_eq!(error.to_string(), "`sh` exited with code 3: no such table");
/// assert!(matches!(error, Error::Failed { output } if output.code() == Some(3)));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Error {
    /// There is no such program.
    #[error("there is no program `{program}`{}", cure_for_missing(program))]
    NotFound {
        /// As it was named.
        program: String,
    },
    /// The folder that the program was to start in cannot be entered.
    #[error("`{program}` was not started, because the folder {folder:?} cannot be entered: {reason}")]
    NoFolder {
        /// As it was named.
        program: String,
        /// The folder.
        folder: String,
        /// The words of the system.
        reason: String,
    },
    /// The program was not started for another reason: it may not be run, the system has no room for it, ...
    #[error("`{program}` was not started: {reason}")]
    NotStarted {
        /// As it was named.
        program: String,
        /// The words of the system, and what to do where that is known.
        reason: String,
    },
    /// It exited with another code than 0. [`Command::check`](super::Command::check) says whether that is an error.
    #[error("`{}` exited with code {}{}", .output.program, .output.code.unwrap_or(0), LastWords(output))]
    Failed {
        /// What there was of it, with the code.
        output: Output,
    },
    /// A signal that did not come from here ended it.
    #[error("`{}` was ended by {}{}", .output.program, SignalName(*signal), LastWords(output))]
    Signalled {
        /// The number of the signal.
        signal: i32,
        /// What there was of it.
        output: Output,
    },
    /// It was stopped at its time limit ([`Command::timeout`](super::Command::timeout)).
    #[error("`{}` was stopped at its time limit of {limit:?}{}", .output.program, LastWords(output))]
    TimedOut {
        /// The limit.
        limit: Duration,
        /// What there was of it.
        output: Output,
    },
    /// It was stopped because its task was asked to stop.
    #[error("`{}` was stopped, because its task was asked to stop{}", .output.program, LastWords(output))]
    Cancelled {
        /// What there was of it.
        output: Output,
    },
    /// It was stopped because it wrote more than [`Command::max_output`](super::Command::max_output) allows.
    #[error(
        "`{program}` was stopped at its {stream}, because it wrote more than {limit} bytes in all: raise `max_output`, discard the \
         stream, or have the program write to a file"
    )]
    TooMuchOutput {
        /// As it was named.
        program: String,
        /// The stream that went over the limit. What went to the other one counts, too.
        stream: Stream,
        /// The limit, in bytes.
        limit: u64,
    },
    /// What it wrote is not text, where text was asked for.
    #[error("the {stream} of `{program}` is no UTF-8 from byte {valid_up_to} on: take the bytes instead")]
    NotUtf8 {
        /// As it was named.
        program: String,
        /// The stream.
        stream: Stream,
        /// So many bytes are text.
        valid_up_to: u64,
    },
    /// It was started, and what became of it is not known.
    #[error("nobody knows how `{program}` ended: {reason}")]
    Lost {
        /// As it was named.
        program: String,
        /// Why it is not known.
        reason: String,
    },
}

impl Error {
    /// The program, as it was named.
    pub fn program(&self) -> &str {
        match self {
            Self::NotFound { program }
            | Self::NoFolder { program, .. }
            | Self::NotStarted { program, .. }
            | Self::TooMuchOutput { program, .. }
            | Self::NotUtf8 { program, .. }
            | Self::Lost { program, .. } => program,
            Self::Failed { output }
            | Self::Signalled { output, .. }
            | Self::TimedOut { output, .. }
            | Self::Cancelled { output } => &output.program,
        }
    }

    /// What there was of the program's output, if there was a program and its output did not get too much.
    pub fn output(&self) -> Option<&Output> {
        match self {
            Self::Failed { output }
            | Self::Signalled { output, .. }
            | Self::TimedOut { output, .. }
            | Self::Cancelled { output } => Some(output),
            _ => None,
        }
    }

    /// The program could not be started; `error` is what the system said.
    pub(super) fn not_started(command: &super::Command, error: &std::io::Error) -> Self {
        use std::{io::ErrorKind, path::Path};
        let program = command.name();
        // A missing folder and a missing program are the same error of the same call. `.` in it is found only by who may
        // enter it.
        if let Some(folder) = &command.folder
            && let Err(reason) = Path::new(folder).join(".").metadata()
        {
            return Self::NoFolder {
                program,
                folder: folder.to_string_lossy().into_owned(),
                reason: reason.to_string(),
            };
        }
        let path = Path::new(&command.program);
        let cure = match error.kind() {
            ErrorKind::NotFound => {
                let at = command
                    .folder
                    .as_ref()
                    .map_or(path.into(), |folder| Path::new(folder).join(path));
                if path.components().count() < 2 || !at.exists() {
                    return Self::NotFound { program };
                }
                ": the file is there, and what it needs to run is not: the interpreter that its first line names, or the loader"
            }
            ErrorKind::PermissionDenied => ": it has to be a file that this user may execute (chmod +x)",
            ErrorKind::ArgumentListTooLong => {
                ": pass less in arguments and environment, and more through stdin or a file"
            }
            _ => "",
        };
        Self::NotStarted {
            program,
            reason: format!("{error}{cure}"),
        }
    }
}

fn cure_for_missing(program: &str) -> &'static str {
    if program.contains(std::path::MAIN_SEPARATOR) {
        ": check the path, which is relative to the folder that the program starts in"
    } else {
        " on the PATH of its environment: check the name, install it, or give its full path"
    }
}

struct SignalName(i32);

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {}", self.0)?;
        signal_name(self.0).map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

/// The end of what a program wrote to standard error, behind a message.
struct LastWords<'a>(&'a Output);

/// So much of it.
const MOST_LINES: usize = 5;
const MOST_BYTES: usize = 1000;

impl fmt::Display for LastWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.stderr.trim_ascii();
        let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(MOST_BYTES)..]);
        let lines: Vec<&str> = text.lines().collect();
        match &lines[lines.len().saturating_sub(MOST_LINES)..] {
            [] => Ok(()),
            [line] if lines.len() == 1 => write!(f, ": {line}"),
            last => {
                f.write_str("; the end of its stderr:")?;
                last.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
        }
    }
}

const _: () = assert!(
    size_of::<Error>() <= 128,
    "an error must not make every result large"
);
