//! Somebody else in the program collects the status of our workers.

use crate::{
    bomb::{WAYS, Way},
    harness::{alone, assert_works, death, eventually, signal},
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

fn go_off(way: Way) {
    way.go_off();
}

fn deadly() -> impl Iterator<Item = Way> {
    WAYS.into_iter()
        .filter(|way| !matches!(way, Way::Stop | Way::Panic))
}

#[allow(unsafe_code)]
fn ignore_children() {
    // SAFETY: no handler is set.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

#[test]
fn with_ignored_children_a_task_still_ends() {
    alone(|| {
        ignore_children();
        let pool = ProcessPool::with_workers(2);
        for way in deadly() {
            let label = format!("{way:?}");
            let others: Vec<_> = (0..8).map(|n| pool.submit(|n: u64| n, n)).collect();
            let outcome = pool.submit(go_off, way).result();
            let text = outcome.as_ref().expect_err(&label).to_string();
            assert!(text.contains("collected elsewhere"), "{label}: {text}");
            assert_eq!(death(outcome, &label), (None, None), "{label}");
            for (n, other) in (0..).zip(others) {
                assert_eq!(other.result().expect(&label), n, "{label}");
            }
            assert_works(&pool, &label);
            let idle = pool.worker_pids();
            for pid in &idle {
                signal(*pid, libc::SIGKILL);
            }
            eventually(&label, || {
                pool.worker_pids().iter().all(|pid| !idle.contains(pid))
            });
            assert_works(&pool, &label);
        }
        pool.shutdown(Shutdown::Finish);
    });
}

#[test]
fn with_ignored_children_a_start_may_fail() {
    alone(|| {
        ignore_children();
        let pool = ProcessPool::builder()
            .workers(1)
            .current_dir("/nowhere/at/all")
            .build()
            .expect("a pool");
        let error = pool
            .submit(|n: u64| n, 1)
            .result()
            .expect_err("there is no such folder");
        assert!(error.to_string().contains("No such file"), "{error}");
    });
}

#[test]
fn with_somebody_who_waits_for_all_children_a_task_still_ends() {
    alone(|| {
        let is_over = Arc::new(AtomicBool::new(false));
        let thieves: Vec<_> = (0..2)
            .map(|_| {
                let is_over = is_over.clone();
                thread::spawn(move || steal(&is_over))
            })
            .collect();
        let pool = ProcessPool::with_workers(2);
        let (mut stolen, mut deaths) = (0, 0);
        // Who comes first is chance; both must be right.
        while stolen < 10 && deaths < 1_000 {
            for way in deadly() {
                let label = format!("{way:?}, death {deaths}");
                deaths += 1;
                let other = pool.submit(|n: u64| n, 5);
                let fate = death(pool.submit(go_off, way).result(), &label);
                assert!(fate == (None, None) || fate == way.fate(), "{label}: {fate:?}");
                stolen += usize::from(fate == (None, None));
                assert_eq!(other.result().expect(&label), 5);
                assert_works(&pool, &label);
            }
        }
        assert!(stolen > 0, "nobody came first in {deaths} deaths");
        let stuck = pool.submit(|(): ()| thread::park(), ());
        eventually("it runs", || stuck.is_running());
        assert!(stuck.kill());
        assert!(matches!(stuck.result(), Err(TaskError::Cancelled)));
        assert_works(&pool, "at the end");
        pool.shutdown(Shutdown::Kill);
        is_over.store(true, Ordering::Relaxed);
        for thief in thieves {
            thief.join().expect("no panic");
        }
    });
}

#[allow(unsafe_code)]
fn steal(is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        // SAFETY: a status is not asked for. It does not block, to see the end.
        unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        thread::yield_now();
    }
}
