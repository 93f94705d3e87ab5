//! What a pool is built with: names, stacks, bounds, and hooks that run on every thread.

use super::{loosely_watched, occupy, watched, within};
use crate::conformance::work::panic_message;
use concurrent_futures::{BuildError, Executor, Shutdown, ThreadPool, TrySubmitError};
use std::{
    cell::Cell,
    collections::BTreeSet,
    panic::catch_unwind,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

thread_local!(static PREPARED: Cell<u32> = const { Cell::new(0) });

#[test]
fn an_executor_without_workers_or_room_is_refused() {
    within(|| {
        assert!(matches!(
            ThreadPool::builder().workers(0).build(),
            Err(BuildError::NoWorkers)
        ));
        assert!(matches!(
            ThreadPool::builder().max_pending(0).build(),
            Err(BuildError::NoRoom)
        ));
        let refused = catch_unwind(|| drop(ThreadPool::with_workers(0))).unwrap_err();
        assert!(
            refused
                .downcast_ref::<String>()
                .unwrap()
                .contains("at least one worker")
        );
    });
}

#[test]
fn without_a_count_there_is_one_worker_per_usable_cpu() {
    within(|| {
        let pool = watched(ThreadPool::new());
        assert_eq!(pool.workers(), num_cpus::get());
        assert_eq!(ThreadPool::default().workers(), pool.workers());
    });
}

#[test]
fn a_thread_that_cannot_be_started_fails_the_build_and_stops_the_others() {
    within(|| {
        let (started, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (at_start, at_end) = (started.clone(), ended.clone());
        let built = ThreadPool::builder()
            .workers(10)
            .stack_size(usize::MAX / 4)
            .initializer(move || {
                at_start.fetch_add(1, SeqCst);
            })
            .finalizer(move || {
                at_end.fetch_add(1, SeqCst);
            })
            .build();
        assert!(matches!(built, Err(BuildError::StartWorker(_))));
        assert_eq!(started.load(SeqCst), ended.load(SeqCst));
    });
}

#[test]
fn every_thread_is_prepared_once_before_its_first_task_and_finished_after_its_last() {
    within(|| {
        let (started, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (at_start, at_end) = (started.clone(), ended.clone());
        let builder = ThreadPool::builder()
            .workers(16)
            .initializer(move || {
                PREPARED.set(PREPARED.get() + 1);
                at_start.fetch_add(1, SeqCst);
            })
            .finalizer(move || {
                assert_eq!(PREPARED.get(), 1);
                at_end.fetch_add(1, SeqCst);
            });
        let pool = builder.build().unwrap();
        let mut prepared = pool.map(|_: u32| PREPARED.get(), 0..1_000).flatten();
        assert!(prepared.all(|times| times == 1));
        drop(prepared);
        assert_eq!(PREPARED.get(), 0);
        pool.shutdown(Shutdown::Finish);
        assert_eq!((started.load(SeqCst), ended.load(SeqCst)), (16, 16));
        drop(pool);
        // The hooks themselves are gone with the pool.
        assert_eq!((Arc::strong_count(&started), Arc::strong_count(&ended)), (1, 1));
    });
}

#[test]
fn an_initializer_that_fails_fails_what_waits_and_hangs_nothing() {
    within(|| {
        for when_to_drop in 0..3 {
            let builder = ThreadPool::builder()
                .workers(2)
                .initializer(|| panic!("no licence"));
            let pool = loosely_watched(builder.build().unwrap());
            if when_to_drop == 0 {
                drop(pool);
                continue;
            }
            let futures: Vec<_> = (0..5).map(|n| pool.spawn(move || n)).collect();
            if when_to_drop == 1 {
                drop(pool);
            }
            for future in futures {
                assert!(panic_message(future.result()).contains("no licence"));
            }
        }
    });
}

#[test]
fn an_initializer_may_take_long() {
    within(|| {
        let (go, may_start) = mpsc::channel::<()>();
        let may_start = Mutex::new(may_start);
        let builder = ThreadPool::builder().workers(3).initializer(move || {
            let _ = may_start.lock().unwrap().recv();
        });
        let pool = watched(builder.build().unwrap());
        let futures: Vec<_> = (0..10).map(|n| pool.spawn(move || n)).collect();
        assert!(futures.iter().all(|future| !future.is_done()));
        drop(go);
        assert_eq!(
            futures
                .into_iter()
                .map(|future| future.result().unwrap())
                .sum::<i32>(),
            45
        );
    });
}

#[test]
fn a_finalizer_that_panics_harms_nobody() {
    within(|| {
        let builder = ThreadPool::builder()
            .workers(2)
            .finalizer(|| panic!("at the end"));
        let pool = watched(builder.build().unwrap());
        let future = pool.spawn(|| 1);
        pool.shutdown(Shutdown::Finish);
        assert_eq!(future.result().unwrap(), 1);
    });
}

#[test]
fn worker_threads_have_the_name_of_the_pool() {
    within(|| {
        let pool = watched(ThreadPool::builder().workers(3).name("io").build().unwrap());
        let together = Arc::new(Barrier::new(3));
        let futures: Vec<_> = (0..3)
            .map(|_| {
                let together = together.clone();
                pool.spawn(move || {
                    together.wait();
                    thread::current().name().unwrap().to_owned()
                })
            })
            .collect();
        let names: BTreeSet<_> = futures
            .into_iter()
            .map(|future| future.result().unwrap())
            .collect();
        assert_eq!(names, ["io-0", "io-1", "io-2"].map(String::from).into());
    });
}

#[test]
fn tasks_have_the_stack_that_was_asked_for() {
    fn deep(left: usize) -> usize {
        let room = std::hint::black_box([left; 128]);
        if left == 0 {
            0
        } else {
            deep(left - 1) + room[7] - room[9] + 1
        }
    }
    within(|| {
        let pool = ThreadPool::builder().workers(1).stack_size(96 * 1024 * 1024);
        let pool = watched(pool.build().unwrap());
        // 32 MiB and more: the usual stack of a thread holds 2.
        assert_eq!(pool.spawn(|| deep(32 * 1024)).result().unwrap(), 32 * 1024);
    });
}

#[test]
fn a_bound_on_what_waits_holds_up_outsiders_only() {
    within(|| {
        let pool = watched(ThreadPool::builder().workers(1).max_pending(2).build().unwrap());
        let (release, busy) = occupy(&pool);
        let (one, two) = (pool.spawn(|| 1), pool.spawn(|| 2));
        let refused = pool.try_submit(|n: u32| n, 3).unwrap_err();
        assert!(matches!(refused, TrySubmitError::Full(3)));
        // A cancelled task makes room.
        assert!(two.cancel());
        let three = pool.try_submit(|n: u32| n, 3).unwrap();
        let outsider = {
            let pool = pool.clone();
            thread::spawn(move || pool.spawn(|| 4).result().unwrap())
        };
        release.send(()).unwrap();
        busy.result().unwrap();
        assert_eq!((one.result().unwrap(), three.result().unwrap()), (1, 3));
        assert_eq!(outsider.join().unwrap(), 4);
        // The pool's own tasks are never held up.
        let inner = pool.clone();
        let own = pool.spawn(move || {
            let children: Vec<_> = (0..100).map(|n| inner.spawn(move || n)).collect();
            children
                .into_iter()
                .map(|child| child.result().unwrap())
                .sum::<u32>()
        });
        assert_eq!(own.result().unwrap(), 4950);
        assert_eq!(pool.map(|n: u32| n, 0..100).flatten().sum::<u32>(), 4950);
        pool.shutdown(Shutdown::Finish);
        assert!(matches!(
            pool.try_submit(|n: u32| n, 5),
            Err(TrySubmitError::ShutDown(5))
        ));
    });
}
