//! A worker process may die anywhere, in any way, whatever the pool is doing: one task pays for it, and nothing is
//! left behind.
//!
//! Each test runs in a process of its own, which has to end as it began: see [`alone`](harness::alone). Which fault is held by
//! which test, here and elsewhere: the table in `tests/faults/main.rs`.
#![cfg(unix)]

mod bare;
mod bomb;
mod frames;
mod garbage;
mod harness;
mod large;
mod life;
mod limits;
mod link;
mod matrix;
mod reaped;
mod starting;
mod storm;

use concurrent_futures::conformance::checkpoint;
