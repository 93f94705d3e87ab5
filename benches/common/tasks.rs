//! Many empty tasks, which more than one benchmark has.

use std::sync::mpsc;

/// Submits empty tasks, then collects their results.
pub(crate) fn collect(pool: &concurrent_futures::ThreadPool, tasks: u64) -> u64 {
    let tasks: Vec<_> = (0..tasks).map(|n| pool.spawn(move || n)).collect();
    tasks.into_iter().map(|task| task.result().unwrap()).sum()
}

/// As `collect`; there are no futures, so a channel brings the results.
pub(crate) fn collect_rayon(pool: &rayon::ThreadPool, tasks: u64) -> u64 {
    let (tx, rx) = mpsc::channel();
    for n in 0..tasks {
        let tx = tx.clone();
        pool.spawn(move || tx.send(n).unwrap());
    }
    drop(tx);
    rx.into_iter().sum()
}
