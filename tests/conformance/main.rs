//! The suite of `src/conformance`, run for every backend here. Its `README.md` says which behaviours it holds and where.

// An optimized build takes minutes for each backend, and is there for races at another speed: it has one of each kind.
#![cfg_attr(not(debug_assertions), allow(dead_code))]

#[cfg(debug_assertions)]
mod hygiene;
mod in_process;

use concurrent_futures::{
    AnyExecutor, Backend, Checked, Inline, ProcessPool, ThreadPool,
    conformance::{self, Subject},
};

struct Threads;

impl Subject for Threads {
    type Executor = ThreadPool;

    fn make(workers: usize) -> ThreadPool {
        ThreadPool::with_workers(workers)
    }
}

struct AnyThreads;

impl Subject for AnyThreads {
    type Executor = AnyExecutor;

    fn make(workers: usize) -> AnyExecutor {
        AnyExecutor::with_workers(Backend::Threads, workers)
    }
}

struct Processes;

impl Subject for Processes {
    type Executor = ProcessPool;
    const COPIES: bool = true;
    const KILLS: bool = true;
    const SENDS_AHEAD: bool = true;

    fn make(workers: usize) -> ProcessPool {
        ProcessPool::with_workers(workers)
    }
}

struct OnTheCaller;

impl Subject for OnTheCaller {
    type Executor = Inline;
    const USES_THE_CALLERS_STACK: bool = true;

    fn make(_: usize) -> Inline {
        Inline::new()
    }
}

struct CheckedOnTheCaller;

impl Subject for CheckedOnTheCaller {
    type Executor = Checked;
    const COPIES: bool = true;
    const USES_THE_CALLERS_STACK: bool = true;

    fn make(_: usize) -> Checked {
        Checked::new()
    }
}

#[rustfmt::skip]
concurrent_futures::conformance!(threads, Threads, at_once, shares_memory, at_once_shared, nested, nested_at_once, in_order, newest_first);
#[cfg(debug_assertions)]
concurrent_futures::conformance!(any_threads, AnyThreads);
concurrent_futures::conformance!(processes, Processes, at_once);
#[cfg(debug_assertions)]
concurrent_futures::conformance!(inline, OnTheCaller, shares_memory, nested);
#[cfg(debug_assertions)]
concurrent_futures::conformance!(checked, CheckedOnTheCaller, shares_memory, nested);
