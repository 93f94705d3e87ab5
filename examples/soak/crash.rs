//! Every way to die that safe Rust has.

use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};
use std::{
    hint::black_box,
    os::unix::process::CommandExt,
    panic,
    process::{self, Command},
    thread,
};

/// What panics on purpose begins its message with this.
pub(crate) const ON_PURPOSE: &str = "on purpose";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Crash {
    Signal(i32),
    Exit(i32),
    Abort,
    Overflow,
    NoMemory,
    PanicInPanic,
    PanicInHook,
    PanicThroughC,
    PanicInThreadLocal,
    /// The process becomes another program, which ends.
    AnotherProgram,
    /// The same on another thread, while the task goes on.
    ExitBeside,
    AbortBeside,
    OverflowBeside,
}

/// Signals that end a process which has no handler for them.
const SIGNALS: [i32; 19] = [
    libc::SIGKILL,
    libc::SIGSEGV,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTERM,
    libc::SIGQUIT,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGHUP,
    libc::SIGIO,
];

const OTHERS: [Crash; 14] = [
    Crash::Exit(0),
    Crash::Exit(1),
    Crash::Exit(255),
    Crash::Abort,
    Crash::Overflow,
    Crash::NoMemory,
    Crash::PanicInPanic,
    Crash::PanicInHook,
    Crash::PanicThroughC,
    Crash::PanicInThreadLocal,
    Crash::AnotherProgram,
    Crash::ExitBeside,
    Crash::AbortBeside,
    Crash::OverflowBeside,
];

pub(crate) fn all() -> Vec<Crash> {
    SIGNALS.into_iter().map(Crash::Signal).chain(OTHERS).collect()
}

impl Crash {
    pub(crate) fn happen(self) -> ! {
        match self {
            Self::Signal(signal) => {
                let signal = Signal::from_named_raw(signal).expect("a signal that has a name");
                kill_process(getpid(), signal).expect("a process may signal itself");
                wait_for_the_end()
            }
            Self::Exit(code) => process::exit(code),
            Self::Abort => process::abort(),
            Self::Overflow => {
                black_box(deeper(0));
                unreachable!("a stack without an end")
            }
            Self::NoMemory => {
                black_box(Vec::<u8>::with_capacity(black_box(1 << 62)));
                unreachable!("more memory than there can be")
            }
            Self::PanicInPanic => {
                let _panics = PanicsWhenDropped;
                panic!("{ON_PURPOSE}: the first")
            }
            Self::PanicInHook => {
                panic::set_hook(Box::new(|_| panic!("{ON_PURPOSE}: in the hook")));
                panic!("{ON_PURPOSE}: so that the hook runs")
            }
            Self::PanicThroughC => {
                panics_through_c();
                unreachable!("a panic does not come through C")
            }
            Self::PanicInThreadLocal => beside(panic_with_the_thread),
            Self::AnotherProgram => {
                let error = Command::new("sh").args(["-c", "exit 9"]).exec();
                panic!("no shell: {error}")
            }
            Self::ExitBeside => beside(|| process::exit(4)),
            Self::AbortBeside => beside(|| process::abort()),
            Self::OverflowBeside => beside(|| {
                black_box(deeper(0));
            }),
        }
    }

    /// The signal or the exit code that the parent has to report.
    pub(crate) fn fate(self) -> (Option<i32>, Option<i32>) {
        match self {
            Self::Signal(signal) => (Some(signal), None),
            Self::Exit(code) => (None, Some(code)),
            Self::AnotherProgram => (None, Some(9)),
            Self::ExitBeside => (None, Some(4)),
            Self::Abort
            | Self::Overflow
            | Self::NoMemory
            | Self::PanicInPanic
            | Self::PanicInHook
            | Self::PanicThroughC
            | Self::PanicInThreadLocal
            | Self::AbortBeside => (Some(libc::SIGABRT), None),
            // Of threads that work starts itself, nobody in a worker catches the overflow.
            Self::OverflowBeside => (Some(libc::SIGSEGV), None),
        }
    }
}

fn beside(end: impl FnOnce() + Send + 'static) -> ! {
    let _ = thread::spawn(end).join();
    wait_for_the_end()
}

fn wait_for_the_end() -> ! {
    loop {
        thread::park();
    }
}

fn panic_with_the_thread() {
    thread_local!(static LAST: PanicsWhenDropped = const { PanicsWhenDropped });
    LAST.with(|_| ());
}

fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 512]);
    if depth == u64::MAX {
        0
    } else {
        deeper(depth + 1) + room[7]
    }
}

extern "C" fn panics_through_c() {
    panic!("{ON_PURPOSE}: through C")
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: in a destructor")
    }
}
