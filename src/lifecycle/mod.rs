//! How executors with workers of their own live and end: what comes in and goes out, which async tasks are suspended
//! meanwhile, how far the end has come, which threads are there.

mod stage;
mod suspended;
mod traffic;

pub(crate) use stage::Stage;

use crate::{
    error::TaskError,
    executor::{Latch, Shutdown},
    future::core::AnyCell,
    ledger::{Ledger, Report},
    sync::{
        Mutex,
        thread::{self, JoinHandle},
    },
    sys::barrier,
};
use stage::StageCell;
use std::{io, sync::Weak, time::Instant};
pub(crate) use suspended::Suspended;
use traffic::Traffic;

pub(crate) struct Lifecycle {
    stage: StageCell,
    traffic: Traffic,
    suspended: Suspended,
    latch: Latch,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        barrier::prepare();
        Self {
            stage: StageCell::open(),
            traffic: Traffic::default(),
            suspended: Suspended::default(),
            latch: Latch::new(),
            threads: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Opened by the executor when nobody of its threads is left.
    pub(crate) fn latch(&self) -> &Latch {
        &self.latch
    }

    /// Counts a submission in and says whether it is accepted; one that is not has to go [out](Self::went_out) again.
    pub(crate) fn lets_in(&self, is_inside: impl FnOnce() -> bool) -> bool {
        // Announced first and the stage read second; `close_if_at_rest` does it the other way round. So either the
        // stage is seen here, or the task is seen there.
        self.traffic.came_in();
        barrier::light();
        match self.stage() {
            Stage::Open => true,
            Stage::Finishing => is_inside(),
            _ => false,
        }
    }

    /// A task that was accepted before comes back into a queue.
    pub(crate) fn came_back(&self) {
        self.traffic.came_in();
    }

    /// Tasks that were in a queue have been dealt with. The executor has to look whether it can close now.
    pub(crate) fn went_out(&self, tasks: u64) {
        self.traffic.went_out(tasks);
    }

    /// The end begins, or becomes stricter. What is queued is the executor's own to cancel, and after that it has to tell
    /// of it: a future that is killed is not told that it is asked to stop.
    pub(crate) fn begin_shutdown(&self, how: Shutdown, ledger: &Ledger) {
        // The request first: who is refused because of the stage knows then that it was a cancellation.
        if how != Shutdown::Finish {
            ledger.raise_stop();
        }
        self.stage.raise_to(Stage::of(how));
        ledger.refuse_from_now_on();
    }

    /// Those who poll are gone. False if the executor is closed, and needs them no more.
    pub(crate) fn lose(&self, ledger: &Ledger) -> bool {
        if self.stage() == Stage::Closed {
            return false;
        }
        ledger.lose();
        self.stage.raise_to(Stage::Lost);
        ledger.refuse_from_now_on();
        true
    }

    /// Closes the executor if it is shutting down and nothing is left. True for the one who closes it.
    pub(crate) fn close_if_at_rest(&self, ledger: &Ledger) -> bool {
        // Behind the `went_out` of who calls this: either the stage is seen here, or that by who has raised it.
        barrier::light();
        let stage = self.stage();
        if stage == Stage::Open || stage == Stage::Closed {
            return false;
        }
        barrier::heavy();
        self.is_at_rest(ledger) && self.stage.close()
    }

    /// Nothing is queued, running, suspended or held. Stays true once it is, if only the executor's own tasks may submit.
    fn is_at_rest(&self, ledger: &Ledger) -> bool {
        // A suspended task that is woken, runs, submits another and ends between the two looks would be missed, and so
        // would a held one that is let go; the second look sees that something came in.
        let Some(seen) = self.traffic.all_out() else {
            return false;
        };
        self.suspended.is_empty() && !ledger.is_held() && self.traffic.all_out() == Some(seen)
    }

    /// An async task is suspended for the first time. The key is for [`woke_for_good`](Self::woke_for_good).
    pub(crate) fn suspend(&self, task: Weak<dyn AnyCell>) -> u32 {
        let cell = task.upgrade();
        let key = self.suspended.add(task);
        // Either the end is seen here, or this task is seen by who ends the executor.
        if let Some(cell) = cell {
            match self.stage() {
                Stage::Open | Stage::Finishing | Stage::Cancelling => {}
                Stage::Killing => _ = cell.kill(),
                Stage::Lost | Stage::Closed => cell.abandon(TaskError::ShutDown),
            }
        }
        key
    }

    /// An async task that was suspended has ended.
    pub(crate) fn woke_for_good(&self, key: u32) {
        self.suspended.remove(key);
    }

    pub(crate) fn kill_suspended(&self) {
        self.suspended.kill_all();
    }

    /// Ends all that are suspended: those who would poll them are gone.
    pub(crate) fn abandon_suspended(&self) {
        self.suspended.abandon_all(&TaskError::ShutDown);
    }

    pub(crate) fn has_suspended(&self) -> bool {
        !self.suspended.is_empty()
    }

    /// How many tasks are suspended; `None` if that cannot be said without waiting.
    pub(crate) fn suspended(&self) -> Option<usize> {
        self.suspended.len()
    }

    /// Adds the suspended tasks to a report.
    pub(crate) fn report_suspended(&self, report: &mut Report) {
        match self.suspended.seen() {
            Some(tasks) => report.suspended.extend(tasks),
            None => report.is_partial = true,
        }
    }

    /// Starts a thread that [`wait_closed`](Self::wait_closed) waits for.
    pub(crate) fn start_thread(
        &self,
        thread: thread::Builder,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        // Locked before it is started: who waits for the threads does not miss it.
        let mut threads = self.threads.lock();
        let thread = thread.spawn(run)?;
        // In a scenario nobody can ask that, and it is a short one.
        #[cfg(not(concurrent_futures_shuttle))]
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    /// Waits until the latch is open and the threads are gone. False if `until` came first.
    pub(crate) fn wait_closed(&self, until: Option<Instant>) -> bool {
        let closed = self.latch.closed().wait(until);
        if closed {
            let threads = std::mem::take(&mut *self.threads.lock());
            for thread in threads {
                // A handle in a thread-local may make one of the threads wait here when it has left.
                if thread.thread().id() != thread::current().id() {
                    // All panics are contained; if one got out, there is nobody to tell.
                    let _ = thread.join();
                }
            }
        }
        closed
    }
}
