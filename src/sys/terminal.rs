//! What a terminal does for the programs in it, where somebody has switched it off: signals by keys.

#[cfg(unix)]
use rustix::{
    process::{Signal, getpgrp, kill_current_process_group},
    termios::tcgetpgrp,
};

/// A key that sends a signal to all processes in the foreground, unless somebody reads keys one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignalKey {
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-\.
    Quit,
    /// Ctrl-Z.
    Suspend,
}

/// Does what the terminal would have done: whoever else runs in the foreground with this process gets the signal as well.
#[cfg(unix)]
pub(crate) fn pass_on(key: SignalKey) {
    let signal = match key {
        SignalKey::Interrupt => Signal::INT,
        SignalKey::Quit => Signal::QUIT,
        SignalKey::Suspend => Signal::TSTP,
    };
    // There is always a group, with at least this process in it, which may signal itself.
    let _ = kill_current_process_group(signal);
}

/// There is no way to send one. Who presses the key again, with the terminal as it was, has it.
#[cfg(not(unix))]
pub(crate) fn pass_on(_key: SignalKey) {}

/// Whether this process may change and read the terminal that stderr is: if not, the system stops those who try.
#[cfg(unix)]
pub(crate) fn is_in_foreground() -> bool {
    tcgetpgrp(std::io::stderr()).is_ok_and(|group| group == getpgrp())
}

#[cfg(not(unix))]
pub(crate) fn is_in_foreground() -> bool {
    true
}
