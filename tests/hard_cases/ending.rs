//! Shutdowns, deadlines and kills, from wherever they come.

use crate::within;
use concurrent_futures::{Executor, Inline, Shutdown, TaskError, ThreadPool, cancel_requested};
use std::{
    sync::Arc, sync::atomic::AtomicBool, sync::atomic::AtomicUsize, sync::atomic::Ordering, sync::mpsc,
    thread, time::Duration,
};

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
fn a_map_may_be_shut_down_under_way() {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        within(60, move || {
            let pool = ThreadPool::with_workers(2);
            let mut outcomes = pool.map(|n: u64| n, 0..);
            assert_eq!(outcomes.next().unwrap().unwrap(), 0);
            let other = pool.clone();
            let shutdown = thread::spawn(move || other.shutdown(how));
            // Chunks run at the same time, so values may come after items that were cancelled: each in its place.
            for (place, outcome) in (1..).zip(outcomes) {
                match outcome {
                    Ok(n) => assert_eq!(n, place),
                    Err(error) => assert!(error.is_cancelled() || error.is_shut_down(), "{error}"),
                }
            }
            shutdown.join().unwrap();
        });
    }
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

#[test]
fn a_future_that_is_killed_while_it_is_polled_counts_as_cancelled() {
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        let (handed_over, handle) = mpsc::channel::<concurrent_futures::TaskHandle>();
        // Ready in the very poll in which it is killed: its value comes too late.
        let future = pool.spawn_async(async move { assert!(handle.recv().unwrap().kill()) });
        handed_over.send(future.handle()).unwrap();
        assert!(matches!(future.result(), Err(TaskError::Cancelled)));
        pool.shutdown(Shutdown::Finish);
        let stats = pool.stats();
        assert_eq!(
            (stats.succeeded, stats.failed, stats.cancelled, stats.running),
            (0, 0, 1, 0)
        );
    });
}

#[test]
fn an_executor_without_workers_is_closed_with_its_last_handle_though_values_are_kept() {
    within(60, || {
        let inline = Inline::new();
        let closed = inline.closed();
        let kept = inline.spawn_async(async {
            tokio::task::yield_now().await;
            7
        });
        drop(inline);
        futures::executor::block_on(closed);
        assert_eq!(kept.result().unwrap(), 7);
    });
}
