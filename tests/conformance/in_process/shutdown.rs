use super::{loosely_watched, occupy, pool, within};
use concurrent_futures::{Executor, Shutdown, TaskError, ThreadPool};
use futures::executor::block_on;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

const EACH_WAY: [Shutdown; 3] = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill];

#[test]
fn a_pool_may_be_dropped_by_its_own_task_while_another_runs() {
    within(|| {
        let pool = loosely_watched(ThreadPool::with_workers(2));
        let closed = pool.closed();
        let (release, busy) = occupy(&pool);
        let (go, gate) = mpsc::channel::<()>();
        let inner = pool.clone();
        let dropping = pool.spawn(move || {
            gate.recv().unwrap();
            let last = inner.spawn(|| 2);
            drop(inner);
            last
        });
        drop(pool);
        go.send(()).unwrap();
        let last = dropping.result().unwrap();
        release.send(()).unwrap();
        busy.result().unwrap();
        assert_eq!(last.result().unwrap(), 2);
        block_on(closed);
    });
}

#[test]
fn a_pool_may_be_dropped_in_async_code() {
    within(|| {
        block_on(async {
            let pool = loosely_watched(ThreadPool::with_workers(1));
            let future = pool.spawn(|| 1);
            drop(pool);
            assert_eq!(future.await.unwrap(), 1);
        });
        let outer = pool(1);
        let in_a_task = outer.spawn_async(async {
            let pool = ThreadPool::with_workers(1);
            let future = pool.spawn(|| 1);
            pool.shutdown(Shutdown::Finish);
            drop(pool);
            future.await.unwrap()
        });
        assert_eq!(in_a_task.result().unwrap(), 1);
    });
}

#[test]
fn the_builder_says_how_dropping_the_last_handle_shuts_down() {
    within(|| {
        for how in EACH_WAY {
            let pool = ThreadPool::builder().workers(1).on_drop(how).build().unwrap();
            let pool = loosely_watched(pool);
            let (release, busy) = occupy(&pool);
            let queued = pool.spawn(|| 1);
            let dropping = thread::spawn(move || drop(pool));
            if how != Shutdown::Finish {
                while !queued.is_done() {
                    thread::yield_now();
                }
            }
            release.send(()).unwrap();
            dropping.join().unwrap();
            assert!(busy.result().is_ok());
            assert_eq!(queued.result().is_ok(), how == Shutdown::Finish);
        }
    });
}

#[test]
fn a_running_thread_is_asked_to_stop_and_keeps_its_value() {
    within(|| {
        for how in [Shutdown::Cancel, Shutdown::Kill] {
            let pool = pool(1);
            let (started, starts) = mpsc::channel();
            let running = pool.spawn(move || {
                started.send(()).unwrap();
                while !concurrent_futures::cancel_requested() {
                    thread::yield_now();
                }
                "kept"
            });
            starts.recv().unwrap();
            pool.shutdown(how);
            assert_eq!(running.result().unwrap(), "kept");
        }
    });
}

#[test]
fn a_destructor_that_submits_during_a_shutdown_is_told() {
    struct Submits(ThreadPool, Arc<AtomicUsize>);
    impl Drop for Submits {
        fn drop(&mut self) {
            let outcome = self.0.spawn(|| 1);
            self.1.fetch_add(1 + usize::from(outcome.is_cancelled()), SeqCst);
        }
    }
    within(|| {
        for how in EACH_WAY {
            let pool = pool(1);
            let (release, busy) = occupy(&pool);
            let told = Arc::new(AtomicUsize::new(0));
            let captured = Submits(pool.clone(), told.clone());
            let queued = pool.spawn(move || drop(captured));
            pool.begin_shutdown(how);
            release.send(()).unwrap();
            pool.shutdown(how);
            busy.result().unwrap();
            assert_eq!(queued.result().is_ok(), how == Shutdown::Finish);
            // As a task of a pool that finishes it may submit; from outside, and later, it is refused.
            assert_eq!(told.load(SeqCst), if how == Shutdown::Finish { 1 } else { 2 });
        }
    });
}

#[test]
fn a_pool_that_ends_while_its_tasks_are_being_woken_hangs_nowhere() {
    within(|| {
        for round in 0..6 {
            let pool = loosely_watched(ThreadPool::with_workers(2));
            let (mut senders, mut futures) = (Vec::new(), Vec::new());
            for n in 0..1_000 {
                let (send, receive) = futures::channel::oneshot::channel::<u32>();
                senders.push((n, send));
                futures.push(pool.spawn_async(receive));
            }
            let waking = thread::spawn(move || {
                for (n, sender) in senders {
                    let _ = sender.send(n);
                }
            });
            pool.shutdown(EACH_WAY[round % 3]);
            waking.join().unwrap();
            for (n, future) in (0..).zip(futures) {
                match future.result() {
                    Ok(received) => assert_eq!(received, Ok(n)),
                    Err(error) => assert!(error.is_cancelled() && round % 3 != 0, "{error:?}"),
                }
            }
        }
    });
}

#[test]
fn a_task_that_never_ends_by_itself_is_dropped_once_per_pool() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    within(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        for n in 1..=300 {
            let pool = ThreadPool::builder()
                .workers(2)
                .on_drop(Shutdown::Kill)
                .build()
                .unwrap();
            let counted = Counted(dropped.clone());
            let endless = pool.spawn_async(async move {
                std::future::pending::<()>().await;
                drop(counted);
            });
            drop(pool);
            assert!(matches!(endless.result(), Err(TaskError::Cancelled)));
            assert_eq!(dropped.load(SeqCst), n);
        }
    });
}

#[test]
fn of_tasks_that_race_a_shutdown_each_runs_or_is_refused() {
    within(|| {
        for round in 0..60 {
            let pool = pool(2);
            let ran = Arc::new(AtomicUsize::new(0));
            let stop = Arc::new(AtomicBool::new(false));
            let users: Vec<_> = (0..2)
                .map(|_| {
                    let (pool, ran, stop) = (pool.clone(), ran.clone(), stop.clone());
                    thread::spawn(move || {
                        let mut futures = Vec::new();
                        while !stop.load(SeqCst) {
                            let ran = ran.clone();
                            futures.push(pool.spawn(move || ran.fetch_add(1, SeqCst)));
                        }
                        futures
                            .into_iter()
                            .filter_map(|future| future.result().ok())
                            .count()
                    })
                })
                .collect();
            while ran.load(SeqCst) < 10 {
                thread::yield_now();
            }
            pool.shutdown(EACH_WAY[round % 3]);
            stop.store(true, SeqCst);
            let values: usize = users.into_iter().map(|user| user.join().unwrap()).sum();
            assert_eq!(values, ran.load(SeqCst));
        }
    });
}
