//! The time since some moment of the past that is the same for all processes of a machine: roughly, for who asks often, and precisely.

/// Nanoseconds since that moment. Off by some milliseconds where that makes it cheaper, which is on Linux.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
pub(crate) fn coarse() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn coarse() -> u64 {
    precise()
}

/// Nanoseconds since that moment.
#[cfg(unix)]
#[inline]
pub(crate) fn precise() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

#[cfg(not(unix))]
pub(crate) fn coarse() -> u64 {
    precise()
}

#[cfg(not(unix))]
pub(crate) fn precise() -> u64 {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
