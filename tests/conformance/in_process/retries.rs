//! Retries where memory is shared: what the arguments come to, where attempts run, and what they leave.

use super::{occupy, pool, watched, within};
use concurrent_futures::{
    Executor, Inline, Shutdown, TaskError, ThreadPool, TrySubmitError, attempt, cancel_requested,
};
use std::{
    fmt::Debug,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(10);

/// An argument that is counted, copies included.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self(alive.clone())
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

fn succeed_at(which: u32) -> u32 {
    assert!(attempt() >= which, "attempt {}", attempt());
    attempt()
}

#[test]
fn on_the_callers_thread_all_attempts_run_before_the_submission_returns() {
    within(|| {
        let inline = watched(Inline::new());
        let pause = Duration::from_millis(1);
        let options = inline.options().retries(2).backoff(pause, pause);
        let options = options.retry_if(TaskError::is_panicked);
        let runs = Arc::<AtomicUsize>::default();
        let (here, there) = (thread::current().id(), runs.clone());
        let work = move |which: u32| {
            assert_eq!(thread::current().id(), here);
            there.fetch_add(1, SeqCst);
            succeed_at(which)
        };
        for which in 1..=4 {
            let before = runs.load(SeqCst);
            let future = options.submit(work.clone(), which);
            assert!(future.is_done());
            assert_eq!(runs.load(SeqCst) - before, 3.min(which as usize));
            let work = work.clone();
            let future = options.submit_async(move |which| std::future::ready(work(which)), which);
            assert!(future.is_done());
            assert_eq!(runs.load(SeqCst) - before, 2 * 3.min(which as usize));
        }
    });
}

#[test]
fn an_argument_is_gone_when_the_last_attempt_has_started_and_copies_when_theirs_end() {
    within(|| {
        let pool = pool(1);
        let alive = Arc::<AtomicUsize>::default();
        let options = pool.options().retries(2).retry_if(TaskError::is_panicked);
        let seen = alive.clone();
        let work = move |argument: Counted| {
            // The copy for this attempt, and the one for those that follow.
            let expected = if attempt() == 3 { 1 } else { 2 };
            assert_eq!(seen.load(SeqCst), expected);
            drop(argument);
            succeed_at(3)
        };
        assert_eq!(options.submit(work, Counted::new(&alive)).result().unwrap(), 3);
        assert_eq!(alive.load(SeqCst), 0);
        let fails = |argument: Counted| -> u32 { panic!("{}", argument.0.load(SeqCst)) };
        assert!(options.submit(fails, Counted::new(&alive)).result().is_err());
        assert_eq!(alive.load(SeqCst), 0);
        let asynchronous = |argument: Counted| async move {
            let _argument = argument;
            succeed_at(2)
        };
        assert_eq!(
            options
                .submit_async(asynchronous, Counted::new(&alive))
                .result()
                .unwrap(),
            2
        );
        assert_eq!(alive.load(SeqCst), 0);
    });
}

#[test]
fn an_argument_is_gone_when_its_task_is_cancelled_between_attempts() {
    within(|| {
        let pool = pool(1);
        let alive = Arc::<AtomicUsize>::default();
        let options = pool.options().retries(2).backoff(LONG, LONG).retry_if(|_| true);
        let (failed, has_failed) = mpsc::channel();
        let work = move |_: Counted| -> u32 {
            failed.send(()).unwrap();
            panic!("once")
        };
        let future = options.submit(work, Counted::new(&alive));
        has_failed.recv().unwrap();
        while pool.stats().queued == 0 {
            thread::yield_now();
        }
        assert!(future.cancel());
        while alive.load(SeqCst) > 0 {
            thread::yield_now();
        }
        drop(future);
    });
}

#[test]
fn many_tasks_with_retries_leave_nothing_behind() {
    within(|| {
        let pool = pool(2);
        let alive = Arc::<AtomicUsize>::default();
        let options = pool.options().retries(3).retry_if(|_| true);
        for _ in 0..100 {
            let futures: Vec<_> = (0..1_000)
                .map(|_| options.submit(|argument: Counted| drop(argument), Counted::new(&alive)))
                .collect();
            assert!(futures.into_iter().all(|future| future.result().is_ok()));
            assert_eq!(alive.load(SeqCst), 0);
        }
        drop(options);
        pool.shutdown(Shutdown::Finish);
        assert_eq!((pool.stats().succeeded, Arc::strong_count(&alive)), (100_000, 1));
    });
}

#[test]
fn nothing_of_a_task_is_left_whichever_way_it_ends() {
    within(|| {
        let pool = pool(2);
        let alive = Arc::<AtomicUsize>::default();
        let patient = pool.options().retries(3).backoff(LONG, LONG).retry_if(|_| true);
        let options = pool.options().retries(2).retry_if(|_| true);
        let mut waiting = Vec::new();
        for n in 0..200_u32 {
            let work = move |argument: (Counted, u32)| {
                let _argument = argument;
                succeed_at(1 + n % 5)
            };
            drop(options.submit(work, (Counted::new(&alive), 1)));
            waiting.push(patient.submit(work, (Counted::new(&alive), 1)));
        }
        while pool.stats().queued + pool.stats().running > 160 {
            thread::yield_now();
        }
        waiting.iter().step_by(2).for_each(|future| {
            future.cancel();
        });
        pool.shutdown(Shutdown::Cancel);
        drop(waiting);
        while alive.load(SeqCst) > 0 {
            thread::yield_now();
        }
    });
}

fn a_future_that_blocks_past_its_deadline_is_the_last<E: Executor + Debug>(executor: E) {
    let executor = watched(executor);
    let options = executor.options().retries(3).timeout(SHORT);
    // It blocks in its poll until it is asked to stop.
    let stubborn = |()| async {
        while !cancel_requested() {
            thread::yield_now();
        }
        attempt()
    };
    let late = options.submit_async(stubborn, ());
    assert!(matches!(late.result(), Err(TaskError::TimedOut(limit)) if limit == SHORT));
    executor.shutdown(Shutdown::Finish);
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.failed), (1, 1), "{stats:?}");
}

#[test]
fn a_future_that_blocks_past_its_deadline_is_not_tried_again() {
    within(|| a_future_that_blocks_past_its_deadline_is_the_last(ThreadPool::with_workers(2)));
    #[cfg(feature = "tokio")]
    within(|| {
        a_future_that_blocks_past_its_deadline_is_the_last(concurrent_futures::AsyncBridge::with_workers(2));
    });
    within(|| a_future_that_blocks_past_its_deadline_is_the_last(Inline::new()));
}

/// How many are in it, and the most that were at once.
#[derive(Default)]
struct Crowd(AtomicUsize, AtomicUsize);

struct Inside(Arc<Crowd>);

impl Inside {
    fn enter(crowd: &Arc<Crowd>) -> Self {
        crowd.1.fetch_max(crowd.0.fetch_add(1, SeqCst) + 1, SeqCst);
        Self(crowd.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn attempts_never_overlap() {
    within(|| {
        let pool = pool(3);
        let crowds: Vec<_> = (0..20).map(|_| Arc::<Crowd>::default()).collect();
        let options = pool.options().retries(3).timeout(Duration::from_millis(5));
        let late = |crowd: Arc<Crowd>| async move {
            let _inside = Inside::enter(&crowd);
            if crowd.1.load(SeqCst).is_multiple_of(2) {
                thread::sleep(Duration::from_millis(2));
            }
            pending::<()>().await;
        };
        let futures: Vec<_> = crowds
            .iter()
            .map(|crowd| options.submit_async(late, crowd.clone()))
            .collect();
        assert!(
            futures
                .into_iter()
                .all(|future| future.result().unwrap_err().is_timed_out())
        );
        pool.shutdown(Shutdown::Finish);
        for crowd in crowds {
            assert_eq!((crowd.0.load(SeqCst), crowd.1.load(SeqCst)), (0, 1));
        }
    });
}

#[test]
fn attempts_leave_the_room_for_those_that_wait_as_it_was() {
    within(|| {
        let pool = watched(ThreadPool::builder().workers(2).max_pending(3).build().unwrap());
        let options = pool.options().retries(2).retry_if(TaskError::is_panicked);
        let futures: Vec<_> = (0..60).map(|n| options.submit(succeed_at, n % 5)).collect();
        let succeeded = futures.into_iter().filter_map(|future| future.result().ok());
        assert_eq!(succeeded.count(), 48);
        let copies_badly = |_: Unruly| 1;
        assert!(
            options
                .submit(copies_badly, Unruly)
                .result()
                .unwrap_err()
                .is_panicked()
        );
        let (failed, has_failed) = mpsc::channel();
        let patient = pool.options().retries(1).backoff(LONG, LONG).retry_if(|_| true);
        let work = move |()| {
            failed.send(()).unwrap();
            panic!("once")
        };
        let between: Vec<_> = (0..4).map(|_| patient.submit(work.clone(), ())).collect();
        (0..4).for_each(|_| has_failed.recv().unwrap());
        while pool.stats().queued < 4 {
            thread::yield_now();
        }
        assert!(between.iter().all(concurrent_futures::TaskFuture::cancel));
        assert_room_for_three(&pool);
    });
}

/// Panics when it is copied.
struct Unruly;

impl Clone for Unruly {
    fn clone(&self) -> Self {
        panic!("not copied")
    }
}

/// With all workers busy, exactly three fit.
fn assert_room_for_three(pool: &ThreadPool) {
    let gates = [occupy(pool), occupy(pool)];
    let fits = |expected: bool| match pool.try_submit(|n: u32| n, 1) {
        Ok(future) => {
            assert!(expected);
            Some(future)
        }
        Err(refused) => {
            assert!(!expected && matches!(refused, TrySubmitError::Full(1)));
            None
        }
    };
    let queued = [fits(true), fits(true), fits(true)];
    assert!(fits(false).is_none());
    drop(gates);
    assert!(
        queued
            .into_iter()
            .flatten()
            .all(|future| future.result().unwrap() == 1)
    );
}

#[test]
fn work_that_captures_is_called_again() {
    within(|| {
        let pool = pool(2);
        let runs = Arc::<AtomicUsize>::default();
        let there = runs.clone();
        let options = pool.options().retries(4).retry_if(|_| true);
        let third = options.submit(move |limit| assert!(there.fetch_add(1, SeqCst) >= limit), 2);
        third.result().unwrap();
        assert_eq!(runs.load(SeqCst), 3);
        let there = runs.clone();
        let with = options.with(runs.clone());
        let mapped = with.map(
            move |runs, n: usize| assert!(runs.fetch_add(n, SeqCst) > 6 && there.load(SeqCst) > 0),
            [1],
        );
        assert!(mapped.map(Result::unwrap).eq([()]));
        assert_eq!(runs.load(SeqCst), 8);
    });
}

#[test]
fn a_shutdown_of_the_callers_thread_waits_for_the_attempts_to_come() {
    within(|| {
        let inline = watched(Inline::new());
        let elsewhere = inline.clone();
        // Asked between attempts, on the thread that makes them.
        let options = inline.options().retries(2).retry_if(move |_| {
            let closing = elsewhere.clone();
            let closed = thread::spawn(move || closing.shutdown_timeout(Shutdown::Finish, SHORT));
            assert!(closed.join().unwrap().is_err(), "closed between attempts");
            true
        });
        assert_eq!(options.submit(succeed_at, 3).result().unwrap(), 3);
        inline.shutdown(Shutdown::Finish);
    });
}

#[test]
fn a_shutdown_that_cancels_ends_the_pause_of_the_callers_thread() {
    for how in [Shutdown::Cancel, Shutdown::Kill] {
        within(move || {
            let inline = watched(Inline::new());
            let elsewhere = inline.clone();
            let options = inline
                .options()
                .retries(2)
                .backoff(LONG, LONG)
                .retry_if(move |_| {
                    let closing = elsewhere.clone();
                    thread::spawn(move || {
                        thread::sleep(SHORT);
                        closing.shutdown(how);
                    });
                    true
                });
            assert!(options.submit(succeed_at, 3).result().unwrap_err().is_cancelled());
        });
    }
}

#[test]
fn a_detached_future_that_nobody_can_wake_ends_with_retries_too() {
    within(|| {
        for retries in [None, Some(1)] {
            let pool = pool(1);
            let never = |argument: Counted| async move {
                pending::<()>().await;
                drop(argument);
            };
            let alive = Arc::<AtomicUsize>::default();
            drop(match retries {
                None => pool.submit_async(never, Counted::new(&alive)),
                Some(times) => pool
                    .options()
                    .retries(times)
                    .submit_async(never, Counted::new(&alive)),
            });
            let finished = pool.shutdown_timeout(Shutdown::Finish, Duration::from_secs(5));
            pool.shutdown(Shutdown::Kill);
            assert!(finished.is_ok(), "with {retries:?} retries: {finished:?}");
            assert_eq!(alive.load(SeqCst), 0);
        }
    });
}
