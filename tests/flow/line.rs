//! The line of those who wait for room in async code: first come, first served, and nothing is lost.

use super::{Bounds, Subject, busy, on_all, work};
use concurrent_futures::{Executor, backend::Reserving};
use futures::task::{ArcWake, waker};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

on_all!(
    who_came_first_gets_room_first,
    who_steps_out_of_the_line_leaves_it_to_the_next,
    room_that_is_not_used_comes_back,
    a_start_wakes_who_waits,
);

/// Who was woken, in order.
#[derive(Default)]
struct Log(Mutex<Vec<usize>>);

struct Numbered(usize, Arc<Log>);

impl ArcWake for Numbered {
    fn wake_by_ref(this: &Arc<Self>) {
        this.1.0.lock().unwrap().push(this.0);
    }
}

impl Log {
    fn poll<F: Future + Unpin>(self: &Arc<Self>, number: usize, future: &mut F) -> Poll<F::Output> {
        let waker = waker(Arc::new(Numbered(number, self.clone())));
        Pin::new(future).poll(&mut Context::from_waker(&waker))
    }

    fn woken(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Five of them who wait, in this order.
    fn line<E: Executor>(self: &Arc<Self>, executor: &E) -> Vec<Reserving<E>> {
        let mut line: Vec<_> = (0..5).map(|_| Executor::reserve(executor)).collect();
        for (number, reserving) in line.iter_mut().enumerate() {
            assert!(self.poll(number, reserving).is_pending());
        }
        line
    }
}

fn max_pending(max: usize) -> Bounds {
    Bounds {
        max_pending: Some(max),
        ..Bounds::default()
    }
}

fn who_came_first_gets_room_first<S: Subject>() {
    let (executor, _checkpoint, _first) = busy::<S>(max_pending(1));
    let mut queued = Executor::submit(&executor, work::same, 0);
    let log = Arc::new(Log::default());
    for (number, mut reserving) in log.line(&executor).into_iter().enumerate() {
        assert_eq!(log.woken(), []);
        assert!(log.poll(number, &mut reserving).is_pending());
        assert!(queued.cancel());
        assert_eq!(log.woken(), [number]);
        // There is room, and it is taken.
        assert!(Executor::try_submit(&executor, work::same, 1).is_err());
        let Poll::Ready(options) = log.poll(number, &mut reserving) else {
            panic!("{number} has room")
        };
        queued = options.submit(work::same, 1);
        assert_eq!(executor.stats().queued, 1);
    }
    assert_eq!(log.woken(), []);
}

fn who_steps_out_of_the_line_leaves_it_to_the_next<S: Subject>() {
    let (executor, _checkpoint, _first) = busy::<S>(max_pending(1));
    let queued = Executor::submit(&executor, work::same, 0);
    let log = Arc::new(Log::default());
    let mut line = log.line(&executor);
    // Without room.
    drop(line.remove(1));
    assert!(queued.cancel());
    assert_eq!(log.woken(), [0]);
    // With room that it knows nothing of.
    drop(line.remove(0));
    assert_eq!(log.woken(), [2]);
    // With room that it has.
    let options = log.poll(2, &mut line[0]);
    drop(line.remove(0));
    assert_eq!(log.woken(), []);
    drop(options);
    assert_eq!(log.woken(), [3]);
    drop(line);
    let task = Executor::try_submit(&executor, work::same, 1).unwrap();
    assert!(Executor::try_submit(&executor, work::same, 1).is_err());
    assert!(task.cancel());
}

fn room_that_is_not_used_comes_back<S: Subject>() {
    const MAX: usize = 4;
    let (executor, _checkpoint, _first) = busy::<S>(max_pending(MAX));
    let log = Arc::new(Log::default());
    for round in 0..1_000 {
        let mut reserving = Executor::reserve(&executor);
        if round % 5 == 0 {
            // Nobody has asked yet.
            continue;
        }
        let Poll::Ready(options) = log.poll(0, &mut reserving) else {
            panic!("round {round}")
        };
        match round % 5 {
            1 => drop(options),
            2 => drop((options.clone(), options)),
            3 => {
                let named = options.name("one");
                assert!(named.submit(work::same, 1).cancel());
                assert!(named.submit(work::same, 1).cancel());
            }
            _ => {
                let others: Vec<_> = (0..MAX).map(|_| Executor::reserve(&executor)).collect();
                let mut others: Vec<_> = others
                    .into_iter()
                    .map(|mut one| (log.poll(1, &mut one), one))
                    .collect();
                let (last, waits) = others.pop().expect("there are some");
                assert!(last.is_pending());
                drop(others);
                drop((waits, options));
            }
        }
    }
    let tasks: Vec<_> = (0..MAX)
        .map(|_| Executor::try_submit(&executor, work::same, 1).unwrap())
        .collect();
    assert!(Executor::try_submit(&executor, work::same, 1).is_err());
    assert!(tasks.iter().all(|task| task.cancel()));
}

fn a_start_wakes_who_waits<S: Subject>() {
    let (executor, checkpoint, first) = busy::<S>(max_pending(1));
    let queued = Executor::submit(&executor, work::same, 4);
    let log = Arc::new(Log::default());
    let mut reserving = Executor::reserve(&executor);
    assert!(log.poll(7, &mut reserving).is_pending());
    checkpoint.open();
    first.result().unwrap();
    assert_eq!(queued.result().unwrap(), 4);
    super::until(|| !log.0.lock().unwrap().is_empty());
    assert_eq!(log.woken(), [7]);
    assert!(log.poll(7, &mut reserving).is_ready());
}
