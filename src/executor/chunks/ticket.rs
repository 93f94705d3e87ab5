use super::{
    super::{pace::WORTH_SHARING, reason_of_stop},
    Chunk, Slot, State,
};
use crate::{
    error::{TaskError, TaskPanic},
    ledger::Mode,
    panic,
    running::{About, Doing, Running, Source, TaskSpan, WorkName, record, run_as},
    sync::Arc,
    task::{Callee, Crossing, Run, RunContext, call},
};
use std::{collections::VecDeque, marker::PhantomData, sync::atomic::Ordering, time::Instant};

/// A task of a map: takes a chunk of what waits and runs it.
pub(super) struct Ticket<K, T, R, X> {
    callee: K,
    state: Arc<State<T, R>>,
    crossing: PhantomData<X>,
}

impl<K, T, R, X> Ticket<K, T, R, X>
where
    K: Callee<T, Output = R>,
    T: Send + 'static,
    R: Send + 'static,
    X: Crossing<T> + Crossing<R>,
{
    const WORK: WorkName = &(K::name as fn() -> &'static str);

    pub(super) fn new(callee: K, state: Arc<State<T, R>>) -> Arc<Self> {
        Arc::new(Self {
            callee,
            state,
            crossing: PhantomData,
        })
    }

    /// While the consumer is pulling, waits until enough has come in to be worth a chunk.
    ///
    /// Items that take nanoseconds would otherwise be taken one by one, workers and consumer fighting for the
    /// lock. The wait is as long as such a chunk at most: the item iterator may be waiting for an item's effect.
    fn let_items_gather(&self) {
        const LOOKS_PER_YIELD: u32 = 16;
        let state = &self.state.gathering;
        let is_worth_it = || {
            let there = state
                .came_in
                .load(Ordering::Relaxed)
                .saturating_sub(state.taken.load(Ordering::Relaxed));
            there >= state.worth_a_chunk.load(Ordering::Relaxed) || !state.pulling.load(Ordering::Relaxed)
        };
        if is_worth_it() {
            return;
        }
        let start = Instant::now();
        while start.elapsed() < WORTH_SHARING {
            for _ in 0..LOOKS_PER_YIELD {
                if is_worth_it() {
                    return;
                }
                crate::sync::hint::spin_loop();
            }
            crate::sync::thread::yield_now();
        }
    }

    /// Cuts a chunk from what waits; `None` if nothing does.
    fn cut_chunk(&self) -> Option<(usize, Vec<T>)> {
        let mut guard = self.state.table.lock();
        let table = &mut *guard;
        if !table.has_waiting() {
            return None;
        }
        let size = table.pace.chunk_size(
            self.state.chunk_size,
            table.waiting.len(),
            self.state.desk.most_tickets,
        );
        let items = table.waiting.take(size);
        self.state.gathering.taken.fetch_add(size, Ordering::Relaxed);
        let number = table.first + table.chunks.len();
        table.chunks.push_back(Slot::Running);
        Some((number, items))
    }

    /// The same; on `None` this ticket is no longer counted.
    fn take_chunk(&self) -> Option<(usize, Vec<T>)> {
        loop {
            if let Some(chunk) = self.cut_chunk() {
                return Some(chunk);
            }
            if !self.state.goes_on() {
                return None;
            }
        }
    }

    fn run_chunk(&self, items: Vec<T>, mode: Mode) -> Chunk<R> {
        let mut values = Vec::with_capacity(items.len());
        let mut errors = VecDeque::new();
        let mut unstarted = 0;
        let mut items = items.into_iter();
        let mut noted = record::Items::begin(self.state.ledger.id().number(), Self::WORK);
        // Once more after each panic: the items behind it are not to suffer.
        while let Err(caught) = panic::catch(|| {
            for item in items.by_ref() {
                if self.state.stop_requested() {
                    unstarted += 1;
                    panic::contain(|| drop(item));
                    let reason = reason_of_stop(&self.state.ledger);
                    errors.push_back((values.len() + errors.len(), reason));
                    continue;
                }
                // An outcome that came from one of two places would go through memory, for every item.
                let before = errors.len();
                match call::<K, T, X>(&self.callee, item, mode) {
                    Ok(value) => values.push(value),
                    Err(error) => errors.push_back((values.len() + errors.len(), error)),
                }
                if let Some(noted) = &mut noted {
                    noted.ended(errors.len() > before);
                }
            }
        }) {
            errors.push_back((
                values.len() + errors.len(),
                TaskError::Panicked(TaskPanic::new(caught)),
            ));
            if let Some(noted) = &mut noted {
                noted.ended(true);
            }
        }
        self.state.ledger.killed(unstarted);
        self.state.ledger.failed(errors.len() as u64 - unstarted);
        self.state.ledger.succeeded(values.len() as u64);
        Chunk::new(values, errors)
    }
}

impl<K, T, R, X> Run for Ticket<K, T, R, X>
where
    K: Callee<T, Output = R>,
    T: Send + 'static,
    R: Send + 'static,
    X: Crossing<T> + Crossing<R>,
{
    fn run(self: Arc<Self>, context: &RunContext<'_>) -> Option<Arc<dyn Run>> {
        self.let_items_gather();
        let (number, items) = self.take_chunk()?;
        let size = items.len();
        context.ledger.started(size as u64);
        let start = Instant::now();
        let running = Arc::new(RunningChunk(self.state.clone(), Self::WORK));
        let chunk = run_as(&running, Doing::Calling, || {
            self.run_chunk(items, context.ledger.mode())
        });
        let took = start.elapsed();
        let mut table = self.state.table.lock();
        table.pace.measured(size, took);
        if self.state.chunk_size.is_none() {
            self.state
                .gathering
                .worth_a_chunk
                .store(table.pace.worth_a_chunk(), Ordering::Relaxed);
        }
        let reader = table.end(number, chunk);
        drop(table);
        self.state.tell(reader);
        Some(self)
    }

    fn refuse(self: Arc<Self>, reason: TaskError) {
        self.state.desk.tickets.fetch_sub(1, Ordering::SeqCst);
        self.state.close(reason);
    }

    fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>> {
        self.refuse(TaskError::Cancelled);
        None
    }
}

/// A chunk as its items see it. Gone with the chunk, so that a token does not see what becomes of the map later.
struct RunningChunk<T, R>(Arc<State<T, R>>, WorkName);

impl<T, R> Running for RunningChunk<T, R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    fn about(&self) -> About<'_> {
        About {
            task: None,
            executor: self.0.ledger.id().number(),
            work: self.1,
            name: None,
        }
    }

    fn span(&self) -> &TaskSpan {
        &self.0.span
    }

    fn stop_requested(&self) -> bool {
        self.0.stop_requested()
    }

    fn for_token(self: Arc<Self>) -> Source {
        let chunk: Arc<dyn Running> = self;
        Source::Here(Arc::downgrade(&chunk))
    }
}
