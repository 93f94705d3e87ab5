//! How a worker starts without a word in the program's `main`: a constructor, which the loader runs before it.
#![allow(unsafe_code)]

use super::child;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether this process would have noticed that it is a worker. If not, a worker would run `main` a second time.
static CHECKED: AtomicBool = AtomicBool::new(false);

fn note_checked() {
    CHECKED.store(true, Relaxed);
}

/// Makes this process a worker if it was started as one; else does nothing. For who is not started by the loader.
pub(crate) fn init() {
    note_checked();
    child::serve_if_marked(|| ());
}

/// Whether this process is a worker of a pool.
#[cfg(feature = "cluster")]
pub(crate) fn is_marked() -> bool {
    child::is_marked()
}

pub(super) fn is_in_place() -> bool {
    #[cfg(not(concurrent_futures_no_constructor))]
    std::hint::black_box(&raw const before_main::CONSTRUCTOR);
    CHECKED.load(Relaxed)
}

crate::sys::constructors::before_main! {
    seen: super::note_checked,
    is_marked: super::child::is_marked,
    serve: super::child::serve_if_marked
}
