//! The one place that names lock and atomic primitives.
//!
//! Everything else takes them from here, so that a model checker can put its own in their place
//! (`RUSTFLAGS="--cfg concurrent_futures_loom"`, and `concurrent_futures_shuttle` for whole pools) and so that the crate has one
//! lock API.

pub(crate) use std::sync::Arc;

/// For statics, which outlive a model and which a model checker therefore cannot see.
pub(crate) mod global {
    pub(crate) use parking_lot::{Condvar, Mutex, RwLock};
    pub(crate) use std::sync::atomic;
}

#[cfg(not(any(concurrent_futures_loom, concurrent_futures_shuttle)))]
mod imp {
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::atomic;
}

#[cfg(not(concurrent_futures_shuttle))]
mod threads {
    pub(crate) use std::{hint, thread, thread_local};
}

/// In a scenario, what std takes for one thread are many.
#[cfg(concurrent_futures_shuttle)]
mod threads {
    pub(crate) use shuttle::{hint, thread, thread_local};
}

#[cfg(not(concurrent_futures_loom))]
mod cell {
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
mod cell {
    pub(crate) use loom::cell::UnsafeCell;
}

#[cfg(any(concurrent_futures_loom, concurrent_futures_shuttle))]
mod imp {
    #[cfg(concurrent_futures_loom)]
    use loom as checker;
    #[cfg(concurrent_futures_shuttle)]
    use shuttle as checker;

    pub(crate) use checker::sync::atomic;
    use std::ops::{Deref, DerefMut};

    /// The checker's mutex with `parking_lot`'s signatures.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

    /// `None` only while a [`Condvar`] has it.
    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T>(Option<checker::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(checker::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap()))
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }

    /// The checker's condition variable. There is no time in a model: a wait with a limit waits as long as it takes.
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(checker::sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let held = guard.0.take().unwrap();
            guard.0 = Some(self.0.wait(held).unwrap());
        }

        pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: std::time::Instant) -> TimedOut {
            self.wait(guard);
            TimedOut
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    pub(crate) struct TimedOut;

    impl TimedOut {
        pub(crate) fn timed_out(&self) -> bool {
            false
        }
    }
}

pub(crate) use cell::*;
pub(crate) use imp::*;
pub(crate) use threads::*;
