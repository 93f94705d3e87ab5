//! How much memory something takes.

use std::fs;

/// Calls `work`, and says by how many bytes the memory of this process that is in use (not swapped out, not only
/// reserved) grew meanwhile, at its peak. Only Linux tells.
pub(crate) fn peak<R>(work: impl FnOnce() -> R) -> (R, Option<u64>) {
    // Forgets the peak until now. Where that is not permitted, a process that has just started has no high one.
    _ = fs::write("/proc/self/clear_refs", "5");
    let before = status("VmRSS:");
    let result = work();
    let peak = status("VmHWM:");
    let growth = || Some(peak?.saturating_sub(before?));
    (result, growth())
}

/// A line such as `VmRSS: 1234 kB`.
fn status(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
