//! The cluster, on servers of its own: `cargo test --features cluster --test cluster`. Needs `redis-server` or `valkey-server` in `PATH`.
#![cfg(target_os = "linux")]

mod builds;
mod cancelling;
mod conformance;
mod dead_clients;
mod harness;
mod killed_workers;
mod outages;
mod poison;
mod server;
mod wipes;
mod workers;
