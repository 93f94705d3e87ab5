//! Stopping single tasks, and waiting for them for a limited time.

use super::{
    observed::{Fate, cell, fate, ran_at_all},
    subjects::{Blocker, Subject, submit, wait_until_suspended},
    work::{Act, Trace, within_limit},
};
use concurrent_futures::{Executor, NextCompleted, Shutdown, TaskFuture, as_completed};
use std::{
    thread::{self, JoinHandle},
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(5);

/// A way to stop a task.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stop {
    Deadline,
    Cancel,
    Kill,
    Shutdown(Shutdown),
}

impl Stop {
    /// Does it, and returns what the call answers. A deadline comes by itself.
    fn tell<E: Executor>(self, executor: &E, task: &TaskFuture<u64>) -> Option<bool> {
        match self {
            Self::Deadline => None,
            Self::Cancel => Some(task.cancel()),
            Self::Kill => Some(task.kill()),
            Self::Shutdown(how) => {
                executor.begin_shutdown(how);
                None
            }
        }
    }
}

/// A task that has started, and who will get its future.
enum Running {
    Here(TaskFuture<u64>),
    /// Where it runs before `submit` returns.
    There(JoinHandle<TaskFuture<u64>>),
}

impl Running {
    fn start<S: Subject>(executor: &S::Executor, trace: &Trace, act: Act, limit: Option<Duration>) -> Self {
        let mut options = Executor::options(executor);
        if let Some(limit) = limit {
            options = options.timeout(limit);
        }
        let job = trace.job(act);
        let running = if S::ON_CALLER {
            Self::There(thread::spawn(move || submit::<S>(&options, job)))
        } else {
            Self::Here(submit::<S>(&options, job))
        };
        // With a deadline it may be over before it got anywhere.
        within_limit(|| trace.has_started() || limit.is_some() && running.is_done());
        running
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Here(future) => future.is_done(),
            Self::There(submitting) => submitting.is_finished(),
        }
    }

    fn into_future(self) -> TaskFuture<u64> {
        match self {
            Self::Here(future) => future,
            Self::There(submitting) => submitting.join().expect("nothing panics there"),
        }
    }
}

pub(crate) fn running<S: Subject>(stop: Stop, act: Act) -> String {
    running_on::<S>(&S::make(1), stop, act)
}

fn running_on<S: Subject>(executor: &S::Executor, stop: Stop, act: Act) -> String {
    let mut limit = SHORT;
    loop {
        let trace = Trace::new();
        let deadline = (stop == Stop::Deadline).then_some(limit);
        let task = Running::start::<S>(executor, &trace, act, deadline);
        if trace.has_started() {
            return stopped::<S>(executor, &trace, task, stop, act);
        }
        assert!(task.is_done(), "it never starts");
        // On a busy machine.
        limit *= 4;
    }
}

/// A future that shares its place with another one, which must not suffer.
pub(crate) fn beside_another<S: Subject>(stop: Stop) -> String {
    let executor = S::make(1);
    let trace = Trace::new();
    let other = submit::<S>(&Executor::options(&executor), trace.job(Act::Suspended));
    trace.wait_until_started();
    let seen = running_on::<S>(&executor, stop, Act::Suspended);
    trace.let_go();
    match other.result() {
        Ok(_) => seen,
        Err(error) => format!("{seen}, and the other: {error}"),
    }
}

fn stopped<S: Subject>(executor: &S::Executor, trace: &Trace, task: Running, stop: Stop, act: Act) -> String {
    if stop != Stop::Deadline {
        wait_until_suspended::<S>(executor, trace, act);
    }
    let answer = match (&task, stop) {
        (Running::Here(task), Stop::Deadline) => {
            within_limit(|| task.is_done());
            None
        }
        (Running::Here(task), _) => stop.tell(executor, task),
        (Running::There(_), Stop::Deadline) => {
            trace.wait_for_effect();
            None
        }
        (Running::There(_), Stop::Shutdown(how)) => {
            executor.begin_shutdown(how);
            if how == Shutdown::Kill {
                // The thread that polls it hears of it a moment later.
                trace.wait_for_effect();
            }
            None
        }
        (Running::There(_), _) => unreachable!("nobody has its future yet"),
    };
    let fate = fate::<S>(executor, trace, act, task.is_done());
    let outcome = task.into_future().result();
    cell(answer, Some(&outcome), fate)
}

pub(crate) fn queued<S: Subject>(stop: Stop) -> String {
    let executor = S::make(1);
    let blocker = Blocker::submit::<S>(&executor);
    blocker.wait_until_started();
    let trace = Trace::new();
    let mut options = Executor::options(&executor);
    if stop == Stop::Deadline {
        options = options.timeout(SHORT);
    }
    let task = submit::<S>(&options, trace.job(Act::Quick));
    if stop == Stop::Deadline {
        // Longer than its deadline, which counts from the start; a clock that is late does no harm.
        thread::sleep(4 * SHORT);
        if !task.is_done() {
            assert!(task.cancel());
            blocker.leave();
            return "waits on".into();
        }
    }
    let answer = stop.tell(&executor, &task);
    blocker.leave();
    let outcome = task.result();
    executor.shutdown(Shutdown::Finish);
    cell(answer, Some(&outcome), ran_at_all(&trace))
}

pub(crate) fn ended<S: Subject>(stop: Stop) -> String {
    let executor = S::make(1);
    let trace = Trace::new();
    let task = submit::<S>(&Executor::options(&executor), trace.job(Act::Quick));
    assert!(within_limit(|| task.is_done()));
    let answer = stop.tell(&executor, &task);
    let outcome = task.result();
    cell(answer, Some(&outcome), Fate::Untouched)
}

pub(crate) fn result_timeout<S: Subject>() -> String {
    let executor = S::make(1);
    let trace = Trace::new();
    let mut task = submit::<S>(&Executor::options(&executor), trace.job(Act::Looks));
    trace.wait_until_started();
    assert!(task.result_timeout(SHORT).is_none());
    let fate = fate::<S>(&executor, &trace, Act::Looks, task.is_done());
    cell(None, Some(&task.result()), fate)
}

pub(crate) fn next_timeout<S: Subject>() -> String {
    let executor = S::make(1);
    let trace = Trace::new();
    let task = submit::<S>(&Executor::options(&executor), trace.job(Act::Looks));
    trace.wait_until_started();
    let mut completed = as_completed([task]);
    let NextCompleted::TimedOut { .. } = completed.next_timeout(SHORT) else {
        panic!("it has not ended")
    };
    let fate = fate::<S>(&executor, &trace, Act::Looks, false);
    let task = completed.next().expect("it is still there");
    cell(None, Some(&task.result()), fate)
}
