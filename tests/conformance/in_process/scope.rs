use super::{occupy, pool, within};
use concurrent_futures::{Executor, Shutdown, TaskError, ThreadPool};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

#[test]
fn tasks_of_a_scope_borrow_and_have_ended_when_it_returns() {
    within(|| {
        let pool = pool(3);
        let words: Vec<String> = (0..50).map(|n| "x".repeat(n)).collect();
        let mut lengths = vec![0; 50];
        let total = AtomicUsize::new(0);
        let body = pool.scope(|s| {
            for (word, length) in words.iter().zip(&mut lengths) {
                let total = &total;
                s.spawn(move || {
                    *length = word.len();
                    total.fetch_add(1, SeqCst);
                });
            }
            "the body's value"
        });
        assert_eq!((body, total.load(SeqCst)), ("the body's value", 50));
        assert!(lengths.into_iter().eq(0..50));
    });
}

#[test]
fn a_scope_may_nest_and_wait_on_one_worker() {
    fn sum(pool: &ThreadPool, numbers: &[u64]) -> u64 {
        if numbers.len() <= 2 {
            return numbers.iter().sum();
        }
        let (left, right) = numbers.split_at(numbers.len() / 2);
        pool.scope(|s| {
            let left = s.spawn(|| sum(pool, left));
            let right = sum(pool, right);
            left.result().unwrap() + right
        })
    }
    within(|| {
        for workers in [1, 2] {
            let pool = pool(workers);
            let numbers: Vec<u64> = (0..200).collect();
            assert_eq!(sum(&pool, &numbers), 19_900);
            let inner = pool.clone();
            assert_eq!(
                pool.spawn(move || sum(&inner, &numbers)).result().unwrap(),
                19_900
            );
        }
    });
}

#[test]
fn a_panic_that_nobody_asked_for_is_raised_after_all_have_ended() {
    within(|| {
        let pool = pool(2);
        let ended = AtomicUsize::new(0);
        let raised = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                s.spawn(|| panic!("one of them"));
                for _ in 0..20 {
                    s.spawn(|| ended.fetch_add(1, SeqCst));
                }
            });
        }));
        assert_eq!(raised.unwrap_err().downcast_ref::<&str>(), Some(&"one of them"));
        assert_eq!(ended.load(SeqCst), 20);
        let raised = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                s.spawn(|| ended.fetch_add(1, SeqCst));
                panic!("the body");
            });
        }));
        assert_eq!(raised.unwrap_err().downcast_ref::<&str>(), Some(&"the body"));
        assert_eq!(ended.load(SeqCst), 21);
    });
}

#[test]
fn the_place_of_a_panic_is_known_outside_of_the_scope() {
    within(|| {
        let pool = pool(2);
        for in_the_body in [false, true] {
            let inner = pool.clone();
            let task = pool.spawn(move || {
                inner.scope(|s| {
                    s.spawn(|| assert!(in_the_body, "the task"));
                    assert!(!in_the_body, "the body");
                });
            });
            let Err(TaskError::Panicked(panic)) = task.result() else {
                unreachable!()
            };
            assert!(
                panic.location().is_some_and(|place| place.contains("scope.rs")),
                "{panic:?}"
            );
        }
    });
}

#[test]
fn a_panic_that_was_asked_for_is_not_raised_again() {
    within(|| {
        let pool = pool(2);
        let message = pool.scope(|s| {
            let failing = s.spawn(|| -> u8 { panic!("asked for") });
            failing.result().unwrap_err().to_string()
        });
        assert!(message.contains("asked for"));
    });
}

#[test]
fn asking_for_one_panic_does_not_hide_another() {
    within(|| {
        let pool = pool(1);
        let raised = catch_unwind(AssertUnwindSafe(|| {
            pool.scope(|s| {
                s.spawn(|| panic!("not asked for"));
                let asked = s.spawn(|| -> u8 { panic!("asked for") });
                assert!(asked.result().is_err());
            });
        }));
        assert_eq!(raised.unwrap_err().downcast_ref::<&str>(), Some(&"not asked for"));
    });
}

#[test]
fn a_scoped_task_can_be_cancelled_or_refused() {
    within(|| {
        let pool = pool(1);
        let (release, busy) = occupy(&pool);
        let ran = AtomicUsize::new(0);
        pool.scope(|s| {
            let queued = s.spawn(|| ran.fetch_add(1, SeqCst));
            assert!(queued.cancel() && queued.is_done());
            assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
            release.send(()).unwrap();
        });
        busy.result().unwrap();
        pool.shutdown(Shutdown::Finish);
        pool.scope(|s| {
            let refused = s.spawn(|| ran.fetch_add(1, SeqCst));
            assert!(matches!(refused.result(), Err(TaskError::ShutDown)));
        });
        assert_eq!(ran.load(SeqCst), 0);
    });
}
