//! The cluster, on a server of its own: `cargo test --features cluster --test cluster`. Needs `redis-server` or `valkey-server` in `PATH`.

mod conformance;
