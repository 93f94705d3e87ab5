//! The programs that do the work.

use crate::job::Job;
use concurrent_futures::subprocess::{self, Command, Error, Sink};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Ffmpeg,
    Gzip,
}

/// A file that takes longer is given up.
const MOST_PER_FILE: Duration = Duration::from_secs(3600);

/// Time for a program to take its half-done result away.
const GRACE: Duration = Duration::from_secs(2);

impl Tool {
    /// The better one first.
    pub(crate) const ALL: [Self; 2] = [Self::Ffmpeg, Self::Gzip];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Gzip => "gzip",
        }
    }

    /// The first of those that were asked for which this machine has.
    pub(crate) fn find(asked: Option<Self>) -> Result<Self, String> {
        let mut missing = Vec::new();
        for tool in Self::ALL {
            if asked.is_some_and(|asked| asked != tool) {
                continue;
            }
            match subprocess::run(
                Command::new(tool.name())
                    .arg(tool.version())
                    .stdout(Sink::Discard),
            ) {
                Ok(_) => return Ok(tool),
                Err(Error::NotFound { program }) => missing.push(program),
                Err(other) => return Err(other.to_string()),
            }
        }
        Err(format!(
            "{} is not installed, and there is nothing else to do the work with",
            missing.join(" or ")
        ))
    }

    fn version(self) -> &'static str {
        match self {
            Self::Ffmpeg => "-version",
            Self::Gzip => "--version",
        }
    }

    /// What is put behind the name of a file, in place of its extension or after it.
    pub(crate) fn rename(self, name: &mut std::path::PathBuf) {
        match self {
            Self::Ffmpeg => drop(name.set_extension("flac")),
            Self::Gzip => name.as_mut_os_string().push(".gz"),
        }
    }

    pub(crate) fn command(self, job: &Job) -> Command {
        let command = match self {
            Self::Ffmpeg => Command::new("ffmpeg")
                .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
                // A name that begins with a dash, or looks like a protocol, is a file all the same.
                .arg(with_prefix("file:", &job.from))
                .args(["-vn", "-c:a", "flac"])
                .arg(with_prefix("file:", &job.to)),
            // The result goes to a file, and not through the memory of this program.
            Self::Gzip => Command::new("sh")
                .args(["-c", r#"exec gzip -c <"$1" >"$2""#, "gzip"])
                .args([&job.from, &job.to]),
        };
        command.timeout(MOST_PER_FILE).grace(GRACE)
    }
}

fn with_prefix(prefix: &str, path: &std::path::Path) -> std::ffi::OsString {
    let mut whole = std::ffi::OsString::from(prefix);
    whole.push(path);
    whole
}
