//! Many random inputs for what reads bytes that others have written.
//!
//! `CONCURRENT_FUTURES_FUZZ` says how many inputs each test whose name has `fuzz` in it tries, and
//! `CONCURRENT_FUTURES_FUZZ_SEED` where the first of them comes from. An input follows from its seed alone; who fails
//! says which it was.

mod bytes;
pub(crate) mod memory;

pub(crate) use bytes::Random;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

const INPUTS: &str = "CONCURRENT_FUTURES_FUZZ";
const SEED: &str = "CONCURRENT_FUTURES_FUZZ_SEED";

/// Seconds of a debug build.
const FEW: u64 = 20_000;

/// Far more than an input takes on a busy machine: one that takes longer has no end.
const LIMIT: Duration = Duration::from_secs(60);

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {value}"))
    })
}

/// Says which input it was that did not pass.
struct Culprit(u64);

impl Drop for Culprit {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("this input alone: {INPUTS}=1 {SEED}={}", self.0);
        }
    }
}

/// Tries `test` with one input after another; fails as well if one has no end.
pub(crate) fn fuzz(mut test: impl FnMut(&mut Random)) {
    let (inputs, first) = (number(INPUTS, FEW), number(SEED, 1));
    let current = Arc::new(AtomicU64::new(first));
    let (_ended, end) = mpsc::channel::<()>();
    let seen = current.clone();
    thread::spawn(move || {
        let mut last = None;
        while end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            let now = seen.load(Relaxed);
            if last.replace(now) == Some(now) {
                eprintln!("this input has no end: {INPUTS}=1 {SEED}={now}");
                std::process::abort();
            }
        }
    });
    for seed in (0..inputs).map(|number| first.wrapping_add(number)) {
        current.store(seed, Relaxed);
        let culprit = Culprit(seed);
        test(&mut Random::of(seed));
        drop(culprit);
    }
}
