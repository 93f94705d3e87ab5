//! Every combination of what a future does, what becomes of its handles, and when it is killed.

use super::{Gate, Kind, occupy, on_every_bridge, settle};
use concurrent_futures::{AsyncBridge, TaskError, TaskFuture, TaskHandle};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll, Waker},
};

/// Where the task is when something is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    Queued,
    Polled,
    Suspended,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    Keeps,
    Drops,
    PollsOnceAndDrops,
}

#[derive(Debug, Clone, Copy)]
struct Combination {
    poll_panics: bool,
    drop_panics: bool,
    output_panics: bool,
    owner: Owner,
    handle_goes: Point,
    kill: Option<Point>,
}

/// Counts its end, and may panic at it.
#[derive(Debug)]
struct Bomb {
    ends: Arc<AtomicUsize>,
    armed: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.ends.fetch_add(1, SeqCst);
        assert!(!self.armed || std::thread::panicking(), "in a destructor");
    }
}

/// Suspends itself once, and then has a value or panics.
struct Work {
    polled: mpsc::Sender<Waker>,
    go_on: mpsc::Receiver<()>,
    polls: usize,
    panics: bool,
    output: Option<Bomb>,
    _bomb: Bomb,
}

impl Future for Work {
    type Output = Bomb;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Bomb> {
        self.polls += 1;
        if self.polls == 1 {
            self.polled.send(cx.waker().clone()).unwrap();
            self.go_on.recv().unwrap();
            return Poll::Pending;
        }
        assert!(!self.panics, "in the last poll");
        Poll::Ready(self.output.take().unwrap())
    }
}

fn own(owner: Owner, future: TaskFuture<Bomb>) -> Option<TaskFuture<Bomb>> {
    match owner {
        Owner::Keeps => Some(future),
        Owner::Drops => None,
        Owner::PollsOnceAndDrops => {
            let mut future = future;
            let mut context = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut future).poll(&mut context).is_pending());
            None
        }
    }
}

fn one(bridge: &AsyncBridge, combination: Combination) {
    let Combination {
        poll_panics,
        drop_panics,
        output_panics,
        owner,
        handle_goes,
        kill,
    } = combination;
    let (work_ends, output_ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let bomb = |ends: &Arc<AtomicUsize>, armed| Bomb {
        ends: ends.clone(),
        armed,
    };
    let (polled, polls) = mpsc::channel();
    let (let_go, go_on) = mpsc::channel();
    let gate = Gate::new();
    let busy = occupy(bridge, gate.pass());
    let future = bridge.spawn_async(Work {
        polled,
        go_on,
        polls: 0,
        panics: poll_panics,
        output: Some(bomb(&output_ends, output_panics)),
        _bomb: bomb(&work_ends, drop_panics),
    });
    let mut handle: Option<TaskHandle> = Some(future.handle());
    let future = own(owner, future);
    let mut killed = false;
    let mut at = |point| {
        if kill == Some(point)
            && let Some(handle) = &handle
        {
            let done = handle.kill();
            assert_eq!(done, point != Point::Ended);
            killed |= done;
        }
        if handle_goes == point {
            drop(handle.take());
        }
        killed
    };
    let was_killed = at(Point::Queued);
    gate.open();
    busy.result().unwrap();
    if was_killed {
        assert_eq!(work_ends.load(SeqCst), 1);
        assert!(polls.recv().is_err());
    } else {
        let waker = polls.recv().unwrap();
        at(Point::Polled);
        let_go.send(()).unwrap();
        settle(bridge);
        at(Point::Suspended);
        waker.wake();
    }
    settle(bridge);
    let killed = at(Point::Ended);
    assert_eq!(work_ends.load(SeqCst), 1);
    match future.map(TaskFuture::result) {
        None => {}
        Some(Ok(value)) => {
            // A destructor of the work that panics takes nothing from its value.
            assert!(!killed && !poll_panics);
            assert_eq!(output_ends.load(SeqCst), 0);
            assert_eq!(
                catch_unwind(AssertUnwindSafe(|| drop(value))).is_err(),
                output_panics
            );
        }
        Some(Err(TaskError::Cancelled)) => assert!(killed),
        Some(Err(TaskError::Panicked(_))) => assert!(!killed && poll_panics),
        Some(Err(error)) => panic!("{error:?}"),
    }
    assert_eq!((work_ends.load(SeqCst), output_ends.load(SeqCst)), (1, 1));
}

#[test]
fn no_combination_leaks_drops_twice_or_lets_a_panic_stray() {
    const POINTS: [Point; 4] = [Point::Queued, Point::Polled, Point::Suspended, Point::Ended];
    let all = |kind: Kind| {
        let bridge = kind.bridge(1, 1);
        let mut seen = 0;
        for bits in 0..8 {
            for owner in [Owner::Keeps, Owner::Drops, Owner::PollsOnceAndDrops] {
                for handle_goes in POINTS {
                    for kill in POINTS.map(Some).into_iter().chain([None]) {
                        let combination = Combination {
                            poll_panics: bits & 1 > 0,
                            drop_panics: bits & 2 > 0,
                            output_panics: bits & 4 > 0,
                            owner,
                            handle_goes,
                            kill,
                        };
                        let ran = catch_unwind(AssertUnwindSafe(|| one(&bridge, combination)));
                        assert!(ran.is_ok(), "{combination:?}");
                        seen += 1;
                    }
                }
            }
        }
        assert_eq!(seen, 480);
    };
    on_every_bridge(all);
}
