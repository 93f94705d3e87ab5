//! How fast tasks come to an executor: bounds on what waits (`max_pending`, `reserve`, `try_submit`) and on what starts
//! (`rate_limit`), on every backend with workers of its own.
#![cfg(all(unix, feature = "tokio"))]

mod building;
mod inside;
mod line;
mod rate;
mod rate_ends;
mod rate_in_line;
mod room;
mod wakers;
mod work;

use concurrent_futures::{
    AsyncBridge, BuildError, Executor, ProcessPool, TaskFuture, ThreadPool,
    conformance::{
        checkpoint::{self, Checkpoint},
        watchdog::{self, watched},
    },
};
use futures::future::BoxFuture;
use std::{fmt::Debug, thread, time::Duration};

/// How an executor is bounded.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    workers: usize,
    max_pending: Option<usize>,
    rate: Option<(usize, Duration)>,
}

/// A backend that can be bounded.
trait Subject: 'static {
    type Executor: Executor + Debug;

    fn build(bounds: Bounds) -> Result<Self::Executor, BuildError>;

    /// Ended after the test.
    fn start(bounds: Bounds) -> Self::Executor {
        watched(Self::build(bounds).expect("the bounds are good"))
    }
}

/// A backend whose work may capture.
trait Shares: Subject {
    fn call(executor: &Self::Executor, work: impl FnOnce() -> u64 + Send + 'static) -> TaskFuture<u64>;
    fn run(executor: &Self::Executor, future: BoxFuture<'static, u64>) -> TaskFuture<u64>;
}

struct Threads;
struct Processes;
struct Bridge;

macro_rules! build {
    ($builder:expr, $bounds:expr) => {{
        let mut builder = $builder.workers($bounds.workers);
        if let Some(max) = $bounds.max_pending {
            builder = builder.max_pending(max);
        }
        if let Some((tasks, per)) = $bounds.rate {
            builder = builder.rate_limit(tasks, per);
        }
        builder.build()
    }};
}

impl Subject for Threads {
    type Executor = ThreadPool;

    fn build(bounds: Bounds) -> Result<ThreadPool, BuildError> {
        build!(ThreadPool::builder(), bounds)
    }
}

impl Subject for Processes {
    type Executor = ProcessPool;

    fn build(bounds: Bounds) -> Result<ProcessPool, BuildError> {
        build!(ProcessPool::builder(), bounds)
    }
}

impl Subject for Bridge {
    type Executor = AsyncBridge;

    fn build(bounds: Bounds) -> Result<AsyncBridge, BuildError> {
        build!(AsyncBridge::builder().max_blocking(bounds.workers), bounds)
    }
}

impl Shares for Threads {
    fn call(pool: &ThreadPool, work: impl FnOnce() -> u64 + Send + 'static) -> TaskFuture<u64> {
        pool.spawn(work)
    }

    fn run(pool: &ThreadPool, future: BoxFuture<'static, u64>) -> TaskFuture<u64> {
        pool.spawn_async(future)
    }
}

impl Shares for Bridge {
    fn call(bridge: &AsyncBridge, work: impl FnOnce() -> u64 + Send + 'static) -> TaskFuture<u64> {
        bridge.spawn(work)
    }

    fn run(bridge: &AsyncBridge, future: BoxFuture<'static, u64>) -> TaskFuture<u64> {
        bridge.spawn_async(future)
    }
}

/// Makes the tests of one file, for every backend or for those named.
macro_rules! on_all {
    ($($test:ident),+ $(,)?) => {
        $crate::on!(threads: $crate::Threads; $($test),+);
        $crate::on!(processes: $crate::Processes; $($test),+);
        $crate::on!(bridge: $crate::Bridge; $($test),+);
    };
}

macro_rules! on_those_that_share {
    ($($test:ident),+ $(,)?) => {
        $crate::on!(threads: $crate::Threads; $($test),+);
        $crate::on!(bridge: $crate::Bridge; $($test),+);
    };
}

macro_rules! on {
    ($backend:ident: $subject:ty; $($test:ident),+) => {
        mod $backend {
            $(
                #[test]
                fn $test() {
                    $crate::watchdog::within(super::$test::<$subject>);
                }
            )+
        }
    };
}

use {on, on_all, on_those_that_share};

/// An executor with one worker, which is busy until the checkpoint lets 0 through.
fn busy<S: Subject>(bounds: Bounds) -> (S::Executor, Checkpoint, TaskFuture<u64>) {
    let executor = S::start(Bounds { workers: 1, ..bounds });
    let checkpoint = Checkpoint::new();
    let task = Executor::submit(&executor, work::pass, (checkpoint.address(), 0));
    checkpoint.wait_for(1);
    // That it has started is heard of later, where it is another process.
    until(|| executor.stats().running == 1);
    (executor, checkpoint, task)
}

/// Waits for what comes by itself. The watchdog tells if it does not.
fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_micros(200));
    }
}
