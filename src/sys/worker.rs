//! What a worker process does to itself at its start: in a constructor, before `main`, with one thread.
#![allow(unsafe_code)]

use super::overflow;
use rustix::{
    fs::{Mode, OFlags},
    process::{self, Resource, Rlimit},
};
use std::{
    ffi::{CStr, c_int},
    io, mem,
    os::fd::{AsRawFd, OwnedFd},
    ptr,
};

/// Words at a stack overflow of the calling thread; see there.
pub(crate) fn report_stack_overflow() {
    overflow::report();
}

/// The channel to the parent came as standard input. It gets a number of its own, which programs started by a task do not
/// inherit; and whoever reads standard input finds it empty.
pub(crate) fn take_over_stdin() -> io::Result<OwnedFd> {
    let channel = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    // SAFETY: fd 0 is the standard input, whose owner is nobody: it may be replaced at any time. `null` is open.
    // The copy has no close-on-exec.
    if unsafe { libc::dup2(null.as_raw_fd(), 0) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(channel)
}

/// From now on the kernel kills this process when the thread that started it ends. False: the parent was gone before
/// that, so nobody would ever come for this process.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_parent(parent: u32) -> bool {
    // Without it (a sandbox) the closed channel still tells of the parent's end.
    let _ = process::set_parent_process_death_signal(Some(process::Signal::KILL));
    // In a pid namespace of its own a process can not see its parent, and reads 0.
    process::getppid().is_none_or(|now| now.as_raw_nonzero().get().unsigned_abs() == parent)
}

/// There is no such thing here; the closed channel tells of the parent's end.
#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_parent(_parent: u32) -> bool {
    true
}

/// Ctrl-C goes to all processes of the terminal. What it means for the work is the parent's decision.
///
/// A handler that does nothing, not `SIG_IGN`: exec resets handlers, so a program that a task starts can be
/// interrupted as usual. If interrupts were ignored already, they stay so for these programs, too.
pub(crate) fn ignore_interrupt() {
    ignore(libc::SIGINT);
}

/// The same for the signal that asks a process to end, where somebody else is asked as well and sees to it.
#[cfg(feature = "cluster")]
pub(crate) fn ignore_termination() {
    ignore(libc::SIGTERM);
}

fn ignore(signal: c_int) {
    extern "C" fn nothing(_signal: c_int) {}
    if disposition(signal) == libc::SIG_DFL {
        let handler = nothing as extern "C" fn(c_int) as usize;
        set_disposition(signal, handler, libc::SA_RESTART);
    }
}

/// As `std` does before `main`: a write to a closed pipe is an error, not the end of the process.
pub(crate) fn ignore_broken_pipe() {
    set_disposition(libc::SIGPIPE, libc::SIG_IGN, 0);
}

/// What the process does at a signal: `SIG_DFL`, `SIG_IGN` or a handler.
pub(super) fn disposition(signal: c_int) -> usize {
    // SAFETY: `sigaction` is plain data, for which zeros are a value.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: nothing is set; the old value goes to a valid place.
    unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    action.sa_sigaction
}

/// `handler` is `SIG_DFL`, `SIG_IGN`, or an `extern "C"` function of the kind that `flags` says, which does nothing but
/// what a signal handler may. Only this folder calls it, with such functions.
pub(super) fn set_disposition(signal: c_int, handler: usize, flags: c_int) {
    // SAFETY: as above; the mask is then made by the call for it.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: both places are valid; the handler is one, as this function asks of its callers.
    unsafe {
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

/// The name that `ps` and `top` show for the calling thread; on the first thread, for the process. 15 bytes are shown.
#[cfg(target_os = "linux")]
pub(crate) fn name_process(name: &str) {
    let mut bytes: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(15).collect();
    bytes.push(0);
    if let Ok(name) = CStr::from_bytes_with_nul(&bytes) {
        let _ = rustix::thread::set_name(name);
    }
}

/// The name of a process can not be changed here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn name_process(_name: &str) {}

/// Bytes of physical memory that the process uses now.
#[cfg(target_os = "linux")]
pub(crate) fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: no conditions.
    let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.checked_mul(u64::try_from(page_size).ok()?)
}

/// Bytes of physical memory that the process used at most so far: there is no plain way to ask for those of now.
#[cfg(not(target_os = "linux"))]
pub(crate) fn resident_bytes() -> Option<u64> {
    // SAFETY: `rusage` is plain data, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: the place is valid.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    // macOS counts bytes, the others KiB.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    (result == 0).then(|| u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(unit))
}

/// From now on the address space is at most `bytes` large: an allocation beyond fails. A stricter limit that is there
/// already stays.
pub(crate) fn limit_memory(bytes: u64) -> io::Result<()> {
    let allowed = process::getrlimit(Resource::As)
        .maximum
        .map_or(bytes, |maximum| maximum.min(bytes));
    Ok(process::setrlimit(
        Resource::As,
        Rlimit {
            current: Some(allowed),
            maximum: Some(allowed),
        },
    )?)
}

/// An environment variable. What is not UTF-8 in it is replaced: it is there all the same.
pub(crate) fn variable(name: &str) -> Option<String> {
    Some(std::env::var_os(name)?.to_string_lossy().into_owned())
}

/// Removes an environment variable, so that programs started by a task do not take themselves for workers.
///
/// # Safety
///
/// No other thread may run: another one could read the environment at that time, in C even without a lock.
pub(crate) unsafe fn remove_variable(name: &CStr) {
    // SAFETY: the name ends with a zero; nobody else uses the environment, by this function's own condition.
    unsafe { libc::unsetenv(name.as_ptr()) };
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
