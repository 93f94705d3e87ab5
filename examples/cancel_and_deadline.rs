//! Three ways to stop early: cancel a task, give it a deadline, or only stop waiting for it.

use concurrent_futures::{TaskError, ThreadPool, cancel_requested};
use std::{thread, time::Duration};

/// Long work looks now and then whether anybody still wants it: a thread cannot be stopped from outside.
fn count_until_asked_to_stop() -> u64 {
    let mut rounds = 0;
    while !cancel_requested() {
        thread::sleep(Duration::from_millis(1));
        rounds += 1;
    }
    rounds
}

fn main() {
    let pool = ThreadPool::with_workers(1);

    // Cancelling is exact: `true` means that the task will never run...
    let running = pool.spawn(count_until_asked_to_stop);
    while !running.is_running() {
        thread::yield_now();
    }
    let queued = pool.spawn(|| unreachable!("it is cancelled before it starts"));
    assert!(queued.cancel());
    assert!(matches!(queued.result(), Err::<(), _>(TaskError::Cancelled)));

    // ... and `false` that it has started. Then it is a request, and what the work returns is its outcome.
    assert!(!running.cancel());
    println!("stopped after {} rounds", running.result().unwrap());

    // A deadline belongs to the task, and counts from when it starts.
    let late = pool
        .options()
        .timeout(Duration::from_millis(20))
        .spawn(count_until_asked_to_stop);
    let error = late.result().unwrap_err();
    println!("{error}");
    assert!(matches!(error, TaskError::TimedOut(_)));

    // A wait timeout belongs to the caller. Nothing happens to the task, and the next wait may have more luck.
    let mut slow = pool.spawn(count_until_asked_to_stop);
    assert!(slow.result_timeout(Duration::from_millis(20)).is_none());
    assert!(!slow.is_done());
    slow.cancel();
    assert!(slow.result_timeout(Duration::MAX).is_some());
}
