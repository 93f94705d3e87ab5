//! The promises of an executor as tests that are generic over the backend.
//!
//! A backend is a [`Subject`]; `conformance!(name, Subject, capability, ...)` makes one test of each promise for
//! it. The capabilities are the groups in `groups.rs`; what `everywhere` lists comes without being named. Work
//! meets the test at a [`Checkpoint`](checkpoint::Checkpoint), which works across processes too.

pub(crate) mod as_completed;
pub(crate) mod async_work;
pub(crate) mod between_attempts;
pub(crate) mod callbacks;
pub(crate) mod cancel;
pub(crate) mod checkpoint;
pub(crate) mod deadlines;
pub(crate) mod group;
pub(crate) mod group_ends;
pub(crate) mod groups;
pub(crate) mod in_flight;
pub(crate) mod lodge;
pub(crate) mod map;
pub(crate) mod map_read_ahead;
pub(crate) mod nesting;
pub(crate) mod options;
pub(crate) mod order;
pub(crate) mod outcome;
pub(crate) mod panics;
pub(crate) mod release;
pub(crate) mod requests;
pub(crate) mod retried_together;
pub(crate) mod retries;
pub(crate) mod shutdown;
pub(crate) mod stats;
pub(crate) mod submit;
pub(crate) mod wait;
pub(crate) mod watchdog;
pub(crate) mod with_context;
pub(crate) mod work;

pub(crate) use watchdog::{loosely_watched, watched, within};

use concurrent_futures::Executor;
use std::fmt::Debug;

/// A backend that is put to the test.
pub(crate) trait Subject: 'static {
    type Executor: Executor + Debug;

    /// Whether `kill` stops a task that blocks, and a deadline too.
    const KILLS: bool = false;

    /// Whether arguments and results arrive as copies that went through the wire format.
    const COPIES: bool = false;

    /// A worker may have its next task before the executor hears how the one before it ended.
    const SENDS_AHEAD: bool = false;

    /// Whether futures are polled while all workers are busy with calls.
    const POLLS_APART: bool = false;

    /// Whether tasks run on the stack of the caller.
    const USES_THE_CALLERS_STACK: bool = false;

    /// A fresh executor. One without workers of its own ignores the number.
    fn make(workers: usize) -> Self::Executor;

    /// A fresh executor that is shown if the test hangs, and ended after it.
    fn start(workers: usize) -> Self::Executor {
        watched(Self::make(workers))
    }
}

/// Makes the tests of one backend.
macro_rules! conformance {
    ($backend:ident, $subject:ty $(, $capability:ident)*) => {
        mod $backend {
            use super::*;

            mod everywhere {
                use super::*;
                $crate::suite::groups::everywhere!($subject);
            }
            $(
                mod $capability {
                    use super::*;
                    $crate::suite::groups::$capability!($subject);
                }
            )*
        }
    };
}

/// Makes the tests of some topics.
macro_rules! tests {
    ($subject:ty; $($topic:ident: $($test:ident),+;)+) => {
        $(
            mod $topic {
                use super::*;

                $(
                    #[test]
                    fn $test() {
                        $crate::suite::within($crate::suite::$topic::$test::<$subject>);
                    }
                )+
            }
        )+
    };
}

pub(crate) use {conformance, tests};
