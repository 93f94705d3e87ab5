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
/// assert_eq!(death.to_string(), "worker process 4711 was killed by signal 9");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerDeath(Box<Death>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Death {
    pid: u32,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Signal(i32),
    Code(i32),
    Unknown,
}

impl WorkerDeath {
    /// The process was ended by a signal.
    pub fn by_signal(pid: u32, signal: i32) -> Self {
        Self(Box::new(Death {
            pid,
            end: End::Signal(signal),
        }))
    }

    /// The process exited with a code, 0 included.
    pub fn by_exit(pid: u32, code: i32) -> Self {
        Self(Box::new(Death {
            pid,
            end: End::Code(code),
        }))
    }

    /// The process is gone and nobody can say how.
    pub fn unexplained(pid: u32) -> Self {
        Self(Box::new(Death {
            pid,
            end: End::Unknown,
        }))
    }

    /// The process id of the worker.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// The signal that ended the worker, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.0.end {
            End::Signal(signal) => Some(signal),
            End::Code(_) | End::Unknown => None,
        }
    }

    /// The code the worker exited with, if it exited.
    pub fn code(&self) -> Option<i32> {
        match self.0.end {
            End::Code(code) => Some(code),
            End::Signal(_) | End::Unknown => None,
        }
    }
}

impl fmt::Display for WorkerDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker process {} ", self.0.pid)?;
        match self.0.end {
            End::Signal(signal) => write!(f, "was killed by signal {signal}"),
            End::Code(code) => write!(f, "exited with code {code}"),
            End::Unknown => write!(f, "is gone; its exit status was collected elsewhere"),
        }
    }
}
