//! Loom models of one task: every interleaving (with at most three preemptions) of those who may touch it.
//!
//! `RUSTFLAGS="--cfg concurrent_futures_loom" LOOM_MAX_PREEMPTIONS=3 cargo test --release --lib models`

use super::{
    TaskId,
    core::{self, AnyCell, CallbacksRun, Cell, Core},
    slot::Slot,
    state::Snapshot,
    waiter::Waiter,
};
use crate::{
    error::TaskError,
    ledger::{ExecutorId, Ledger},
    sync::Arc,
};
use loom::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};
use std::{
    task::{Wake, Waker},
    time::Duration,
};

/// A task whose work is a number.
struct Model {
    core: Core<u32>,
    work: Slot<u32>,
    /// Nobody but who runs it settles it.
    alone: bool,
}

impl Model {
    fn new(ledger: &Ledger, alone: bool) -> Arc<Self> {
        Arc::new(Self {
            core: Core::new(ledger.id()),
            work: Slot::new(Some(7)),
            alone,
        })
    }

    /// What a worker does.
    #[allow(unsafe_code)]
    fn run(self: Arc<Self>, ledger: &Ledger) -> bool {
        if !self.core.start() {
            return false;
        }
        // SAFETY: `start` was true, so the work is this thread's; loom checks that.
        let work = unsafe { self.work.take() }.unwrap();
        if self.alone {
            core::settle_alone(self, Ok(work), ledger);
        } else {
            core::settle(self, Ok(work), ledger);
        }
        true
    }
}

impl AnyCell for Model {
    fn id(&self) -> TaskId {
        self.core.id()
    }
    fn executor(&self) -> ExecutorId {
        self.core.executor()
    }
    fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }
    fn name(&self) -> Option<&str> {
        None
    }
    fn cancel(self: Arc<Self>) -> bool {
        core::cancel(self)
    }
    fn kill(self: Arc<Self>) -> bool {
        core::cancel(self)
    }
}

impl Cell<u32> for Model {
    fn core(&self) -> &Core<u32> {
        &self.core
    }
    #[allow(unsafe_code)]
    fn drop_work(&self) {
        // SAFETY: called by the one who cancelled; loom checks that.
        let _work = unsafe { self.work.take() };
    }
    fn help(self: Arc<Self>, _: &Ledger) {}
    fn upcast(self: Arc<Self>) -> Arc<dyn AnyCell> {
        self
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn bell() -> (Arc<Bell>, Waiter) {
    let bell = Arc::new(Bell::default());
    (bell.clone(), Waiter::Wake(Waker::from(bell)))
}

fn model(body: impl Fn(Ledger) + Sync + Send + 'static) {
    loom::model(move || body(Ledger::new()));
}

/// With a task that others may settle, and with one that they may not.
fn model_both(body: fn(Ledger, bool)) {
    for alone in [false, true] {
        model(move |ledger| body(ledger, alone));
    }
}

#[test]
fn a_waiter_is_woken_or_finds_the_outcome() {
    model_both(|ledger, alone| {
        let task = Model::new(&ledger, alone);
        let worker = thread::spawn({
            let (task, ledger) = (task.clone(), ledger.clone());
            move || task.run(&ledger)
        });
        let (bell, waiter) = bell();
        if !task.core.set_waiter(waiter) {
            assert_eq!(task.core.take().unwrap(), 7);
            assert!(worker.join().unwrap());
            return;
        }
        assert!(worker.join().unwrap());
        assert_eq!(bell.0.load(SeqCst), 1);
        assert_eq!(task.core.take().unwrap(), 7);
    });
}

#[test]
fn of_start_and_cancel_one_wins() {
    model_both(|ledger, alone| {
        let task = Model::new(&ledger, alone);
        let worker = thread::spawn({
            let (task, ledger) = (task.clone(), ledger.clone());
            move || task.run(&ledger)
        });
        let cancelled = core::cancel(task.clone() as Arc<dyn Cell<u32>>);
        let ran = worker.join().unwrap();
        assert_ne!(ran, cancelled);
        match task.core.take() {
            Ok(value) => assert!(ran && value == 7),
            Err(error) => assert!(cancelled && error.is_cancelled()),
        }
    });
}

#[test]
fn a_callback_runs_once_and_before_the_hand_over() {
    model_both(|ledger, alone| {
        let task = Model::new(&ledger, alone);
        let worker = thread::spawn({
            let (task, ledger) = (task.clone(), ledger.clone());
            move || task.run(&ledger)
        });
        let called = Arc::new(AtomicUsize::new(0));
        let count = called.clone();
        let cell: Arc<dyn Cell<u32>> = task.clone();
        let callback = Box::new(move |outcome: &Result<u32, TaskError>| {
            assert_eq!(*outcome.as_ref().unwrap(), 7);
            count.fetch_add(1, SeqCst);
        });
        core::add_callback(&cell, callback);
        if task.snapshot().is_handed_over() {
            assert_eq!(called.load(SeqCst), 1);
        }
        assert!(worker.join().unwrap());
        assert!(task.snapshot().is_handed_over());
        assert_eq!(called.load(SeqCst), 1);
        assert_eq!(task.core.take().unwrap(), 7);
    });
}

#[test]
fn of_a_deadline_and_an_outcome_one_is_kept() {
    model(|ledger| {
        let task = Model::new(&ledger, false);
        let worker = thread::spawn({
            let (task, ledger) = (task.clone(), ledger.clone());
            move || task.run(&ledger)
        });
        let (bell, waiter) = bell();
        let waits = task.core.set_waiter(waiter);
        let reason = TaskError::TimedOut(Duration::ZERO);
        let interrupted = core::interrupt(task.clone() as Arc<dyn Cell<u32>>, reason, CallbacksRun::Here);
        worker.join().unwrap();
        assert_eq!(bell.0.load(SeqCst), usize::from(waits));
        match task.core.take() {
            Ok(value) => assert!(!interrupted && value == 7),
            Err(error) => assert!(interrupted && error.is_timed_out()),
        }
    });
}

#[test]
fn two_cancellers_agree() {
    model(|ledger| {
        let task = Model::new(&ledger, false);
        let other = thread::spawn({
            let task: Arc<dyn Cell<u32>> = task.clone();
            move || core::cancel(task)
        });
        assert!(core::cancel(task.clone() as Arc<dyn Cell<u32>>));
        assert!(other.join().unwrap());
        assert!(task.core.take().unwrap_err().is_cancelled());
    });
}

#[test]
fn an_outcome_that_nobody_takes_is_dropped() {
    model_both(|ledger, alone| {
        let task = Model::new(&ledger, alone);
        let worker = thread::spawn({
            let (task, ledger) = (task.clone(), ledger.clone());
            move || task.run(&ledger)
        });
        task.core.detach();
        assert!(worker.join().unwrap());
        assert_eq!(task.snapshot().phase(), super::state::Phase::Taken);
    });
}
