//! What must simply work: queues of millions, pools dropped from inside, a hundred thousand nested waits.
//!
//! Sizes are what the crate promises; `CONCURRENT_FUTURES_SMALL=1` divides the largest by ten.

mod callbacks;
mod ending;
mod foreign_code;
mod volume;
mod waiting;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Runs a test body and fails if it hangs.
fn within<R: Send + 'static>(seconds: u64, body: impl FnOnce() -> R + Send + 'static) -> R {
    let (tx, rx) = mpsc::channel();
    let body = thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(body));
        let _ = tx.send(());
        outcome
    });
    assert!(rx.recv_timeout(Duration::from_secs(seconds)).is_ok(), "hangs");
    body.join()
        .unwrap()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn scaled(n: usize) -> usize {
    if std::env::var_os("CONCURRENT_FUTURES_SMALL").is_some() {
        n / 10
    } else {
        n
    }
}
