use serde::{Deserialize, Serialize};
use std::fmt;

/// How a worker process died.
///
/// Neither a signal nor a code is known when something else in the program collected the process's status.
///
/// # Examples
///
/// ```
/// use concurrent_futures::WorkerDeath;
///
/// let death = WorkerDeath::by_signal(4711, 9);
/// assert_eq!((death.pid(), death.signal(), death.code()), (4711, Some(9), None));
/// assert_eq!(death.to_string(), "worker process 4711 was killed by signal 9 (SIGKILL)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerDeath(Box<Death>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Death {
    pid: u32,
    /// The machine, if that is another one than this, or may be.
    host: Option<String>,
    end: End,
    /// What it was doing.
    running: Option<String>,
    /// What else is known.
    note: Option<String>,
    /// The deaths at the attempts before, first one first.
    earlier: Vec<WorkerDeath>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    Signal(i32),
    Code(i32),
    Unknown,
    NotStarted,
    /// So many times whoever had the task was lost.
    #[cfg(feature = "cluster")]
    WithItsWorkers(u32),
}

impl WorkerDeath {
    /// The process was ended by a signal.
    pub fn by_signal(pid: u32, signal: i32) -> Self {
        Self::new(pid, End::Signal(signal))
    }

    /// The process exited with a code, 0 included.
    pub fn by_exit(pid: u32, code: i32) -> Self {
        Self::new(pid, End::Code(code))
    }

    /// The process is gone and nobody can say how.
    pub fn unexplained(pid: u32) -> Self {
        Self::new(pid, End::Unknown)
    }

    /// No process could be started, for this `reason`. Its process id is 0.
    pub(crate) fn not_started(reason: impl fmt::Display) -> Self {
        Self::new(0, End::NotStarted).noting(reason)
    }

    /// So many workers of a cluster were lost that had the task. No process id is known, so it is 0.
    #[cfg(feature = "cluster")]
    pub(crate) fn again_and_again(workers: u32) -> Self {
        Self::new(0, End::WithItsWorkers(workers))
    }

    fn new(pid: u32, end: End) -> Self {
        Self(Box::new(Death {
            pid,
            host: None,
            end,
            running: None,
            note: None,
            earlier: Vec::new(),
        }))
    }

    pub(crate) fn while_running(mut self, work: &str) -> Self {
        self.0.running = Some(work.to_owned());
        self
    }

    #[cfg(feature = "cluster")]
    pub(crate) fn on_host(mut self, host: &str) -> Self {
        self.0.host = Some(host.to_owned());
        self
    }

    pub(crate) fn noting(mut self, note: impl fmt::Display) -> Self {
        self.0.note = Some(note.to_string());
        self
    }

    /// This death, after those of earlier attempts.
    pub(crate) fn after(mut self, earlier: Vec<WorkerDeath>) -> Self {
        self.0.earlier = earlier;
        self
    }

    /// The deaths at earlier attempts of a task that was tried again, the first one first.
    pub fn earlier(&self) -> &[WorkerDeath] {
        &self.0.earlier
    }

    /// What the worker was running: the name of the task (`options().name(..)`) or of its work.
    pub fn work(&self) -> Option<&str> {
        self.0.running.as_deref()
    }

    /// The process id of the worker; 0 if none could be started.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// The machine that the worker ran on, if it was one of a cluster.
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The signal that ended the worker, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.0.end {
            End::Signal(signal) => Some(signal),
            _ => None,
        }
    }

    /// The code the worker exited with, if it exited.
    pub fn code(&self) -> Option<i32> {
        match self.0.end {
            End::Code(code) => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for WorkerDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = self.0.pid;
        match self.0.end {
            End::Signal(signal) => {
                write!(f, "worker process {pid} was killed by signal {signal}")?;
                name_of(signal).map_or(Ok(()), |name| write!(f, " ({name})"))
            }
            End::Code(code) => write!(f, "worker process {pid} exited with code {code}"),
            End::Unknown => write!(
                f,
                "worker process {pid} is gone; its exit status was collected elsewhere"
            ),
            End::NotStarted => f.write_str("no worker process could be started"),
            #[cfg(feature = "cluster")]
            End::WithItsWorkers(workers) => write!(
                f,
                "{workers} workers of the cluster were lost, one after another, while they had the task"
            ),
        }?;
        if let Some(host) = &self.0.host {
            write!(f, " on {host}")?;
        }
        if let Some(work) = &self.0.running {
            write!(f, " while it ran {work}")?;
        }
        if let Some(note) = &self.0.note {
            write!(f, ": {note}")?;
        }
        if !self.0.earlier.is_empty() {
            write!(f, "; at {} earlier attempts:", self.0.earlier.len())?;
            for (number, death) in self.0.earlier.iter().enumerate() {
                write!(f, "{} {death}", if number == 0 { "" } else { "," })?;
            }
        }
        Ok(())
    }
}

/// The signals that end programs and have the same number everywhere.
pub(crate) fn name_of(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}
