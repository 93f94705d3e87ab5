#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any;
mod completion;
mod error;
mod executor;
mod future;
mod inline;
mod ledger;
mod panic;
mod sync;
mod task;
mod thread;
mod timer;
mod wire;

pub use any::{AnyExecutor, Backend, ParseBackendError};
pub use completion::{
    AsCompleted, CompletedStream, NextCompleted, ReturnWhen, Tracked, Waited, as_completed, wait,
};
pub use error::{BuildError, CodecError, StillRunning, TaskError, TaskPanic, TrySubmitError, WorkerDeath};
pub use executor::{Executor, Group, Map, MapStream, Options, Shutdown, With};
pub use future::{Shared, TaskFuture, TaskHandle, TaskId, cancel_requested};
pub use inline::{Checked, Inline};
pub use ledger::Stats;
pub use task::Portable;
pub use thread::{Scope, ScopedFuture, ThreadPool, ThreadPoolBuilder};

/// What it takes to write a backend: see [`Executor`].
pub mod backend {
    pub use crate::{
        executor::{Closed, Joining, Latch, NoContext, WithContext},
        ledger::{ExecutorId, Ledger},
        task::{Anywhere, Crossing, InProcess, Task},
    };
}
