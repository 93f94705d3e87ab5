use std::{cell::Cell, fmt, sync::atomic};

/// Names a task for as long as the program runs.
///
/// # Examples
///
/// ```
/// use concurrent_futures::ThreadPool;
///
/// let pool = ThreadPool::with_workers(1);
/// assert_ne!(pool.spawn(|| 1).id(), pool.spawn(|| 2).id());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

impl TaskId {
    /// What tells it from all others.
    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// The id that has this number.
    pub(crate) fn of_number(number: u64) -> Self {
        Self(number)
    }

    /// Ids are dealt to threads in blocks, so that submitters share no counter.
    pub(crate) fn next() -> Self {
        const BLOCK: u64 = 1024;
        static NEXT_BLOCK: atomic::AtomicU64 = atomic::AtomicU64::new(0);
        crate::sync::thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
        let fresh = || NEXT_BLOCK.fetch_add(1, atomic::Ordering::Relaxed) * BLOCK;
        Self(
            NEXT.try_with(|next| {
                let id = if next.get() % BLOCK == 0 {
                    fresh()
                } else {
                    next.get()
                };
                next.set(id + 1);
                id
            })
            // A thread that is ending takes a block for one task.
            .unwrap_or_else(|_| fresh()),
        )
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
