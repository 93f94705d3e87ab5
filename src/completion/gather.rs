//! Several futures as one: whichever comes first, whichever succeeds first, or all of them.

use super::{AsCompleted, CompletedStream, as_completed};
use crate::{
    error::TaskError,
    future::{TaskFuture, core::Outcome},
};
use futures::stream::StreamExt;
use std::{
    fmt,
    future::Future,
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Waits for the first of `futures` that succeeds, and stops the others.
///
/// They may be tasks of several executors. Stopped means: what has not started never runs, async tasks end at their next await,
/// other work is asked to stop. If none succeeds, the error has the errors of all.
///
/// # Examples
///
/// The same question to two backends:
///
/// ```
/// use concurrent_futures::{Inline, ThreadPool, race};
///
/// let pool = ThreadPool::with_workers(1);
/// let fails = Inline::new().spawn(|| -> u32 { panic!("no answer") });
/// let answers = pool.spawn(|| 42);
/// assert_eq!(race([fails, answers]).result().unwrap(), 42);
///
/// let none = race([pool.spawn(|| -> u32 { panic!("no answer") })]);
/// let failed = futures::executor::block_on(none).unwrap_err();
/// assert!(failed.errors()[0].is_panicked());
/// ```
pub fn race<R: Send + 'static>(
    futures: impl IntoIterator<Item = TaskFuture<R>>,
) -> Gathered<R, Result<R, AllFailed>> {
    let mut errors = Vec::new();
    Gathered::new(futures, move |next, _| match next {
        Some((_, Ok(value))) => ControlFlow::Break(Ok(value)),
        Some((number, Err(error))) => {
            errors.push((number, error));
            ControlFlow::Continue(())
        }
        None => {
            errors.sort_unstable_by_key(|(number, _)| *number);
            let errors = errors.drain(..).map(|(_, error)| error).collect();
            ControlFlow::Break(Err(AllFailed { errors }))
        }
    })
}

/// Waits for the first of `futures` that ends, with a value or an error, and gives the others back.
///
/// `None` if there are no futures. See [`wait()`](crate::wait) for more than one at a time, and
/// [`as_completed()`](crate::as_completed) for one after another.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{First, ThreadPool, first_completed};
///
/// let pool = ThreadPool::with_workers(1);
/// let First { number, outcome, rest } = first_completed((1..=3).map(|n| pool.spawn(move || n * n))).result().unwrap();
/// assert_eq!((number, outcome.unwrap()), (0, 1));
/// assert_eq!(rest.into_iter().map(|square| square.result().unwrap()).sum::<i32>(), 13);
/// ```
pub fn first_completed<R: Send + 'static>(
    futures: impl IntoIterator<Item = TaskFuture<R>>,
) -> Gathered<R, Option<First<R>>> {
    Gathered::new(futures, |next, rest| {
        ControlFlow::Break(next.map(|(number, outcome)| First {
            number,
            outcome,
            rest: rest.take_rest().into_iter().map(|(_, future)| future).collect(),
        }))
    })
}

/// Waits for all of `futures` and gives their values in order; at the first error it gives that, and stops the others as
/// [`race`] does.
///
/// It does not wait for those that it stops; a [group](crate::Executor::group) does.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{ThreadPool, all_or_first_error};
///
/// let pool = ThreadPool::with_workers(2);
/// let squares = all_or_first_error((1..=3).map(|n| pool.spawn(move || n * n)));
/// assert_eq!(squares.result().unwrap(), [1, 4, 9]);
///
/// let failed = all_or_first_error([pool.spawn(|| panic!("one for all")), pool.spawn(|| ())]);
/// assert!(failed.result().unwrap_err().is_panicked());
/// ```
pub fn all_or_first_error<R: Send + 'static>(
    futures: impl IntoIterator<Item = TaskFuture<R>>,
) -> Gathered<R, Outcome<Vec<R>>> {
    let mut values = Vec::new();
    Gathered::new(futures, move |next, _| match next {
        Some((number, Ok(value))) => {
            if values.len() <= number {
                values.resize_with(number + 1, || None);
            }
            values[number] = Some(value);
            ControlFlow::Continue(())
        }
        Some((_, Err(error))) => ControlFlow::Break(Err(error)),
        None => ControlFlow::Break(Ok(values.drain(..).flatten().collect())),
    })
}

/// The first of several futures that ended. Made by [`first_completed`].
#[derive(Debug)]
#[must_use = "the other futures are in here: dropping them detaches their tasks"]
pub struct First<R> {
    /// Its place among the futures.
    pub number: usize,
    /// How it ended.
    pub outcome: Result<R, TaskError>,
    /// The others, in their order.
    pub rest: Vec<TaskFuture<R>>,
}

/// None of several tasks succeeded. Made by [`race`].
#[derive(Debug, Clone)]
pub struct AllFailed {
    errors: Vec<TaskError>,
}

impl AllFailed {
    /// The errors in the order of the futures; none if there were no futures.
    pub fn errors(&self) -> &[TaskError] {
        &self.errors
    }
}

impl fmt::Display for AllFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.errors[..] {
            [] => f.write_str("there was no task that could have succeeded"),
            [error] => write!(f, "the only task failed: {error}"),
            [first, ..] => write!(
                f,
                "all {} tasks failed, the first of them: {first}",
                self.errors.len()
            ),
        }
    }
}

impl std::error::Error for AllFailed {}

type Numbered<R> = (usize, TaskFuture<R>);

/// Says what follows from the next outcome, or from there being none, given those that are left.
type Step<R, O> =
    Box<dyn FnMut(Option<(usize, Outcome<R>)>, &mut AsCompleted<Numbered<R>>) -> ControlFlow<O> + Send>;

/// Several futures as one, to be blocked on ([`result`](Self::result)) or awaited. Made by [`race`], [`first_completed`] and
/// [`all_or_first_error`].
///
/// Dropping it before it is ready stops the tasks that have not ended.
#[must_use = "dropping it stops the tasks: block on it with `.result()`, or await it"]
pub struct Gathered<R: Send + 'static, O> {
    completed: CompletedStream<Numbered<R>>,
    step: Step<R, O>,
}

impl<R: Send + 'static, O> Gathered<R, O> {
    fn new(
        futures: impl IntoIterator<Item = TaskFuture<R>>,
        step: impl FnMut(Option<(usize, Outcome<R>)>, &mut AsCompleted<Numbered<R>>) -> ControlFlow<O>
        + Send
        + 'static,
    ) -> Self {
        Self {
            completed: as_completed(futures.into_iter().enumerate()).into_stream(),
            step: Box::new(step),
        }
    }

    /// Waits for the result.
    ///
    /// # Panics
    ///
    /// As [`TaskFuture::result`]. In async code, await it instead.
    pub fn result(mut self) -> O {
        loop {
            let next = self.completed.completed.next();
            if let ControlFlow::Break(output) = self.go_on(next) {
                return output;
            }
        }
    }

    fn go_on(&mut self, next: Option<Numbered<R>>) -> ControlFlow<O> {
        let next = next.map(|(number, future)| (number, future.result()));
        (self.step)(next, &mut self.completed.completed)
    }
}

impl<R: Send + 'static, O> Future for Gathered<R, O> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        loop {
            let next = ready!(self.completed.poll_next_unpin(cx));
            if let ControlFlow::Break(output) = self.go_on(next) {
                return Poll::Ready(output);
            }
        }
    }
}

// The step is called, not polled.
impl<R: Send + 'static, O> Unpin for Gathered<R, O> {}

impl<R: Send + 'static, O> Drop for Gathered<R, O> {
    fn drop(&mut self) {
        for (_, future) in self.completed.completed.take_rest() {
            future.handle().stop();
        }
    }
}

impl<R: Send + 'static, O> fmt::Debug for Gathered<R, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gathered").field(&self.completed).finish()
    }
}
