//! From how a program ended, and why, to its outcome.

use super::{Command, Error, Output, course::Reason, transcript::Transcript};
use std::time::Duration;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Exited(i32),
    Signalled(i32),
    /// Somebody else in this process collected its status.
    Unknown,
}

/// What a program left.
pub(super) struct Remains<'a> {
    pub(super) command: &'a Command,
    pub(super) transcript: Transcript,
    pub(super) time: Duration,
}

impl Remains<'_> {
    /// `reason` is why it was stopped, if it was.
    pub(super) fn conclude(self, reason: Option<Reason>, fate: Fate) -> Result<Output, Error> {
        let program = self.command.name();
        let output = Output {
            program,
            code: match fate {
                Fate::Exited(code) => Some(code),
                _ => None,
            },
            stdout: self.transcript.stdout,
            stderr: self.transcript.stderr,
            time: self.time,
        };
        match (reason, fate) {
            (Some(Reason::TimeLimit(limit)), _) => Err(Error::TimedOut { limit, output }),
            (Some(Reason::Requested), _) => Err(Error::Cancelled { output }),
            (Some(Reason::TooMuch(stream)), _) => Err(Error::TooMuchOutput {
                program: output.program,
                stream,
                limit: self.command.max_output,
            }),
            (None, Fate::Exited(code)) if code != 0 && self.command.check => Err(Error::Failed { output }),
            (None, Fate::Exited(_)) => Ok(output),
            (None, Fate::Signalled(signal)) => Err(Error::Signalled { signal, output }),
            (None, Fate::Unknown) => Err(Error::Lost {
                program: output.program,
                reason: "something else in this process collected its status: a wait for any child, or an ignored SIGCHLD".into(),
            }),
        }
    }
}
