//! Destructors of futures that panic, take long, or use the bridge.

use super::{Counted, Gate, Kind, occupy, on_every_bridge, settle, within};
use concurrent_futures::{AsyncBridge, Executor, Shutdown, TaskError, TaskFuture};
use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

const SOON: Duration = Duration::from_millis(20);

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "in a destructor");
    }
}

/// A future with a bomb in it that has been polled once.
fn armed(bridge: &AsyncBridge, limit: Option<Duration>) -> TaskFuture<()> {
    let bomb = Bomb;
    let future = async move {
        let _bomb = bomb;
        pending::<()>().await;
    };
    let future = match limit {
        Some(limit) => bridge.options().timeout(limit).spawn_async(future),
        None => bridge.spawn_async(future),
    };
    settle(bridge);
    future
}

#[test]
fn a_destructor_that_panics_costs_nothing_else() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let gate = Gate::new();
        let busy = occupy(&bridge, gate.pass());
        let bomb = Bomb;
        let queued = bridge.spawn_async(async move { std::mem::forget(bomb) });
        assert!(queued.cancel());
        gate.open();
        busy.result().unwrap();
        assert!(queued.result().unwrap_err().is_cancelled());
        let suspended = armed(&bridge, None);
        assert!(suspended.kill());
        assert!(suspended.result().unwrap_err().is_cancelled());
        assert!(armed(&bridge, Some(SOON)).result().unwrap_err().is_timed_out());
        // At the end of its own last poll it is a panic of the work.
        let bomb = Bomb;
        let last = bridge.spawn_async(async move { drop(bomb) });
        assert!(matches!(last.result(), Err(TaskError::Panicked(_))));
        // An outcome that nobody wants, before and after it is there.
        drop(bridge.spawn_async(async { Bomb }));
        drop(bridge.spawn(|| Bomb));
        let gate = Gate::new();
        let pass = gate.pass();
        let unwanted = bridge.spawn_async(async move { (pass.wait().await, Bomb).1 });
        settle(&bridge);
        drop(unwanted);
        gate.open();
        // A value that comes after its kill.
        let gate = Gate::new();
        let pass = gate.pass();
        let (polled, polls) = mpsc::channel();
        let killed = bridge.spawn_async(async move {
            polled.send(()).unwrap();
            pass.block();
            Bomb
        });
        polls.recv().unwrap();
        assert!(killed.kill());
        gate.open();
        assert!(killed.result().is_err_and(|error| error.is_cancelled()));
        let left = armed(&bridge, None);
        assert_eq!(bridge.spawn_async(async { 1 }).result().unwrap(), 1);
        bridge.shutdown(Shutdown::Kill);
        assert!(left.result().unwrap_err().is_cancelled());
    });
}

/// Never ready; calls a function when it is dropped.
struct AtEnd<F: FnOnce(Waker)> {
    calls: Option<F>,
    waker: Option<Waker>,
    _counted: Option<Counted>,
}

impl<F: FnOnce(Waker)> Unpin for AtEnd<F> {}

impl<F: FnOnce(Waker)> Future for AtEnd<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<F: FnOnce(Waker)> Drop for AtEnd<F> {
    fn drop(&mut self) {
        if let (Some(at_end), Some(waker)) = (self.calls.take(), self.waker.take()) {
            at_end(waker);
        }
    }
}

fn suspended<F>(bridge: &AsyncBridge, counted: Option<Counted>, at_end: F) -> TaskFuture<()>
where
    F: FnOnce(Waker) + Send + 'static,
{
    let future = bridge.spawn_async(AtEnd {
        calls: Some(at_end),
        waker: None,
        _counted: counted,
    });
    settle(bridge);
    future
}

#[test]
fn a_destructor_may_wait_for_the_bridge_while_its_task_is_woken() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        for way in 0..3 {
            let inner = bridge.clone();
            let at_end = move |waker: Waker| {
                // Its wake-up is behind this one, and before what it waits for.
                waker.wake();
                let future = inner.spawn_async(async { 1 });
                let call = inner.spawn(|| 2);
                assert_eq!(future.result().unwrap() + call.result().unwrap(), 3);
            };
            if way == 2 {
                let group = bridge.group();
                group.spawn_async(AtEnd {
                    calls: Some(at_end),
                    waker: None,
                    _counted: None,
                });
                settle(&bridge);
                drop(group);
                continue;
            }
            let task = suspended(&bridge, None, at_end);
            let handle = task.handle();
            if way == 0 {
                assert!(handle.kill());
            } else {
                assert!(bridge.spawn(move || handle.kill()).result().unwrap());
            }
            assert!(task.result().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn who_hears_of_the_end_finds_the_destructor_done_though_two_kill_at_once() {
    within(|| {
        for kind in Kind::ALL {
            let bridge = kind.bridge(1, 1);
            let gate = Gate::new();
            let alive = Arc::new(AtomicUsize::new(0));
            let (began, begins) = mpsc::channel();
            let pass = gate.pass();
            let task = suspended(&bridge, Some(Counted::new(&alive)), move |_| {
                began.send(()).unwrap();
                pass.block();
            });
            let (told, hears) = mpsc::channel();
            let counter = alive.clone();
            task.on_done(move |_| told.send(counter.load(SeqCst)).unwrap());
            let too_early = thread::scope(|scope| {
                let (one, other) = (task.handle(), task.handle());
                scope.spawn(move || one.kill());
                begins.recv().unwrap();
                scope.spawn(move || other.kill());
                // The second may wait for the first, or leave it to that.
                (0..1_000).for_each(|_| thread::yield_now());
                let too_early = hears.try_recv().is_ok();
                gate.open();
                too_early
            });
            assert!(!too_early, "heard in the middle of the destructor");
            assert_eq!(hears.recv().unwrap(), 0);
            assert!(task.result().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_destructor_may_kill_its_own_task_and_others() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let other = bridge.spawn_async(pending::<()>());
        let (hand_over, take_over) = mpsc::channel::<concurrent_futures::TaskHandle>();
        let victim = other.handle();
        let task = suspended(&bridge, None, move |_| {
            take_over.recv().unwrap().kill();
            assert!(victim.kill());
        });
        hand_over.send(task.handle()).unwrap();
        assert!(task.kill() || task.is_cancelled());
        assert!(task.result().unwrap_err().is_cancelled());
        assert!(other.result().unwrap_err().is_cancelled());
    });
}
