//! A memory barrier whose price one side pays for both.
//!
//! Two threads that each write and then look at what the other wrote need a full barrier between the two, on either side, or
//! both may see the past. Where one side does that for every task and the other only before it sleeps, the system can make
//! all threads of the program pass a barrier at once for the second one (`membarrier`, Linux 4.14): then the first needs
//! none. Elsewhere both have a barrier of their own.
#![allow(unsafe_code)]

use crate::sync::atomic::fence;
use std::sync::atomic::{
    Ordering::{Relaxed, SeqCst},
    compiler_fence,
};

/// The barrier of the side that passes often. Pairs with [`heavy`]: of two threads of which one writes, passes `light` and
/// reads, and the other writes, passes `heavy` and reads, at least one reads what the other wrote.
#[inline]
pub(crate) fn light() {
    if imp::MODE.load(Relaxed) == imp::SHARED {
        // Keeps the compiler from moving the read up; the processor is stopped by the other side.
        compiler_fence(SeqCst);
    } else {
        fence(SeqCst);
    }
}

/// The barrier of the side that passes rarely: up to some microseconds.
pub(crate) fn heavy() {
    fence(SeqCst);
    // Another thread may know already what the system has, and count on this one.
    imp::prepare();
    imp::all_threads();
}

/// Finds out, once per program, what the system has; until then each side has a barrier of its own.
pub(crate) fn prepare() {
    imp::prepare();
}

#[cfg(all(
    target_os = "linux",
    not(miri),
    not(any(concurrent_futures_loom, concurrent_futures_shuttle))
))]
mod imp {
    use super::{Relaxed, SeqCst};
    use std::{
        sync::{Once, atomic::AtomicU8},
        thread,
        time::Duration,
    };

    /// Each side has a barrier of its own.
    const OWN: u8 = 0;
    /// The rare side makes all threads pass one.
    pub(super) const SHARED: u8 = 1;

    pub(super) static MODE: AtomicU8 = AtomicU8::new(OWN);

    pub(super) fn prepare() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            if membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
                && membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
            {
                MODE.store(SHARED, SeqCst);
            }
        });
    }

    pub(super) fn all_threads() {
        if MODE.load(Relaxed) == SHARED && !membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
            // A filter of system calls that the program has set up since. From now on each side has its own; what threads have
            // written without one by now is in memory long before this one goes on.
            MODE.store(OWN, SeqCst);
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes three numbers and touches no memory of the program.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }
}

#[cfg(not(all(
    target_os = "linux",
    not(miri),
    not(any(concurrent_futures_loom, concurrent_futures_shuttle))
)))]
mod imp {
    use std::sync::atomic::AtomicU8;

    pub(super) const SHARED: u8 = 1;
    pub(super) static MODE: AtomicU8 = AtomicU8::new(0);
    pub(super) fn prepare() {}
    pub(super) fn all_threads() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Release},
        thread,
    };

    /// Without the barriers, some of a hundred thousand rounds fail on most machines.
    #[test]
    fn one_of_two_who_write_and_then_read_sees_the_other() {
        const ROUNDS: u32 = 20_000;
        static OFTEN: AtomicU32 = AtomicU32::new(0);
        static RARELY: AtomicU32 = AtomicU32::new(0);
        static BEGUN: AtomicU32 = AtomicU32::new(0);
        static ENDED: AtomicU32 = AtomicU32::new(0);
        static SEEN: AtomicU32 = AtomicU32::new(0);
        let wait_for = |counter: &AtomicU32, round| {
            while counter.load(Acquire) < round {
                thread::yield_now();
            }
        };
        prepare();
        let often = thread::spawn(move || {
            for round in 1..=ROUNDS {
                wait_for(&BEGUN, round);
                OFTEN.store(round, Relaxed);
                light();
                SEEN.store(RARELY.load(Relaxed), Relaxed);
                ENDED.store(round, Release);
            }
        });
        for round in 1..=ROUNDS {
            BEGUN.store(round, Release);
            (0..round % 32).for_each(|_| std::hint::spin_loop());
            RARELY.store(round, Relaxed);
            heavy();
            let seen = OFTEN.load(Relaxed);
            wait_for(&ENDED, round);
            assert!(seen == round || SEEN.load(Relaxed) == round, "round {round}");
        }
        often.join().unwrap();
    }
}
