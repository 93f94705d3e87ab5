//! External programs as work: what comes of them, on every backend, and that nothing of them is left behind.
//!
//! Each test runs in a process of its own, at whose end there is no child, dead or alive, and no descriptor more than
//! before: see [`alone`](alone::alone).
#![cfg(unix)]

mod alone;
mod backends;
mod crowd;
mod family;
mod futures;
#[path = "../process_faults/harness.rs"]
#[allow(dead_code)]
mod harness;
mod outcomes;
mod parents;
mod plain_data;
mod starting;
mod stopping;
mod streams;
mod surroundings;
mod workers;
