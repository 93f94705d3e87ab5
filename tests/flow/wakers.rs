//! Wakers of those who wait for room are foreign code.

use super::{Bounds, Subject, busy, on_all, until, work};
use concurrent_futures::Executor;
use futures::task::{ArcWake, waker};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Context,
};

on_all!(
    a_waker_that_panics_hurts_nobody,
    a_waker_that_submits_gets_through,
);

struct Calls<F>(F);

impl<F: Fn() + Send + Sync + 'static> ArcWake for Calls<F> {
    fn wake_by_ref(this: &Arc<Self>) {
        (this.0)();
    }
}

fn poll_with<F: Future + Unpin>(future: &mut F, wake: impl Fn() + Send + Sync + 'static) -> bool {
    let waker = waker(Arc::new(Calls(wake)));
    Pin::new(future).poll(&mut Context::from_waker(&waker)).is_ready()
}

fn bounds(max: usize) -> Bounds {
    Bounds {
        max_pending: Some(max),
        ..Bounds::default()
    }
}

fn a_waker_that_panics_hurts_nobody<S: Subject>() {
    let (executor, checkpoint, first) = busy::<S>(bounds(1));
    let queued = Executor::submit(&executor, work::same, 1);
    let woken = Arc::new(AtomicUsize::new(0));
    let mut line: Vec<_> = (0..3).map(|_| Executor::reserve(&executor)).collect();
    for reserving in &mut line {
        let woken = woken.clone();
        let wake = move || {
            woken.fetch_add(1, SeqCst);
            std::panic::resume_unwind(Box::new("a waker"));
        };
        assert!(!poll_with(reserving, wake));
    }
    // One is woken by a cancellation, one by who steps out, one by a start.
    assert!(queued.cancel());
    assert_eq!(woken.load(SeqCst), 1);
    drop(line.remove(0));
    assert_eq!(woken.load(SeqCst), 2);
    let mut options = None;
    let noop = futures::task::noop_waker();
    if let std::task::Poll::Ready(ready) = Pin::new(&mut line[0]).poll(&mut Context::from_waker(&noop)) {
        options = Some(ready);
    }
    let last = options.expect("it has room").submit(work::same, 2);
    checkpoint.open();
    first.result().unwrap();
    assert_eq!(last.result().unwrap(), 2);
    until(|| woken.load(SeqCst) == 3);
    drop(line);
    assert_eq!(Executor::submit(&executor, work::same, 3).result().unwrap(), 3);
}

fn a_waker_that_submits_gets_through<S: Subject>() {
    for starts in [false, true] {
        let (executor, checkpoint, first) = busy::<S>(bounds(2));
        let queued = [1, 2].map(|n| Executor::submit(&executor, work::same, n));
        let submitted = Arc::new(AtomicUsize::new(0));
        let mut reserving = Executor::reserve(&executor);
        let (there, count) = (executor.clone(), submitted.clone());
        let wake = move || {
            // There may be room or not: nobody waits for it in here.
            if let Ok(task) = Executor::try_submit(&there, work::same, 3) {
                drop(task);
            }
            count.fetch_add(1, SeqCst);
        };
        assert!(!poll_with(&mut reserving, wake));
        let [one, two] = queued;
        if starts {
            checkpoint.open();
            first.result().unwrap();
            assert_eq!((one.result().unwrap(), two.result().unwrap()), (1, 2));
        } else {
            assert!(one.cancel() && two.cancel());
        }
        until(|| submitted.load(SeqCst) == 1);
        assert!(poll_with(&mut reserving, || ()));
        checkpoint.open();
        assert_eq!(Executor::submit(&executor, work::same, 3).result().unwrap(), 3);
    }
}
