//! What the pollers and the threads of a bridge see, and how it takes tasks and ends (rules 10 to 13 of `README.md`).

use super::{
    blocking::Blocking,
    builder::Config,
    pollers::Pollers,
    runtimes::{Retired, Runtime},
};
use crate::{
    error::{TaskError, TaskPanic},
    executor::{Latch, Shutdown},
    future::{core::AnyCell, host},
    ledger::{ExecutorId, Ledger, Stats},
    lifecycle::{Stage, StageCell, Suspended, Traffic},
    panic::contain,
    sync::{Arc, Mutex},
    task::{Home, RunContext, Task},
};
use std::{
    sync::Weak,
    time::{Duration, Instant},
};

pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) ledger: Ledger,
    pub(super) runtime: Runtime,
    pub(super) pollers: Pollers,
    pub(super) blocking: Blocking,
    pub(super) suspended: Suspended,
    traffic: Traffic,
    stage: StageCell,
    latch: Latch,
    /// For the poller or thread that has to be started now and then.
    me: Weak<Self>,
}

impl Shared {
    pub(super) fn new(config: Config, runtime: Runtime) -> Arc<Self> {
        let shared = Arc::new_cyclic(|me| Self {
            ledger: Ledger::driven_by(runtime.driver(), config.max_pending),
            pollers: Pollers::new(),
            blocking: Blocking::new(config.max_blocking, config.stack_size),
            suspended: Suspended::default(),
            traffic: Traffic::default(),
            stage: StageCell::open(),
            latch: Latch::new(),
            me: me.clone(),
            runtime,
            config,
        });
        shared.answer(shared.pollers.first());
        shared
    }

    /// `None` while the last one who holds it lets it go.
    pub(super) fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage.get()
    }

    pub(super) fn latch(&self) -> &Latch {
        &self.latch
    }

    /// Whether the calling thread runs something for this bridge: work, callbacks, or what work has spawned on the
    /// bridge's own runtime.
    pub(super) fn is_inside(&self) -> bool {
        host::is_inside(self.ledger.id()) || self.runtime.owns_this_thread()
    }

    /// Takes a task that somebody submits.
    pub(super) fn submit(&self, task: Task) {
        // Announced first and the stage read second; `close_if_at_rest` does it the other way round. So either
        // the stage is seen here, or the task is seen there.
        self.traffic.came_in();
        let stage = self.stage();
        if stage == Stage::Open || stage == Stage::Finishing && self.is_inside() {
            self.push(task);
        } else {
            drop(task);
            self.task_went_out();
        }
    }

    /// Takes a task back that has been accepted before: a woken future, the rest of a map.
    fn resubmit(&self, task: Task) {
        self.traffic.came_in();
        self.push(task);
    }

    fn push(&self, task: Task) {
        if task.is_async() {
            let call = self.pollers.push(task);
            self.answer(call);
        } else if let Err(error) = self.get(self.blocking.push(task)) {
            let reason =
                TaskPanic::described(format!("no thread for blocking calls could be started: {error}"));
            while let Some(task) = self.blocking.take_any() {
                task.refuse(TaskError::Panicked(reason.clone()));
                self.task_went_out();
            }
        }
        // Who ends the bridge raises the stage and then empties the queues: either it finds the task there, or its
        // stage is seen here.
        if self.stage() >= Stage::Lost {
            self.refuse_queued();
        }
    }

    /// Runs a task that was taken from a queue. `home` is this, as what a suspended task knows of it.
    pub(super) fn run(&self, task: Task, home: &Arc<dyn Home>) {
        // The destructor of an outcome that nobody wants runs here too.
        contain(|| {
            let task = match self.stage() {
                Stage::Open | Stage::Finishing => Some(task),
                Stage::Cancelling | Stage::Killing => task.cancel_queued(),
                Stage::Lost | Stage::Closed => {
                    task.refuse(TaskError::ShutDown);
                    None
                }
            };
            let context = RunContext {
                ledger: &self.ledger,
                home: Some(home),
            };
            if let Some(rest) = task.and_then(|task| task.run_in(&context)) {
                self.resubmit(rest);
            }
        });
    }

    /// A task that was taken from a queue has been dealt with.
    pub(super) fn task_went_out(&self) {
        self.traffic.went_out();
        self.close_if_at_rest();
    }

    pub(super) fn begin_shutdown(&self, how: Shutdown) {
        self.stage.raise_to(Stage::of(how));
        self.ledger.refuse_from_now_on();
        if how != Shutdown::Finish {
            self.ledger.request_stop();
            self.cancel_queued();
        }
        if how == Shutdown::Kill {
            self.suspended.kill_all();
        }
        self.close_if_at_rest();
    }

    /// The runtime has been ended by somebody else: nothing can be polled any more.
    pub(super) fn runtime_is_gone(&self) {
        if self.stage() == Stage::Closed {
            return;
        }
        self.stage.raise_to(Stage::Lost);
        self.ledger.refuse_from_now_on();
        self.ledger.request_stop();
        self.refuse_queued();
        self.suspended.abandon_all(&TaskError::ShutDown);
        self.close_if_at_rest();
    }

    /// Cancels what waits in the queues now. What comes later is cancelled by who takes it.
    fn cancel_queued(&self) {
        let mut started = Vec::new();
        while let Some(task) = self.take_any() {
            match task.cancel_queued() {
                Some(task) => started.push(task),
                None => self.task_went_out(),
            }
        }
        for task in started {
            self.push(task);
        }
    }

    /// Resolves what waits in the queues.
    fn refuse_queued(&self) {
        while let Some(task) = self.take_any() {
            task.refuse(TaskError::ShutDown);
            self.task_went_out();
        }
    }

    fn take_any(&self) -> Option<Task> {
        self.pollers.take_any().or_else(|| self.blocking.take_any())
    }

    /// Closes the bridge if it is shutting down and nothing is left.
    fn close_if_at_rest(&self) {
        let stage = self.stage();
        if stage == Stage::Open || stage == Stage::Closed || !self.is_at_rest() || !self.stage.close() {
            return;
        }
        if let Some(waker) = self.pollers.close() {
            contain(|| waker.wake());
        }
        if self.blocking.close() {
            // The last thread that leaves does the rest.
            return;
        }
        let Some(retired) = self.runtime.retire() else {
            return self.latch.open();
        };
        // Ending a runtime waits for its threads: that is not for one of them, nor for async code.
        let closer = std::thread::Builder::new().name(format!("{}-closer", self.config.name));
        let (latch, id) = (self.latch.clone(), self.ledger.id());
        let retired = Arc::new(Mutex::new(Some(retired)));
        let to_end = retired.clone();
        match closer.spawn(move || end(to_end.lock().take(), id, &latch)) {
            Ok(closer) => self.blocking.adopt(closer),
            Err(_) => {
                if let Some(retired) = retired.lock().take() {
                    retired.end_in_background();
                }
                self.latch.open();
            }
        }
    }

    /// The last thread beside the runtime leaves a closed bridge.
    pub(super) fn threads_are_gone(&self) {
        end(self.runtime.retire(), self.ledger.id(), &self.latch);
    }

    /// Nothing is queued, running or suspended. Stays true once it is, if only the bridge's own tasks may submit.
    fn is_at_rest(&self) -> bool {
        // A suspended task that is woken, runs, submits another and ends between the two looks would be missed;
        // the second look sees that something came in.
        let Some(seen) = self.traffic.all_out() else {
            return false;
        };
        self.suspended.is_empty() && self.traffic.all_out() == Some(seen)
    }

    /// Waits until the bridge is closed and its threads are gone.
    ///
    /// # Panics
    ///
    /// Panics if the runtime needs the calling thread for that.
    pub(super) fn wait_closed(&self, until: Option<Instant>) -> bool {
        let may_wait = until.is_none_or(|until| until > Instant::now());
        if may_wait && !self.latch.is_open() {
            host::refuse_deadlock([self.ledger.id()]);
        }
        self.wait(until)
    }

    fn wait(&self, until: Option<Instant>) -> bool {
        let closed = self.latch.closed().wait(until);
        if closed {
            self.blocking.join();
        }
        closed
    }

    /// As [`wait_closed`](Self::wait_closed), as long as somebody runs the runtime that the tasks need: the last handle
    /// may be dropped after the end of `block_on`, and before the runtime.
    pub(super) fn wait_closed_if_driven(&self) {
        /// A runtime that polls nothing for so long is taken for one that nobody runs.
        const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
        if self.runtime.has_threads() {
            self.wait(None);
            return;
        }
        loop {
            let turns = self.pollers.turns();
            let call = self.pollers.ping();
            self.answer(call);
            if self.wait(Some(Instant::now() + SIGN_OF_LIFE)) {
                return;
            }
            let is_needed = !self.suspended.is_empty() || self.pollers.len() != Some(0);
            if is_needed && self.pollers.turns() == turns {
                return;
            }
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let spare_threads = self.blocking.alive().saturating_sub(self.blocking.max) as u64;
        Stats {
            spare_threads,
            ..self.ledger.stats()
        }
    }
}

impl Home for Shared {
    fn requeue(&self, task: Task) {
        self.resubmit(task);
    }

    fn suspended(&self, task: Weak<dyn AnyCell>) -> u32 {
        let cell = task.upgrade();
        let key = self.suspended.add(task);
        // Either the end is seen here, or this task is seen by who ends the bridge.
        if let Some(cell) = cell {
            match self.stage() {
                Stage::Open | Stage::Finishing | Stage::Cancelling => {}
                Stage::Killing => _ = cell.kill(),
                Stage::Lost | Stage::Closed => cell.abandon(TaskError::ShutDown),
            }
        }
        key
    }

    fn ended(&self, key: u32) {
        self.suspended.remove(key);
        self.close_if_at_rest();
    }
}

/// Ends a runtime, or lets it go, and opens the latch.
fn end(retired: Option<Retired>, bridge: ExecutorId, latch: &Latch) {
    // What is dropped with it may hold the last handle on the bridge, which does not wait inside.
    host::run_inside(bridge, || drop(retired));
    latch.open();
}
