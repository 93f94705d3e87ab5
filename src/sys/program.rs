//! Starting an external program, and talking to it without blocking.
//!
//! It leads a process group of its own. It dies when the *thread* that started it does, where the system can do that
//! (Linux): who starts it has to live as long as it. Of what is open here it inherits nothing but what it is given.
#![allow(unsafe_code)]

use super::{
    board::{self, Entry},
    child::{ChildProcess, Group, Reaped},
    poll::poll_readable,
    worker,
};
use rustix::{
    io::Errno,
    process::{self, Pid},
};
use std::{
    io, mem,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
    ptr,
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::Duration,
};

/// How often one looks for the end of a program where the system does not tell of it.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// A started program. Dropped before it was reaped, it is killed with its group, and waited for.
#[derive(Debug)]
pub(crate) struct Program {
    child: Arc<ChildProcess>,
    /// Given up before the program is reaped: from then on its number may come to mean another group.
    entry: Option<Entry>,
    is_reaped: bool,
}

/// This side's ends of the pipes that the program was started with. None of them blocks.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    pub(crate) stderr: Option<OwnedFd>,
}

impl Program {
    /// Starts it, with the standard streams that `command` says.
    pub(crate) fn start(command: &mut Command) -> io::Result<(Self, Pipes)> {
        let entry = Entry::take();
        let place = entry.as_ref().map(Entry::place);
        let parent = std::process::id();
        command.process_group(0);
        // SAFETY: `prepare` runs in the forked child of a process that may have many threads. It makes system calls that
        // are allowed to signal handlers, and writes to memory that is shared with nobody who holds a lock.
        unsafe { command.pre_exec(move || prepare(parent, place)) };
        let mut child = command.spawn()?;
        let pipes = Pipes {
            stdin: child.stdin.take().map(OwnedFd::from),
            stdout: child.stdout.take().map(OwnedFd::from),
            stderr: child.stderr.take().map(OwnedFd::from),
        };
        let program = Self {
            child: Arc::new(ChildProcess::adopt(&child, Group::OutlivesIt)),
            entry,
            is_reaped: false,
        };
        for pipe in [&pipes.stdin, &pipes.stdout, &pipes.stderr].into_iter().flatten() {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        if let Some(stdin) = &pipes.stdin {
            be_quiet(stdin)?;
        }
        Ok((program, pipes))
    }

    /// For who is to kill its group from elsewhere.
    pub(crate) fn child(&self) -> &Arc<ChildProcess> {
        &self.child
    }

    /// Collects the status of a program that has died. What is left of its group goes on.
    pub(crate) fn reap(mut self) -> Reaped {
        self.bury()
    }

    /// Waits for its death.
    fn bury(&mut self) -> Reaped {
        while !self.child.has_died() {
            match self.child.death_fd() {
                Some(death) => {
                    let _ = poll_readable(&[death], &mut Vec::new(), None);
                }
                None => thread::sleep(TICK),
            }
        }
        self.entry = None;
        self.is_reaped = true;
        self.child.try_reap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.child.kill_group();
            self.bury();
        }
    }
}

/// Between fork and exec.
fn prepare(parent: u32, place: Option<&AtomicU64>) -> io::Result<()> {
    // On the board first. If the parent died before this, whoever reads the board may have done so already: then the
    // program sees below that it has no parent. It has no descendants yet.
    if let Some(place) = place {
        board::write_own_group(place);
    }
    let lives = |now: Pid| now.as_raw_nonzero().get().unsigned_abs() == parent;
    if !worker::die_with_parent(parent) || !process::getppid().is_none_or(lives) {
        return Err(Errno::SRCH.into());
    }
    // As from a shell, whatever this process does about them. A program that waits for its own children needs the second.
    worker::set_disposition(libc::SIGPIPE, libc::SIG_DFL, 0);
    worker::set_disposition(libc::SIGCHLD, libc::SIG_DFL, 0);
    let none = signals(None);
    // SAFETY: the set is valid; the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()) };
    Ok(())
}

/// The set of this signal, or the empty one.
fn signals(signal: Option<i32>) -> libc::sigset_t {
    // SAFETY: `sigset_t` is plain data, for which zeros are a value; it is made empty by the call for that, and the
    // signals that this file names exist.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        if let Some(signal) = signal {
            libc::sigaddset(&raw mut set, signal);
        }
        set
    }
}

/// What a look at a pipe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// None now.
    Nothing,
    /// None any more.
    End,
}

/// Reads what is there. A pipe that is broken has ended.
pub(crate) fn read(from: BorrowedFd<'_>, buffer: &mut [u8]) -> Read {
    match rustix::io::retry_on_intr(|| rustix::io::read(from, &mut *buffer)) {
        Ok(0) => Read::End,
        Ok(count) => Read::Bytes(count),
        Err(Errno::AGAIN) => Read::Nothing,
        Err(_) => Read::End,
    }
}

/// Writes what fits, which may be nothing. `None`: nobody will read it. A pipe that nobody reads costs no signal, whatever
/// this process does at `SIGPIPE`.
pub(crate) fn write(to: BorrowedFd<'_>, bytes: &[u8]) -> Option<usize> {
    let write = || rustix::io::retry_on_intr(|| rustix::io::write(to, bytes));
    let written = if cfg!(target_vendor = "apple") || worker::disposition(libc::SIGPIPE) == libc::SIG_IGN {
        write()
    } else {
        without_broken_pipe(write)
    };
    match written {
        Ok(count) => Some(count),
        Err(Errno::AGAIN) => Some(0),
        Err(_) => None,
    }
}

/// Keeps the `SIGPIPE` of a write on this thread, and takes it away.
fn without_broken_pipe(write: impl FnOnce() -> rustix::io::Result<usize>) -> rustix::io::Result<usize> {
    let pipe = signals(Some(libc::SIGPIPE));
    let (mut before, mut pending, mut taken) = (signals(None), signals(None), 0);
    // SAFETY: all sets are valid.
    let was_pending = unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const pipe, &raw mut before);
        libc::sigpending(&raw mut pending);
        libc::sigismember(&raw const pending, libc::SIGPIPE) == 1
    };
    let written = write();
    // SAFETY: all sets are valid. The wait returns at once: the signal is pending. It is sent to the thread that writes.
    unsafe {
        if written == Err(Errno::PIPE) && !was_pending {
            libc::sigpending(&raw mut pending);
            if libc::sigismember(&raw const pending, libc::SIGPIPE) == 1 {
                libc::sigwait(&raw const pipe, &raw mut taken);
            }
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
    }
    written
}

/// A pipe can be told to send no signal.
#[cfg(target_vendor = "apple")]
fn be_quiet(pipe: &OwnedFd) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open; the call takes a number.
    match unsafe { libc::fcntl(pipe.as_fd().as_raw_fd(), libc::F_SETNOSIGPIPE, 1) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// There is no such thing here.
#[cfg(not(target_vendor = "apple"))]
#[allow(clippy::unnecessary_wraps)]
fn be_quiet(pipe: &OwnedFd) -> io::Result<()> {
    let _ = pipe.as_fd();
    Ok(())
}
