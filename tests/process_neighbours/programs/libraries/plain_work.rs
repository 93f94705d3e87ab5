//! A shared library with work in it, which does not use this crate.

#[inline(never)]
pub fn twice(n: u64) -> u64 {
    n * 2
}

/// Where this lies.
pub fn place() -> usize {
    twice as usize
}
