//! The start of a worker in programs that do without constructors.

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
    crate::process::init();
    #[cfg(all(feature = "cluster", unix))]
    crate::cluster::init();
}
