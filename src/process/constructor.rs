//! How a worker starts without a word in the program's `main`: a constructor, which the loader runs before it.
#![allow(unsafe_code)]

use super::child;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether this process would have noticed that it is a worker. If not, a worker would run `main` a second time.
static CHECKED: AtomicBool = AtomicBool::new(false);

/// Makes this process a worker if it was started as one; else does nothing.
///
/// Programs need not call this: the crate does, before `main`. It is for builds in which that is switched off
/// (`--cfg concurrent_futures_no_constructor`) and for platforms that drop constructors. Then it has to be the first
/// statement of `main`: what stands before it runs once more in every worker. It does not return in a worker.
///
/// # Examples
///
/// ```
/// concurrent_futures::init(); // in `main`, before anything else
/// ```
pub fn init() {
    CHECKED.store(true, Relaxed);
    child::serve_if_marked(|| ());
}

pub(super) fn is_in_place() -> bool {
    #[cfg(not(concurrent_futures_no_constructor))]
    std::hint::black_box(&raw const elf::CONSTRUCTOR);
    CHECKED.load(Relaxed)
}

#[cfg(not(concurrent_futures_no_constructor))]
mod elf {
    use super::{CHECKED, Relaxed, child};
    use crate::sys::constructors::{Constructor, run_later};
    use std::ffi::{c_char, c_int};

    // SAFETY: entries of this section are pointers to functions of this type, which the loader calls once each before
    // `main`.
    #[used]
    #[cfg_attr(
        not(any(target_os = "macos", target_os = "ios")),
        unsafe(link_section = ".init_array")
    )]
    #[cfg_attr(
        any(target_os = "macos", target_os = "ios"),
        unsafe(link_section = "__DATA,__mod_init_func")
    )]
    pub(super) static CONSTRUCTOR: Constructor = constructed;

    extern "C" fn constructed(
        count: c_int,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) {
        CHECKED.store(true, Relaxed);
        if child::is_marked() {
            // SAFETY: this is the constructor in that slot, called by the loader with these arguments, and it does not
            // return: so no later constructor runs twice.
            child::serve_if_marked(|| unsafe {
                run_later(&raw const CONSTRUCTOR, count, arguments, environment);
            });
        }
    }
}
