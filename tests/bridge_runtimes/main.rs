//! The bridge on runtimes that block, end, are left alone and are its own.
//!
//! Work meets the test at channels; every test runs under the watchdog of the conformance suite.
#![cfg(feature = "tokio")]

mod aborts;
mod allowed_waits;
mod blocking_waits;
mod bridge_ends;
mod context;
mod making;
mod never_refused;
mod runtime_ends;
mod shutdowns;
mod under_way;

use concurrent_futures::{AsyncBridge, Executor, conformance::watchdog};
use futures::{
    channel::oneshot,
    task::{FutureObj, Spawn, SpawnError},
};
use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Handle, Runtime};

/// A timer that no test waits for.
const FOR_EVER: Duration = Duration::from_secs(1_000_000);

/// A tokio runtime that stands still outside of its `block_on`.
fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A tokio runtime with this many workers.
fn multi_thread(workers: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).enable_all().build().unwrap()
}

/// A current-thread runtime that a thread drives until this is dropped.
struct Driven {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    driver: Option<JoinHandle<()>>,
}

impl Driven {
    fn start() -> Self {
        let runtime = current_thread();
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let driver = thread::spawn(move || _ = runtime.block_on(stopped));
        Self {
            handle,
            stop: Some(stop),
            driver: Some(driver),
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(driver) = self.driver.take() {
            driver.join().unwrap();
        }
    }
}

struct SpawnOnSmol;

impl Spawn for SpawnOnSmol {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        smol::spawn(future).detach();
        Ok(())
    }
}

/// The text of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .expect("a panic with a message")
}

/// What `call` panics with.
#[track_caller]
fn panic_of<R>(call: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(_) => panic!("it did not panic"),
        Err(panic) => message(&*panic),
    }
}

/// On any runtime: wakes itself once.
async fn yield_once() {
    let mut first = true;
    std::future::poll_fn(|cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
}

/// A task that has been suspended at least once by the time this returns, and waits for `end`.
fn suspended<R: Send + 'static>(
    bridge: &AsyncBridge,
    end: impl Future<Output = R> + Send + 'static,
) -> concurrent_futures::TaskFuture<R> {
    let (tell, told) = std::sync::mpsc::channel();
    let future = bridge.spawn_async(async move {
        yield_once().await;
        tell.send(()).unwrap();
        end.await
    });
    told.recv().unwrap();
    future
}

/// Polls until `condition` holds, for something that happens by itself and tells nobody.
#[track_caller]
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Awaits the end of a bridge that no task holds up.
async fn gone(bridge: AsyncBridge) {
    let closed = bridge.closed();
    drop(bridge);
    closed.await;
}
