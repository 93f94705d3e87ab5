//! Every combination of how a task can be made, ended, and left: nothing leaks and no panic strays.

use super::{occupy, pool, within};
use concurrent_futures::{Executor, Shutdown, TaskError, TaskFuture, ThreadPool};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Call,
    Async,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    Returns,
    Panics,
    /// What it captured panics when it is dropped, if it is dropped without having run.
    PanicsWhenDropped,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stop {
    Not,
    BeforeStart,
    AfterEnd,
    ByKill,
    ByShutdown,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    TakesTheOutcome,
    DropsTheFutureEarly,
    PollsOnceAndDrops,
}

/// Counted, and may go off when it is dropped before `disarm`.
struct Captured {
    alive: Arc<AtomicUsize>,
    armed: bool,
}

impl Captured {
    fn new(alive: &Arc<AtomicUsize>, armed: bool) -> Self {
        alive.fetch_add(1, SeqCst);
        Self {
            alive: alive.clone(),
            armed,
        }
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
        assert!(!self.armed || std::thread::panicking(), "dropped before it ran");
    }
}

fn submit(pool: &ThreadPool, kind: Kind, work: Work, captured: Captured) -> TaskFuture<Captured> {
    let run = move |mut captured: Captured| {
        captured.armed = false;
        assert!(work != Work::Panics, "it panics");
        captured
    };
    match kind {
        Kind::Call => pool.spawn(move || run(captured)),
        Kind::Async => pool.spawn_async(async move { run(captured) }),
    }
}

fn one(kind: Kind, work: Work, stop: Stop, owner: Owner) {
    let pool = pool(1);
    let alive = Arc::new(AtomicUsize::new(0));
    let (release, busy) = occupy(&pool);
    let captured = Captured::new(&alive, work == Work::PanicsWhenDropped);
    let future = submit(&pool, kind, work, captured);
    let handle = future.handle();
    let mut future = Some(future);
    match owner {
        Owner::TakesTheOutcome => {}
        Owner::DropsTheFutureEarly => drop(future.take()),
        Owner::PollsOnceAndDrops => {
            let mut polled = future.take().unwrap();
            let mut pinned = std::pin::Pin::new(&mut polled);
            assert!(
                pinned
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        }
    }
    let stopped = match stop {
        Stop::BeforeStart => handle.cancel(),
        Stop::ByKill => handle.kill(),
        Stop::ByShutdown => {
            pool.begin_shutdown(Shutdown::Cancel);
            handle.is_cancelled()
        }
        Stop::Not | Stop::AfterEnd => false,
    };
    assert_eq!(stopped, !matches!(stop, Stop::Not | Stop::AfterEnd));
    if stopped {
        assert_eq!(
            alive.load(SeqCst),
            0,
            "a cancelled task lets go of what it captured"
        );
    }
    release.send(()).unwrap();
    busy.result().unwrap();
    let outcome = future.map(TaskFuture::result);
    pool.shutdown(Shutdown::Finish);
    if stop == Stop::AfterEnd {
        assert!(!handle.cancel() && !handle.kill());
    }
    assert!(handle.is_done());
    assert_eq!(handle.is_cancelled(), stopped);
    match outcome {
        None => {}
        Some(Ok(value)) => {
            assert!(!stopped && work != Work::Panics);
            assert_eq!(alive.load(SeqCst), 1);
            drop(value);
        }
        Some(Err(TaskError::Cancelled)) => assert!(stopped),
        Some(Err(TaskError::Panicked(panic))) => {
            assert_eq!((work, panic.message()), (Work::Panics, "it panics"));
            assert!(!stopped);
        }
        Some(Err(error)) => panic!("{error:?}"),
    }
    drop(handle);
    assert_eq!(alive.load(SeqCst), 0, "something is kept");
}

#[test]
fn no_combination_leaks_or_lets_a_panic_stray() {
    within(|| {
        let mut seen = 0;
        for kind in [Kind::Call, Kind::Async] {
            for work in [Work::Returns, Work::Panics, Work::PanicsWhenDropped] {
                for stop in [
                    Stop::Not,
                    Stop::BeforeStart,
                    Stop::AfterEnd,
                    Stop::ByKill,
                    Stop::ByShutdown,
                ] {
                    for owner in [
                        Owner::TakesTheOutcome,
                        Owner::DropsTheFutureEarly,
                        Owner::PollsOnceAndDrops,
                    ] {
                        let combination = (kind, work, stop, owner);
                        let ran = catch_unwind(AssertUnwindSafe(|| one(kind, work, stop, owner)));
                        assert!(ran.is_ok(), "{combination:?}");
                        seen += 1;
                    }
                }
            }
        }
        assert_eq!(seen, 90);
    });
}
