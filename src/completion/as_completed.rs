use super::Inbox;
use crate::{
    future::{TaskFuture, host, turn::Turn},
    sync::Arc,
};
use futures::stream::Stream;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// What [`as_completed`] takes: a [`TaskFuture`], or a `(key, TaskFuture)` pair.
pub trait Tracked: sealed::Sealed {
    /// The value of the task.
    type Value: Send + 'static;

    #[doc(hidden)]
    fn future(&self) -> &TaskFuture<Self::Value>;
}

mod sealed {
    use crate::future::TaskFuture;

    pub trait Sealed {}
    impl<R> Sealed for TaskFuture<R> {}
    impl<K, R> Sealed for (K, TaskFuture<R>) {}
}

impl<R: Send + 'static> Tracked for TaskFuture<R> {
    type Value = R;

    fn future(&self) -> &TaskFuture<R> {
        self
    }
}

impl<K, R: Send + 'static> Tracked for (K, TaskFuture<R>) {
    type Value = R;

    fn future(&self) -> &TaskFuture<R> {
        &self.1
    }
}

/// Yields futures in the order in which their tasks end: those that have ended first.
///
/// Takes futures or `(key, future)` pairs, of one executor or several, and yields each exactly once, done:
/// its `result()` does not block. More can be added while iterating ([`AsCompleted::push`]). Dropping the
/// iterator detaches the tasks that are left.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{ThreadPool, as_completed};
///
/// let pool = ThreadPool::with_workers(2);
/// let squares = (0..10u64).map(|n| (n, pool.submit(|n| n * n, n)));
/// for (n, square) in as_completed(squares) {
///     assert_eq!(square.result().unwrap(), n * n);
/// }
/// ```
pub fn as_completed<I>(futures: I) -> AsCompleted<I::Item>
where
    I: IntoIterator,
    I::Item: Tracked,
{
    let mut completed = AsCompleted {
        members: Vec::new(),
        free: Vec::new(),
        left: 0,
        inbox: Arc::default(),
    };
    completed.extend(futures);
    completed
}

/// An iterator over futures as their tasks end. Made by [`as_completed`].
#[must_use = "iterators are lazy: nothing is waited for until `next` is called"]
pub struct AsCompleted<F: Tracked> {
    /// A member's number is its index here.
    members: Vec<Option<F>>,
    /// Indices to use again.
    free: Vec<usize>,
    left: usize,
    inbox: Arc<Inbox>,
}

/// What [`AsCompleted::next_timeout`] met.
#[derive(Debug)]
pub enum NextCompleted<F> {
    /// This one has ended.
    Done(F),
    /// All were yielded.
    Exhausted,
    /// None ended in time.
    TimedOut {
        /// How many have not ended or were not yielded.
        unfinished: usize,
        /// How many there were, yielded ones not counted.
        of: usize,
    },
}

impl<F: Tracked> AsCompleted<F> {
    /// Adds one more.
    pub fn push(&mut self, member: F) {
        let number = self.free.pop().unwrap_or(self.members.len());
        if self.left == 0 {
            // Who only looks at what has ended shall find what has ended before.
            member.future().look();
        }
        if !member.future().report_to(self.inbox.clone(), number) {
            crate::future::waiter::Report::ended(&*self.inbox, number);
        }
        if number == self.members.len() {
            self.members.push(None);
        }
        self.members[number] = Some(member);
        self.left += 1;
    }

    /// The next one that has ended, waiting for it at most `limit`. With a zero limit it only looks.
    ///
    /// A timeout leaves everything as it is: asking again goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{NextCompleted, ThreadPool, as_completed};
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// let (release, gate) = mpsc::channel::<()>();
    /// let mut completed = as_completed([pool.spawn(move || gate.recv().is_ok())]);
    /// let NextCompleted::TimedOut { unfinished, of } = completed.next_timeout(Duration::ZERO) else {
    ///     unreachable!()
    /// };
    /// assert_eq!((unfinished, of), (1, 1));
    /// release.send(()).unwrap();
    /// assert!(completed.next().unwrap().result().unwrap());
    /// ```
    pub fn next_timeout(&mut self, limit: Duration) -> NextCompleted<F> {
        if self.left == 0 {
            return NextCompleted::Exhausted;
        }
        let number = self.inbox.try_next().or_else(|| {
            if limit.is_zero() {
                None
            } else {
                self.refuse_deadlock();
                self.inbox.wait_next(Instant::now().checked_add(limit))
            }
        });
        match number {
            Some(number) => NextCompleted::Done(self.take_member(number)),
            None => NextCompleted::TimedOut {
                unfinished: self.left,
                of: self.left,
            },
        }
    }

    /// The same as a [`Stream`], for async code. After 128 futures in a row it lets other tasks have their turn: it is
    /// pending once, and wakes its task at once.
    pub fn into_stream(self) -> CompletedStream<F> {
        CompletedStream {
            completed: self,
            turn: Turn::default(),
        }
    }

    /// Those that were not yielded, in the order of their numbers. They report to nobody any more.
    pub(super) fn take_rest(&mut self) -> Vec<F> {
        self.left = 0;
        self.free.clear();
        let rest: Vec<F> = self.members.drain(..).flatten().collect();
        rest.iter().for_each(|member| member.future().stop_reporting());
        rest
    }

    fn refuse_deadlock(&self) {
        let executors = self.members.iter().flatten();
        host::refuse_deadlock(executors.map(|member| member.future().executor()), host::AWAIT);
    }

    fn take_member(&mut self, number: usize) -> F {
        self.left -= 1;
        self.free.push(number);
        self.members[number].take().expect("each member reports once")
    }
}

impl<F: Tracked> Extend<F> for AsCompleted<F> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for member in futures {
            self.push(member);
        }
    }
}

impl<F: Tracked> Iterator for AsCompleted<F> {
    type Item = F;

    fn next(&mut self) -> Option<F> {
        if self.left == 0 {
            return None;
        }
        let number = self.inbox.try_next().or_else(|| {
            self.refuse_deadlock();
            self.inbox.wait_next(None)
        })?;
        Some(self.take_member(number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<F: Tracked> ExactSizeIterator for AsCompleted<F> {}

impl<F: Tracked> std::iter::FusedIterator for AsCompleted<F> {}

impl<F: Tracked> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// A stream of futures as their tasks end. Made by [`AsCompleted::into_stream`].
#[must_use = "streams are lazy: nothing is waited for until they are polled"]
pub struct CompletedStream<F: Tracked> {
    pub(super) completed: AsCompleted<F>,
    turn: Turn,
}

// Members are moved in and out freely; none is pinned.
impl<F: Tracked> Unpin for CompletedStream<F> {}

impl<F: Tracked> Stream for CompletedStream<F> {
    type Item = F;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F>> {
        let this = &mut *self;
        if this.completed.left == 0 {
            return Poll::Ready(None);
        }
        if this.turn.is_over(cx) {
            return Poll::Pending;
        }
        let next = this.completed.inbox.poll_next(cx.waker());
        if next.is_pending() {
            this.turn.ends();
        }
        host::polled(next.is_pending());
        next.map(|number| Some(this.completed.take_member(number)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.completed.size_hint()
    }
}

impl<F: Tracked> fmt::Debug for CompletedStream<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletedStream")
            .field("left", &self.completed.left)
            .finish_non_exhaustive()
    }
}
