//! What is to be done when the program ends by itself.
#![allow(unsafe_code)]

/// Calls `last` when the program returns from `main` or calls `exit`: in this process, and not in one that was forked off. It
/// may run while other threads do. A panic in it aborts. There are two places in the crate that may call this, once each.
#[cfg(unix)]
pub(crate) fn at_exit(last: fn()) {
    use std::sync::{Once, OnceLock};
    /// The process that wants it, and what.
    type Last = OnceLock<(u32, fn())>;
    static LAST: [Last; 2] = [OnceLock::new(), OnceLock::new()];
    static REGISTERED: Once = Once::new();
    extern "C" fn run() {
        for (process, last) in LAST.iter().filter_map(OnceLock::get) {
            if *process == std::process::id() {
                last();
            }
        }
    }
    let has_place = LAST
        .iter()
        .any(|place| place.set((std::process::id(), last)).is_ok());
    debug_assert!(
        has_place,
        "more want to do something at the end than there are places"
    );
    REGISTERED.call_once(|| {
        // SAFETY: `run` has the right signature, is part of the program until it ends, and touches nothing that a destructor of
        // the program may have ended: a static without a destructor. If the system has no room for it, it does not run.
        unsafe { libc::atexit(run) };
    });
}

/// Nothing: there is no way that holds on every system.
#[cfg(not(unix))]
pub(crate) fn at_exit(_last: fn()) {}
