//! In a build without the feature `tracing`, what workers log is their own affair.

use crate::running::TaskSpan;
use std::os::fd::{BorrowedFd, OwnedFd};

pub(super) struct Key;

impl Key {
    pub(super) const NONE: Self = Self;
}

pub(super) fn write_end() -> Option<BorrowedFd<'static>> {
    None
}

#[inline]
pub(super) fn word_for(_: &TaskSpan) -> (u64, Key) {
    (0, Key)
}

pub(super) fn flush() {}

pub(super) fn install(_: OwnedFd) {}

#[inline]
pub(super) fn span_of(_: u64) -> TaskSpan {
    TaskSpan::NONE
}
