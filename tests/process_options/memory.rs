//! `max_memory_per_worker` and `memory_limit`.
#![cfg(target_os = "linux")]

use super::{MEGABYTE, build, death, is_alive, pid, until, within};
use concurrent_futures::{Executor, ProcessPool};

/// Uses so many megabytes, and gives them back.
fn use_memory(megabytes: u64) -> u32 {
    let bytes = vec![1_u8; usize::try_from(megabytes * MEGABYTE).unwrap()];
    std::hint::black_box(&bytes);
    std::process::id()
}

/// Uses so many megabytes, and never gives them back.
fn leak(megabytes: u64) -> u32 {
    let bytes = vec![1_u8; usize::try_from(megabytes * MEGABYTE).unwrap()];
    std::hint::black_box(bytes.leak());
    std::process::id()
}

#[test]
fn a_worker_that_leaks_is_replaced_after_the_task() {
    within(|| {
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .max_memory_per_worker(150 * MEGABYTE),
        );
        let ordinary: Vec<u32> = (0..5).map(|n| pool.submit(pid, n).result().unwrap()).collect();
        let user = pool.submit(use_memory, 200).result().unwrap();
        let leaker = pool.submit(leak, 200).result().unwrap();
        let after: Vec<u32> = (0..5).map(|n| pool.submit(pid, n).result().unwrap()).collect();
        // Neither ordinary tasks nor one that gives back what it used.
        assert!(
            ordinary.iter().all(|pid| *pid == leaker) && user == leaker,
            "{ordinary:?}"
        );
        assert!(
            after.iter().all(|pid| *pid == after[0] && *pid != leaker),
            "{after:?}"
        );
        until("what it leaked is given back", || !is_alive(leaker));
        assert_eq!(pool.stats().workers_restarted, 0);
    });
}

#[test]
fn a_map_whose_items_leak_is_run_by_many_workers() {
    within(|| {
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .max_memory_per_worker(150 * MEGABYTE),
        );
        let chunked = pool.options().chunk_size(6);
        let mut pids: Vec<u32> = chunked.map(leak, [100; 6]).map(Result::unwrap).collect();
        pids.dedup();
        assert!(pids.len() >= 3, "{pids:?}");
    });
}

#[test]
fn a_task_that_wants_more_than_the_limit_dies_alone() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2).memory_limit(400 * MEGABYTE));
        let modest = pool.submit(use_memory, 50).result().unwrap();
        let greedy = death(pool.submit(use_memory, 500).result());
        assert_eq!(greedy.signal(), Some(libc::SIGABRT));
        assert_eq!(greedy.work().map(|work| work.ends_with("use_memory")), Some(true));
        assert_eq!(pool.submit(use_memory, 50).result().is_ok(), modest > 0);
        // Who asks politely hears no, and lives on.
        let asks = |n: u64| {
            Vec::<u8>::new()
                .try_reserve_exact(usize::try_from(n * MEGABYTE).unwrap())
                .is_ok()
        };
        let answers: Vec<bool> = pool.map(asks, [50, 500]).map(Result::unwrap).collect();
        assert_eq!(answers, [true, false]);
    });
}

#[test]
fn the_limit_is_that_of_the_workers_only() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1).memory_limit(300 * MEGABYTE));
        let limit = |_: u64| rustix::process::getrlimit(rustix::process::Resource::As).current;
        assert_eq!(pool.submit(limit, 0).result().unwrap(), Some(300 * MEGABYTE));
        assert_ne!(limit(0), Some(300 * MEGABYTE));
    });
}
