//! A pool with nothing to do does nothing.
#![cfg(target_os = "linux")]

use concurrent_futures::ThreadPool;
use std::{fs, thread, time::Duration};

/// How often each thread of this name has run, as the kernel counts it.
fn switches(name: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(status) = fs::read_to_string(task.path().join("status")) else {
            continue;
        };
        let field = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .map(str::trim)
        };
        if field("Name:").is_some_and(|found| found.starts_with(name)) {
            let count = |key| {
                field(key)
                    .and_then(|count| count.parse::<u64>().ok())
                    .unwrap_or(0)
            };
            let runs = count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:");
            found.push((task.file_name().into_string().unwrap(), runs));
        }
    }
    found.sort();
    found
}

#[test]
fn idle_workers_sleep_and_are_not_woken() {
    let pool = ThreadPool::builder().workers(4).name("quiet").build().unwrap();
    let sum: u64 = pool.map(|n| n, 0..10_000_u64).map(Result::unwrap).sum();
    assert_eq!(sum, 49_995_000);
    // A thread that polls, or wakes another in turn, is never twice seen with the same count.
    let mut before = switches("quiet");
    for _ in 0..100 {
        thread::sleep(Duration::from_millis(100));
        let after = switches("quiet");
        if before == after {
            assert_eq!(after.len(), 4);
            return;
        }
        before = after;
    }
    panic!("the workers of an idle pool keep running: {before:?}");
}

#[test]
fn a_thread_that_waits_from_outside_sleeps_too() {
    let pool = ThreadPool::with_workers(1);
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let future = pool.spawn(move || gate.recv().is_ok());
    let waiter = thread::Builder::new()
        .name("waiting".into())
        .spawn(move || future.result().unwrap())
        .unwrap();
    let mut before = switches("waiting");
    let asleep = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(100));
        let after = switches("waiting");
        let same = after.len() == 1 && before == after;
        before = after;
        same
    });
    release.send(()).unwrap();
    assert!(waiter.join().unwrap());
    assert!(asleep, "the waiter keeps running");
}
