//! A shared library that uses this crate, so it holds it.

pub fn twice(n: u64) -> u64 {
    n * 2
}

pub fn pool() -> Result<concurrent_futures::ProcessPool, concurrent_futures::BuildError> {
    concurrent_futures::ProcessPool::builder().workers(1).build()
}
