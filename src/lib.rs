//! Work at the same time, and freedom to change what that means: one trait, [`Executor`], with `submit`, `map` and
//! `as_completed`; backends that implement it; code that moves between them by a type parameter.
//!
//! ```
//! use concurrent_futures::{Executor, Inline, TaskError, ThreadPool, as_completed};
//!
//! fn square(n: u64) -> u64 {
//!     n * n
//! }
//!
//! // Written once, against the trait.
//! fn sum_of_squares<E: Executor>(executor: &E) -> Result<u64, TaskError> {
//!     executor.map(square, 0..100).sum()
//! }
//!
//! let pool = ThreadPool::new();
//! assert_eq!(sum_of_squares(&pool).unwrap(), 328_350);
//! assert_eq!(sum_of_squares(&Inline::new()).unwrap(), 328_350);
//!
//! // One task: a future to block on, await, or collect.
//! let future = pool.submit(square, 12);
//! assert_eq!(future.result().unwrap(), 144);
//! for (n, future) in as_completed((0..10).map(|n| (n, pool.submit(square, n)))) {
//!     assert_eq!(future.result().unwrap(), n * n);
//! }
//! ```
//!
//! The [`guide`] has the rest at length: which backend for what, the way here from Python, rayon and tokio, recipes, the way from one
//! machine to many, what happens when something goes wrong, what it costs, and what it does not do.
//!
//! # The parts
//!
//! | you want to | start at |
//! |---|---|
//! | write code for any backend | [`Executor`], and [`Portable`] for what may be an argument |
//! | run work on threads, with closures that capture | [`ThreadPool`], [`ThreadPool::scope`] to borrow |
//! | debug, or test that values cross | [`Inline`], [`Checked`] |
//! | run what may crash, leak or hang | [`ProcessPool`] |
//! | run work on many machines | [`Cluster`], [`ClusterBuilder`] (feature `cluster`); [`guide::many_machines`] |
//! | wait for thousands of things at once, or call what blocks from async code | [`AsyncBridge`] |
//! | choose at run time | [`AnyExecutor`], [`Backend`] |
//! | wait for one task | [`TaskFuture`] |
//! | wait for many | [`Executor::map`], [`as_completed`], [`wait`], [`race`], [`first_completed`], [`all_or_first_error`], [`Executor::group`] |
//! | stop things | [`TaskFuture::cancel`], [`TaskFuture::kill`], [`Options::timeout`], [`Group::deadline`], [`cancel_requested`], [`CancelToken`], [`Shutdown`]; what does what: [`stopping`] |
//! | run external programs | [`subprocess`] |
//! | try again, or not too fast | [`Options::retries`], [`ThreadPoolBuilder::rate_limit`], [`Executor::reserve`] |
//! | keep a connection per worker | [`Executor::with_state`] |
//! | know what failed | [`TaskError`] |
//! | see what happens | [`Executor::record`] and [`timeline`], [`Executor::dump`], [`Executor::watchdog`], [`Executor::stats`] |
//! | see how it is done | [`gallery`] |
//! | write a backend | [`Executor`] (its required methods), [`backend`]; with the feature `conformance` the module of that name holds it against the suite that all backends here pass |
//!
//! Reading order: [`Executor`], [`TaskFuture`], [`Map`], [`ThreadPool`], [`TaskError`].
//!
//! # Which backend for what
//!
//! Rust has no global lock, so threads are for CPU-bound work as well as for blocking I/O. [`ThreadPool`] is the
//! one to start with. [`ProcessPool`] is for work that may crash, leak or hang, or has to be stopped: it shares nothing, a
//! death costs one task, and what crosses is encoded. [`Cluster`] is for more work than one machine can do: a process pool on
//! each of them, with a server of Redis or Valkey between. [`AsyncBridge`] is for work that waits: futures on a runtime, and
//! calls that block beside it. [`Inline`] runs each task on the calling thread when it is submitted. [`Checked`] does
//! that too and sends every argument and result through the wire format, so that a unit test can answer whether
//! work would run in another process.
//!
//! # Async code and tokio
//!
//! Every [`TaskFuture`] can be awaited on any runtime. With the feature `tokio` (on by default) work of either kind finds
//! a tokio runtime on every backend: `tokio::time::sleep` works in a task of a [`ThreadPool`], and `Handle::current()` in a
//! function. On an [`AsyncBridge`] it is the bridge's; elsewhere it is one that all executors of the program share. The
//! feature also gives the bridge a runtime of its own ([`AsyncBridge::new`](AsyncBridge)).
//!
//! # Features
//!
//! | feature | by default | what it is for | what it needs |
//! |---|---|---|---|
//! | `tokio` | yes | work finds a tokio runtime, and an [`AsyncBridge`] can have one of its own | `tokio` |
//! | `metrics` | no | counters, gauges and times of executors for the program's recorder: [`Executor::export_metrics`] | `metrics` |
//! | `tracing` | no | tasks are spans, and what work logs in worker processes reaches the parent's subscriber | `tracing` |
//! | `progress` | no | a progress bar on maps and on futures as they complete: [`Progress`] | `indicatif` |
//! | `monitor` | no | a live view of executors in the terminal: [`Monitor`] | `ratatui` |
//! | `cluster` | no | work on many machines: [`Cluster`] | `redis`, `ring`, `rustls`, `signal-hook`, `tempfile`; a server of Redis 7.0 or Valkey 7.2; Unix |
//! | `conformance` | no | the suite that backends are held against, for those who write one | nothing |
//!
//! `SECURITY.md` counts the crates of a default build on Linux (one fewer without `tokio`) and says what each of them is for.
//!
//! # Errors and cures
//!
//! What the compiler says about the usual mistakes, and what to do, is in [`errors_and_cures`].

// What only the process pool uses is there on all systems; without that pool some of it is idle.
#![cfg_attr(not(unix), allow(dead_code, unused_imports))]

mod any;
mod bridge;
#[cfg(all(feature = "cluster", unix))]
mod cluster;
mod completion;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod executor;
mod future;
pub mod guide;
mod inline;
mod ledger;
mod lifecycle;
mod panic;
mod process;
#[cfg(feature = "progress")]
mod progress;
#[cfg(unix)]
mod remote;
mod running;
mod runtime;
mod start;
pub mod subprocess;
mod sync;
mod sys;
mod task;
mod thread;
pub mod timeline;
mod timer;
mod wire;

pub use any::{AnyExecutor, Backend, ParseBackendError};
pub use bridge::{AsyncBridge, AsyncBridgeBuilder};
#[cfg(all(feature = "cluster", unix))]
pub use cluster::{Cluster, ClusterBuilder, ClusterWorker};
pub use completion::{
    AllFailed, AsCompleted, CompletedStream, First, Gathered, NextCompleted, ReturnWhen, Tracked, Waited,
    all_or_first_error, as_completed, first_completed, race, wait,
};
#[cfg(feature = "cluster")]
pub use error::ClusterError;
pub use error::{
    BuildError, CodecError, StillRunning, TaskError, TaskPanic, TrySubmitError, Unavailable, WorkerDeath,
};
#[cfg(feature = "metrics")]
pub use executor::MetricsExporter;
#[cfg(feature = "monitor")]
pub use executor::Monitor;
pub use executor::{
    Awaits, Dump, Executor, Group, Hang, HangReason, Map, MapStream, Options, Shutdown, TaskDump, Watchdog,
    With, WithState, WorkerDump,
};
pub use future::{Shared, TaskFuture, TaskHandle, TaskId};
pub use inline::{Checked, Inline};
pub use ledger::Stats;
pub use process::{ProcessPool, ProcessPoolBuilder};
#[cfg(feature = "progress")]
pub use progress::Progress;
pub use running::{CancelToken, Requested, attempt, cancel_requested};
pub use start::init;
pub use task::Portable;
pub use thread::{Scope, ScopedFuture, ThreadPool, ThreadPoolBuilder};
pub use timeline::{Recording, Timeline};

/// What it takes to write a backend: see [`Executor`].
pub mod backend {
    pub use crate::{
        executor::{
            AtMostOnce, Closed, Copies, Joining, Latch, NoContext, Reserving, Retrying, State, Throttle,
            WithContext,
        },
        ledger::{ExecutorId, Ledger},
        task::{Alone, Anywhere, CarrierHandle, Crossing, FromContext, InProcess, Task},
    };
}

#[doc = include_str!("../docs/errors-and-cures.md")]
pub mod errors_and_cures {}

#[doc = include_str!("../docs/stopping.md")]
pub mod stopping {}

// Its snippets are quotes, which `ci/examples` holds.
#[cfg_attr(not(doctest), doc = include_str!("../docs/gallery.md"))]
pub mod gallery {}

/// The README's examples are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
