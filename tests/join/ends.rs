//! Requests to stop, and the end of the pool.

use crate::{event, fib, heard, on_pools, watched, within};
use concurrent_futures::{CancelToken, Executor, Shutdown, ThreadPool, attempt, cancel_requested};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

const WAYS: [Shutdown; 3] = [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill];

fn message(outcome: Result<(), Box<dyn std::any::Any + Send>>) -> String {
    let payload = outcome.expect_err("it should have panicked");
    *payload.downcast::<String>().expect("a text")
}

#[test]
fn a_join_that_runs_is_finished_whatever_the_shutdown() {
    on_pools(|pool| {
        for how in WAYS {
            let pool = watched(ThreadPool::with_workers(pool.workers()));
            let inside = pool.clone();
            let (started, has_started) = event();
            let task = pool.spawn(move || {
                started.send(()).unwrap();
                fib(&inside, 22)
            });
            heard(&has_started);
            pool.shutdown(how);
            assert_eq!(task.result().unwrap(), 17_711);
        }
    });
}

#[test]
fn halves_that_a_cancellation_finds_in_the_queue_are_run_by_their_owner() {
    on_pools(|pool| {
        for how in [Shutdown::Cancel, Shutdown::Kill] {
            let pool = watched(ThreadPool::with_workers(pool.workers()));
            let inside = pool.clone();
            // All of them are queued at once: the innermost first half shuts the pool down.
            fn nest(pool: &ThreadPool, depth: u32, how: Shutdown) -> u32 {
                if depth == 0 {
                    pool.begin_shutdown(how);
                    return 0;
                }
                let (below, one) = pool.join(|| nest(pool, depth - 1, how), || 1);
                below + one
            }
            let task = pool.spawn(move || nest(&inside, 20, how));
            assert_eq!(task.result().unwrap(), 20);
            pool.shutdown(how);
        }
    });
}

#[test]
fn a_join_from_outside_on_a_pool_that_is_shut_down_says_so() {
    within(|| {
        for how in WAYS {
            let pool = watched(ThreadPool::builder().workers(1).name("gone").build().unwrap());
            pool.shutdown(how);
            let outcome = catch_unwind(AssertUnwindSafe(|| _ = pool.join(|| 1, || 2)));
            let message = message(outcome);
            assert!(
                message.contains("`gone`") && message.contains("shut down"),
                "{message}"
            );
        }
    });
}

#[test]
fn a_join_from_outside_that_is_cancelled_before_it_starts_says_so() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(1));
        let ((started, has_started), (go_on, may_go_on)) = (event(), event());
        let busy = pool.spawn(move || {
            started.send(()).unwrap();
            heard(&may_go_on);
        });
        heard(&has_started);
        let outcome = thread::scope(|threads| {
            let caller = threads.spawn(|| catch_unwind(AssertUnwindSafe(|| _ = pool.join(|| 1, || 2))));
            while pool.stats().queued == 0 {
                thread::yield_now();
            }
            pool.begin_shutdown(Shutdown::Cancel);
            caller.join().unwrap()
        });
        let message = message(outcome);
        // It is counted before it is queued, so it may come too late as well.
        let reasons = ["the task was cancelled", "the executor is shut down"];
        assert!(message.contains("did not run a `join`"), "{message}");
        assert!(reasons.iter().any(|reason| message.contains(reason)), "{message}");
        go_on.send(()).unwrap();
        busy.result().unwrap();
    });
}

#[test]
fn both_halves_hear_that_their_task_is_asked_to_stop() {
    fn until_asked() -> bool {
        let token = CancelToken::current();
        while !cancel_requested() {
            thread::yield_now();
        }
        token.is_requested()
    }
    within(|| {
        let pool = watched(ThreadPool::with_workers(2));
        let inside = pool.clone();
        let ((in_a, is_in_a), (in_b, is_in_b)) = (event(), event());
        let task = pool.spawn(move || {
            inside.join(
                || {
                    in_a.send(()).unwrap();
                    until_asked()
                },
                || {
                    in_b.send(()).unwrap();
                    until_asked()
                },
            )
        });
        heard(&is_in_a);
        heard(&is_in_b);
        assert!(!task.cancel());
        assert_eq!(task.result().unwrap(), (true, true));
        // The worker that took the second half is nobody's any more.
        let asked = pool.join(cancel_requested, cancel_requested);
        assert_eq!(asked, (false, false));
    });
}

#[test]
fn both_halves_know_the_attempt_of_their_task() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(2));
        let inside = pool.clone();
        let work = move |()| {
            let ((to_b, from_a), (to_a, from_b)) = (event(), event());
            let attempts = inside.join(
                move || {
                    to_b.send(()).unwrap();
                    heard(&from_b);
                    attempt()
                },
                move || {
                    heard(&from_a);
                    to_a.send(()).unwrap();
                    attempt()
                },
            );
            assert!(attempts.0 > 1, "the first attempt fails");
            attempts
        };
        let task = pool.options().retries(1).retry_if(|_| true).submit(work, ());
        assert_eq!(task.result().unwrap(), (2, 2));
    });
}

#[test]
fn the_last_handle_may_go_while_a_join_runs() {
    within(|| {
        let pool = ThreadPool::with_workers(2);
        let inside = pool.clone();
        let (started, has_started) = event();
        let task = pool.spawn(move || {
            started.send(()).unwrap();
            thread::sleep(Duration::from_millis(5));
            let sum = fib(&inside, 15);
            drop(inside);
            sum
        });
        heard(&has_started);
        drop(pool);
        assert_eq!(task.result().unwrap(), 610);
    });
}
