//! Two closures, perhaps at the same time (rules 9 to 12 of the pool's `README.md`).

mod half;
mod latch;
mod lent;
#[cfg(all(test, concurrent_futures_loom))]
mod models;
mod outside;

pub(super) use half::{Half, Header};
pub(super) use lent::Lent;

use super::{ThreadPool, here};

impl ThreadPool {
    /// Runs two closures, perhaps at the same time, and returns both results. They may borrow.
    ///
    /// The calling worker runs `a` and leaves `b` to whoever has nothing to do; if nobody has taken it by the time that `a` is done, it
    /// runs `b` as well. That costs some nanoseconds, so a recursion can be split down to small parts. While `b` runs on
    /// another worker, the caller waits as for any task: another thread has its place, unless the wait is very short.
    ///
    /// A caller that is not a worker of this pool has one do all of this, as one task, and waits. The halves themselves are no tasks:
    /// [`stats`](crate::Executor::stats) does not count them, and a shutdown does not cancel them, as it does not cancel the task that they
    /// are part of. In both of them [`cancel_requested`](crate::cancel_requested), [`attempt`](crate::attempt) and
    /// [`CancelToken::current`](crate::CancelToken::current) are about that task.
    ///
    /// # Panics
    ///
    /// Raises the panic of `a`, or else that of `b`, in either case after both have ended. If `a` panics and nobody has
    /// started `b`, `b` is dropped and does not run.
    ///
    /// From outside, panics if the pool does not run it, because it is shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    ///
    /// fn sort<T: Ord + Send>(pool: &ThreadPool, items: &mut [T]) {
    ///     if items.len() <= 1 {
    ///         return;
    ///     }
    ///     let (mut middle, last) = (0, items.len() - 1);
    ///     for at in 0..last {
    ///         if items[at] < items[last] {
    ///             items.swap(at, middle);
    ///             middle += 1;
    ///         }
    ///     }
    ///     items.swap(middle, last);
    ///     let (left, right) = items.split_at_mut(middle);
    ///     pool.join(|| sort(pool, left), || sort(pool, &mut right[1..]));
    /// }
    ///
    /// let pool = ThreadPool::with_workers(2);
    /// let mut items = [3, 1, 4, 1, 5, 9, 2, 6];
    /// pool.join(|| sort(&pool, &mut items), || ());
    /// assert_eq!(items, [1, 1, 2, 3, 4, 5, 6, 9]);
    /// ```
    // A call of its own: inlined into a recursion, its closures are handed on through memory instead of registers.
    #[inline(never)]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        here::with(|worker| match worker.filter(|worker| worker.is_of(&self.0.0)) {
            Some(worker) => half::fork(worker, a, b),
            None => outside::join(self, a, b),
        })
    }
}
