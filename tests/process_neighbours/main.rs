//! What worker processes share with everything around them: the terminal, descriptors, standard input and output, the
//! environment, the program's own start; and what is left of them at the end, which is nothing.
//!
//! Work runs in this test program where it can. What concerns a whole program, its `main`, its signals or its death,
//! runs in the programs below `programs/`, which [`cases`] builds as a user's cargo would.
#![cfg(unix)]
// Much of this can be seen in `/proc` only.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod cases;
mod ceremony;
mod constructors;
mod depth;
mod descriptors;
mod endings;
mod libraries;
mod sandbox;
mod streams;
mod system;
mod terminal;
mod trees;

use concurrent_futures::conformance::checkpoint;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Runs a test body and fails if it hangs. The time that the first build of the programs takes does not count.
fn within<R: Send + 'static>(seconds: u64, body: impl FnOnce() -> R + Send + 'static) -> R {
    cases::parent();
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
