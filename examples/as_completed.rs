//! Outcomes in the order they come, not in the order they were asked for.

use concurrent_futures::{ReturnWhen, ThreadPool, as_completed, wait};
use std::{collections::HashMap, sync::mpsc, thread, time::Duration};

fn nap(n: u64) -> u64 {
    thread::sleep(Duration::from_millis(10 * n));
    n
}

fn main() {
    let pool = ThreadPool::with_workers(3);

    // With a key of one's own: it comes back with the future.
    let tasks = [3, 1, 2].map(|n| (format!("task {n}"), pool.submit(nap, n)));
    for (name, future) in as_completed(tasks) {
        assert!(future.is_done());
        println!("{name}: {}", future.result().unwrap());
    }

    // Or as in Python: look the argument up by its future.
    let mut arguments = HashMap::new();
    let mut futures = Vec::new();
    for n in [3, 1, 2] {
        let future = pool.submit(nap, n);
        arguments.insert(future.id(), n);
        futures.push(future);
    }
    for future in as_completed(futures) {
        assert_eq!(arguments[&future.id()], future.result().unwrap());
    }

    // An outcome may lead to more tasks: a tree of unknown size, and no task ever waits for another.
    let mut running = as_completed([pool.submit(|n| n, 1_u64)]);
    let mut visited = 0;
    while let Some(future) = running.next() {
        let n = future.result().unwrap();
        visited += 1;
        let children = [2 * n, 2 * n + 1].into_iter().filter(|n| *n <= 100);
        running.extend(children.map(|n| pool.submit(|n| n, n)));
    }
    assert_eq!(visited, 100);

    // Sometimes the first is enough. What is pending can be waited for later, or be cancelled.
    let (open, gate) = mpsc::channel();
    let either = [pool.submit(nap, 1), pool.spawn(move || gate.recv().unwrap())];
    let waited = wait(either, ReturnWhen::FirstCompleted, None);
    assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
    open.send(7).unwrap();
    let waited = wait(waited.pending, ReturnWhen::AllCompleted, None);
    assert!(
        waited
            .done
            .into_iter()
            .all(|future| future.result().unwrap() == 7)
    );
}
