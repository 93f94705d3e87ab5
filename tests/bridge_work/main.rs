//! Work of both kinds on an `AsyncBridge`, on three kinds of runtime: how it runs, ends, is streamed, grouped and closed.
#![cfg(feature = "tokio")]

mod awaiting;
mod both_kinds;
mod closing;
mod combinations;
mod deep;
mod destructors;
mod ending_tasks;
mod failing_groups;
mod group_deadlines;
mod groups;
mod leaving;
mod states;
mod stream_ends;
mod streams;
mod wakers;

use concurrent_futures::{
    AsyncBridge, AsyncBridgeBuilder, Executor, TaskFuture, ThreadPool,
    conformance::watchdog::{self, loosely_watched, watched, within},
};
use std::{
    future::poll_fn,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::Poll,
    thread,
};
use tokio::sync::Semaphore;

/// What polls the futures.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// A tokio runtime of the bridge's own.
    Own,
    /// A borrowed runtime of one thread, which is driven until the bridge is closed.
    CurrentThread,
    /// The threads of this crate.
    Threads,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Own, Self::CurrentThread, Self::Threads];

    /// A bridge with so many polling threads (where that can be chosen) and blocking calls at once; ended after the
    /// test.
    fn bridge(self, workers: usize, max_blocking: usize) -> AsyncBridge {
        watched(self.unwatched(workers, max_blocking))
    }

    /// As `bridge`, for tests that drop the last handle.
    fn unwatched(self, workers: usize, max_blocking: usize) -> AsyncBridge {
        let builder = AsyncBridge::builder().max_blocking(max_blocking);
        match self {
            Self::Own => builder.workers(workers).build().unwrap(),
            Self::CurrentThread => on_driven_thread(builder),
            Self::Threads => {
                let threads = ThreadPool::with_workers(workers);
                builder.build_on_spawner(threads).unwrap()
            }
        }
    }
}

fn on_driven_thread(builder: AsyncBridgeBuilder) -> AsyncBridge {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let runtime = current_thread();
        let bridge = builder.build_on(runtime.handle().clone()).unwrap();
        let closed = bridge.closed();
        send.send(bridge).unwrap();
        runtime.block_on(closed);
    });
    receive.recv().unwrap()
}

fn current_thread() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// Runs a test over each kind of runtime, under a watchdog.
fn on_every_bridge(body: fn(Kind)) {
    for kind in Kind::ALL {
        eprintln!("on {kind:?}");
        within(move || body(kind));
    }
}

/// Holds whoever comes to it, async or blocking, until it is opened. Who made it opens it at the latest when it goes.
struct Gate(Pass);

/// To get through a [`Gate`].
#[derive(Clone)]
struct Pass(Arc<(Mutex<bool>, Condvar, Semaphore)>);

impl Gate {
    fn new() -> Self {
        Self(Pass(Arc::new((
            Mutex::default(),
            Condvar::new(),
            Semaphore::new(0),
        ))))
    }

    fn pass(&self) -> Pass {
        self.0.clone()
    }

    fn open(&self) {
        let (open, opened, permits) = &*self.0.0;
        *open.lock().unwrap() = true;
        opened.notify_all();
        permits.close();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Pass {
    async fn wait(&self) {
        assert!(self.0.2.acquire().await.is_err(), "it is closed to open the gate");
    }

    fn block(&self) {
        let (open, opened, _) = &*self.0;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Counted while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self(alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Lets others have their turn once.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Keeps the polling thread of a bridge that has one; returns once it does.
fn occupy(bridge: &AsyncBridge, pass: Pass) -> TaskFuture<()> {
    let (started, starts) = mpsc::channel();
    let busy = bridge.spawn_async(async move {
        started.send(()).unwrap();
        pass.block();
    });
    starts.recv().unwrap();
    busy
}

/// On a bridge with one polling thread: all polls that were under way are over, and all wake-ups answered.
fn settle(bridge: &AsyncBridge) {
    for _ in 0..2 {
        bridge.spawn_async(async {}).result().unwrap();
    }
}

/// Yields until `until` is true; for what must come and tells nobody.
fn wait_until(until: impl Fn() -> bool) {
    while !until() {
        thread::yield_now();
    }
}
