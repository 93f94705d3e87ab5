//! A started process, the parent's side.
//!
//! `std`'s `Child` only starts it. The rest is done here: through a pidfd, which means this process for ever, where a
//! number may come to mean another one; and in an order that lets a whole process group be killed.
#![allow(unsafe_code)]

use rustix::{
    io::Errno,
    process::{self, Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus},
};
use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Child, Command},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaped {
    Running,
    /// It ended by itself, with this status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// It is dead, and somebody else in this program collected the status: a wait for any child, or an ignored
    /// `SIGCHLD`.
    Unknown,
}

/// Which process group a child is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// That of this process.
    Ours,
    /// One of its own, which dies with it.
    DiesWithIt,
    /// One of its own. What is left of it when the child ends by itself goes on.
    OutlivesIt,
}

/// A child. Dropping it leaves it alone, and leaves a zombie if it was not reaped: kill, and reap until it is not
/// [`Running`](Reaped::Running).
#[derive(Debug)]
pub(crate) struct ChildProcess {
    pid: Pid,
    /// `None` where the kernel has none or a sandbox forbids it.
    pidfd: Option<OwnedFd>,
    group: Group,
    /// Held while a signal is sent by number, so that nobody reaps in between and the number stays taken.
    fate: Mutex<Reaped>,
}

impl ChildProcess {
    /// Starts it; with `own_group`, as the leader of a new process group, which then dies with it.
    ///
    /// Nothing runs between fork and exec, so `std` can use `posix_spawn`, which copies no page tables. Where the
    /// worker dies with its parent (`PR_SET_PDEATHSIG`), "parent" is the *thread* that calls this: it must live as
    /// long as the child.
    pub(crate) fn start(command: &mut Command, own_group: bool) -> io::Result<Self> {
        let group = if own_group {
            command.process_group(0);
            Group::DiesWithIt
        } else {
            Group::Ours
        };
        Ok(Self::adopt(&command.spawn()?, group))
    }

    /// Takes over the child that `std` has just started, in the `group` it was started in. Dropping `std`'s handle neither
    /// kills nor waits: the status is left to [`try_reap`](Self::try_reap).
    pub(crate) fn adopt(child: &Child, group: Group) -> Self {
        let pid = Pid::from_child(child);
        Self {
            pid,
            pidfd: open(pid),
            group,
            fate: Mutex::new(Reaped::Running),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Readable once it has died. Where there is none, see the channel close, or ask [`try_reap`](Self::try_reap).
    pub(crate) fn death_fd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// Whether it has died. Its status is left where it is, and so are its number and that of its group.
    pub(crate) fn has_died(&self) -> bool {
        let fate = self.fate();
        *fate != Reaped::Running
            || !matches!(self.look(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT), Ok(None))
    }

    /// Collects the status if it has died; remembers it. What is left of a group that dies with it is killed first.
    pub(crate) fn try_reap(&self) -> Reaped {
        let mut fate = self.fate();
        if *fate == Reaped::Running {
            *fate = match self.look(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Ok(None) => Reaped::Running,
                Ok(Some(_)) => {
                    // It is a zombie, which keeps its number, and so that of the group, from being given to others.
                    self.end_group(*fate);
                    match self.look(WaitIdOptions::EXITED) {
                        Ok(Some(status)) => outcome(&status),
                        _ => Reaped::Unknown,
                    }
                }
                Err(_) => {
                    self.end_group(Reaped::Unknown);
                    Reaped::Unknown
                }
            };
        }
        *fate
    }

    /// `SIGKILL` to it alone. Never to another process that got its number.
    pub(crate) fn kill(&self) {
        let fate = self.fate();
        if *fate != Reaped::Running {
            return;
        }
        // Errors say that it is dead already.
        let _ = match &self.pidfd {
            Some(fd) => send_kill(fd.as_fd()),
            None => process::kill_process(self.pid, Signal::KILL),
        };
    }

    /// `SIGTERM` to it alone: it is to end by itself.
    #[cfg(feature = "cluster")]
    pub(crate) fn terminate(&self) {
        let fate = self.fate();
        if *fate == Reaped::Running {
            // The number is its own while it is not reaped, which is not done before this lock is free.
            let _ = process::kill_process(self.pid, Signal::TERM);
        }
    }

    /// `SIGKILL` to its whole group, if it was started with one; also after it died itself. After it was reaped this
    /// works only where a pidfd can mean a group (Linux 6.9): the number of the group is safe to use only while the
    /// group is known not to be empty, as it is until then.
    pub(crate) fn kill_group(&self) {
        let fate = self.fate();
        self.signal_group(*fate, Signal::KILL);
    }

    /// `SIGTERM` to its whole group, which may do as it likes about it. As [`kill_group`](Self::kill_group) otherwise.
    pub(crate) fn ask_group_to_end(&self) {
        let fate = self.fate();
        self.signal_group(*fate, Signal::TERM);
    }

    /// Whether it is stopped by job control or a debugger, so that it will not answer.
    pub(crate) fn is_stopped(&self) -> bool {
        let fate = self.fate();
        *fate == Reaped::Running && self.stopped()
    }

    fn fate(&self) -> MutexGuard<'_, Reaped> {
        // What is locked is one plain value.
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_group(&self, fate: Reaped) {
        if self.group == Group::DiesWithIt {
            self.signal_group(fate, Signal::KILL);
        }
    }

    fn signal_group(&self, fate: Reaped, signal: Signal) {
        let by_pidfd = |fd: &OwnedFd| signal_group_by(fd.as_fd(), signal);
        if self.group == Group::Ours || self.pidfd.as_ref().is_some_and(by_pidfd) {
            return;
        }
        if fate == Reaped::Running {
            let _ = process::kill_process_group(self.pid, signal);
        }
    }

    /// `waitid` without blocking. The pidfd means this child even if somebody else reaped it and its number went to
    /// another child of ours. An error means that there is no such child (any more).
    fn look(&self, options: WaitIdOptions) -> rustix::io::Result<Option<WaitIdStatus>> {
        let wait = |id: WaitId<'_>| {
            rustix::io::retry_on_intr(|| process::waitid(id.clone(), options | WaitIdOptions::NOHANG))
        };
        #[cfg(target_os = "linux")]
        if let Some(fd) = &self.pidfd {
            let found = wait(WaitId::PidFd(fd.as_fd()));
            // Linux 5.3 has pidfds but can not wait for one.
            if found.as_ref().err() != Some(&Errno::INVAL) {
                return found;
            }
        }
        wait(WaitId::Pid(self.pid))
    }

    #[cfg(target_os = "linux")]
    fn stopped(&self) -> bool {
        let stat = std::fs::read(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // `1234 (name) T ...`, and the name may hold anything.
        let after_name = stat.iter().rposition(|&byte| byte == b')').map(|at| at + 2);
        after_name
            .and_then(|at| stat.get(at))
            .is_some_and(|state| matches!(state, b'T' | b't'))
    }

    #[cfg(not(target_os = "linux"))]
    fn stopped(&self) -> bool {
        matches!(
            self.look(WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT),
            Ok(Some(_))
        )
    }
}

fn outcome(status: &WaitIdStatus) -> Reaped {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Reaped::Exited(code),
        (_, Some(signal)) => Reaped::Signalled(signal),
        _ => Reaped::Unknown,
    }
}

#[cfg(target_os = "linux")]
fn open(pid: Pid) -> Option<OwnedFd> {
    // Close-on-exec is what the call always sets.
    process::pidfd_open(pid, process::PidfdFlags::empty()).ok()
}

#[cfg(target_os = "linux")]
fn send_kill(pidfd: BorrowedFd<'_>) -> rustix::io::Result<()> {
    process::pidfd_send_signal(pidfd, Signal::KILL)
}

/// Signals the group whose leader the pidfd means, or meant. False: the kernel does not know how.
#[cfg(target_os = "linux")]
fn signal_group_by(pidfd: BorrowedFd<'_>, signal: Signal) -> bool {
    use std::{os::fd::AsRawFd, ptr};
    const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;
    // SAFETY: the arguments are those of the call: an open descriptor, a signal, no information, a flag. It writes to
    // no memory of this process.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal.as_raw(),
            ptr::null::<libc::siginfo_t>(),
            PIDFD_SIGNAL_PROCESS_GROUP,
        )
    };
    // The group is empty: that is done, too.
    sent == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

#[cfg(not(target_os = "linux"))]
fn open(_pid: Pid) -> Option<OwnedFd> {
    None
}

#[cfg(not(target_os = "linux"))]
fn send_kill(_pidfd: BorrowedFd<'_>) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

#[cfg(not(target_os = "linux"))]
fn signal_group_by(_pidfd: BorrowedFd<'_>, _signal: Signal) -> bool {
    false
}

#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
