//! The lane of a map in which items travel in chunks.
//!
//! The consumer puts items into the *inlet* one by one. At most one *ticket* per worker is under way, or fewer if
//! fewer items may be in flight: a task that takes a chunk of what waits, runs it, and is queued again behind others
//! until nothing waits. So a chunk is cut when a worker is free for it, in the size that the time of the items before
//! it suggests; cancelling is emptying the inlet; and a long map does not hold up other work.
//!
//! An item is there for a ticket from the moment it was put in: the item iterator may wait for its effect. So after each item
//! the consumer looks whether a ticket has to be sent; and a ticket that has found nothing counts itself out and then looks
//! once more. Between the two stands a barrier on both sides, the consumer's for nothing (`sys/barrier.rs`).

mod inlet;
mod ticket;

use super::{Executor, map::TakenIn, pace::Pace};
use crate::{
    error::TaskError,
    future::{core::Outcome, host},
    ledger::Ledger,
    running::{self, TaskSpan},
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, Release, SeqCst},
            fence,
        },
    },
    sys::barrier,
    task::{Callee, Crossing, Task},
};
use inlet::{Inlet, Outlet, inlet};
use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    task::{Poll, Waker},
    time::Instant,
    vec,
};
use ticket::Ticket;

/// The consumer's side.
pub(crate) struct Chunks<T, R> {
    state: Arc<State<T, R>>,
    inlet: Inlet<T>,
    /// Items come in one at a time.
    one_by_one: bool,
    /// Queues one more ticket.
    send_ticket: Box<dyn Fn() + Send>,
    /// The chunk that is being yielded.
    current: Chunk<R>,
    /// How many of those that were put in are counted as submitted, and announced.
    counted: usize,
    announced: usize,
    detached: bool,
}

/// What the consumer and the tickets share.
struct State<T, R> {
    ledger: Ledger,
    span: TaskSpan,
    chunk_size: Option<NonZeroUsize>,
    desk: Desk,
    table: Mutex<Table<T, R>>,
    /// Items that have not started shall not start.
    stopped: AtomicBool,
    gathering: Gathering,
    /// Chunks that have ended; read without a lock by a consumer that spins before it parks.
    ended: AtomicUsize,
}

/// What the consumer looks at for each item, and which hardly ever changes. On cache lines of its own: workers change all
/// that lies around it.
#[repr(align(128))]
struct Desk {
    most_tickets: usize,
    /// Tickets that are queued or running.
    tickets: AtomicUsize,
    /// No item that waits will be run any more; the table has the reason.
    closed: AtomicBool,
}

/// What a ticket looks at, without a lock, while it lets items gather. On cache lines of its own: the consumer works
/// next to it, item by item, while others look.
#[repr(align(128))]
struct Gathering {
    /// The consumer is pulling items: more are about to come in.
    pulling: AtomicBool,
    /// Items that have come in, give or take [`ANNOUNCE_EVERY`], and that tickets have taken.
    came_in: AtomicUsize,
    taken: AtomicUsize,
    /// How many items are worth a chunk, by the pace so far.
    worth_a_chunk: AtomicUsize,
}

/// Each announcement takes a cache line away from those who look at it.
const ANNOUNCE_EVERY: usize = 64;

struct Table<T, R> {
    /// Items that no ticket has taken.
    waiting: Outlet<T>,
    /// Why no item will be run any more.
    closed: Option<TaskError>,
    /// Chunks in the order of their items, from the first that was not yielded.
    chunks: VecDeque<Slot<R>>,
    /// The number of the first of them.
    first: usize,
    /// The numbers of ended chunks in the order they ended; only kept if the map is unordered.
    unordered: Option<VecDeque<usize>>,
    reader: Option<Waker>,
    pace: Pace,
}

enum Slot<R> {
    Running,
    Ended(Chunk<R>),
    Yielded,
}

/// The outcomes of consecutive items: values, and apart from them the rare errors.
pub(super) struct Chunk<R> {
    values: vec::IntoIter<R>,
    /// Errors by the place of their item in the chunk.
    errors: VecDeque<(usize, TaskError)>,
    place: usize,
    /// Items that came after all these and did not run, and why.
    lost: Option<(usize, TaskError)>,
}

impl<R> Chunk<R> {
    fn new(values: Vec<R>, errors: VecDeque<(usize, TaskError)>) -> Self {
        Self {
            values: values.into_iter(),
            errors,
            place: 0,
            lost: None,
        }
    }

    fn is_over(&self) -> bool {
        self.values.as_slice().is_empty() && self.errors.is_empty() && self.lost.is_none()
    }

    fn lost(items: usize, reason: TaskError) -> Self {
        Self {
            lost: Some((items, reason)),
            ..Self::new(Vec::new(), VecDeque::new())
        }
    }
}

impl<R> Iterator for Chunk<R> {
    type Item = Outcome<R>;

    #[inline]
    fn next(&mut self) -> Option<Outcome<R>> {
        if self.errors.is_empty()
            && let Some(value) = self.values.next()
        {
            return Some(Ok(value));
        }
        self.next_with_errors()
    }
}

impl<R> Chunk<R> {
    fn next_with_errors(&mut self) -> Option<Outcome<R>> {
        if self.errors.front().is_some_and(|(place, _)| *place == self.place) {
            self.place += 1;
            return self.errors.pop_front().map(|(_, error)| Err(error));
        }
        if let Some(value) = self.values.next() {
            self.place += 1;
            return Some(Ok(value));
        }
        let (items, reason) = self.lost.take()?;
        if items > 1 {
            self.lost = Some((items - 1, reason.clone()));
        }
        (items > 0).then_some(Err(reason))
    }
}

impl<T: Send + 'static, R: Send + 'static> Chunks<T, R> {
    pub(super) fn new<E, K, X>(
        executor: E,
        callee: K,
        chunk_size: Option<NonZeroUsize>,
        tickets: usize,
    ) -> Self
    where
        E: Executor,
        K: Callee<T, Output = R>,
        X: Crossing<T> + Crossing<R>,
    {
        barrier::prepare();
        let (inlet, waiting) = inlet();
        let state = Arc::new(State {
            ledger: executor.ledger().clone(),
            span: TaskSpan::of_map(),
            chunk_size,
            desk: Desk {
                most_tickets: tickets,
                tickets: AtomicUsize::new(0),
                closed: AtomicBool::new(false),
            },
            table: Mutex::new(Table {
                waiting,
                closed: None,
                chunks: VecDeque::new(),
                first: 0,
                unordered: None,
                reader: None,
                pace: Pace::default(),
            }),
            stopped: AtomicBool::new(false),
            gathering: Gathering {
                pulling: AtomicBool::new(false),
                came_in: AtomicUsize::new(0),
                taken: AtomicUsize::new(0),
                worth_a_chunk: AtomicUsize::new(chunk_size.map_or(1, NonZeroUsize::get)),
            },
            ended: AtomicUsize::new(0),
        });
        let ticket = Ticket::<K, T, R, X>::new(callee, state.clone());
        let send_ticket = Box::new(move || executor.execute(Task::new(ticket.clone())));
        Self {
            state,
            inlet,
            one_by_one: true,
            send_ticket,
            current: Chunk::new(Vec::new(), VecDeque::new()),
            counted: 0,
            announced: 0,
            detached: false,
        }
    }

    /// Takes in `most` more items.
    #[inline]
    pub(super) fn take_in(&mut self, items: &mut impl Iterator<Item = T>, most: usize) -> TakenIn {
        let end = self.taken_in() + most;
        while self.taken_in() < end {
            let until_announced = self.announced + ANNOUNCE_EVERY - self.taken_in();
            let burst = until_announced.min(end - self.taken_in());
            let (state, send_ticket, one_by_one) = (&*self.state, &self.send_ticket, self.one_by_one);
            let go_on = self.inlet.put_from(items, burst, || {
                // Pairs with the barriers in `State::goes_on` and `State::close`: either this sees what they did, or they see
                // the item.
                if one_by_one {
                    fence(SeqCst);
                } else {
                    barrier::light();
                }
                if state.desk.closed.load(Relaxed) {
                    state.refuse_waiting();
                } else if state.desk.tickets.load(Relaxed) < state.desk.most_tickets {
                    state.add_ticket(send_ticket);
                }
            });
            if !go_on {
                return TakenIn::UntilEnd;
            }
            if self.taken_in() - self.announced == ANNOUNCE_EVERY {
                self.announce();
            }
        }
        TakenIn::All
    }

    /// How many items were taken in so far.
    pub(super) fn taken_in(&self) -> usize {
        self.inlet.put_in()
    }

    fn announce(&mut self) {
        self.announced = self.inlet.put_in();
        self.state.gathering.came_in.store(self.announced, Relaxed);
    }

    /// A round of up to `most` pushes begins.
    pub(super) fn pulling(&mut self, most: usize) {
        // A single item is not worth a wait; on an executor without workers the wait would be for oneself.
        self.one_by_one = most <= 1;
        if !self.one_by_one {
            self.state.gathering.pulling.store(true, Relaxed);
            // Pairs with the fence in `State::goes_on`: either that sees the round, or this round sees that.
            fence(SeqCst);
        }
    }

    /// A round of pushes is over. Nothing was encoded.
    pub(super) fn pulled(&mut self) -> u64 {
        self.announce();
        // Who sees that the round is over sees all of its items.
        self.state.gathering.pulling.store(false, Release);
        let uncounted = self.inlet.put_in() - self.counted;
        self.counted += uncounted;
        self.state.ledger.submitted(uncounted as u64);
        0
    }

    /// The next outcome, if it is a value of the chunk that is being yielded.
    #[inline]
    pub(super) fn next_value(&mut self) -> Option<R> {
        if self.current.errors.is_empty() {
            self.current.values.next()
        } else {
            None
        }
    }

    /// Whether the next outcome is there.
    pub(super) fn is_ready(&mut self) -> bool {
        !self.current.is_over() || self.state.table.lock().has_next()
    }

    /// The next outcome if it is there.
    pub(super) fn look(&mut self) -> Option<Outcome<R>> {
        match self.poll_next(Waker::noop()) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }

    pub(super) fn wait_next(&mut self, until: Option<Instant>) -> Option<Outcome<R>> {
        let state = self.state.clone();
        let seen = state.ended.load(Relaxed);
        host::block_on(
            until,
            || state.ended.load(Relaxed) != seen,
            |waker| self.poll_next(waker),
        )
    }

    pub(super) fn poll_next(&mut self, waker: &Waker) -> Poll<Outcome<R>> {
        loop {
            if let Some(outcome) = self.current.next() {
                return Poll::Ready(outcome);
            }
            match self.state.table.lock().next_chunk(waker) {
                Some(chunk) => self.current = chunk,
                None => return Poll::Pending,
            }
        }
    }

    pub(super) fn set_unordered(&mut self) {
        let mut table = self.state.table.lock();
        let first = table.first;
        let ended =
            |(place, slot): (usize, &Slot<R>)| matches!(slot, Slot::Ended(_)).then_some(first + place);
        table.unordered = Some(table.chunks.iter().enumerate().filter_map(ended).collect());
    }

    pub(super) fn detach(&mut self) {
        self.detached = true;
    }
}

impl<T, R> Chunks<T, R> {
    pub(super) fn cancel(&mut self) {
        if !self.detached {
            self.state.stopped.store(true, Relaxed);
            self.state.close(TaskError::Cancelled);
            running::raised();
        }
    }
}

impl<T, R> State<T, R> {
    /// Whether items that run are asked to stop, and others are not to start.
    fn stop_requested(&self) -> bool {
        self.stopped.load(Relaxed) || self.ledger.stop_requested()
    }

    /// One more ticket, if there may be more.
    fn counts_ticket_in(&self) -> bool {
        let one_more = |tickets| (tickets < self.desk.most_tickets).then_some(tickets + 1);
        self.desk.tickets.fetch_update(SeqCst, SeqCst, one_more).is_ok()
    }

    #[cold]
    fn add_ticket(&self, send: &dyn Fn()) {
        if self.counts_ticket_in() {
            send();
        }
    }

    /// A ticket has found nothing. True if there is something after all, and this ticket goes on.
    fn goes_on(&self) -> bool {
        self.desk.tickets.fetch_sub(1, SeqCst);
        fence(SeqCst);
        if self.gathering.pulling.load(SeqCst) {
            // Pairs with the light one in `Chunks::push`.
            barrier::heavy();
        }
        self.table.lock().has_waiting() && self.counts_ticket_in()
    }

    /// No item that waits will be run, for this reason.
    fn close(&self, reason: TaskError) {
        self.table.lock().closed.get_or_insert(reason);
        self.desk.closed.store(true, SeqCst);
        // Pairs with the barrier in `Chunks::push`: an item that is not seen here is refused there.
        barrier::heavy();
        self.refuse_waiting();
    }

    /// Refuses what waits, if the lane is closed.
    #[cold]
    fn refuse_waiting(&self) {
        let mut table = self.table.lock();
        let Some(reason) = table.closed.clone() else {
            return;
        };
        let waiting = table.waiting.take(usize::MAX);
        drop(table);
        let items = waiting.len();
        self.ledger.refused(items as u64, reason.is_cancellation());
        // Destructors are foreign code: they run without a lock, before anybody hears of the cancellation.
        crate::panic::contain(|| drop(waiting));
        self.lose(items, reason);
    }

    /// Items that will not run, behind all chunks there are.
    fn lose(&self, items: usize, reason: TaskError) {
        if items > 0 {
            let mut table = self.table.lock();
            let number = table.first + table.chunks.len();
            table.chunks.push_back(Slot::Running);
            let reader = table.end(number, Chunk::lost(items, reason));
            drop(table);
            self.tell(reader);
        }
    }

    fn tell(&self, reader: Option<Waker>) {
        self.ended.fetch_add(1, Relaxed);
        if let Some(reader) = reader {
            crate::panic::contain(|| reader.wake());
        }
    }
}

impl<T, R> Table<T, R> {
    /// Whether there is something for a ticket.
    fn has_waiting(&self) -> bool {
        self.closed.is_none() && self.waiting.len() > 0
    }

    /// A chunk has ended; gives back whom to wake, if the consumer waits for this one.
    #[must_use]
    fn end(&mut self, number: usize, chunk: Chunk<R>) -> Option<Waker> {
        self.chunks[number - self.first] = Slot::Ended(chunk);
        if let Some(ended) = &mut self.unordered {
            ended.push_back(number);
            self.reader.take()
        } else if number == self.first {
            self.reader.take()
        } else {
            None
        }
    }

    /// Whether there is a chunk to yield.
    fn has_next(&self) -> bool {
        match &self.unordered {
            Some(ended) => !ended.is_empty(),
            None => matches!(self.chunks.front(), Some(Slot::Ended(_))),
        }
    }

    /// The chunk to yield next, or the consumer's waker is kept.
    fn next_chunk(&mut self, waker: &Waker) -> Option<Chunk<R>> {
        let number = match &mut self.unordered {
            Some(ended) => ended.pop_front(),
            None => matches!(self.chunks.front(), Some(Slot::Ended(_))).then_some(self.first),
        };
        let Some(number) = number else {
            match &mut self.reader {
                Some(reader) => reader.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return None;
        };
        let slot = std::mem::replace(&mut self.chunks[number - self.first], Slot::Yielded);
        while matches!(self.chunks.front(), Some(Slot::Yielded)) {
            self.chunks.pop_front();
            self.first += 1;
        }
        match slot {
            Slot::Ended(chunk) => Some(chunk),
            Slot::Running | Slot::Yielded => unreachable!("only ended chunks are yielded, and once"),
        }
    }
}
