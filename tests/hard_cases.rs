//! What must simply work: queues of millions, pools dropped from inside, a hundred thousand nested waits.
//!
//! Sizes are what the crate promises in a release build; `CONCURRENT_FUTURES_SMALL=1` divides the largest by ten.

use concurrent_futures::{
    Executor, Inline, NextCompleted, Shutdown, TaskError, ThreadPool, as_completed, cancel_requested,
};
use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// Runs a test body and fails if it hangs.
fn within<R: Send + 'static>(seconds: u64, body: impl FnOnce() -> R + Send + 'static) -> R {
    let (tx, rx) = mpsc::channel();
    let body = thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(body));
        let _ = tx.send(());
        outcome
    });
    assert!(rx.recv_timeout(Duration::from_secs(seconds)).is_ok(), "hangs");
    body.join()
        .unwrap()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn scaled(n: usize) -> usize {
    if std::env::var_os("CONCURRENT_FUTURES_SMALL").is_some() {
        n / 10
    } else {
        n
    }
}

#[test]
fn four_million_tasks_may_queue() {
    within(300, || {
        let pool = ThreadPool::with_workers(4);
        let ran = Arc::new(AtomicUsize::new(0));
        let tasks = scaled(4_200_000);
        for _ in 0..tasks {
            let ran = ran.clone();
            drop(pool.spawn(move || ran.fetch_add(1, Ordering::Relaxed)));
        }
        pool.shutdown(Shutdown::Finish);
        assert_eq!(ran.load(Ordering::Relaxed), tasks);
        let stats = pool.stats();
        assert_eq!(
            (stats.succeeded, stats.queued, stats.running),
            (tasks as u64, 0, 0)
        );
    });
}

#[test]
fn four_million_tasks_that_never_run_are_given_up_without_recursion() {
    within(300, || {
        let pool = ThreadPool::with_workers(1);
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let tasks = scaled(4_200_000);
        let dropped = Arc::new(AtomicUsize::new(0));
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        for _ in 0..tasks {
            let captured = Counted(dropped.clone());
            drop(pool.spawn(move || drop(captured)));
        }
        pool.begin_shutdown(Shutdown::Cancel);
        assert!(dropped.load(Ordering::Relaxed) + 1 >= tasks);
        release.send(()).unwrap();
        assert!(busy.result().unwrap());
        pool.shutdown(Shutdown::Cancel);
        assert_eq!(dropped.load(Ordering::Relaxed), tasks);
    });
}

#[test]
fn a_hundred_thousand_tasks_wait_for_one_another_on_one_worker() {
    within(300, || {
        fn chain(pool: &ThreadPool, left: usize) -> usize {
            if left == 0 {
                return 0;
            }
            let inner = pool.clone();
            1 + pool.spawn(move || chain(&inner, left - 1)).result().unwrap()
        }
        let pool = ThreadPool::with_workers(1);
        let inner = pool.clone();
        let links = scaled(100_000);
        assert_eq!(pool.spawn(move || chain(&inner, links)).result().unwrap(), links);
        assert!(pool.stats().spare_threads > 0, "it does not fit on one stack");
    });
}

#[test]
fn a_chain_of_waits_with_a_limit_never_needs_the_worker_it_holds() {
    within(60, || {
        fn chain(pool: &ThreadPool, left: usize) -> usize {
            if left == 0 {
                return 0;
            }
            let inner = pool.clone();
            let mut next = pool.spawn(move || chain(&inner, left - 1));
            1 + next
                .result_timeout(Duration::from_secs(60))
                .expect("in time")
                .unwrap()
        }
        let pool = ThreadPool::with_workers(1);
        let inner = pool.clone();
        assert_eq!(pool.spawn(move || chain(&inner, 50)).result().unwrap(), 50);
    });
}

#[test]
fn every_kind_of_wait_inside_the_only_worker_goes_on() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let inner = pool.clone();
        let outcome = pool.spawn(move || {
            let awaited = futures::executor::block_on(inner.spawn(|| 1)).unwrap();
            let mapped: usize = inner.map(|n: usize| n, 0..100).map(Result::unwrap).sum();
            let completed = as_completed((0..10).map(|n| inner.spawn(move || n))).count();
            let waited = concurrent_futures::wait(
                (0..10).map(|n| inner.spawn(move || n)),
                concurrent_futures::ReturnWhen::AllCompleted,
                None,
            );
            let group = inner.group();
            (0..10).for_each(|n| group.submit(|n: usize| n, n));
            let joined = group.join().unwrap().len();
            let mut sum = 0;
            inner.scope(|s| {
                let part = s.spawn(|| 5);
                sum += part.result().unwrap();
            });
            let shared = inner.spawn(|| 7).shared();
            (
                awaited,
                mapped,
                completed,
                waited.done.len(),
                joined,
                sum,
                shared.result().unwrap(),
            )
        });
        assert_eq!(outcome.result().unwrap(), (1, 4950, 10, 10, 10, 5, 7));
    });
}

#[test]
fn a_circle_of_pools_goes_on() {
    within(60, || {
        fn around(pools: &Arc<Vec<ThreadPool>>, at: usize, left: usize) -> usize {
            if left == 0 {
                return 0;
            }
            let (next, inner) = ((at + 1) % pools.len(), pools.clone());
            1 + pools[next]
                .spawn(move || around(&inner, next, left - 1))
                .result()
                .unwrap()
        }
        let pools = Arc::new((0..3).map(|_| ThreadPool::with_workers(1)).collect::<Vec<_>>());
        assert_eq!(around(&pools, 0, 200), 200);
    });
}

#[test]
fn a_pool_may_be_dropped_or_shut_down_in_each_way_from_inside() {
    for how in [
        None,
        Some(Shutdown::Finish),
        Some(Shutdown::Cancel),
        Some(Shutdown::Kill),
    ] {
        within(60, move || {
            let pool = ThreadPool::with_workers(2);
            let closed = pool.closed();
            let inner = pool.clone();
            let (handed_over, go) = mpsc::channel::<()>();
            let future = pool.spawn(move || {
                go.recv().unwrap();
                match how {
                    None => drop(inner),
                    Some(how) => inner.shutdown(how),
                }
                7
            });
            drop(pool);
            handed_over.send(()).unwrap();
            assert_eq!(future.result().unwrap(), 7);
            futures::executor::block_on(closed);
        });
    }
}

#[test]
fn a_pool_may_be_shut_down_from_a_callback() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let inner = pool.clone();
        let (tx, rx) = mpsc::channel();
        let future = pool.spawn(|| 1);
        future.on_done(move |_| {
            inner.shutdown(Shutdown::Finish);
            tx.send(()).unwrap();
        });
        rx.recv().unwrap();
        assert_eq!(future.result().unwrap(), 1);
        pool.shutdown(Shutdown::Finish);
    });
}

#[test]
fn a_thousand_pools_leave_no_thread_behind() {
    within(120, || {
        let before = threads();
        for n in 0..1_000 {
            let pool = ThreadPool::with_workers(2);
            if n % 2 == 0 {
                assert_eq!(pool.spawn(move || n).result().unwrap(), n);
            }
        }
        // Other tests of this program start threads too, but not by the thousand.
        assert!(
            threads() < before + 500,
            "{before} threads before, {} after",
            threads()
        );
    });
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn ten_threads_share_one_pool() {
    within(120, || {
        let pool = ThreadPool::with_workers(2);
        let start = Arc::new(Barrier::new(10));
        let users: Vec<_> = (0..10)
            .map(|_| {
                let (pool, start) = (pool.clone(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    let first: Vec<u64> = pool.map(|n| n + 1, 0..40u64).map(Result::unwrap).collect();
                    assert_eq!(first, (1..=40).collect::<Vec<_>>());
                    let futures: Vec<_> = (0..20u64).map(|n| pool.submit(|n| n, n)).collect();
                    let cancelled: HashSet<_> = futures
                        .iter()
                        .step_by(2)
                        .filter(|f| f.cancel())
                        .map(|f| f.id())
                        .collect();
                    for (n, future) in futures.into_iter().enumerate() {
                        if cancelled.contains(&future.id()) {
                            assert!(matches!(future.result(), Err(TaskError::Cancelled)));
                        } else {
                            assert_eq!(future.result().unwrap(), n as u64);
                        }
                    }
                    let last: u64 = pool.map(|n| n, 0..40u64).map(Result::unwrap).sum();
                    assert_eq!(last, 780);
                })
            })
            .collect();
        users.into_iter().for_each(|user| user.join().unwrap());
    });
}

#[test]
fn an_endless_iterator_can_be_mapped() {
    within(60, || {
        let pool = ThreadPool::with_workers(2);
        let first: Vec<u64> = pool.map(|n| n * 2, 0..).take(5).map(Result::unwrap).collect();
        assert_eq!(first, [0, 2, 4, 6, 8]);
        let first: Vec<u64> = Inline::new()
            .map(|n| n * 2, 0..)
            .take(5)
            .map(Result::unwrap)
            .collect();
        assert_eq!(first, [0, 2, 4, 6, 8]);
    });
}

#[test]
fn a_pull_that_takes_long_sends_what_there_is() {
    // The item iterator waits for the effect of the item before it: whoever keeps items back deadlocks.
    within(60, || {
        for ready in [1, 2, 3, 5, 17, 100, 1000] {
            let pool = ThreadPool::with_workers(2);
            let (tx, rx) = mpsc::channel();
            let items = (0..ready).chain(std::iter::from_fn(move || {
                let seen: usize = rx.recv().unwrap();
                (seen == ready - 1).then_some(ready)
            }));
            let fuse = Mutex::new(Some(tx));
            let outcomes: Vec<_> = pool
                .map(
                    move |n| {
                        if n == ready - 1 {
                            fuse.lock().unwrap().as_ref().unwrap().send(n).unwrap();
                            fuse.lock().unwrap().as_ref().unwrap().send(usize::MAX).unwrap();
                        }
                        n
                    },
                    items,
                )
                .map(Result::unwrap)
                .collect();
            assert_eq!(outcomes, (0..=ready).collect::<Vec<_>>());
        }
    });
}

#[test]
fn panics_in_foreign_code_cost_nothing_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !thread::panicking() {
                panic!("in a destructor");
            }
        }
    }
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        // A callback: others still run, the outcome is untouched.
        let (release, gate) = mpsc::channel::<()>();
        let future = pool.spawn(move || gate.recv().is_ok());
        let called = Arc::new(AtomicBool::new(false));
        future.on_done(|_| panic!("in a callback"));
        let flag = called.clone();
        future.on_done(move |_| flag.store(true, Ordering::Relaxed));
        release.send(()).unwrap();
        assert!(future.result().unwrap());
        assert!(called.load(Ordering::Relaxed));
        // A destructor of an argument, of a captured value that is cancelled, of a result nobody wants.
        assert!(matches!(
            pool.submit(|bomb: Bomb| drop(bomb), Bomb).result(),
            Err(TaskError::Panicked(_))
        ));
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let captured = Bomb;
        let queued = pool.spawn(move || std::mem::forget(captured));
        assert!(queued.cancel());
        assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
        drop(pool.spawn(|| Bomb));
        drop(pool.spawn_async(async { Bomb }));
        release.send(()).unwrap();
        assert!(busy.result().unwrap());
        // The item iterator: raised in the caller, after the outcomes before it.
        let items = (0..5).map(|n| if n == 3 { panic!("in the items") } else { n });
        let mut outcomes = pool.map(|n| n, items);
        for n in 0..3 {
            assert_eq!(outcomes.next().unwrap().unwrap(), n);
        }
        assert!(catch_unwind(AssertUnwindSafe(|| outcomes.next())).is_err());
        assert!(outcomes.next().is_none());
        // The only worker lives.
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn a_map_may_be_shut_down_under_way() {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        within(60, move || {
            let pool = ThreadPool::with_workers(2);
            let mut outcomes = pool.map(|n: u64| n, 0..);
            assert_eq!(outcomes.next().unwrap().unwrap(), 0);
            let other = pool.clone();
            let shutdown = thread::spawn(move || other.shutdown(how));
            let mut ran = 1;
            for outcome in outcomes {
                match outcome {
                    Ok(n) => {
                        assert_eq!(n, ran);
                        ran += 1;
                    }
                    Err(error) => assert!(error.is_cancelled() || error.is_shut_down(), "{error}"),
                }
            }
            shutdown.join().unwrap();
        });
    }
}

#[test]
fn a_chain_of_callbacks_does_not_grow_the_stack() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let mut next = pool.spawn(|| ()).handle();
        let mut futures = Vec::new();
        for _ in 0..scaled(100_000) {
            let future = pool.spawn(|| ());
            let following = std::mem::replace(&mut next, future.handle());
            future.on_done(move |_| {
                following.cancel();
            });
            futures.push(future);
        }
        assert!(next.cancel());
        assert!(futures.iter().all(|future| future.is_cancelled()));
        release.send(()).unwrap();
        assert!(busy.result().unwrap());
    });
}

#[test]
fn a_timeout_of_as_completed_tells_how_many_are_left() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let mut completed = as_completed([busy, pool.spawn(|| true)]);
        assert!(matches!(
            completed.next_timeout(Duration::from_millis(10)),
            NextCompleted::TimedOut { unfinished: 2, of: 2 }
        ));
        release.send(()).unwrap();
        assert!(completed.all(|future| future.result().unwrap()));
    });
}

#[test]
fn a_deadline_resolves_the_future_of_a_thread_that_does_not_stop() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let (tx, rx) = mpsc::channel();
        let stuck = pool.options().timeout(Duration::from_millis(20)).spawn(move || {
            while !cancel_requested() {
                thread::yield_now();
            }
            tx.send("asked").unwrap();
        });
        let (told, hear) = mpsc::channel();
        stuck.on_done(move |outcome| told.send(outcome.as_ref().unwrap_err().is_timed_out()).unwrap());
        assert!(matches!(stuck.result(), Err(TaskError::TimedOut(_))));
        assert_eq!(rx.recv().unwrap(), "asked");
        assert!(hear.recv().unwrap());
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn a_suspended_future_ends_at_once_when_it_is_killed_or_times_out() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Flag(dropped.clone());
        let (tx, rx) = mpsc::channel();
        let endless = pool.spawn_async(async move {
            let _flag = flag;
            tx.send(()).unwrap();
            std::future::pending::<()>().await;
        });
        rx.recv().unwrap();
        assert!(!endless.cancel());
        // Suspended: its first poll is over once the worker has run something else.
        pool.spawn(|| ()).result().unwrap();
        assert!(endless.kill());
        assert!(dropped.load(Ordering::SeqCst));
        assert!(matches!(endless.result(), Err(TaskError::Cancelled)));

        let late = pool
            .options()
            .timeout(Duration::from_millis(10))
            .spawn_async(std::future::pending::<()>());
        assert!(matches!(late.result(), Err(TaskError::TimedOut(_))));
        pool.shutdown(Shutdown::Finish);
        assert_eq!(pool.stats().running, 0);
    });
}

#[test]
fn kill_stops_what_is_suspended_and_finish_waits_for_it() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let (tx, rx) = futures::channel::oneshot::channel();
        let waiting = pool.spawn_async(async move { rx.await.unwrap() });
        let endless = pool.spawn_async(std::future::pending::<()>());
        pool.spawn(|| ()).result().unwrap();
        pool.begin_shutdown(Shutdown::Finish);
        assert!(
            pool.shutdown_timeout(Shutdown::Finish, Duration::from_millis(10))
                .is_err()
        );
        tx.send(5).unwrap();
        assert_eq!(waiting.result().unwrap(), 5);
        pool.shutdown(Shutdown::Kill);
        assert!(matches!(endless.result(), Err(TaskError::Cancelled)));
    });
}

#[test]
fn an_initializer_that_fails_again_and_again_fails_what_waits_with_the_reason() {
    within(60, || {
        let tries = Arc::new(AtomicUsize::new(0));
        let broken = Arc::new(AtomicBool::new(true));
        let (counter, flag) = (tries.clone(), broken.clone());
        let pool = ThreadPool::builder()
            .workers(2)
            .initializer(move || {
                counter.fetch_add(1, Ordering::SeqCst);
                assert!(!flag.load(Ordering::SeqCst), "no licence");
            })
            .build()
            .unwrap();
        let error = pool.spawn(|| 1).result().unwrap_err();
        assert!(error.to_string().contains("no licence"), "{error}");
        // It is not broken for good.
        broken.store(false, Ordering::SeqCst);
        let mut attempts = 0;
        while pool.spawn(|| 1).result().is_err() {
            attempts += 1;
            assert!(attempts < 1_000);
        }
        assert!(tries.load(Ordering::SeqCst) >= 3);
    });
}
