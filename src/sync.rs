//! The one place that names lock and atomic primitives.
//!
//! Everything else takes them from here, so that a model checker can put its own in their place
//! (`RUSTFLAGS="--cfg concurrent_futures_loom"`) and so that the crate has one lock API.

pub(crate) use std::sync::Arc;

/// For statics, which outlive a model and which a model checker therefore cannot see.
pub(crate) mod global {
    pub(crate) use parking_lot::{Condvar, Mutex, RwLock};
    pub(crate) use std::sync::atomic;
}

#[cfg(not(concurrent_futures_loom))]
mod imp {
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::atomic;

    /// `std::cell::UnsafeCell` with the two accessors through which a model checker sees each access.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(concurrent_futures_loom)]
mod imp {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic;

    /// Loom's mutex with `parking_lot`'s signatures.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// Threads do not park in models: what is checked there is who is told, not how a thread sleeps.
    #[derive(Debug, Default)]
    pub(crate) struct Condvar;

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn wait<T>(&self, _: &mut MutexGuard<'_, T>) {
            unreachable!("a model parks a thread");
        }

        pub(crate) fn wait_until<T>(&self, _: &mut MutexGuard<'_, T>, _: std::time::Instant) -> TimedOut {
            unreachable!("a model parks a thread");
        }

        pub(crate) fn notify_one(&self) {}

        pub(crate) fn notify_all(&self) {}
    }

    pub(crate) struct TimedOut;

    impl TimedOut {
        pub(crate) fn timed_out(&self) -> bool {
            true
        }
    }
}

pub(crate) use imp::*;
