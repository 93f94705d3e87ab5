//! One message of more than a gigabyte, there and back.

use super::scaled;
use crate::{
    random::Random,
    tally::{Tally, free_memory},
    watch,
};
use concurrent_futures::{Executor, ProcessPool, Shutdown};
use std::{path::Path, thread, time::Duration};

const BYTES: usize = 1_100_000_000;

/// In this process and in the worker, with something to spare.
const TIMES_IN_MEMORY: u64 = 5;

pub(crate) fn run(scale: f64, _random: Random, _folder: &Path, tally: &mut Tally) {
    let bytes = scaled(BYTES, scale.min(1.0));
    if free_memory().is_some_and(|free| free < TIMES_IN_MEMORY * bytes as u64) {
        tally.note(format!(
            "no message of {bytes} bytes: there is too little memory for it"
        ));
        return;
    }
    let pool = ProcessPool::with_workers(1);
    watch::show_all(&pool);
    tally.add("executors started", 1);
    let message: Vec<u8> = (0..bytes).map(byte).collect();
    let mut future = pool.submit(change, message);
    // It takes seconds: as long as the time goes on it is waited for, up to the limit of the watchdog for each look.
    let mut looks = 0;
    let changed = loop {
        if let Some(outcome) = future.result_timeout(Duration::from_secs(5)) {
            break outcome.expect("a message");
        }
        looks += 1;
        assert!(
            looks < 60,
            "a message of {bytes} bytes is under way for five minutes"
        );
        watch::step();
        thread::yield_now();
    };
    assert_eq!(changed.len(), bytes);
    assert!(
        changed
            .iter()
            .enumerate()
            .all(|(place, value)| *value == !byte(place))
    );
    pool.shutdown(Shutdown::Finish);
    assert_eq!(pool.stats().succeeded, 1);
    tally.add("tasks", 1);
    tally.most("bytes of a message", bytes as u64);
}

/// No two pieces of a message are alike.
fn byte(place: usize) -> u8 {
    (place % 251).to_le_bytes()[0] ^ (place / 4096).to_le_bytes()[0]
}

fn change(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
    bytes
}
