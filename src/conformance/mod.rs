//! The promises of an executor as tests: the suite that all backends of this crate pass, to hold your own against.
//!
//! (With the feature `conformance`, which belongs among the `[dev-dependencies]`.) A backend takes part as a [`Subject`]:
//! how one is made, and the few things about it that change what may be expected.
//! [`conformance!`](crate::conformance!) makes one test of each promise for it:
//!
//! ```
//! # use concurrent_futures::ThreadPool as Mine;
//! use concurrent_futures::conformance::Subject;
//!
//! struct MyBackend;
//!
//! impl Subject for MyBackend {
//!     type Executor = Mine;
//!
//!     fn make(workers: usize) -> Mine {
//!         Mine::with_workers(workers)
//!     }
//! }
//!
//! concurrent_futures::conformance!(mine, MyBackend, shares_memory, in_order);
//! # fn main() { assert_eq!(MyBackend::make(3).submit(|n: u8| n, 3).result().unwrap(), 3) }
//! ```
//!
//! The words at its end are the [capabilities](Capability) that the backend claims. What every executor promises is asked
//! of it without a word. A new backend claims nothing at first; a capability that it does not claim is not asked
//! about, which is no failure, but its users should be told. `tests/rayon_backend.rs` holds the backend of
//! `examples/rayon_backend.rs` in this way, and says why it does not claim more.
//!
//! # A report
//!
//! [`report()`] runs the same cases without a test harness, and says which promises hold (`cargo run --example
//! conformance_report` prints one). It has a line for each topic:
//!
//! ```text
//! topic               holds  fails  hangs  not claimed
//! callbacks               4      0      0            8
//! submit                  8      1      0            6
//! ```
//!
//! and then every promise that is broken, by its name, with the message of the assertion. *Hangs* means that the case
//! had not ended after a minute ([`Suite::limit`]): something never resolved, or nobody was woken; a
//! [`dump`](Executor::dump) of its executors is shown. *Not claimed* says how
//! many more promises there are about that topic.
//!
//! ```
//! use concurrent_futures::{Inline, conformance::{Capability, Subject, Suite}};
//!
//! struct Here;
//!
//! impl Subject for Here {
//!     type Executor = Inline;
//!     const USES_THE_CALLERS_STACK: bool = true;
//!
//!     fn make(_: usize) -> Inline {
//!         Inline::new()
//!     }
//! }
//!
//! let suite = Suite::new().topics(["submit", "stats"]);
//! let report = suite.report::<Here>();
//! assert!(report.holds(), "{report}");
//!
//! // A claim that is not true: what runs here never runs at the same time.
//! let report = suite.claim([Capability::AtOnce]).limit(std::time::Duration::from_secs(1)).report::<Here>();
//! assert!(report.broken().any(|promise| promise.topic() == "submit"), "{report}");
//! ```
//!
//! # How it asks
//!
//! The suite knows nothing of a backend but the trait [`Executor`]. Its work captures nothing and meets
//! the test over the loopback network, so that it may run in any process. It waits for events, never for the
//! clock; each case runs under a watchdog, and after it everything that was submitted must be accounted for.

mod as_completed;
mod async_work;
mod between_attempts;
mod callbacks;
mod cancel;
mod capability;
mod deadlines;
mod group;
mod group_ends;
mod groups;
mod in_flight;
mod lodge;
mod macros;
mod map;
mod map_read_ahead;
mod nesting;
mod options;
mod order;
mod outcome;
mod panics;
mod release;
mod report;
mod requests;
mod retried_together;
mod retries;
mod shutdown;
mod stats;
mod submit;
mod suite;
mod wait;
mod with_context;

// Not for users: what the macros and the tests of this crate stand on.
#[doc(hidden)]
pub mod cases;
#[doc(hidden)]
pub mod checkpoint;
#[doc(hidden)]
pub mod watchdog;
#[doc(hidden)]
pub mod work;

pub use capability::Capability;
pub use report::{Promise, Report, Verdict};
pub use suite::{Suite, report};

use crate::Executor;
use std::fmt::Debug;
use watchdog::{loosely_watched, watched};

/// A backend that is put to the test: how to make one, and what it is like.
///
/// The constants are for what a backend may do in one way or the other without breaking a promise. They tell the
/// suite which way to expect; the defaults suit a backend on threads of this process.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{AnyExecutor, Backend, conformance::Subject};
///
/// struct Processes;
///
/// impl Subject for Processes {
///     type Executor = AnyExecutor;
///     const COPIES: bool = true;
///     const KILLS: bool = true;
///     const SENDS_AHEAD: bool = true;
///
///     fn make(workers: usize) -> AnyExecutor {
///         AnyExecutor::with_workers(Backend::Processes, workers)
///     }
/// }
///
/// assert!(Processes::KILLS && !Processes::POLLS_APART);
/// ```
pub trait Subject: 'static {
    /// What the suite works with. Where a case hangs, its debug output and its [`dump`](Executor::dump) are shown.
    type Executor: Executor + Debug;

    /// Whether `kill` stops a task that blocks, and a deadline too. Where it does not, both are requests, and a call
    /// goes on until it looks.
    const KILLS: bool = false;

    /// Whether arguments and results arrive as copies that went through the wire format. Then a value that does not
    /// cross fails its task; otherwise it is handed over as it is.
    const COPIES: bool = false;

    /// Whether a worker may have its next task before the executor hears how the one before it ended. Then a failure
    /// may come too late to keep the next member of its group from starting.
    const SENDS_AHEAD: bool = false;

    /// Whether futures are polled while all workers are busy with calls.
    const POLLS_APART: bool = false;

    /// Whether tasks run on the stack of the caller. Then chains of tasks are kept short.
    const USES_THE_CALLERS_STACK: bool = false;

    /// A fresh executor with so many workers. One without workers of its own ignores the number.
    fn make(workers: usize) -> Self::Executor;

    /// A fresh executor that is shown if the case hangs, and ended after it.
    #[doc(hidden)]
    fn start(workers: usize) -> Self::Executor {
        watched(Self::make(workers))
    }
}
