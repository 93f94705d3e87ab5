//! What a program left behind.

use super::Error;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, time::Duration};

/// One of the two streams that a program writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        })
    }
}

/// What a program wrote, and how it ended.
///
/// `Debug` shows the beginning of long output.
///
/// # Examples
///
/// ```
/// # #[cfg(unix)] {
/// use concurrent_futures::subprocess::{Command, run};
///
/// let output = run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).check(false)).unwrap();
/// assert_eq!(output.text().unwrap(), "out\n");
/// assert_eq!(output.stderr(), b"err\n");
/// assert_eq!(output.code(), Some(3));
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub(super) program: String,
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) time: Duration,
}

/// So much of each stream is shown by `Debug`.
const SHOWN: usize = 200;

impl Output {
    /// The program, as it was named.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The code that the program exited with; `None` if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// Whether it exited with 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// What it wrote to standard output.
    pub fn stdout(&self) -> &[u8] {
        &self.stdout
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> &[u8] {
        &self.stderr
    }

    /// As [`stdout`](Self::stdout), without a copy.
    pub fn into_stdout(self) -> Vec<u8> {
        self.stdout
    }

    /// What it wrote to standard output, as text.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::NotUtf8`] if it is none.
    pub fn text(&self) -> Result<&str, Error> {
        self.as_text(Stream::Stdout, &self.stdout)
    }

    /// What it wrote to standard error, as text.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::NotUtf8`] if it is none. For a message, [`stderr_lossy`](Self::stderr_lossy) never does.
    pub fn stderr_text(&self) -> Result<&str, Error> {
        self.as_text(Stream::Stderr, &self.stderr)
    }

    /// What it wrote to standard error, as text, with a mark for what is none.
    pub fn stderr_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// How long it ran, from its start until it was seen to have ended.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Of a program that was never started.
    pub(super) fn none(command: &super::Command) -> Self {
        Self {
            program: command.name(),
            code: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            time: Duration::ZERO,
        }
    }

    fn as_text<'a>(&self, stream: Stream, bytes: &'a [u8]) -> Result<&'a str, Error> {
        std::str::from_utf8(bytes).map_err(|error| Error::NotUtf8 {
            program: self.program.clone(),
            stream,
            valid_up_to: error.valid_up_to() as u64,
        })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("program", &self.program)
            .field("code", &self.code)
            .field("stdout", &Beginning(&self.stdout))
            .field("stderr", &Beginning(&self.stderr))
            .field("time", &self.time)
            .finish()
    }
}

struct Beginning<'a>(&'a [u8]);

impl fmt::Debug for Beginning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN)];
        write!(f, "b\"{}\"", shown.escape_ascii())?;
        if shown.len() < self.0.len() {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}
