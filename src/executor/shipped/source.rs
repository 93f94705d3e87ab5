use super::{super::pace::Pace, answers::Answers};
use crate::{
    error::TaskError,
    ledger::Ledger,
    running::TaskSpan,
    sync::{Arc, Mutex},
    task::{Answer, Load, Parcel, RemoteCall, parcel::split_item},
};
use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroUsize,
    task::Waker,
    time::Duration,
};

/// A batch carries at most about this much: it has to fit into the channel of a worker several times.
pub(super) const MOST_BYTES_OF_A_BATCH: usize = 16 * 1024;

/// Reading ahead stops while this much waits, encoded, to be run or to be yielded.
const MOST_BYTES_AHEAD: usize = 64 * 1024 * 1024;

/// The items of a map: those that wait, and the answers to the others.
pub(super) struct Source {
    call: RemoteCall,
    name: Option<Arc<str>>,
    ledger: Ledger,
    span: TaskSpan,
    chunk_size: Option<NonZeroUsize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Items that no worker has, in order.
    waiting: VecDeque<Stretch>,
    waiting_items: usize,
    /// Encoded items that wait, and answers that were not yielded.
    bytes: usize,
    /// A carrier knows that there is something to load.
    carried: bool,
    /// The number of the next item.
    next: u64,
    /// What was loaded and not yielded, by the number of its first item.
    batches: BTreeMap<u64, Batch>,
    /// The number of the next item to yield, if they are yielded in order.
    front: u64,
    /// Batches with something to yield, in the order in which they had it; only kept if the order does not matter.
    unordered: Option<VecDeque<u64>>,
    reader: Option<Waker>,
    /// Why no item will be sent any more.
    closed: Option<TaskError>,
    pace: Pace,
    succeeded: u64,
    failed: u64,
    killed: u64,
}

/// Consecutive items that wait.
struct Stretch {
    first: u64,
    items: u32,
    bytes: Vec<u8>,
    /// How much of the bytes has been loaded.
    at: usize,
}

impl Stretch {
    fn takes(&self, number: u64) -> bool {
        self.first + u64::from(self.items) == number && self.bytes.len() < 4 * MOST_BYTES_OF_A_BATCH
    }

    /// Cuts off at most `most` items from the front.
    fn cut(&mut self, most: u32) -> Load {
        let all = &self.bytes[self.at..];
        let mut rest = all;
        let mut items = 0;
        while items < most.min(self.items) {
            let Some((_, behind)) = split_item(rest) else {
                break;
            };
            let length = all.len() - behind.len();
            if items > 0 && length > MOST_BYTES_OF_A_BATCH {
                break;
            }
            rest = behind;
            items += 1;
        }
        let length = all.len() - rest.len();
        let bytes = if rest.is_empty() && self.at == 0 {
            std::mem::take(&mut self.bytes)
        } else {
            let bytes = all[..length].to_vec();
            self.at += length;
            bytes
        };
        let load = Load {
            first: self.first,
            items,
            bytes,
            bare: false,
        };
        self.first += u64::from(items);
        self.items -= items;
        load
    }
}

/// What follows for the consumer from an item that it has pushed.
pub(super) struct Pushed {
    /// The source has to be carried.
    pub(super) to_be_carried: bool,
    pub(super) is_full: bool,
}

/// Whether the consumer waits and did not before.
pub(super) struct IsFirst(pub(super) bool);

/// Items that were loaded together.
struct Batch {
    items: u32,
    /// Those whose answers were taken by the consumer.
    taken: u32,
    answers: Answers,
    listed: bool,
}

impl Batch {
    fn running(items: u32) -> Self {
        Self {
            items,
            taken: 0,
            answers: Answers::default(),
            listed: false,
        }
    }
}

impl State {
    fn give(&mut self, number: u64, answer: impl FnOnce(&mut Answers)) {
        let Some((first, batch)) = self.batches.range_mut(..=number).next_back() else {
            return;
        };
        let before = batch.answers.bytes();
        answer(&mut batch.answers);
        self.bytes += batch.answers.bytes() - before;
        if let Some(unordered) = &mut self.unordered
            && !batch.listed
        {
            batch.listed = true;
            unordered.push_back(*first);
        }
    }

    /// Consecutive items that will not run.
    fn lose(&mut self, first: u64, items: u32, reason: &TaskError) {
        let mut batch = Batch::running(items);
        batch.answers = Answers::lost(items, reason.clone());
        if let Some(unordered) = &mut self.unordered {
            batch.listed = true;
            unordered.push_back(first);
        }
        self.batches.insert(first, batch);
    }

    /// The batch from which something can be yielded now.
    fn ready(&self) -> Option<u64> {
        let has_answers = |first: &u64| {
            self.batches
                .get(first)
                .is_some_and(|batch| !batch.answers.is_empty())
        };
        if let Some(ended) = &self.unordered {
            return ended.front().copied();
        }
        let (first, batch) = self.batches.first_key_value()?;
        (first + u64::from(batch.taken) == self.front && has_answers(first)).then_some(*first)
    }

    fn take(&mut self) -> Option<Answers> {
        let first = self.ready()?;
        if let Some(unordered) = &mut self.unordered {
            unordered.pop_front();
        }
        let batch = self.batches.get_mut(&first)?;
        batch.listed = false;
        let answers = std::mem::take(&mut batch.answers);
        batch.taken += answers.len();
        let is_over = batch.taken == batch.items;
        self.bytes -= answers.bytes();
        self.front += u64::from(answers.len());
        if is_over {
            self.batches.remove(&first);
        }
        Some(answers)
    }
}

impl Source {
    pub(super) fn new(
        ledger: Ledger,
        call: RemoteCall,
        name: Option<Arc<str>>,
        chunk_size: Option<NonZeroUsize>,
    ) -> Arc<Self> {
        let span = TaskSpan::of_map();
        span.describe(&call.entry.name, name.as_ref());
        Arc::new(Self {
            call,
            name,
            ledger,
            span,
            chunk_size,
            state: Mutex::new(State::default()),
        })
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes an encoded item.
    pub(super) fn push(&self, item: &[u8]) -> Pushed {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        if let Some(reason) = state.closed.clone() {
            state.lose(number, 1, &reason);
            drop(state);
            self.ledger.refused(1, reason.is_cancellation());
            return Pushed {
                to_be_carried: false,
                is_full: false,
            };
        }
        match state.waiting.back_mut().filter(|stretch| stretch.takes(number)) {
            Some(stretch) => {
                stretch.items += 1;
                stretch.bytes.extend_from_slice(item);
            }
            None => state.waiting.push_back(Stretch {
                first: number,
                items: 1,
                bytes: item.to_vec(),
                at: 0,
            }),
        }
        state.waiting_items += 1;
        state.bytes += item.len();
        Pushed {
            to_be_carried: !std::mem::replace(&mut state.carried, true),
            is_full: state.bytes > MOST_BYTES_AHEAD,
        }
    }

    /// The next item could not be encoded.
    pub(super) fn fail_next(&self, reason: TaskError) {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.lose(number, 1, &reason);
        drop(state);
        self.ledger.started(1);
        self.ledger.failed(1);
    }

    pub(super) fn is_full(&self) -> bool {
        self.state.lock().bytes > MOST_BYTES_AHEAD
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state.lock().ready().is_some()
    }

    /// Answers to yield.
    pub(super) fn take_answers(&self) -> Option<Answers> {
        self.state.lock().take()
    }

    /// The same; if there are none, the consumer's waker is kept. Says whether no other was kept before: then the carrier
    /// has to learn of it.
    pub(super) fn take_answers_or_wait(&self, waker: &Waker) -> Result<Answers, IsFirst> {
        if let Some(answers) = self.take_answers() {
            return Ok(answers);
        }
        // Foreign code, so outside of the lock.
        let new = waker.clone();
        let mut state = self.state.lock();
        if let Some(answers) = state.take() {
            return Ok(answers);
        }
        let old = state.reader.replace(new);
        drop(state);
        Err(IsFirst(old.is_none()))
    }

    pub(super) fn set_unordered(&self) {
        let mut state = self.state.lock();
        let mut listed = VecDeque::new();
        for (first, batch) in &mut state.batches {
            batch.listed = !batch.answers.is_empty();
            if batch.listed {
                listed.push_back(*first);
            }
        }
        state.unordered = Some(listed);
    }

    /// Nothing will be sent any more.
    pub(super) fn close(&self, reason: TaskError) {
        self.state.lock().closed.get_or_insert(reason.clone());
        self.lose_waiting(&reason);
    }

    /// What waits will not be sent.
    fn lose_waiting(&self, reason: &TaskError) {
        let mut state = self.state.lock();
        let waiting = std::mem::take(&mut state.waiting);
        let items = std::mem::take(&mut state.waiting_items);
        for stretch in waiting {
            state.bytes -= stretch.bytes.len() - stretch.at;
            state.lose(stretch.first, stretch.items, reason);
        }
        // Whoever carried it has let it go, or finds nothing.
        state.carried = false;
        drop(state);
        self.ledger.refused(items as u64, reason.is_cancellation());
    }

    /// Wakes the consumer if there is something for it.
    pub(super) fn wake(&self) {
        let mut state = self.state.lock();
        let reader = if state.ready().is_some() {
            state.reader.take()
        } else {
            None
        };
        drop(state);
        if let Some(reader) = reader {
            crate::panic::contain(|| reader.wake());
        }
    }
}

impl Parcel for Source {
    fn call(&self) -> &RemoteCall {
        &self.call
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| (self.call.entry.name)())
    }

    fn span(&self) -> &TaskSpan {
        &self.span
    }

    fn load(&self, workers: usize) -> Option<(Load, bool)> {
        let mut state = self.state.lock();
        let size = state
            .pace
            .chunk_size(self.chunk_size, state.waiting_items, workers);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let Some(stretch) = state.waiting.front_mut() else {
            state.carried = false;
            return None;
        };
        let load = stretch.cut(size);
        if stretch.items == 0 {
            state.waiting.pop_front();
        }
        state.waiting_items -= load.items as usize;
        state.bytes -= load.bytes.len();
        state.carried = !state.waiting.is_empty();
        state.batches.insert(load.first, Batch::running(load.items));
        Some((load, state.carried))
    }

    fn waiting(&self) -> usize {
        self.state.lock().waiting_items
    }

    fn is_worth_a_batch(&self) -> bool {
        let state = self.state.lock();
        let enough = self
            .chunk_size
            .map_or(state.pace.worth_a_chunk(), NonZeroUsize::get);
        state.waiting_items >= enough
    }

    fn unload(&self, load: Load) -> bool {
        let mut state = self.state.lock();
        let mut is_over = None;
        if let Some((first, batch)) = state.batches.range_mut(..=load.first).next_back() {
            batch.items = u32::try_from(load.first - first).unwrap_or(batch.items);
            is_over = (batch.taken == batch.items).then_some(*first);
        }
        if let Some(first) = is_over {
            state.batches.remove(&first);
        }
        if let Some(reason) = state.closed.clone() {
            state.lose(load.first, load.items, &reason);
            drop(state);
            self.ledger
                .refused(u64::from(load.items), reason.is_cancellation());
            return false;
        }
        state.waiting_items += load.items as usize;
        state.bytes += load.bytes.len();
        state.waiting.push_front(Stretch {
            first: load.first,
            items: load.items,
            bytes: load.bytes,
            at: 0,
        });
        !std::mem::replace(&mut state.carried, true)
    }

    fn started(self: Arc<Self>, items: u32, ledger: &Ledger) {
        ledger.started(u64::from(items));
    }

    fn arrived(&self, item: u64, answer: Answer<'_>) {
        let mut state = self.state.lock();
        match answer {
            Answer::Value(bytes) => {
                state.succeeded += 1;
                state.give(item, |answers| answers.push_value(bytes));
            }
            Answer::LargeValue(bytes) => {
                state.succeeded += 1;
                state.give(item, |answers| answers.push_long(bytes));
            }
            Answer::Bare(bytes) => {
                state.succeeded += 1;
                state.give(item, |answers| answers.push_bare(bytes));
            }
            Answer::Failed(reason) => {
                if reason.is_cancelled() {
                    state.killed += 1;
                } else {
                    state.failed += 1;
                }
                state.give(item, |answers| answers.push_failure(reason));
            }
        }
    }

    fn arrived_together(&self, first: u64, items: u32, values: &[u8]) {
        let mut state = self.state.lock();
        state.succeeded += u64::from(items);
        state.give(first, |answers| answers.push_short(items, values));
    }

    fn is_awaited(&self) -> bool {
        self.state.lock().reader.is_some()
    }

    fn lost(&self, item: Load, error: TaskError) {
        self.arrived(item.first, Answer::Failed(error));
    }

    fn batch_ended(&self, items: u32, took: Duration) {
        self.state.lock().pace.measured(items as usize, took);
    }

    fn tell(self: Arc<Self>, ledger: &Ledger) {
        let mut state = self.state.lock();
        let succeeded = std::mem::take(&mut state.succeeded);
        let failed = std::mem::take(&mut state.failed);
        let killed = std::mem::take(&mut state.killed);
        drop(state);
        ledger.succeeded(succeeded);
        ledger.failed(failed);
        ledger.killed(killed);
        self.wake();
    }

    fn wake_reader(&self) {
        self.wake();
    }

    /// Only a cancellation is for good. What is with workers was accepted, and may come back to be run elsewhere.
    fn refuse(self: Arc<Self>, reason: TaskError) {
        if reason.is_cancelled() {
            self.close(reason);
        } else {
            self.lose_waiting(&reason);
        }
        self.wake();
    }
}
