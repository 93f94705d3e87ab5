//! A place for one value whose accesses are kept apart by the task's state machine, not by a lock.
//!
//! A lock here would never be contended and cost two atomic operations for each of the three accesses that
//! every task makes. This is one of the few modules with `unsafe`; the loom models in `models.rs` check it.
#![allow(unsafe_code)]

use crate::sync::UnsafeCell;

/// Holds a value that one party at a time may touch. Which one is decided by [`State`](super::state::State).
pub(crate) struct Slot<T>(UnsafeCell<Option<T>>);

// SAFETY: a shared `Slot` gives access to its value only through the unsafe methods below, whose callers
// promise that accesses do not overlap; what then moves between threads is a `T`, which is `Send`. A `&T` is
// only given out by `with_ref`, whose callers promise that no other thread looks at the same time, so that
// `T: Sync` is not needed.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    pub(crate) fn new(value: Option<T>) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Takes the value out.
    ///
    /// # Safety
    ///
    /// No other access to this slot may overlap with this call, and the last one must happen before it.
    pub(crate) unsafe fn take(&self) -> Option<T> {
        // SAFETY: the pointer is valid for the life of `self`; that nobody else uses it now is the caller's
        // promise.
        self.0.with_mut(|value| unsafe { (*value).take() })
    }

    /// Puts a value in, dropping what was there.
    ///
    /// # Safety
    ///
    /// As for [`take`](Self::take).
    pub(crate) unsafe fn put(&self, new: T) {
        // SAFETY: as in `take`.
        self.0.with_mut(|value| unsafe { *value = Some(new) });
    }

    /// Shows the value.
    ///
    /// # Safety
    ///
    /// As for [`take`](Self::take), for as long as `f` runs.
    pub(crate) unsafe fn with_ref<R>(&self, f: impl FnOnce(Option<&T>) -> R) -> R {
        // SAFETY: as in `take`; the reference does not outlive `f`.
        self.0.with(|value| f(unsafe { (*value).as_ref() }))
    }
}
