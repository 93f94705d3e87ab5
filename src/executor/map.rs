use super::{
    chunks::Chunks,
    each::Each,
    pull_pace::{PULLS_PER_LOOK, PullPace},
    shipped::Shipped,
};
use crate::{
    error::TaskError,
    future::{core::Outcome, host, turn::Turn},
    ledger::Ledger,
    running::record::{self, Passage},
    sync::Arc,
    timer::{self, Alarm, Armed},
};
use futures::stream::Stream;
use std::{
    any::Any,
    fmt,
    iter::FusedIterator,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// Items that a map reads ahead of its consumer unless told otherwise: enough that what people usually map is
/// taken in whole, small enough that an endless iterator costs memory for a moment's work only.
pub(crate) const DEFAULT_BUFFER_SIZE: usize = 65_536;

/// Outcomes of work over many items, as an iterator. Made by [`Executor::map`](super::Executor::map).
///
/// Yields one outcome per item, in the order of the items (or see [`unordered`](Self::unordered)). Dropping it
/// cancels what has not started; [`detach`](Self::detach) is the way out.
#[must_use = "dropping a map cancels what has not started: consume it, or call `.detach()`"]
pub struct Map<I: Iterator, R> {
    /// `None` once it has ended or will not be asked any more.
    items: Option<I>,
    lane: Lane<I::Item, R>,
    ledger: Ledger,
    buffer_size: usize,
    /// So many outstanding items are few enough to pull more: three quarters of the buffer. With one item at a
    /// time, workers would be woken for one item at a time. 0 once there are no more items.
    refill_at: usize,
    /// Pulled and not yielded.
    outstanding: usize,
    /// The item iterator's panic, raised when the outcomes before it were yielded.
    panic: Option<Box<dyn Any + Send>>,
    until: Option<Instant>,
    /// The item iterator was slow when it was asked last.
    slow_items: bool,
}

/// How the items travel.
pub(super) enum Lane<T, R> {
    /// In chunks, sized by the time items take.
    Chunks(Chunks<T, R>),
    /// One task each.
    Each(Each<T, R>),
    /// In batches, to other processes.
    Shipped(Shipped<T, R>),
}

/// Runs `$call` on whichever lane it is.
macro_rules! on_lane {
    ($lane:expr, $name:ident => $call:expr) => {
        match $lane {
            Lane::Chunks($name) => $call,
            Lane::Each($name) => $call,
            Lane::Shipped($name) => $call,
        }
    };
}

impl<I, R> Map<I, R>
where
    I: Iterator<Item: Send + 'static>,
    R: Send + 'static,
{
    pub(super) fn new(items: I, lane: Lane<I::Item, R>, ledger: Ledger, buffer_size: usize) -> Self {
        let mut map = Self {
            items: Some(items),
            lane,
            ledger,
            buffer_size,
            refill_at: buffer_size - buffer_size.div_ceil(4),
            outstanding: 0,
            panic: None,
            until: None,
            slow_items: false,
        };
        map.pull(buffer_size, Patience::UntilSlow);
        map
    }

    /// Yields outcomes as they come instead of in the order of the items.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    ///
    /// let pool = ThreadPool::with_workers(2);
    /// let mut squares: Vec<u64> = pool.map(|n| n * n, 0..4u64).unordered().map(Result::unwrap).collect();
    /// squares.sort();
    /// assert_eq!(squares, [0, 1, 4, 9]);
    /// ```
    pub fn unordered(mut self) -> Self {
        on_lane!(&mut self.lane, lane => lane.set_unordered());
        self
    }

    /// Waits for outcomes for at most `limit`, counted from this call.
    ///
    /// Outcomes that are there in time are yielded; then comes one
    /// [`TaskError::WaitTimedOut`], what has not started is cancelled, and the
    /// iterator ends. Work that is running is asked to stop, and goes on until it does; a deadline stops it (`options().timeout(..)`).
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{TaskError, ThreadPool, cancel_requested};
    /// use std::time::Duration;
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// let endless = |_| while !cancel_requested() {};
    /// let mut outcomes = pool.map(endless, 0..9).timeout(Duration::from_millis(20));
    /// assert!(matches!(outcomes.next(), Some(Err(TaskError::WaitTimedOut))));
    /// assert!(outcomes.next().is_none());
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.until = Instant::now().checked_add(limit);
        self
    }

    /// Cancels what has not started, and pulls no more items. What was pulled still yields its outcome.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::ThreadPool;
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// let mut outcomes = pool.options().buffer_size(8).map(|n| n + 1, 0..);
    /// assert_eq!(outcomes.next().unwrap().unwrap(), 1);
    /// outcomes.cancel();
    /// assert!(outcomes.count() <= 8);
    /// ```
    pub fn cancel(&mut self) {
        self.end_of_items();
        on_lane!(&mut self.lane, lane => lane.cancel());
    }

    /// Lets what was pulled run although nobody asks for its outcomes.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, Shutdown, ThreadPool};
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    ///
    /// let pool = ThreadPool::with_workers(2);
    /// let sum = Arc::new(AtomicU64::new(0));
    /// let total = sum.clone();
    /// pool.map(move |n| { total.fetch_add(n, Ordering::Relaxed); }, 1..=4).detach();
    /// pool.shutdown(Shutdown::Finish);
    /// assert_eq!(sum.load(Ordering::Relaxed), 10);
    /// ```
    pub fn detach(mut self) {
        on_lane!(&mut self.lane, lane => lane.detach());
    }

    /// The same as a [`Stream`], for async code.
    ///
    /// Items are pulled when the stream is polled, on the polling thread. After 128 outcomes in a row it lets other tasks
    /// have their turn: it is pending once, and wakes its task at once.
    pub fn into_stream(self) -> MapStream<I, R> {
        MapStream {
            map: self,
            turn: Turn::default(),
            alarm: None,
        }
    }

    /// Pulls items until `ahead` are outstanding; from a slow iterator, only for as long as `patience` says.
    fn pull(&mut self, ahead: usize, patience: Patience) {
        let Some(items) = &mut self.items else { return };
        let most = ahead.saturating_sub(self.outstanding);
        let recorded = record::now_if_on(self.ledger.id().number());
        on_lane!(&mut self.lane, lane => lane.pulling(most));
        let (ledger, lane, until) = (&self.ledger, &mut self.lane, self.until);
        let (before, pulled_before) = (self.outstanding, on_lane!(&*lane, lane => lane.taken_in()));
        let mut pace = PullPace::new(self.slow_items);
        let pulling = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let pulled = on_lane!(&*lane, lane => lane.taken_in()) - pulled_before;
                if pulled >= most {
                    return Items::More;
                }
                pace.look();
                if ledger.refuses() && !host::is_inside(ledger.id()) {
                    return Items::Ended;
                }
                let no_room = before + pulled > 0 && !ledger.has_room();
                let enough = pace.is_slow()
                    && match patience {
                        Patience::UntilSlow => pulled > 0,
                        Patience::UntilReady => {
                            on_lane!(&mut *lane, lane => lane.is_ready())
                                || until.is_some_and(|until| until <= Instant::now())
                        }
                    };
                if no_room || enough {
                    return Items::More;
                }
                // Room that is bounded is looked at before each small burst.
                let at_once = match ledger.max_pending() {
                    None => pace.until_look,
                    Some(_) => pace.until_look.min(PULLS_PER_LOOK),
                };
                let pulls = at_once.min(most - pulled);
                match on_lane!(&mut *lane, lane => lane.take_in(items, pulls)) {
                    TakenIn::All => {}
                    TakenIn::UntilFull => return Items::More,
                    TakenIn::UntilEnd => return Items::Ended,
                }
            }
        }));
        self.slow_items = pace.is_slow();
        let pulled = on_lane!(&*lane, lane => lane.taken_in()) - pulled_before;
        self.outstanding += pulled;
        match pulling {
            Ok(Items::More) => {}
            Ok(Items::Ended) => self.end_of_items(),
            Err(payload) => {
                self.end_of_items();
                self.panic = Some(payload);
            }
        }
        let encoding = on_lane!(&mut self.lane, lane => lane.pulled());
        if let Some(since) = recorded {
            record::passed_items(self.ledger.id().number(), Passage::In, since, pulled, encoding);
        }
    }

    fn end_of_items(&mut self) {
        self.items = None;
        self.refill_at = 0;
    }

    /// Reads ahead where that is due.
    fn refill(&mut self, patience: Patience) {
        if self.until.is_some_and(|until| until <= Instant::now()) {
            // What is there is yielded; nothing more is pulled, or run where it is asked for.
            return;
        }
        if self.outstanding <= self.refill_at && self.items.is_some() {
            if self.slow_items && self.outstanding > 0 && on_lane!(&mut self.lane, lane => lane.is_ready()) {
                return;
            }
            // Without a buffer, one item is pulled when one is asked for.
            self.pull(self.buffer_size.max(1), patience);
        }
    }

    /// The end: everything that was pulled has been yielded.
    fn finish(&mut self) -> Option<Outcome<R>> {
        if self.items.is_some() {
            // Its time was over before the items were.
            return Some(self.give_up());
        }
        match self.panic.take() {
            Some(payload) => resume_unwind(payload),
            None => None,
        }
    }

    /// The time to wait is over.
    fn give_up(&mut self) -> Outcome<R> {
        self.cancel();
        self.outstanding = 0;
        self.panic = None;
        Err(TaskError::WaitTimedOut)
    }

    /// The next outcome, with all that may have to be done for it.
    #[inline(never)]
    fn next_with_care(&mut self) -> Option<Outcome<R>> {
        self.refill(Patience::UntilReady);
        if self.outstanding == 0 {
            return self.finish();
        }
        let until = self.until;
        let outcome = if let Some(outcome) = on_lane!(&mut self.lane, lane => lane.look()) {
            Some(outcome)
        } else if until.is_some_and(|until| until <= Instant::now()) {
            None
        } else {
            host::refuse_deadlock([self.ledger.id()], host::AWAIT);
            on_lane!(&mut self.lane, lane => lane.wait_next(until))
        };
        Some(match outcome {
            Some(outcome) => {
                self.outstanding -= 1;
                outcome
            }
            None => self.give_up(),
        })
    }

    fn poll_lane(&mut self, waker: &Waker) -> Poll<Outcome<R>> {
        let next = on_lane!(&mut self.lane, lane => lane.poll_next(waker));
        if next.is_ready() {
            self.outstanding -= 1;
        }
        next
    }
}

/// How long a slow item iterator is asked for more.
#[derive(Clone, Copy)]
enum Patience {
    /// For one item once it is known to be slow: nobody waits for an outcome here, or nobody may block.
    UntilSlow,
    /// Until there is an outcome, for which the caller waits anyway.
    UntilReady,
}

/// How far a lane got that was to take in some more items.
pub(super) enum TakenIn {
    All,
    /// More would only cost memory.
    UntilFull,
    UntilEnd,
}

/// What is left of the items.
enum Items {
    More,
    Ended,
}

impl<I, R> Iterator for Map<I, R>
where
    I: Iterator<Item: Send + 'static>,
    R: Send + 'static,
{
    type Item = Outcome<R>;

    #[inline]
    fn next(&mut self) -> Option<Outcome<R>> {
        // The usual case, without any of the machinery of pulling and waiting. That it is one lane and a bare value
        // matters: an outcome that comes from one of several places goes through memory, which takes longer than all the
        // rest.
        if self.outstanding > self.refill_at
            && let Lane::Chunks(lane) = &mut self.lane
            && let Some(value) = lane.next_value()
        {
            self.outstanding -= 1;
            return Some(Ok(value));
        }
        self.next_with_care()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.items.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        (
            least.saturating_add(self.outstanding),
            most.and_then(|most| most.checked_add(self.outstanding)),
        )
    }
}

impl<I, R> ExactSizeIterator for Map<I, R>
where
    I: ExactSizeIterator<Item: Send + 'static>,
    R: Send + 'static,
{
}

impl<I, R> FusedIterator for Map<I, R>
where
    I: Iterator<Item: Send + 'static>,
    R: Send + 'static,
{
}

impl<I: Iterator, R> Drop for Map<I, R> {
    fn drop(&mut self) {
        on_lane!(&mut self.lane, lane => lane.cancel());
    }
}

impl<I: Iterator, R> fmt::Debug for Map<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("outstanding", &self.outstanding)
            .field("buffer_size", &self.buffer_size)
            .field("exhausted", &self.items.is_none())
            .finish_non_exhaustive()
    }
}

/// Outcomes of work over many items, as a stream. Made by [`Map::into_stream`].
#[must_use = "dropping a map cancels what has not started: consume it"]
pub struct MapStream<I: Iterator, R> {
    map: Map<I, R>,
    turn: Turn,
    /// Wakes the task that polls when the map's time to wait is over.
    alarm: Option<(Arc<Alarm>, Armed)>,
}

// Items are moved in and out; nothing is pinned.
impl<I: Iterator, R> Unpin for MapStream<I, R> {}

impl<I, R> Stream for MapStream<I, R>
where
    I: Iterator<Item: Send + 'static>,
    R: Send + 'static,
{
    type Item = Outcome<R>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome<R>>> {
        let this = &mut *self;
        this.map.refill(Patience::UntilSlow);
        if this.map.outstanding == 0 {
            return Poll::Ready(this.map.finish());
        }
        if this.turn.is_over(cx) {
            return Poll::Pending;
        }
        let next = this.map.poll_lane(cx.waker());
        if next.is_pending() {
            this.turn.ends();
        }
        if next.is_pending()
            && let Some(until) = this.map.until
        {
            if until <= Instant::now() {
                return Poll::Ready(Some(this.map.give_up()));
            }
            if let Some((alarm, _)) = &this.alarm {
                alarm.set(cx.waker());
            } else {
                let alarm = Alarm::new(cx.waker().clone());
                let armed = timer::arm(&alarm, until.saturating_duration_since(Instant::now()));
                this.alarm = Some((alarm, armed));
            }
        }
        host::polled(next.is_pending());
        next.map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.map.size_hint()
    }
}

impl<I: Iterator, R> fmt::Debug for MapStream<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}
