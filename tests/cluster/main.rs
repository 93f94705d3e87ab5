//! The cluster, on servers of its own: `cargo test --features cluster --test cluster`. Needs `redis-server` or `valkey-server` in `PATH`.
#![cfg(target_os = "linux")]

mod builds;
mod cancelling;
mod chaos;
mod conformance;
mod connecting;
mod dead_clients;
mod ending;
mod harness;
mod killed_workers;
mod limits;
mod networks;
mod outages;
mod payloads;
mod poison;
mod programs;
mod server;
mod verbs;
mod volume;
mod wipes;
mod workers;
