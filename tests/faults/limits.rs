//! Less of everything: descriptors, memory, processors.
#![allow(unsafe_code)]

use crate::{
    harness::{alone, kill_workers},
    rounds,
};
use concurrent_futures::{AsyncBridge, BuildError, Executor, ProcessPool, TaskError, ThreadPool};
use std::fs;

/// Does `work` with another soft limit, which is then as it was.
fn limited<R>(resource: libc::__rlimit_resource_t, to: u64, work: impl FnOnce() -> R) -> R {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the place is valid.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut limit) }, 0);
    let lower = libc::rlimit {
        rlim_cur: to,
        ..limit
    };
    // SAFETY: the place is valid.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const lower) }, 0);
    let result = work();
    // SAFETY: the place is valid.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
    result
}

#[test]
fn without_descriptors_threads_work_and_a_runtime_says_why_not() {
    alone(|| {
        limited(libc::RLIMIT_NOFILE, 0, || {
            // Nor is one there for the runtime that its work could have found.
            let pool = ThreadPool::with_workers(2);
            rounds::round(&pool, "without descriptors");
            let bridge = AsyncBridge::builder()
                .workers(1)
                .build()
                .expect_err("no descriptors");
            assert!(matches!(bridge, BuildError::StartRuntime(_)), "{bridge:?}");
            assert!(bridge.to_string().contains("Too many open files"), "{bridge}");
        });
        rounds::everywhere("afterwards");
    });
}

/// Bytes of address space in use.
fn mapped() -> u64 {
    let words = fs::read_to_string("/proc/self/statm").expect("it can be read");
    let pages: u64 = words
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a number");
    pages * 4096
}

#[test]
fn without_memory_for_a_link_starts_fail_and_are_tried_again() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        // What a start needs beside the link is there from now on.
        rounds::round(&pool, "before");
        kill_workers(&pool);
        // Less than a link takes, more than small things need.
        limited(libc::RLIMIT_AS, mapped() + (1 << 20), || {
            for outcome in [
                pool.submit(|n: u64| n, 1).result(),
                pool.submit(|n: u64| n, 2).result(),
            ] {
                let error = outcome.expect_err("no memory");
                assert!(matches!(error, TaskError::WorkerDied(_)), "{error:?}");
                assert!(error.to_string().contains("Cannot allocate memory"), "{error}");
            }
        });
        rounds::everywhere("afterwards");
        rounds::round(&pool, "afterwards");
    });
}

#[test]
fn one_processor_is_enough() {
    alone(|| {
        // SAFETY: zeros are an empty set; the places are valid and as long as said.
        unsafe {
            let mut allowed: libc::cpu_set_t = std::mem::zeroed();
            assert_eq!(
                libc::sched_getaffinity(0, size_of_val(&allowed), &raw mut allowed),
                0
            );
            let first = (0..1024)
                .find(|cpu| libc::CPU_ISSET(*cpu, &allowed))
                .expect("one");
            libc::CPU_ZERO(&mut allowed);
            libc::CPU_SET(first, &mut allowed);
            assert_eq!(
                libc::sched_setaffinity(0, size_of_val(&allowed), &raw const allowed),
                0
            );
        }
        assert_eq!(ThreadPool::new().workers(), 1);
        assert_eq!(ProcessPool::new().workers(), 1);
        for pass in 0..3 {
            rounds::everywhere(&format!("pass {pass} on one processor"));
        }
        let many = ThreadPool::with_workers(8);
        rounds::round(&many, "eight threads on one processor");
        rounds::round(&ProcessPool::with_workers(4), "four processes on one processor");
    });
}
