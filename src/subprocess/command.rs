//! What is to be run.

use serde::{Deserialize, Serialize};
use std::{
    ffi::{OsStr, OsString},
    fmt,
    time::Duration,
};

/// A program that is to be run, its arguments, its surroundings and its limits: plain data, which crosses to other
/// processes.
///
/// It is built as [`std::process::Command`] is, by value. [`run`](super::run) and [`run_async`](super::run_async) run it.
///
/// What is not said is: the environment and the folder of this process, standard input that is empty, output that is
/// captured, up to [`MAX_OUTPUT`](Self::MAX_OUTPUT) bytes, no limit on time, and an error if the program exits with another
/// code than 0.
///
/// `Debug` shows the names of environment variables and how much there is for standard input, and neither the values nor the
/// bytes: they may be secret. Arguments are shown; other users of the machine see them as well.
///
/// # Examples
///
/// ```
/// use concurrent_futures::subprocess::Command;
/// use std::time::Duration;
///
/// let command = Command::new("gzip")
///     .args(["-c", "-9"])
///     .env("TOKEN", "1234")
///     .stdin("a text")
///     .timeout(Duration::from_secs(10));
/// let shown = format!("{command:?}");
/// assert!(shown.contains("TOKEN") && !shown.contains("1234"));
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "it does nothing until it is run"]
pub struct Command {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    /// In the order of the names; `None` removes.
    pub(super) env: Vec<(OsString, Option<OsString>)>,
    pub(super) env_clear: bool,
    /// No `PathBuf`, which serde takes for text.
    pub(super) folder: Option<OsString>,
    pub(super) stdin: Vec<u8>,
    pub(super) stdout: Sink,
    pub(super) stderr: Sink,
    pub(super) timeout: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) max_output: u64,
    pub(super) check: bool,
}

/// Where what a program writes goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Sink {
    /// Into the [`Output`](super::Output). This is the default.
    #[default]
    Capture,
    /// Nowhere.
    Discard,
    /// To where this process writes. In a worker process that is where the whole program writes.
    Inherit,
}

impl Command {
    /// So many bytes of output are captured, standard output and standard error together, unless
    /// [`max_output`](Self::max_output) says otherwise: 64 MiB.
    pub const MAX_OUTPUT: u64 = 64 * 1024 * 1024;

    /// A program, by its path or by a name that is looked for on the `PATH` of its environment. There is no shell: nothing in
    /// the name or the arguments has a special meaning.
    ///
    /// A path that is relative is relative to [`current_dir`](Self::current_dir) on Unix.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            env_clear: false,
            folder: None,
            stdin: Vec::new(),
            stdout: Sink::Capture,
            stderr: Sink::Capture,
            timeout: None,
            grace: Duration::ZERO,
            max_output: Self::MAX_OUTPUT,
            check: true,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let value = value.into();
        self.change(name.into(), Some(value))
    }

    /// Takes an environment variable away.
    pub fn env_remove(self, name: impl Into<OsString>) -> Self {
        self.change(name.into(), None)
    }

    /// Starts from an empty environment, and forgets what was set before.
    pub fn env_clear(mut self) -> Self {
        self.env_clear = true;
        self.env.clear();
        self
    }

    fn change(mut self, name: OsString, value: Option<OsString>) -> Self {
        match self.env.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(at) => self.env[at].1 = value,
            Err(at) => self.env.insert(at, (name, value)),
        }
        self
    }

    /// The folder that the program starts in.
    pub fn current_dir(mut self, folder: impl Into<OsString>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// What the program reads from its standard input. It need not read it, or not to the end.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Where its standard output goes.
    pub fn stdout(mut self, sink: Sink) -> Self {
        self.stdout = sink;
        self
    }

    /// Where its standard error goes.
    pub fn stderr(mut self, sink: Sink) -> Self {
        self.stderr = sink;
        self
    }

    /// The program is stopped when it has run for so long ([`Error::TimedOut`](super::Error::TimedOut)).
    ///
    /// This is the program's own limit. The deadline of a task ([`Options::timeout`](crate::Options::timeout)) stops its
    /// program as well, and then the task has no value that could tell of the program's output.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Whoever stops the program first asks it to end (`SIGTERM`) and kills it only when this time is over. Without it, or
    /// where there are no signals, it is killed at once.
    ///
    /// A program whose worker process is killed, or whose future is dropped, has no such time.
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// So many bytes of output are captured, standard output and standard error together; at one more the program is stopped
    /// ([`Error::TooMuchOutput`](super::Error::TooMuchOutput)). Output that is not captured does not count.
    pub fn max_output(mut self, bytes: u64) -> Self {
        self.max_output = bytes;
        self
    }

    /// Whether a program that exits with another code than 0 is an error ([`Error::Failed`](super::Error::Failed)), as it is
    /// by default. If not, [`Output::code`](super::Output::code) tells.
    pub fn check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// The program, for messages.
    pub(super) fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    /// All that `std` needs to know. Standard streams are set here, except what is captured or fed.
    pub(super) fn to_std(&self) -> std::process::Command {
        use std::process::Stdio;
        let sink = |sink| match sink {
            Sink::Capture => Stdio::piped(),
            Sink::Discard => Stdio::null(),
            Sink::Inherit => Stdio::inherit(),
        };
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args);
        if self.env_clear {
            command.env_clear();
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.stdin(if self.stdin.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        command.stdout(sink(self.stdout)).stderr(sink(self.stderr));
        command
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |set: bool| -> Vec<&OsStr> {
            let these = self.env.iter().filter(|(_, value)| value.is_some() == set);
            these.map(|(name, _)| name.as_os_str()).collect()
        };
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &names(true))
            .field("env_remove", &names(false))
            .field("env_clear", &self.env_clear)
            .field("current_dir", &self.folder)
            .field("stdin", &format_args!("{} bytes", self.stdin.len()))
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .field("timeout", &self.timeout)
            .field("grace", &self.grace)
            .field("max_output", &self.max_output)
            .field("check", &self.check)
            .finish()
    }
}
