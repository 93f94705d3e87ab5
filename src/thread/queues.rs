//! Where tasks wait: one injector for what comes from outside, two deques per seat (rules 1 to 3 and 17).

use super::entry::Entry;
use crate::task::Task;
use crossbeam_deque::{Injector, Steal, Stealer, Worker};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// Once in so many tasks a seat looks first where it would look last, so that nothing waits for ever. 61, as in
/// Go's scheduler: rare enough to cost nothing, and a prime, so that it does not beat with the program.
const FAIRNESS: u32 = 61;

/// So long a seat lets tasks gather that come from outside about as fast as they are run; rule 17.
const GATHER: Duration = Duration::from_micros(2);

/// So many batches in a row have to come and go that fast before it does,
const RUSH: u32 = 8;

/// and fewer tasks than a batch may hold have to be there.
const FEW: usize = 32;

/// The right to run tasks, and the deques that go with it. There are as many as workers.
pub(super) struct Seat {
    pub(super) index: usize,
    /// What tasks on this seat submitted: the newest first, its data is warm.
    own: Worker<Entry>,
    /// What came from outside, in batches: the oldest first.
    outside: Worker<Entry>,
    turn: Cell<u32>,
    /// When the last batch was taken, and how many in a row came and went in no time.
    last_batch: Cell<Instant>,
    rush: Cell<u32>,
}

/// What all seats see.
pub(super) struct Queues {
    injector: Injector<Entry>,
    /// By seat: its own deque and its outside deque.
    stealers: Vec<[Stealer<Entry>; 2]>,
}

impl Queues {
    pub(super) fn new(seats: usize) -> (Self, Vec<Seat>) {
        let seats: Vec<_> = (0..seats)
            .map(|index| Seat {
                index,
                own: Worker::new_lifo(),
                outside: Worker::new_fifo(),
                turn: Cell::new(0),
                last_batch: Cell::new(Instant::now()),
                rush: Cell::new(0),
            })
            .collect();
        let stealers = seats
            .iter()
            .map(|seat| [seat.own.stealer(), seat.outside.stealer()])
            .collect();
        (
            Self {
                injector: Injector::new(),
                stealers,
            },
            seats,
        )
    }

    /// Behind everything that came from outside.
    pub(super) fn push(&self, task: Task) {
        self.injector.push(Entry::of_task(task));
    }

    pub(super) fn are_empty(&self) -> bool {
        self.injector.is_empty() && self.stealers.iter().flatten().all(Stealer::is_empty)
    }

    /// How many tasks wait, roughly.
    pub(super) fn len(&self) -> usize {
        self.injector.len() + self.stealers.iter().flatten().map(Stealer::len).sum::<usize>()
    }

    /// Takes any entry, from a thread without a seat.
    pub(super) fn take_any(&self) -> Option<Entry> {
        steal(|| self.injector.steal()).or_else(|| {
            self.stealers
                .iter()
                .flatten()
                .find_map(|stealer| steal(|| stealer.steal()))
        })
    }
}

impl Seat {
    /// In front of everything else on this seat.
    #[inline]
    pub(super) fn push(&self, entry: Entry) {
        self.own.push(entry);
    }

    /// Takes the newest of this seat's own.
    #[inline]
    pub(super) fn pop(&self) -> Option<Entry> {
        self.own.pop()
    }

    /// Puts back what was [taken](Self::pop), newest first.
    pub(super) fn push_back(&self, entries: Vec<Entry>) {
        entries.into_iter().rev().for_each(|entry| self.push(entry));
    }

    /// The next entry: this seat's own, then from outside, then another seat's.
    pub(super) fn next(&self, queues: &Queues) -> Option<Entry> {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        let early = match turn % FAIRNESS {
            // Outside work before a seat's own, which may never end.
            0 => self.next_from_outside(queues),
            // The oldest of a seat's own before the newest, for the same reason.
            30 => steal(|| queues.stealers[self.index][0].steal()),
            _ => None,
        };
        early
            .or_else(|| self.own.pop())
            .or_else(|| self.next_from_outside(queues))
            .or_else(|| self.next_from_others(queues))
    }

    fn next_from_outside(&self, queues: &Queues) -> Option<Entry> {
        self.outside.pop().or_else(|| {
            if queues.injector.is_empty() {
                self.rush.set(0);
                return None;
            }
            self.let_tasks_gather(&queues.injector);
            steal(|| queues.injector.steal_batch_and_pop(&self.outside))
        })
    }

    /// Waits for a moment if tasks come in at the same rate as this seat runs them.
    ///
    /// One that is at the heels of who submits takes the memory that the other is about to write next from its cache, with
    /// every task: both then wait for memory most of the time, and all takes twice as long.
    fn let_tasks_gather(&self, injector: &Injector<Entry>) {
        let now = Instant::now();
        let in_no_time = now.duration_since(self.last_batch.replace(now)) < GATHER;
        self.rush.set(if in_no_time { self.rush.get() + 1 } else { 0 });
        if self.rush.get() > RUSH && injector.len() < FEW {
            while now.elapsed() < GATHER {
                crate::sync::hint::spin_loop();
            }
            self.last_batch.set(Instant::now());
        }
    }

    fn next_from_others(&self, queues: &Queues) -> Option<Entry> {
        let (before, after) = queues.stealers.split_at(self.index);
        // From the right neighbour on, so that not all begin with the same one.
        let mut others = after.iter().skip(1).chain(before);
        others.find_map(|[own, outside]| {
            // One by one: the oldest is the largest part of a recursion, its owner gets on with the others, and a half must not
            // wait anywhere else.
            steal(|| own.steal()).or_else(|| steal(|| outside.steal_batch_and_pop(&self.outside)))
        })
    }
}

/// Steals until the answer is not "try again".
fn steal(attempt: impl Fn() -> Steal<Entry>) -> Option<Entry> {
    loop {
        match attempt() {
            Steal::Success(entry) => return Some(entry),
            Steal::Empty => return None,
            Steal::Retry => crate::sync::hint::spin_loop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::Ledger, task::Run, task::RunContext, thread::entry::Opened};
    use std::sync::{Arc, Mutex};

    struct Note(u32, Arc<Mutex<Vec<u32>>>);

    impl Run for Note {
        fn run(self: Arc<Self>, _: &RunContext<'_>) -> Option<Arc<dyn Run>> {
            self.1.lock().unwrap().push(self.0);
            None
        }
        fn refuse(self: Arc<Self>, _: crate::TaskError) {}
        fn cancel_queued(self: Arc<Self>) -> Option<Arc<dyn Run>> {
            None
        }
    }

    fn run_all(seat: &Seat, queues: &Queues, most: usize) {
        let ledger = Ledger::new();
        for _ in 0..most {
            let Some(Opened::Task(task)) = seat.next(queues).map(Entry::open) else {
                break;
            };
            assert!(task.run(&ledger).is_none());
        }
    }

    #[test]
    fn one_seat_runs_outside_work_in_order_and_its_own_newest_first() {
        let (queues, seats) = Queues::new(1);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for n in 0..1_000 {
            queues.push(Task::new(Arc::new(Note(n, seen.clone()))));
        }
        run_all(&seats[0], &queues, usize::MAX);
        assert_eq!(*seen.lock().unwrap(), (0..1_000).collect::<Vec<_>>());

        seen.lock().unwrap().clear();
        for n in 0..3 {
            seats[0].push(Entry::of_task(Task::new(Arc::new(Note(n, seen.clone())))));
        }
        run_all(&seats[0], &queues, usize::MAX);
        assert_eq!(*seen.lock().unwrap(), [2, 1, 0]);
    }

    #[test]
    fn neither_outside_work_nor_the_oldest_of_its_own_starves() {
        let (queues, seats) = Queues::new(1);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = |n| Task::new(Arc::new(Note(n, seen.clone())));
        queues.push(task(1));
        seats[0].push(Entry::of_task(task(2)));
        for _ in 0..2 * FAIRNESS {
            seats[0].push(Entry::of_task(task(3)));
            run_all(&seats[0], &queues, 1);
        }
        let seen = seen.lock().unwrap();
        assert!(seen.contains(&1) && seen.contains(&2), "{seen:?}");
    }

    #[test]
    fn a_seat_takes_what_others_have() {
        let (queues, seats) = Queues::new(2);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for n in 0..10 {
            seats[1].push(Entry::of_task(Task::new(Arc::new(Note(n, seen.clone())))));
        }
        run_all(&seats[0], &queues, usize::MAX);
        assert_eq!(seen.lock().unwrap().len(), 10);
        assert!(queues.are_empty());
    }
}
