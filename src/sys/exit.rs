//! What is to be done when the program ends by itself.
#![allow(unsafe_code)]

/// Calls `last` when the program returns from `main` or calls `exit`: in this process, and not in one that was forked off. It
/// may run while other threads do. A panic in it aborts.
#[cfg(unix)]
pub(crate) fn at_exit(last: fn()) {
    use std::sync::OnceLock;
    static LAST: OnceLock<(u32, fn())> = OnceLock::new();
    extern "C" fn run() {
        if let Some((process, last)) = LAST.get()
            && *process == std::process::id()
        {
            last();
        }
    }
    if LAST.set((std::process::id(), last)).is_ok() {
        // SAFETY: `run` has the right signature, is part of the program until it ends, and touches nothing that a destructor of
        // the program may have ended: a static without a destructor. If the system has no room for it, it does not run.
        unsafe { libc::atexit(run) };
    }
}

/// Nothing: there is no way that holds on every system.
#[cfg(not(unix))]
pub(crate) fn at_exit(_last: fn()) {}
