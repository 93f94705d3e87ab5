//! Threads that the system does not start, and barriers that it does not pass.

use crate::{
    harness::alone,
    refusals::{Call, Refusals},
    rounds,
};
use concurrent_futures::{AsyncBridge, BuildError, ProcessPool, TaskError, ThreadPool};
use std::{sync::mpsc, time::Duration};

/// `EAGAIN`, as `ulimit -u` and `pids.max` give it.
fn without_threads(work: impl FnOnce()) {
    match Refusals::of(Call::NewThread) {
        Some(refusals) => refusals.while_refused(libc::EAGAIN, work),
        None => rounds::everywhere("nothing is refused"),
    }
}

#[test]
fn pools_that_get_no_threads_are_not_built_and_say_why() {
    alone(|| {
        without_threads(|| {
            let refused = "Resource temporarily unavailable";
            let threads = ThreadPool::builder().workers(2).build().expect_err("no threads");
            assert!(matches!(threads, BuildError::StartWorker(_)), "{threads:?}");
            assert!(threads.to_string().contains(refused), "{threads}");
            let bridge = AsyncBridge::builder().workers(2).build().expect_err("no threads");
            assert!(matches!(bridge, BuildError::StartRuntime(_)), "{bridge:?}");
            let processes = ProcessPool::builder().workers(2).build().expect_err("no threads");
            assert!(matches!(processes, BuildError::StartWorker(_)), "{processes:?}");
            assert!(processes.to_string().contains(refused), "{processes}");
        });
        rounds::everywhere("afterwards");
    });
}

#[test]
fn a_thread_pool_goes_on_without_new_threads_and_a_wait_that_needs_one_says_so() {
    alone(|| {
        let Some(refusals) = Refusals::of(Call::NewThread) else {
            return rounds::everywhere("nothing is refused");
        };
        let (pool, other) = (ThreadPool::with_workers(1), ThreadPool::with_workers(1));
        let waits_inside = || {
            let (open, gate) = mpsc::channel();
            let held = other.spawn(move || gate.recv().expect("it is opened"));
            let waits = pool.spawn(move || held.result().expect("it runs"));
            // Behind it, and no place to run in but that of a thread which waits.
            let behind = pool.spawn(move || open.send(7).expect("somebody waits"));
            (waits.result(), behind.result())
        };
        match refusals.while_refused(libc::EAGAIN, waits_inside) {
            (Err(TaskError::Panicked(panic)), behind) => {
                assert!(
                    panic.message().contains("no spare thread could be started"),
                    "{panic}"
                );
                assert!(panic.message().contains("ulimit -u"), "{panic}");
                behind.expect("it runs all the same");
            }
            other => panic!("another outcome: {other:?}"),
        }
        let (waits, behind) = waits_inside();
        assert_eq!((waits.expect("a spare thread"), behind.ok()), (7, Some(())));
        rounds::everywhere("afterwards");
    });
}

#[test]
fn pools_that_run_go_on_without_new_threads() {
    alone(|| {
        let Some(refusals) = Refusals::of(Call::NewThread) else {
            return rounds::everywhere("nothing is refused");
        };
        let (threads, bridge, processes) = (
            ThreadPool::with_workers(2),
            AsyncBridge::with_workers(2),
            ProcessPool::with_workers(2),
        );
        rounds::round(&threads, "threads, before");
        rounds::round(&bridge, "bridge, before");
        rounds::round(&processes, "processes, before");
        refusals.while_refused(libc::EAGAIN, || {
            rounds::round(&threads, "threads, meanwhile");
            rounds::round(&processes, "processes, meanwhile");
            // Calls on a bridge have threads that come and go; they run, or say why not.
            let calls: Vec<_> = (0..50).map(|n| bridge.submit(|n: u64| n, n)).collect();
            for (n, call) in (0..).zip(calls) {
                match call.result() {
                    Ok(value) => assert_eq!(value, n),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
            // Nobody but this asks for a thread.
            drop(
                std::thread::Builder::new()
                    .spawn(|| ())
                    .expect_err("it is refused"),
            );
        });
        rounds::round(&threads, "threads, afterwards");
        rounds::round(&bridge, "bridge, afterwards");
        rounds::round(&processes, "processes, afterwards");
    });
}

#[test]
fn a_program_that_forbids_barriers_while_its_pools_run_loses_no_task() {
    alone(|| {
        let Some(refusals) = Refusals::of(Call::Number(libc::SYS_membarrier)) else {
            return rounds::everywhere("nothing is refused");
        };
        let pool = ThreadPool::with_workers(2);
        rounds::round(&pool, "before");
        refusals.while_refused(libc::EPERM, || {
            for n in 0..2_000_u64 {
                // Its worker goes to sleep in between, now and then.
                if n % 20 == 0 {
                    std::thread::sleep(Duration::from_micros(300));
                }
                let mut task = pool.submit(|n: u64| n, n);
                let outcome = task.result_timeout(Duration::from_secs(30));
                assert_eq!(outcome.expect("it is not lost").expect("it runs"), n);
            }
            rounds::round(&pool, "meanwhile");
        });
        rounds::everywhere("afterwards");
    });
}
