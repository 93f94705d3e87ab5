use std::fmt;

/// What a backend can do beyond what every executor promises, and is then held to.
///
/// In [`conformance!`](crate::conformance!) its word stands for it: `at_once` for [`AtOnce`](Self::AtOnce).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// `at_once`: tasks run beside the caller and beside each other, as many as there are workers and never more; a
    /// suspended async task leaves its worker to others.
    AtOnce,
    /// `shares_memory`: work runs in this process. So arguments, results and contexts can be seen to be dropped in
    /// time, and a task can reach the executor that it runs on.
    SharesMemory,
    /// `at_once_shared`: both of the above; what is cancelled, killed or shut down under way is dropped at once.
    AtOnceShared,
    /// `nested`: a task may wait for tasks of its own executor, with one worker too, in every way there is.
    Nested,
    /// `nested_at_once`: `nested` and `at_once`; a callback on a worker may wait as well, and a group ends although its
    /// members wait for groups of their own.
    NestedAtOnce,
    /// `in_order`: tasks from outside start in the order of their submission, and a long map does not hold up others.
    InOrder,
    /// `newest_first`: what a task submits to its own executor starts newest first, on the same worker.
    NewestFirst,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AtOnce => "at_once",
            Self::SharesMemory => "shares_memory",
            Self::AtOnceShared => "at_once_shared",
            Self::Nested => "nested",
            Self::NestedAtOnce => "nested_at_once",
            Self::InOrder => "in_order",
            Self::NewestFirst => "newest_first",
        })
    }
}
