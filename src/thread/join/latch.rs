//! How the owner of a half learns that it has ended elsewhere.
#![allow(unsafe_code)]

use crate::sync::{
    UnsafeCell,
    atomic::{
        AtomicU8,
        Ordering::{AcqRel, Acquire, Release},
    },
};
use std::task::Waker;

const SHUT: u8 = 0;
/// Shut, and the owner has left its waker.
const AWAITED: u8 = 1;
const OPEN: u8 = 2;

/// Lies in the owner's frame, which may be gone as soon as the latch is open. There is one owner, and one other thread that opens.
pub(super) struct Latch {
    state: AtomicU8,
    pub(super) waker: UnsafeCell<Option<Waker>>,
}

impl Latch {
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU8::new(SHUT),
            waker: UnsafeCell::new(None),
        }
    }

    /// What the other thread did before it opened the latch is seen by who reads `true`.
    pub(super) fn is_open(&self) -> bool {
        self.state.load(Acquire) == OPEN
    }

    /// The owner wants to be woken. False if the latch is open.
    ///
    /// # Safety
    ///
    /// Called by the owner, and once.
    pub(super) unsafe fn wake_with(&self, waker: Waker) -> bool {
        // SAFETY: the other thread looks into the cell only after it has read `AWAITED`, which is written below, by this
        // thread, which does this once.
        self.waker.with_mut(|slot| unsafe { *slot = Some(waker) });
        self.state
            .compare_exchange(SHUT, AWAITED, Release, Acquire)
            .is_ok()
    }

    /// Opens the latch. What it lies in may be gone when this returns.
    ///
    /// # Safety
    ///
    /// Called once, by a thread that is not the owner's or while the owner does not leave, on a latch that is there until it is open.
    pub(super) unsafe fn open(latch: *const Self) {
        // SAFETY: the latch is there until one of the two stores below has been made, says the caller; each of these
        // expressions ends with its access.
        let state = unsafe { &(*latch).state };
        if state.compare_exchange(SHUT, OPEN, AcqRel, Acquire).is_ok() {
            return;
        }
        // SAFETY: as above: the latch is still shut. The state is `AWAITED`, so the waker was put there before, and the owner
        // does not touch it until the latch is open. It is copied, for the original goes with the frame.
        let waker = unsafe { (*latch).waker.with(|slot| (*slot).clone()) };
        // SAFETY: as above; the last access.
        unsafe { (*latch).state.store(OPEN, Release) };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
