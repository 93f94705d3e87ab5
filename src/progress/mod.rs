//! How far a map is, or a collection of futures, as a bar in the terminal.

mod bar;
mod ended;
mod style;
#[cfg(test)]
mod tests;

use crate::{
    completion::{AsCompleted, CompletedStream, NextCompleted, Tracked},
    executor::{Map, MapStream},
};
use bar::Bar;
use ended::Ended;
use futures::stream::Stream;
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::{
    fmt,
    iter::FusedIterator,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// The same items, and a bar in the terminal that says how far they are. Made by [`Map::progress`],
/// [`AsCompleted::progress`] and their `progress_with`.
///
/// Every item counts once, when it is yielded, however the executor has cut them up. The total is known where the iterator knows
/// it; as long as it does not, count and rate are shown without a bar. What ended with an error is counted as failed, unless it was
/// cancelled.
///
/// At the end the bar stays with what came out. If the items end early (`timeout`, a drop half-way, a panic of the item iterator), it
/// stays where it was then.
#[must_use = "iterators are lazy, and dropping a map cancels what has not started"]
pub struct Progress<S> {
    bar: Bar,
    items: S,
}

impl<I, R> Map<I, R>
where
    I: Iterator<Item: Send + 'static>,
    R: Send + 'static,
{
    /// Shows on stderr how far the map is: how many of how many, how fast, how long it will take, how many failed.
    ///
    /// Where stderr is no terminal, nothing is drawn and nothing counted. Needs the feature `progress`.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    ///
    /// let pool = ThreadPool::with_workers(2);
    /// let squares = pool.map(|n| n * n, 0..100u64).unordered().progress();
    /// assert_eq!(squares.map(Result::unwrap).sum::<u64>(), 328_350);
    /// ```
    pub fn progress(self) -> Progress<Self> {
        Progress::new(self, Bar::on(ProgressDrawTarget::stderr()))
    }

    /// Shows on this bar how far the map is: in a style of your own, or among others in a
    /// [`MultiProgress`](indicatif::MultiProgress).
    ///
    /// A bar without a length ([`ProgressBar::no_length`]) is given that of the map. One that has a length keeps it, so that it can
    /// count several maps; it is finished when it is full. How it looks when it is finished, its
    /// [`with_finish`](ProgressBar::with_finish) says. A template may have `{failed}`, the number of items that failed.
    /// Needs the feature `progress`, and is about `indicatif` 0.18.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    /// use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
    ///
    /// let pool = ThreadPool::with_workers(2);
    /// let bars = MultiProgress::new();
    /// let style = ProgressStyle::with_template("{prefix} {bar:20} {pos}/{len}, {failed} failed").unwrap();
    /// let bar = bars.add(ProgressBar::no_length().with_style(style).with_prefix("halves"));
    ///
    /// let halves = pool.map(|n| 100 / n, 0..10u32).progress_with(bar.clone());
    /// assert_eq!(halves.flatten().count(), 9);
    /// assert_eq!((bar.position(), bar.length()), (10, Some(10)));
    /// ```
    pub fn progress_with(self, bar: ProgressBar) -> Progress<Self> {
        Progress::new(self, Bar::of(bar))
    }
}

impl<F: Tracked> AsCompleted<F> {
    /// As [`Map::progress`]. Futures that are added later count.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{ThreadPool, as_completed};
    ///
    /// let pool = ThreadPool::with_workers(2);
    /// let futures = (0..10u64).map(|n| pool.spawn(move || n * n));
    /// let squares = as_completed(futures).progress();
    /// assert_eq!(squares.map(|square| square.result().unwrap()).sum::<u64>(), 285);
    /// ```
    pub fn progress(self) -> Progress<Self> {
        Progress::new(self, Bar::on(ProgressDrawTarget::stderr()))
    }

    /// As [`Map::progress_with`].
    pub fn progress_with(self, bar: ProgressBar) -> Progress<Self> {
        Progress::new(self, Bar::of(bar))
    }
}

impl<S> Progress<S> {
    /// What is shown, without the bar, which stays where it is.
    pub fn into_inner(self) -> S {
        self.items
    }
}

impl<S: Iterator> Progress<S> {
    fn new(items: S, mut bar: Bar) -> Self {
        bar.expect(items.size_hint());
        bar.begin();
        Self { bar, items }
    }
}

impl<I, R> Progress<Map<I, R>>
where
    I: Iterator<Item: Send + 'static>,
    R: Send + 'static,
{
    /// See [`Map::cancel`].
    pub fn cancel(&mut self) {
        self.items.cancel();
    }

    /// See [`Map::detach`]. The bar stays where it is.
    pub fn detach(self) {
        self.items.detach();
    }

    /// See [`Map::into_stream`]. The bar goes on.
    pub fn into_stream(self) -> Progress<MapStream<I, R>> {
        Progress {
            bar: self.bar,
            items: self.items.into_stream(),
        }
    }
}

impl<F: Tracked> Progress<AsCompleted<F>> {
    /// See [`AsCompleted::push`].
    pub fn push(&mut self, member: F) {
        self.items.push(member);
        self.bar.expect(self.items.size_hint());
    }

    /// See [`AsCompleted::next_timeout`].
    pub fn next_timeout(&mut self, limit: Duration) -> NextCompleted<F>
    where
        F: Ended,
    {
        let next = self.items.next_timeout(limit);
        match &next {
            NextCompleted::Done(future) => self.bar.count(future.end(), self.items.size_hint()),
            NextCompleted::Exhausted => self.bar.end(),
            NextCompleted::TimedOut { .. } => {}
        }
        next
    }

    /// See [`AsCompleted::into_stream`]. The bar goes on.
    pub fn into_stream(self) -> Progress<CompletedStream<F>> {
        Progress {
            bar: self.bar,
            items: self.items.into_stream(),
        }
    }
}

impl<F: Tracked> Extend<F> for Progress<AsCompleted<F>> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        self.items.extend(futures);
        self.bar.expect(self.items.size_hint());
    }
}

impl<S: Iterator<Item: Ended>> Iterator for Progress<S> {
    type Item = S::Item;

    #[inline]
    fn next(&mut self) -> Option<S::Item> {
        if self.bar.is_seen() {
            self.next_seen()
        } else {
            self.items.next()
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<S: Iterator<Item: Ended>> Progress<S> {
    fn next_seen(&mut self) -> Option<S::Item> {
        // Nothing is drawn any more while a panic unwinds.
        let next = catch_unwind(AssertUnwindSafe(|| self.items.next()));
        match &next {
            Ok(Some(item)) => self.bar.count(item.end(), self.items.size_hint()),
            Ok(None) | Err(_) => self.bar.end(),
        }
        next.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

impl<S: ExactSizeIterator<Item: Ended>> ExactSizeIterator for Progress<S> {}

impl<S: FusedIterator<Item: Ended>> FusedIterator for Progress<S> {}

impl<S: Stream<Item: Ended> + Unpin> Stream for Progress<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        let mut items = Pin::new(&mut this.items);
        if !this.bar.is_seen() {
            return items.poll_next(cx);
        }
        let next = catch_unwind(AssertUnwindSafe(|| items.as_mut().poll_next(cx)));
        match &next {
            Ok(Poll::Ready(Some(item))) => this.bar.count(item.end(), items.size_hint()),
            Ok(Poll::Ready(None)) | Err(_) => this.bar.end(),
            Ok(Poll::Pending) => {}
        }
        next.unwrap_or_else(|payload| resume_unwind(payload))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<S: fmt::Debug> fmt::Debug for Progress<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}
