//! Panics in either half: which one is raised, when, and what is dropped.

use crate::{Drops, event, heard, on_pools, watched, within};
use concurrent_futures::{TaskError, ThreadPool};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

fn raised<R>(work: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(_) => panic!("it should have panicked"),
        Err(payload) => payload,
    }
}

/// What a task that calls this on the pool panics with.
fn raised_inside(pool: &ThreadPool, work: impl FnOnce(&ThreadPool) + Send + 'static) -> TaskError {
    let inside = pool.clone();
    pool.spawn(move || work(&inside)).result().unwrap_err()
}

#[test]
fn a_second_half_that_nobody_started_is_dropped_when_the_first_panics() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(1));
        let drops = Drops::default();
        let captured = drops.value();
        let ran = AtomicBool::new(false);
        let payload = raised(|| {
            pool.join(
                || panic_any(7_u8),
                || {
                    ran.store(true, SeqCst);
                    drop(captured);
                },
            )
        });
        assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
        assert_eq!((ran.into_inner(), drops.count()), (false, 1));
    });
}

#[test]
fn a_second_half_that_runs_is_waited_for_when_the_first_panics() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(2));
        let drops = Drops::default();
        let ((started, has_started), (panics, is_panicking)) = (event(), event());
        let ended = AtomicBool::new(false);
        let (has_ended, to_count) = (&ended, &drops);
        let payload = raised(|| {
            pool.join(
                move || {
                    heard(&has_started);
                    panics.send(()).unwrap();
                    panic_any(7_u8);
                },
                move || {
                    started.send(()).unwrap();
                    heard(&is_panicking);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    has_ended.store(true, SeqCst);
                    to_count.value()
                },
            )
        });
        assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
        assert!(ended.into_inner());
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_panic_of_the_second_half_is_raised_after_the_first_has_ended() {
    on_pools(|pool| {
        let drops = Drops::default();
        let ended = AtomicBool::new(false);
        let payload = raised(|| {
            pool.join(
                || {
                    ended.store(true, SeqCst);
                    drops.value()
                },
                || panic_any("of b"),
            )
        });
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"of b"));
        assert!(ended.into_inner());
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_panic_on_another_worker_comes_back_with_its_place() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(2));
        let line = std::sync::Arc::new(std::sync::Mutex::new(0));
        let noted = line.clone();
        let drops = Drops::default();
        let first = drops.clone();
        let error = raised_inside(&pool, move |pool| {
            let (started, has_started) = event();
            pool.join(
                move || {
                    heard(&has_started);
                    first.value()
                },
                || {
                    started.send(()).unwrap();
                    *noted.lock().unwrap() = line!() + 1;
                    panic!("far away");
                },
            );
        });
        let TaskError::Panicked(panic) = error else {
            panic!("{error}")
        };
        assert_eq!(panic.message(), "far away");
        let place = panic.location().expect("the place is kept");
        let line = *line.lock().unwrap();
        assert!(
            place.contains(&format!("panics.rs:{line}:")),
            "{place}, not line {line}"
        );
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn of_two_panics_the_first_half_s_is_raised() {
    on_pools(|pool| {
        let error = raised_inside(pool, |pool| {
            pool.join(|| panic!("of a"), || panic!("of b"));
        });
        let TaskError::Panicked(panic) = error else {
            panic!("{error}")
        };
        assert_eq!(panic.message(), "of a");
        assert!(panic.location().unwrap().contains("panics.rs"));
    });
    within(|| {
        let pool = watched(ThreadPool::with_workers(2));
        let (started, has_started) = event();
        let payload = raised(|| {
            pool.join(
                move || {
                    heard(&has_started);
                    panic_any(1_u8);
                },
                || {
                    started.send(()).unwrap();
                    panic_any(2_u8);
                },
            )
        });
        assert_eq!(payload.downcast_ref::<u8>(), Some(&1));
    });
}

#[test]
fn a_panic_passes_through_nested_joins_and_drops_each_value_once() {
    on_pools(|pool| {
        fn nest(pool: &ThreadPool, depth: u32, drops: &Drops) {
            let captured = (drops.value(), drops.value());
            if depth == 0 {
                drop(captured);
                panic_any(depth);
            }
            let (left, right) = captured;
            pool.join(
                || {
                    let _left = left;
                    nest(pool, depth - 1, drops);
                },
                move || drop(right),
            );
        }
        let drops = Drops::default();
        let payload = raised(|| nest(pool, 50, &drops));
        assert_eq!(payload.downcast_ref::<u32>(), Some(&0));
        assert_eq!(drops.count(), 2 * 51);
        assert_eq!(pool.join(|| 1, || 2), (1, 2));
    });
}

#[test]
fn values_whose_destructors_panic_do_not_hide_the_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }
    on_pools(|pool| {
        let bomb = Bomb;
        let payload = raised(|| pool.join(|| panic_any(7_u8), move || drop(bomb)));
        assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
    });
}
