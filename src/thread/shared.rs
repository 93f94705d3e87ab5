//! What all threads of a pool see, and how it ends (rules 13 to 16 of `README.md`).

use super::{
    builder::Config,
    entry::Opened,
    idle::Idle,
    places::{Offer, Places},
    queues::{Queues, Seat},
    worker,
};
use crate::{
    error::{TaskError, TaskPanic},
    executor::{Shutdown, Throttle},
    future::{core::AnyCell, host},
    ledger::{AtRest, Ledger, Report, Reporter, Stats},
    lifecycle::{Lifecycle, Stage},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    sys::barrier,
    task::{Home, Task},
    timeline,
};
use std::{io, sync::Weak};

pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) ledger: Ledger,
    pub(super) queues: Queues,
    pub(super) idle: Idle,
    pub(super) places: Places,
    pub(super) lifecycle: Lifecycle,
    pub(super) throttle: Option<Throttle>,
    /// Threads of the pool that have not left.
    alive: AtomicUsize,
    /// No thread could be prepared for work; the next submission tries again.
    all_dead: AtomicBool,
    spares_named: AtomicUsize,
    /// For the thread that has to be started now and then.
    me: Weak<Self>,
}

impl Shared {
    pub(super) fn new(config: Config) -> (Arc<Self>, Vec<Seat>) {
        barrier::prepare();
        let (queues, seats) = Queues::new(config.workers);
        let ledger = Ledger::with_bound(config.max_pending);
        let shared = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            throttle: Throttle::of(config.rate_limit, &ledger),
            ledger,
            queues,
            idle: Idle::new(config.workers),
            places: Places::default(),
            lifecycle: Lifecycle::new(),
            alive: AtomicUsize::new(0),
            all_dead: AtomicBool::new(false),
            spares_named: AtomicUsize::new(0),
            config,
        });
        let at_rest: Weak<dyn AtRest> = shared.me.clone();
        shared.ledger.tell_at_rest(at_rest);
        let executor = format!("ThreadPool `{}`", shared.config.name);
        shared.ledger.reports_through(executor, shared.me.clone());
        timeline::executor_opened(&shared.ledger);
        (shared, seats)
    }

    pub(super) fn stage(&self) -> Stage {
        self.lifecycle.stage()
    }

    /// Takes a task that somebody submits.
    pub(super) fn submit(&self, task: Task) {
        if self.lifecycle.lets_in(|| host::is_inside(self.ledger.id())) {
            self.push(task);
            // Let in just before a shutdown that has emptied the queues by now: a worker may be long in coming.
            if matches!(self.stage(), Stage::Cancelling | Stage::Killing) {
                self.cancel_queued();
                self.close_if_at_rest();
            }
        } else {
            drop(task);
            self.went_out();
            self.close_if_at_rest();
        }
    }

    /// Takes a task back that has been accepted before: a woken future, the rest of a map.
    pub(super) fn resubmit(&self, task: Task) {
        self.lifecycle.came_back();
        if self.stage() == Stage::Closed {
            drop(task);
            self.went_out();
        } else {
            self.push(task);
        }
    }

    /// As [`resubmit`](Self::resubmit), behind all that came from outside.
    pub(super) fn resubmit_behind(&self, task: Task) {
        self.lifecycle.came_back();
        self.queues.push(task);
        self.idle.notify();
    }

    fn push(&self, task: Task) {
        if let Some(task) = worker::push_on_own_seat(self, task) {
            self.queues.push(task);
        }
        self.idle.notify();
        // A callback on an outside thread submits from inside without being counted, so the pool may have closed
        // since it looked. Either it is seen here, or a worker that leaves sees the task (`Worker::work`).
        if self.stage() == Stage::Closed {
            self.refuse_queued(&TaskError::ShutDown);
        }
        // `notify` has the barrier that orders this after the push: see `bury_seat`.
        if self.all_dead.load(SeqCst) {
            self.revive();
        }
    }

    /// A task that was taken from the queues has been dealt with.
    pub(super) fn went_out(&self) {
        self.lifecycle.went_out(1);
    }

    /// Starts a thread, on a seat or as a spare that will find one offered.
    pub(super) fn start_thread(&self, seat: Option<Seat>) -> io::Result<()> {
        let name = match &seat {
            Some(seat) => format!("{}-{}", self.config.name, seat.index),
            None => format!(
                "{}-spare-{}",
                self.config.name,
                self.spares_named.fetch_add(1, SeqCst)
            ),
        };
        let Some(shared) = self.me.upgrade() else {
            return Err(io::Error::other("the pool is gone"));
        };
        self.alive.fetch_add(1, SeqCst);
        let thread = crate::sync::thread::Builder::new()
            .name(name)
            .stack_size(self.config.stack_size);
        self.lifecycle
            .start_thread(thread, move || worker::main(&shared, seat))
            .inspect_err(|_| {
                self.alive.fetch_sub(1, SeqCst);
            })
    }

    /// A thread blocks inside a task. Makes sure that somebody else has its seat.
    ///
    /// # Errors
    ///
    /// Fails if the system starts no thread; the seat is given back then.
    pub(super) fn leave_place(&self, seat: Option<Seat>) -> Result<(), (io::Error, Option<Seat>)> {
        match self.places.leave(seat) {
            Offer::Taken => Ok(()),
            Offer::StartThread => self
                .start_thread(None)
                .map_err(|error| (error, self.places.take_back())),
        }
    }

    pub(super) fn begin_shutdown(&self, how: Shutdown) {
        self.lifecycle.begin_shutdown(how, &self.ledger);
        if how != Shutdown::Finish {
            // Pairs with the light one in `Idle::notify`: a task that is not found now is cancelled by who brings it.
            barrier::heavy();
            self.cancel_queued();
        }
        if how == Shutdown::Kill {
            self.lifecycle.kill_suspended();
        }
        if how != Shutdown::Finish {
            self.ledger.tell_of_stop();
        }
        self.close_if_at_rest();
    }

    /// Cancels what waits in the queues now. What comes later is cancelled by the worker that takes it.
    fn cancel_queued(&self) {
        let mut started = Vec::new();
        while let Some(entry) = self.queues.take_any() {
            match entry.open() {
                Opened::Task(task) => match task.cancel_queued() {
                    Some(task) => started.push(task),
                    None => self.went_out(),
                },
                Opened::Half(half) => half.hand_back(),
            }
        }
        for task in started {
            self.queues.push(task);
            self.idle.notify();
        }
    }

    /// Closes the pool if it is shutting down and nothing is left.
    pub(super) fn close_if_at_rest(&self) {
        if !self.lifecycle.close_if_at_rest(&self.ledger) {
            return;
        }
        self.places.close();
        self.idle.wake_all();
        if self.alive.load(SeqCst) == 0 {
            self.lifecycle.latch().open();
        }
    }

    /// A thread has nothing to do any more and leaves.
    pub(super) fn left(&self) {
        if self.alive.fetch_sub(1, SeqCst) == 1 && self.stage() == Stage::Closed {
            self.lifecycle.latch().open();
        }
    }

    /// No thread could be prepared for this seat. Without any other seat left, what waits fails.
    pub(super) fn bury_seat(&self, seat: Seat, reason: &TaskPanic) {
        if !self.places.bury(seat, self.config.workers) {
            return;
        }
        // A submission either sees this mark and revives the pool, or its task is seen by the loop below.
        self.all_dead.store(true, SeqCst);
        barrier::heavy();
        self.refuse_queued(&TaskError::Panicked(reason.clone()));
        self.close_if_at_rest();
    }

    /// Resolves what waits in the queues with this reason.
    fn refuse_queued(&self, reason: &TaskError) {
        while let Some(entry) = self.queues.take_any() {
            match entry.open() {
                Opened::Task(task) => {
                    task.refuse(reason.clone());
                    self.went_out();
                }
                Opened::Half(half) => half.hand_back(),
            }
        }
    }

    /// Tries once more to get threads onto the seats.
    #[cold]
    fn revive(&self) {
        if !self.all_dead.swap(false, SeqCst) {
            return;
        }
        for seat in self.places.unbury() {
            if let Err((error, Some(seat))) = self.leave_place(Some(seat)) {
                let reason = TaskPanic::described(format!("no worker could be started: {error}"));
                self.bury_seat(seat, &reason);
            }
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            spare_threads: self.spare_threads(),
            ..self.ledger.stats()
        }
    }

    fn spare_threads(&self) -> u64 {
        self.alive.load(SeqCst).saturating_sub(self.config.workers) as u64
    }

    pub(super) fn alive(&self) -> usize {
        self.alive.load(SeqCst)
    }
}

impl Reporter for Shared {
    fn report(&self, report: &mut Report) {
        report.spare_threads = self.spare_threads();
        self.lifecycle.report_suspended(report);
    }
}

impl AtRest for Shared {
    fn came_to_rest(&self) {
        self.close_if_at_rest();
    }
}

impl Home for Shared {
    fn requeue(&self, task: Task) {
        self.resubmit(task);
    }

    fn suspended(&self, task: Weak<dyn AnyCell>) -> u32 {
        self.lifecycle.suspend(task)
    }

    fn ended(&self, key: u32) {
        self.lifecycle.woke_for_good(key);
        self.close_if_at_rest();
    }
}
