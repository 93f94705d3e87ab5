//! The cluster, on servers of its own: `cargo test --features cluster --test cluster`. Needs `redis-server` or `valkey-server` in `PATH`.
#![cfg(target_os = "linux")]

mod conformance;
mod harness;
mod killed_workers;
mod server;
mod workers;
