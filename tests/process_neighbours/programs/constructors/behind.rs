//! A crate that knows nothing of the pool. The program names it first, so it is linked last.

registry::register!("behind");

pub fn named() {}
