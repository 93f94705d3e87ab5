//! The caller's patience: how long to wait for one task, for several, for the next of several, for a whole map.
//!
//! Python: `future.result(timeout=1)`, `wait(futures, timeout=1)`, `as_completed(futures, timeout=1)`, `map(.., timeout=1)`.
//! Waiting never harms a task: it goes on, and the next wait may have more luck. What stops a task is its own deadline, see
//! `cancel_and_deadline`.

use concurrent_futures::{NextCompleted, ReturnWhen, TaskError, ThreadPool, as_completed, wait};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(20);

fn main() -> Result<(), TaskError> {
    let pool = ThreadPool::with_workers(4);
    // Shut until `gate` is dropped: what is slow here is so on every machine.
    let lock = Arc::new(Mutex::new(()));
    let gate = lock.lock().expect("nobody panics");
    let work = {
        let lock = lock.clone();
        move |n: u32| {
            if n == 3 {
                drop(lock.lock());
            }
            n * n
        }
    };

    // One task. The future is still there, and so is the task.
    let mut slow = pool.submit(work.clone(), 3);
    assert!(slow.result_timeout(SHORT).is_none());
    println!("after {SHORT:?} the slow task is done: {}", slow.is_done());

    // Several. Running out of time is no error: every future comes back, on one side or the other.
    let tasks = [1, 2, 3].map(|n| pool.submit(work.clone(), n));
    let mut waited = wait(tasks, ReturnWhen::AllCompleted, Some(SHORT));
    while waited.done.len() < 2 {
        // A busy machine may need longer for the quick ones.
        let mut all = waited.done;
        all.extend(waited.pending);
        waited = wait(all, ReturnWhen::AllCompleted, Some(SHORT));
    }
    println!(
        "wait: {} done, {} pending",
        waited.done.len(),
        waited.pending.len()
    );
    assert_eq!(waited.pending.len(), 1);

    // The next of several: an outcome, the end, or neither yet.
    let mut rest = as_completed(waited.pending);
    let NextCompleted::TimedOut { unfinished, of } = rest.next_timeout(SHORT) else {
        unreachable!("the gate is shut")
    };
    println!("as_completed: {unfinished} of {of} unfinished");

    // A map gives up: what was there in time is yielded, then comes one error, and what has not started is cancelled.
    let mut outcomes = pool.map(work, [1, 2, 3, 4]).timeout(SHORT);
    let error = outcomes.find_map(Result::err).expect("the third is slow");
    println!("map: {error}");
    assert!(matches!(error, TaskError::WaitTimedOut));
    assert!(outcomes.next().is_none());

    drop(gate);
    assert_eq!(slow.result()?, 9);
    assert_eq!(rest.next().expect("it was pending").result()?, 9);
    println!("once it may, it ends, and nothing was lost");
    Ok(())
}
