//! One thread of a pool: finds a task, runs it, or sleeps.

use super::{
    entry::{Entry, Opened},
    here,
    join::{Half, Header, Lent},
    queues::Seat,
    shared::Shared,
};
use crate::{
    error::TaskPanic,
    future::host::{self, Host, Waits},
    ledger::Ledger,
    lifecycle::Stage,
    panic::{self, contain},
    runtime,
    sync::Arc,
    sys::{barrier, stack},
    task::{Home, RunContext, Task},
};
use std::{
    cell::{Cell, RefCell},
    ptr,
    rc::Rc,
    time::{Duration, Instant},
};

/// How often an initializer is tried on a thread before the thread is given up.
const INITIALIZER_TRIES: u32 = 3;

/// How long a seat looks for work before it sleeps: waking it costs its waker 4 to 20 µs.
const SEARCH: Duration = if cfg!(concurrent_futures_shuttle) {
    // In a scenario, time is counted in switches: who looks for long never sleeps.
    Duration::ZERO
} else {
    Duration::from_micros(20)
};

/// A thread of a pool, seen from the inside.
pub(super) struct Worker {
    shared: Arc<Shared>,
    home: Arc<dyn Home>,
    /// `None` while it blocks, and after that until its task is over.
    seat: RefCell<Option<Seat>>,
    /// Halves of this thread's frames that may be in the own deque of its seat: as many or fewer are.
    halves: Cell<u32>,
    /// What this thread has offered last in the injector, having no seat.
    last_lent: RefCell<Option<Arc<Lent>>>,
    waits: Waits,
    /// It waits, and its place belongs to another thread.
    is_away: Cell<bool>,
    /// Where this thread's stack begins, roughly.
    stack_base: usize,
}

/// The life of a thread that starts on `seat`, or on whatever seat is offered.
pub(super) fn main(shared: &Arc<Shared>, seat: Option<Seat>) {
    if let Some(seat) = seat.or_else(|| shared.places.wait_for_seat()) {
        match prepare(shared) {
            Ok(()) => {
                live(shared, seat);
                if let Some(finalizer) = &shared.config.finalizer {
                    contain(finalizer);
                }
            }
            Err(reason) => shared.bury_seat(seat, &reason),
        }
    }
    shared.left();
}

/// Works on one seat after another, until none is needed any more.
fn live(shared: &Arc<Shared>, first: Seat) {
    let worker = Rc::new(Worker::new(shared.clone()));
    host::install(worker.clone());
    here::live_as(&worker, || {
        let _entered = runtime::enter();
        let mut next = Some(first);
        while let Some(seat) = next.take() {
            worker.seat.replace(Some(seat));
            worker.work();
            next = shared.places.wait_for_seat();
        }
    });
    host::uninstall();
}

/// Runs the initializer.
fn prepare(shared: &Shared) -> Result<(), TaskPanic> {
    let Some(initializer) = &shared.config.initializer else {
        return Ok(());
    };
    let attempt = || panic::catch(initializer);
    let mut outcome = attempt();
    for _ in 1..INITIALIZER_TRIES {
        if outcome.is_ok() {
            break;
        }
        outcome = attempt();
    }
    outcome.map_err(|caught| TaskPanic::in_("the initializer of a worker", caught))
}

/// Puts a task in front of the calling worker's own, or gives it back if the caller is no worker of this pool or
/// has no seat.
pub(super) fn push_on_own_seat(shared: &Shared, task: Task) -> Option<Task> {
    here::with(|worker| {
        let Some(worker) = worker.filter(|worker| worker.is_of(shared)) else {
            return Some(task);
        };
        let seat = worker.seat.borrow();
        let Some(seat) = &*seat else { return Some(task) };
        seat.push(Entry::of_task(task));
        None
    })
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            home: shared.clone(),
            shared,
            seat: RefCell::new(None),
            halves: Cell::new(0),
            last_lent: RefCell::new(None),
            waits: Waits::default(),
            is_away: Cell::new(false),
            stack_base: stack::pointer(),
        }
    }

    #[inline]
    pub(super) fn is_of(&self, shared: &Shared) -> bool {
        ptr::eq(Arc::as_ptr(&self.shared), shared)
    }

    /// Works on the seat this thread has, until it has none or the pool is closed.
    fn work(&self) {
        let mut searching = false;
        loop {
            if self.shared.places.is_overcommitted() && self.step_down(searching) {
                return;
            }
            // The stage is read before the queues: who pushes a task and still finds the pool open is seen.
            let closed = self.shared.stage() == Stage::Closed;
            if closed {
                // Pairs with the light one in `Idle::notify`, behind which the other looks at the stage.
                barrier::heavy();
            }
            if let Some(entry) = self.next() {
                if searching {
                    self.shared.idle.found(|| !self.shared.queues.are_empty());
                    searching = false;
                }
                self.run(entry);
                if self.seat.borrow().is_none() && !self.sit_down_again() {
                    return;
                }
            } else if closed {
                if searching {
                    self.shared.idle.give_up();
                }
                self.seat.replace(None);
                return;
            } else {
                searching = self.wait_for_work(searching);
            }
        }
    }

    fn next(&self) -> Option<Entry> {
        self.seat.borrow().as_ref()?.next(&self.shared.queues)
    }

    fn run(&self, entry: Entry) {
        match entry.open() {
            Opened::Task(task) => {
                self.run_task(task);
                (self as &dyn Host).task_is_over();
                self.shared.went_out();
            }
            Opened::Half(half) => {
                half.run();
                (self as &dyn Host).task_is_over();
            }
        }
    }

    fn run_task(&self, task: Task) {
        let shared = &self.shared;
        // The request comes before the stage, and may have ended the task that this worker ran before.
        let task = if shared.stage() >= Stage::Cancelling || shared.ledger.stop_requested() {
            task.cancel_queued()
        } else {
            Some(task)
        };
        // The destructor of an outcome that nobody wants runs here too.
        contain(|| {
            let context = RunContext {
                ledger: &shared.ledger,
                home: Some(&self.home),
                suspended_at: None,
            };
            if let Some(rest) = task.and_then(|task| task.run_in(&context)) {
                shared.resubmit_behind(rest);
            }
        });
    }

    /// After a task in which this thread blocked: the seat that was left for it, if there is one.
    fn sit_down_again(&self) -> bool {
        let seat = self.shared.places.end_without_seat();
        let seated = seat.is_some();
        self.seat.replace(seat);
        if !seated {
            // Nobody else may be there to see that this was the last task.
            self.shared.close_if_at_rest();
        }
        seated
    }

    /// Puts one half of a join where others find it.
    pub(super) fn offer(&self, half: Half) {
        if let Some(seat) = &*self.seat.borrow() {
            self.halves.set(self.halves.get() + 1);
            seat.push(Entry::of_half(half));
        } else {
            return self.offer_without_seat(half);
        }
        self.shared.idle.notify();
    }

    #[cold]
    fn offer_without_seat(&self, half: Half) {
        if !self.is_away.get()
            && let Some(seat) = self.shared.places.sit_down_early()
        {
            self.seat.replace(Some(seat));
            return self.offer(half);
        }
        let lent = half.lend();
        // As long as nobody has come for the last one, another would only lie in the queue, too.
        let mut last = self.last_lent.borrow_mut();
        if last.as_ref().is_none_or(|last| !last.is_queued()) {
            self.shared.resubmit_behind(Task::new(lent.clone()));
            *last = Some(lent);
        }
    }

    /// Takes back what was offered last, if it is the newest on this seat.
    pub(super) fn take_back(&self, offered: &Header) -> bool {
        if let Some(seat) = &*self.seat.borrow()
            && let Some(entry) = seat.pop()
        {
            match offered.withdraw(entry) {
                Ok(()) => {
                    self.halves.set(self.halves.get() - 1);
                    return true;
                }
                Err(other) => {
                    seat.push(other);
                    // Who looked meanwhile has not seen it.
                    self.shared.idle.notify();
                }
            }
        }
        false
    }

    /// Takes back what was offered last, wherever it is. False if another thread has it: then its latch will be opened.
    #[cold]
    pub(super) fn look_for(&self, offered: &Header) -> bool {
        if let Some(lent) = offered.lent() {
            return lent.take_back();
        }
        self.halves.set(self.halves.get().saturating_sub(1));
        let mut found = offered.is_over();
        if let Some(seat) = &*self.seat.borrow() {
            let mut above = Vec::new();
            while !found && let Some(entry) = seat.pop() {
                match offered.withdraw(entry) {
                    Ok(()) => found = true,
                    Err(other) => above.push(other),
                }
            }
            seat.push_back(above);
        }
        // As in `take_back`.
        self.shared.idle.notify();
        found
    }

    /// Somebody else gets the seat: what lies in its deque must not be part of this thread's frames.
    fn lend_halves(&self) {
        let mut left = self.halves.take();
        let seat = self.seat.borrow();
        let Some(seat) = &*seat else { return };
        let mut above = Vec::new();
        while left > 0
            && let Some(entry) = seat.pop()
        {
            above.push(Entry::of_task(match entry.open() {
                Opened::Task(task) => task,
                Opened::Half(half) => {
                    left -= 1;
                    self.shared.lifecycle.came_back();
                    Task::new(half.lend())
                }
            }));
        }
        if !above.is_empty() {
            seat.push_back(above);
            self.shared.idle.notify();
        }
    }

    /// Leaves the seat to a thread that goes on without one. False if that is not needed any more.
    fn step_down(&self, searching: bool) -> bool {
        let Some(seat) = self.seat.take() else { return true };
        if let Some(seat) = self.shared.places.step_down(seat) {
            self.seat.replace(Some(seat));
            return false;
        }
        if searching {
            // Whoever woke this seat counts on it: pass that on.
            self.shared.idle.found(|| !self.shared.queues.are_empty());
        }
        true
    }

    /// Looks for work for a moment, then sleeps. True if this seat searches when it returns.
    fn wait_for_work(&self, searching: bool) -> bool {
        let shared = &self.shared;
        shared.close_if_at_rest();
        if searching || shared.idle.begin_search() {
            if self.search() {
                return true;
            }
            shared.idle.give_up();
        }
        let Some(seat) = self.seat.borrow().as_ref().map(|seat| seat.index) else {
            return false;
        };
        let has_news = || !shared.queues.are_empty() || shared.stage() == Stage::Closed;
        shared.idle.sleep(seat, has_news);
        true
    }

    /// Looks for a bounded moment whether there is work. The yields give the core to whoever makes it.
    fn search(&self) -> bool {
        const LOOKS_PER_YIELD: u32 = if cfg!(concurrent_futures_shuttle) { 1 } else { 16 };
        let start = Instant::now();
        loop {
            for _ in 0..LOOKS_PER_YIELD {
                if !self.shared.queues.are_empty() || self.shared.stage() == Stage::Closed {
                    return true;
                }
                crate::sync::hint::spin_loop();
            }
            if start.elapsed() > SEARCH {
                return false;
            }
            crate::sync::thread::yield_now();
        }
    }
}

impl Host for Worker {
    fn ledger(&self) -> Option<&Ledger> {
        Some(&self.shared.ledger)
    }

    fn may_help(&self) -> bool {
        // Half of the stack is left to the task that would run on it.
        self.stack_base.abs_diff(stack::pointer()) < self.shared.config.stack_size / 2
    }

    fn waits(&self) -> &Waits {
        &self.waits
    }

    fn leave_place(&self) {
        self.lend_halves();
        if let Err((error, seat)) = self.shared.leave_place(self.seat.take()) {
            self.seat.replace(seat);
            panic!(
                "a task waits inside the pool `{}`, and no spare thread could be started to take its worker's \
                 place, so going on could be a deadlock: {error}. {} threads of the pool exist. Wait in fewer \
                 tasks at once, allow the program more threads (`ulimit -u`, the cgroup's `pids.max`), or give \
                 the pool a larger `stack_size`, so that more nested waits fit on one thread",
                self.shared.config.name,
                self.shared.alive(),
            );
        }
        self.is_away.set(true);
    }

    fn come_back(&self) {
        self.is_away.set(false);
        self.seat.replace(self.shared.places.come_back());
    }
}
