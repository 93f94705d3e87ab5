//! Looking at processes from outside: `/proc`, where there is one.
#![allow(unsafe_code)]

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// A variable by which the processes of one test are known.
pub(crate) const MARK: &str = "NEIGHBOURS_MARK";

/// Looks again and again, for what nobody reports.
pub(crate) fn until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < limit, "not after {limit:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Far more than anything takes that is only waited for.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The program gets no descriptors but the first three, and ends with the thread that starts it, should its test hang.
pub(crate) fn seclude(command: &mut Command) {
    #[cfg(target_os = "linux")]
    let seclude = || {
        const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
        // SAFETY: the arguments are those of the calls, which touch no memory.
        unsafe {
            libc::syscall(libc::SYS_close_range, 3, u32::MAX, CLOSE_RANGE_CLOEXEC);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        Ok(())
    };
    #[cfg(not(target_os = "linux"))]
    let seclude = || Ok(());
    // SAFETY: two system calls, which may be made between fork and exec.
    unsafe { command.pre_exec(seclude) };
}

pub(crate) fn send(pid: i32, signal: i32) {
    // SAFETY: no conditions.
    unsafe { libc::kill(pid, signal) };
}

/// Whether a process of this number exists and is not a zombie.
pub(crate) fn lives(pid: u32) -> bool {
    state(pid).is_some_and(|state| !"ZX".contains(state))
}

/// `R`, `S`, `T`, `Z`..., as `ps` shows it.
pub(crate) fn state(pid: u32) -> Option<char> {
    field(pid, 0)?.chars().next()
}

pub(crate) fn group(pid: u32) -> Option<u32> {
    field(pid, 2)?.parse().ok()
}

/// A word of `/proc/<pid>/stat` behind the name: state, parent, group...
fn field(pid: u32, at: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(at).map(str::to_owned)
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The processes that have this mark in their environment.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let entry = format!("{MARK}={mark}\0");
    let is_marked = |pid: u32| {
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|all| all.windows(entry.len()).any(|window| window == entry.as_bytes()))
    };
    all().filter(|&pid| is_marked(pid) && lives(pid)).collect()
}

/// The processes that run this file.
pub(crate) fn running(program: &Path) -> Vec<u32> {
    let runs = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
    all().filter(|&pid| runs(pid) && lives(pid)).collect()
}

/// The processes of a group.
pub(crate) fn in_group(leader: u32) -> Vec<u32> {
    all()
        .filter(|&pid| group(pid) == Some(leader) && lives(pid))
        .collect()
}

/// Ends what is left of a test when it is dropped.
pub(crate) struct CleanUp<'a>(pub(crate) &'a str);

impl Drop for CleanUp<'_> {
    fn drop(&mut self) {
        clean_up(self.0);
    }
}

/// Ends what is left of a test.
pub(crate) fn clean_up(mark: &str) {
    for pid in marked(mark) {
        if pid != std::process::id() {
            send(pid.cast_signed(), libc::SIGKILL);
        }
    }
}

/// Descriptors of a process, with what they lead to, sorted.
pub(crate) fn descriptors(pid: u32) -> Vec<(u32, String)> {
    let mut found: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let target = fs::read_link(&path).ok()?;
            let number = path.file_name()?.to_str()?.parse().ok()?;
            Some((number, target.to_str()?.to_owned()))
        })
        .collect();
    found.sort_unstable();
    found
}
