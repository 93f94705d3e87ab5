//! The suite of `tests/conformance` for the bridge, over each kind of runtime. A target of its own, because it takes a
//! while to compile.
#![cfg(feature = "tokio")]
// Most of it is not there in an optimized build: see there.
#![cfg_attr(not(debug_assertions), allow(dead_code))]

use concurrent_futures::{AnyExecutor, AsyncBridge, Backend, Executor, ThreadPool, conformance::Subject};
use futures::task::{FutureObj, Spawn, SpawnError};
use std::{sync::mpsc, thread};

/// Futures on threads of tokio's.
struct OwnRuntime;

impl Subject for OwnRuntime {
    type Executor = AsyncBridge;
    const POLLS_APART: bool = true;

    fn make(workers: usize) -> AsyncBridge {
        AsyncBridge::with_workers(workers)
    }
}

struct AnyAsync;

impl Subject for AnyAsync {
    type Executor = AnyExecutor;
    const POLLS_APART: bool = true;

    fn make(workers: usize) -> AnyExecutor {
        AnyExecutor::with_workers(Backend::Async, workers)
    }
}

/// Futures on one thread, which somebody has to drive.
struct CurrentThread;

impl Subject for CurrentThread {
    type Executor = AsyncBridge;
    const POLLS_APART: bool = true;

    fn make(workers: usize) -> AsyncBridge {
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let handle = runtime.handle().clone();
            let bridge = AsyncBridge::builder()
                .max_blocking(workers)
                .build_on(handle)
                .unwrap();
            let closed = bridge.closed();
            send.send(bridge).unwrap();
            runtime.block_on(closed);
        });
        receive.recv().unwrap()
    }
}

struct SpawnOnSmol;

impl Spawn for SpawnOnSmol {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        smol::spawn(future).detach();
        Ok(())
    }
}

struct Smol;

impl Subject for Smol {
    type Executor = AsyncBridge;
    const POLLS_APART: bool = true;

    fn make(workers: usize) -> AsyncBridge {
        let builder = AsyncBridge::builder().max_blocking(workers);
        builder.build_on_spawner(SpawnOnSmol).unwrap()
    }
}

/// The threads of this crate.
struct OwnThreads;

impl Subject for OwnThreads {
    type Executor = AsyncBridge;
    const POLLS_APART: bool = true;

    fn make(workers: usize) -> AsyncBridge {
        let threads = ThreadPool::with_workers(workers);
        let builder = AsyncBridge::builder().max_blocking(workers);
        builder.build_on_spawner(threads).unwrap()
    }
}

#[rustfmt::skip]
concurrent_futures::conformance!(own_runtime, OwnRuntime, at_once, shares_memory, at_once_shared, nested, nested_at_once, in_order);
#[cfg(debug_assertions)]
concurrent_futures::conformance!(any_async, AnyAsync);
#[cfg(debug_assertions)]
#[rustfmt::skip]
concurrent_futures::conformance!(current_thread, CurrentThread, at_once, shares_memory, at_once_shared, nested, nested_at_once, in_order);
#[cfg(debug_assertions)]
#[rustfmt::skip]
concurrent_futures::conformance!(smol_runtime, Smol, at_once, shares_memory, at_once_shared, nested, nested_at_once, in_order);
#[cfg(debug_assertions)]
#[rustfmt::skip]
concurrent_futures::conformance!(own_threads, OwnThreads, at_once, shares_memory, at_once_shared, nested, nested_at_once, in_order);
