use super::{loosely_watched, occupy, pool, within};
use concurrent_futures::{Executor, Shutdown, ThreadPool, as_completed};
use std::{any::Any, sync::Arc, thread};

/// Waits until the test alone holds the value. Nothing else is submitted meanwhile.
fn wait_until_alone(value: &Arc<()>) {
    while Arc::strong_count(value) > 1 {
        thread::yield_now();
    }
}

#[test]
fn what_work_captured_is_gone_when_the_outcome_is_there() {
    within(|| {
        let pool = pool(2);
        let value = Arc::new(());
        for _ in 0..200 {
            let captured = value.clone();
            assert!(
                pool.spawn(move || Arc::strong_count(&captured) > 1)
                    .result()
                    .unwrap()
            );
            assert_eq!(Arc::strong_count(&value), 1);
            let captured = value.clone();
            let panics = pool.spawn(move || -> () { panic!("{}", Arc::strong_count(&captured)) });
            assert!(panics.result().is_err());
            assert_eq!(Arc::strong_count(&value), 1);
            let captured = value.clone();
            let copies = pool.spawn_async(async move { Arc::strong_count(&captured.clone()) });
            assert!(copies.result().unwrap() > 1);
            assert_eq!(Arc::strong_count(&value), 1);
        }
    });
}

#[test]
fn what_the_work_of_a_map_captured_goes_with_the_map() {
    within(|| {
        let pool = pool(2);
        let value = Arc::new(());
        for take in [0, 3, 100] {
            let captured = value.clone();
            let outcomes = pool.map(move |n: usize| n + Arc::strong_count(&captured), 0..100);
            drop(outcomes.take(take).collect::<Vec<_>>());
            wait_until_alone(&value);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

#[test]
fn a_cancelled_task_lets_go_of_what_it_captured() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let value = Arc::new(());
        let captured = value.clone();
        let queued = pool.spawn(move || drop(captured));
        assert_eq!(Arc::strong_count(&value), 2);
        assert!(queued.cancel());
        assert_eq!(Arc::strong_count(&value), 1);
        release.send(()).unwrap();
        busy.result().unwrap();
    });
}

#[test]
fn what_a_callback_captured_is_gone_when_it_has_run() {
    within(|| {
        let pool = pool(1);
        let value = Arc::new(());
        let (release, busy) = occupy(&pool);
        let captured = value.clone();
        busy.on_done(move |_| drop(captured));
        release.send(()).unwrap();
        busy.result().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
        // A shared future keeps the outcome, and nothing when its last clone is gone.
        let captured = value.clone();
        let shared = pool.spawn(move || captured).shared();
        drop(shared.result().unwrap());
        assert!(Arc::strong_count(&value) > 1);
        drop(shared);
        wait_until_alone(&value);
    });
}

#[test]
fn taking_half_of_the_completed_and_dropping_the_rest_drops_all_once() {
    within(|| {
        let pool = pool(2);
        let value = Arc::new(());
        for _ in 0..50 {
            let spawn = |value: Arc<()>| pool.spawn(move || value);
            let mut completed = as_completed((0..4).map(|_| spawn(value.clone())));
            drop((completed.next(), completed.next()));
            drop(completed);
            wait_until_alone(&value);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

#[test]
fn a_shutdown_lets_go_of_everything() {
    within(|| {
        for how in [
            None,
            Some(Shutdown::Finish),
            Some(Shutdown::Cancel),
            Some(Shutdown::Kill),
        ] {
            let pool = loosely_watched(ThreadPool::with_workers(2));
            let value = Arc::new(());
            let mut futures = Vec::new();
            for n in 0..100 {
                let captured = value.clone();
                futures.push(pool.spawn(move || drop(captured)));
                if n % 10 == 0 && how == Some(Shutdown::Kill) {
                    let captured = value.clone();
                    drop(pool.spawn_async(async move {
                        std::future::pending::<()>().await;
                        drop(captured);
                    }));
                }
            }
            match how {
                Some(how) => pool.shutdown(how),
                None => drop(pool),
            }
            assert_eq!(Arc::strong_count(&value), 1, "{how:?}");
            drop(futures);
        }
    });
}

#[test]
fn tasks_that_hold_each_other_are_freed_by_a_shutdown() {
    within(|| {
        let pool = loosely_watched(ThreadPool::with_workers(1));
        let value = Arc::new(());
        let (send, receive) = futures::channel::oneshot::channel::<Box<dyn Any + Send>>();
        let captured = value.clone();
        let waits = pool.spawn_async(async move {
            let other = receive.await;
            drop((captured, other));
        });
        // It holds the other's future and the only sender that could end the other: a circle.
        let captured = value.clone();
        let holds = pool.spawn_async(async move {
            let kept = (captured, send, waits);
            std::future::pending::<()>().await;
            drop(kept);
        });
        pool.spawn(|| ()).result().unwrap();
        assert_eq!(Arc::strong_count(&value), 3);
        pool.shutdown(Shutdown::Kill);
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(holds.is_cancelled());
    });
}
