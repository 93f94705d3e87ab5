//! `ThreadPool::join`: two closures, perhaps at the same time.
//!
//! The halves meet each other and the test at channels; every test runs under the watchdog of the conformance suite.

mod callers;
mod ends;
mod panics;
mod results;
mod seats;

use concurrent_futures::{
    ThreadPool,
    conformance::watchdog::{watched, within},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

/// Runs `body` on pools of one, two and eight workers.
fn on_pools(body: impl Fn(&ThreadPool) + Send + 'static) {
    within(move || {
        for workers in [1, 2, 8] {
            // Deep recursion in a build without optimization.
            let pool = ThreadPool::builder()
                .workers(workers)
                .stack_size(256 << 20)
                .build();
            body(&watched(pool.unwrap()));
        }
    });
}

fn fib(pool: &ThreadPool, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (one, two) = pool.join(|| fib(pool, n - 1), || fib(pool, n - 2));
    one + two
}

/// An event: told once, waited for by one.
fn event() -> (mpsc::Sender<()>, mpsc::Receiver<()>) {
    mpsc::channel()
}

/// Waits for what another half tells. The watchdog tells if it does not.
fn heard(event: &mpsc::Receiver<()>) {
    event
        .recv_timeout(Duration::from_secs(50))
        .expect("the other half tells");
}

/// Counts how often it, or a value that was made of it, is dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }

    fn value(&self) -> Dropped {
        Dropped(self.clone())
    }
}

struct Dropped(Drops);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}
