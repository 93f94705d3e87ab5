//! The stack of a thread: how large it will be, and how much of it is used.

/// std's default for threads, and the value used where `RUST_MIN_STACK` says nothing.
const DEFAULT_SIZE: usize = 2 * 1024 * 1024;

/// What std would give a thread, in bytes. It is needed as a number (how much of the stack is left?), and std does not
/// tell.
pub(crate) fn default_size() -> usize {
    std::env::var("RUST_MIN_STACK")
        .ok()
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or(DEFAULT_SIZE)
}

/// Where the calling thread's stack has got to: the address of a local variable.
#[inline(never)]
pub(crate) fn pointer() -> usize {
    let local = 0_u8;
    std::hint::black_box(&raw const local) as usize
}
