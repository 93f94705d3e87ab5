//! How a worker of a cluster starts without a word in the program's `main`: as one of a process pool does, which goes first if
//! both are asked for.
#![allow(unsafe_code)]

use super::worker::{self, Settings};
use crate::{process, sys, timeline};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether this process would have noticed that it is a worker. If not, one that is started as a worker would run `main`.
static CHECKED: AtomicBool = AtomicBool::new(false);

fn note_checked() {
    CHECKED.store(true, Relaxed);
}

/// Makes this process a worker if it was started as one; else does nothing. For who is not started by the loader.
pub(crate) fn init() {
    note_checked();
    serve_if_marked(|| ());
}

/// Whether other processes of this executable notice that they are workers. That it is asked keeps the constructor in the
/// executable.
pub(in crate::cluster) fn is_in_place() -> bool {
    #[cfg(not(concurrent_futures_no_constructor))]
    std::hint::black_box(&raw const before_main::CONSTRUCTOR);
    CHECKED.load(Relaxed)
}

fn is_marked() -> bool {
    std::env::var_os(Settings::ADDRESS).is_some() && !process::is_marked()
}

/// The whole life of a worker. Does nothing if this process is none.
fn serve_if_marked(before_work: impl FnOnce()) {
    if !is_marked() {
        return;
    }
    let settings = Settings::of_environment();
    for variable in Settings::OF_THE_WORKER.into_iter().chain([timeline::VARIABLE_C]) {
        // SAFETY: this runs before `main` or as its first statement, before the program has started a thread.
        unsafe { sys::worker::remove_variable(variable) };
    }
    sys::worker::ignore_broken_pipe();
    // The pool's own constructor may come later than this one, or nobody calls it any more.
    process::init();
    before_work();
    worker::run(settings)
}

crate::sys::constructors::before_main! {
    seen: super::note_checked,
    is_marked: super::is_marked,
    serve: super::serve_if_marked
}
