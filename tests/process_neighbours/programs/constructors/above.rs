//! A crate that uses the pool, so it is linked before it.

registry::register!("above");

pub fn pool() -> concurrent_futures::ProcessPool {
    concurrent_futures::ProcessPool::with_workers(1)
}
