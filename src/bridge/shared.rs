//! What the pollers and the threads of a bridge see, and how it takes tasks and ends (rules 10 to 14 of `README.md`).

use super::{
    blocking::Blocking,
    builder::Config,
    pollers::Pollers,
    runtimes::{Retired, Runtime},
    watch::{Relief, Watch},
};
use crate::{
    error::{TaskError, TaskPanic},
    executor::{Latch, Shutdown, Throttle},
    future::{core::AnyCell, host},
    ledger::{AtRest, Ledger, Report, Reporter, Stats},
    lifecycle::{Lifecycle, Stage},
    panic::contain,
    sync::{Arc, Mutex, thread},
    task::{Home, RunContext, Task},
    timeline,
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
    pub(super) lifecycle: Lifecycle,
    pub(super) throttle: Option<Throttle>,
    pub(super) relief: Relief,
    /// For the poller or thread that has to be started now and then.
    me: Weak<Self>,
}

impl Shared {
    pub(super) fn new(config: Config, runtime: Runtime) -> Arc<Self> {
        let ledger = Ledger::driven_by(runtime.driver(), config.max_pending);
        let shared = Arc::new_cyclic(|me| Self {
            throttle: Throttle::of(config.rate_limit, &ledger),
            ledger,
            pollers: Pollers::new(&runtime),
            blocking: Blocking::new(config.max_blocking, config.stack_size),
            lifecycle: Lifecycle::new(),
            relief: Relief::default(),
            me: me.clone(),
            runtime,
            config,
        });
        let at_rest: Weak<dyn AtRest> = shared.me.clone();
        shared.ledger.tell_at_rest(at_rest);
        let executor = format!("AsyncBridge `{}`", shared.config.name);
        shared.ledger.reports_through(executor, shared.me.clone());
        timeline::executor_opened(&shared.ledger);
        if shared.runtime.tells_its_end() {
            shared.runtime.spawn(Watch::over(shared.clone()));
        }
        shared
    }

    /// `None` while the last one who holds it lets it go.
    pub(super) fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// Whether the calling thread runs something for this bridge: work, callbacks, or what work has spawned on the
    /// bridge's own runtime.
    pub(super) fn is_inside(&self) -> bool {
        host::is_inside(self.ledger.id()) || self.runtime.is_own() && self.runtime.is_entered()
    }

    /// Takes a task that somebody submits.
    pub(super) fn submit(&self, task: Task) {
        if self.lifecycle.lets_in(|| self.is_inside()) {
            self.push(task);
        } else {
            drop(task);
            self.went_out(1);
        }
    }

    /// Takes a task back that has been accepted before: a woken future, the rest of a map.
    pub(super) fn resubmit(&self, task: Task) {
        self.lifecycle.came_back();
        self.push(task);
    }

    fn push(&self, task: Task) {
        if task.is_async() {
            let call = self.pollers.push(task);
            self.answer(call);
        } else if let Err(error) = self.send_for(self.blocking.push(task)) {
            let reason =
                TaskPanic::described(format!("no thread for blocking calls could be started: {error}"));
            while let Some(task) = self.blocking.take_any() {
                task.refuse(TaskError::Panicked(reason.clone()));
                self.went_out(1);
            }
        }
        // Who ends the bridge raises the stage and then empties the queues: either it finds the task there, or its
        // stage is seen here.
        if self.lifecycle.stage() >= Stage::Lost {
            self.refuse_queued();
        }
    }

    /// Runs a task that was taken from a queue. `home` is this, as what a suspended task knows of it.
    pub(super) fn run(&self, task: Task, home: &Arc<dyn Home>) {
        // The destructor of an outcome that nobody wants runs here too.
        contain(|| {
            // The request comes before the stage, and may have ended the task that ran here before.
            let is_stopped = self.ledger.stop_requested();
            let task = match self.lifecycle.stage() {
                Stage::Open | Stage::Finishing if !is_stopped => Some(task),
                stage if stage >= Stage::Lost || self.ledger.is_lost() => {
                    task.refuse(TaskError::ShutDown);
                    None
                }
                _ => task.cancel_queued(),
            };
            let context = RunContext {
                ledger: &self.ledger,
                home: Some(home),
                suspended_at: None,
            };
            if let Some(rest) = task.and_then(|task| task.run_in(&context)) {
                self.resubmit(rest);
            }
        });
    }

    /// Tasks that were taken from a queue have been dealt with.
    pub(super) fn went_out(&self, tasks: u64) {
        self.lifecycle.went_out(tasks);
        self.close_if_at_rest();
    }

    pub(super) fn begin_shutdown(&self, how: Shutdown) {
        self.lifecycle.begin_shutdown(how, &self.ledger);
        if how != Shutdown::Finish {
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

    /// The runtime has been ended by somebody else: nothing can be polled any more.
    pub(super) fn runtime_is_gone(&self) {
        if self.lifecycle.lose(&self.ledger) {
            self.refuse_queued();
            self.lifecycle.abandon_suspended();
            self.close_if_at_rest();
        }
    }

    /// Cancels what waits in the queues now. What comes later is cancelled by who takes it.
    fn cancel_queued(&self) {
        let mut started = Vec::new();
        while let Some(task) = self.take_any() {
            match task.cancel_queued() {
                Some(task) => started.push(task),
                None => self.went_out(1),
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
            self.went_out(1);
        }
    }

    fn take_any(&self) -> Option<Task> {
        self.pollers.take_any().or_else(|| self.blocking.take_any())
    }

    /// Closes the bridge if it is shutting down and nothing is left.
    fn close_if_at_rest(&self) {
        if !self.lifecycle.close_if_at_rest(&self.ledger) {
            return;
        }
        for call in self.pollers.close(!self.runtime.tells_its_end()) {
            self.answer(call);
        }
        self.relief.relieve();
        // If there are threads, the last one that leaves does the rest.
        if !self.blocking.close() {
            self.end_elsewhere();
        }
    }

    /// The last step of the end: the bridge's own runtime goes, then the latch opens. Not for a thread of that runtime,
    /// nor for async code: it waits.
    pub(super) fn end_here(&self) {
        end(self.runtime.retire(), self.lifecycle.latch());
    }

    /// As [`end_here`](Self::end_here), from any thread.
    pub(super) fn end_elsewhere(&self) {
        let Some(retired) = self.runtime.retire() else {
            return self.lifecycle.latch().open();
        };
        let latch = self.lifecycle.latch().clone();
        let retired = Arc::new(Mutex::new(Some(retired)));
        let to_end = retired.clone();
        let closer = thread::Builder::new().name(format!("{}-closer", self.config.name));
        let started = self
            .lifecycle
            .start_thread(closer, move || end(to_end.lock().take(), &latch));
        if started.is_err()
            && let Some(retired) = retired.lock().take()
        {
            retired.end_in_background();
            self.lifecycle.latch().open();
        }
    }

    /// Waits until the bridge is closed and its threads are gone.
    ///
    /// # Panics
    ///
    /// Panics if the runtime needs the calling thread for that.
    pub(super) fn wait_closed(&self, until: Option<Instant>) -> bool {
        let may_wait = until.is_none_or(|until| until > Instant::now());
        if may_wait && !self.lifecycle.latch().is_open() {
            host::refuse_deadlock([self.ledger.id()], host::AWAIT_CLOSED);
        }
        self.lifecycle.wait_closed(until)
    }

    /// What the last handle that is dropped does. It waits, but neither inside, nor in async code, nor on a thread of the
    /// runtime, nor for a runtime that nobody seems to run.
    pub(super) fn let_go(&self) {
        /// A runtime that polls nothing for so long is taken for one that nobody runs.
        const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
        self.begin_shutdown(self.config.on_drop);
        if self.is_inside() || self.runtime.is_entered() || crate::runtime::is_polling() {
            return;
        }
        if self.runtime.has_threads() {
            self.lifecycle.wait_closed(None);
            return;
        }
        loop {
            let turns = self.pollers.turns();
            let call = self.pollers.ping();
            self.answer(call);
            if self.lifecycle.wait_closed(Some(Instant::now() + SIGN_OF_LIFE)) {
                return;
            }
            let is_needed = self.lifecycle.has_suspended() || !self.pollers.is_empty();
            if is_needed && !self.pollers.are_alive_since(turns) {
                return;
            }
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            spare_threads: self.spare_among(self.blocking.alive()),
            ..self.ledger.stats()
        }
    }

    fn spare_among(&self, alive: usize) -> u64 {
        alive.saturating_sub(self.blocking.max) as u64
    }
}

impl Reporter for Shared {
    fn report(&self, report: &mut Report) {
        match self.blocking.seen_alive() {
            Some(alive) => report.spare_threads = self.spare_among(alive),
            None => report.is_partial = true,
        }
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
        if !self.runtime.tells_its_end() && !self.lifecycle.has_suspended() {
            // A poller that has parked because of this task is to end.
            let call = self.pollers.ping();
            self.answer(call);
        }
        self.close_if_at_rest();
    }
}

/// Ends a runtime and opens the latch.
fn end(retired: Option<Retired>, latch: &Latch) {
    if let Some(retired) = retired {
        retired.end();
    }
    latch.open();
}
