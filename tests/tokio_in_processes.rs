//! Async work in a worker process meets an entered tokio runtime.
#![cfg(all(unix, feature = "tokio"))]

use concurrent_futures::{Executor, ProcessPool};
use std::time::{Duration, Instant};

async fn doze(millis: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    tokio::spawn(async move { millis + 1 }).await.unwrap()
}

#[test]
fn timers_and_spawn_work_and_futures_wait_at_once() {
    let pool = ProcessPool::with_workers(1);
    assert_eq!(pool.submit_async(doze, 1).result().unwrap(), 2);
    let start = Instant::now();
    let woken: Vec<u64> = pool.map_async(doze, [200; 50]).map(Result::unwrap).collect();
    assert_eq!(woken, [201; 50]);
    // One after another they would take ten seconds.
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_deadline_ends_a_sleep_and_spares_what_runs_beside_it() {
    let pool = ProcessPool::with_workers(1);
    let beside = pool.submit_async(doze, 300);
    let stuck = pool
        .options()
        .timeout(Duration::from_millis(20))
        .submit_async(doze, 1_000_000);
    assert!(stuck.result().unwrap_err().is_timed_out());
    assert_eq!(beside.result().unwrap(), 301);
    assert_eq!(pool.stats().workers_restarted, 0);
}
