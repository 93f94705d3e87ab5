//! Stopping the members of a group.

use super::{
    observed::{cell, fate, ran_at_all},
    subjects::{Blocker, Subject, submit_to_group, wait_until_suspended},
    work::{Act, Trace, within_limit},
};
use concurrent_futures::{Executor, Group, Shutdown, TaskError, ThreadPool, cancel_requested};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(5);

/// What happens to a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Whole {
    /// One of its members fails.
    Fails,
    Cancelled,
    Dropped,
}

pub(crate) fn member_not_started<S: Subject>(whole: Whole) -> String {
    let executor = S::make(1);
    let (fails, trace) = (Trace::new(), Trace::new());
    let group = Executor::group(&executor);
    fails.let_go();
    if S::ON_CALLER {
        assert_eq!(whole, Whole::Fails, "nothing is queued");
        submit_to_group::<S>(&group, fails.job(Act::Fails));
        submit_to_group::<S>(&group, trace.job(Act::Quick));
        drop(group);
        return cell(None, None, ran_at_all(&trace));
    }
    // One is held while others gather behind it. Another one is held behind the member that fails: until all hear of that.
    let first = Blocker::submit::<S>(&executor);
    first.wait_until_started();
    if whole == Whole::Fails {
        submit_to_group::<S>(&group, fails.job(Act::Fails));
    }
    let second = Blocker::submit::<S>(&executor);
    submit_to_group::<S>(&group, trace.job(Act::Quick));
    match whole {
        Whole::Fails => {
            first.leave();
            second.wait_until_started();
            within_limit(|| executor.stats().cancelled == 1);
            second.leave();
            assert!(group.join().is_err());
        }
        Whole::Cancelled => {
            group.cancel();
            first.leave();
            second.leave();
            assert!(group.join().is_err());
        }
        Whole::Dropped => {
            drop(group);
            first.leave();
            second.leave();
        }
    }
    executor.shutdown(Shutdown::Finish);
    cell(None, None, ran_at_all(&trace))
}

pub(crate) fn member_running<S: Subject>(whole: Whole, act: Act) -> String {
    // A future that waits leaves its place to the one that fails.
    let executor = S::make(if act == Act::Suspended { 1 } else { 2 });
    let trace = Trace::new();
    let group: Arc<Group<u64, S::Executor>> = Arc::new(Executor::group(&executor));
    let job = trace.job(act);
    let submitting = if S::ON_CALLER {
        let group = group.clone();
        Some(thread::spawn(move || submit_to_group::<S>(&group, job)))
    } else {
        submit_to_group::<S>(&group, job);
        None
    };
    trace.wait_until_started();
    wait_until_suspended::<S>(&executor, &trace, act);
    if whole == Whole::Dropped {
        // Not here: that may wait for the members.
        let group = Arc::into_inner(group).expect("nobody else has it");
        let dropping = thread::spawn(move || drop(group));
        trace.wait_for_effect();
        let fate = fate::<S>(&executor, &trace, act, false);
        dropping.join().expect("nothing panics there");
        return cell(None, None, fate);
    }
    let fails = Trace::new();
    fails.let_go();
    if whole == Whole::Fails {
        submit_to_group::<S>(&group, fails.job(Act::Fails));
    } else {
        group.cancel();
    }
    // Where it runs here, so did what it was told.
    if !S::ON_CALLER {
        trace.wait_for_effect();
    }
    let fate = fate::<S>(&executor, &trace, act, false);
    if let Some(submitting) = submitting {
        submitting.join().expect("nothing panics there");
    }
    let group = Arc::into_inner(group).expect("nobody else has it");
    assert_eq!(group.join().is_err(), whole == Whole::Fails || !trace.has_ended());
    cell(None, None, fate)
}

pub(crate) fn member_not_started_in_time<S: Subject>() -> String {
    let executor = S::make(1);
    let group = Executor::group(&executor).deadline(SHORT);
    if S::ON_CALLER {
        let fate = ran_at_all(&submit_until_too_late::<S>(&group));
        assert!(matches!(group.join(), Err(TaskError::TimedOut(_))));
        return cell(None, None, fate);
    }
    let blocker = Blocker::submit::<S>(&executor);
    blocker.wait_until_started();
    let trace = Trace::new();
    submit_to_group::<S>(&group, trace.job(Act::Quick));
    assert!(matches!(group.join(), Err(TaskError::TimedOut(_))));
    blocker.leave();
    executor.shutdown(Shutdown::Finish);
    cell(None, None, ran_at_all(&trace))
}

pub(crate) fn member_running_too_long<S: Subject>(act: Act) -> String {
    let mut limit = SHORT;
    loop {
        if let Some(seen) = member_running_longer_than::<S>(limit, act) {
            return seen;
        }
        // On a busy machine.
        limit *= 4;
    }
}

/// Nothing if it has not started by then.
fn member_running_longer_than<S: Subject>(limit: Duration, act: Act) -> Option<String> {
    let executor = S::make(1);
    let trace = Trace::new();
    let group: Arc<Group<u64, S::Executor>> = Arc::new(Executor::group(&executor).deadline(limit));
    let (there, job) = (group.clone(), trace.job(act));
    let submitting = thread::spawn(move || submit_to_group::<S>(&there, job));
    if S::ON_CALLER {
        within_limit(|| trace.has_started() || submitting.is_finished());
    } else {
        submitting.join().expect("nothing panics there");
        within_limit(|| trace.has_started() || executor.stats().cancelled > 0);
    }
    if !trace.has_started() {
        return None;
    }
    if S::ON_CALLER {
        submit_until_too_late::<S>(&group);
        wait_for_what_deadlines_do();
    } else {
        trace.wait_for_effect();
    }
    // What can be ended from outside has its outcome then; what cannot has none before it is let go.
    let may_be_ended = !S::ON_CALLER && (S::IN_PROCESSES || S::suspends(act));
    let has_outcome = may_be_ended && within_limit(|| executor.stats().cancelled > 0);
    let fate = fate::<S>(&executor, &trace, act, has_outcome);
    within_limit(|| Arc::strong_count(&group) == 1);
    let group = Arc::into_inner(group).expect("nobody else has it");
    assert!(matches!(group.join(), Err(TaskError::TimedOut(_))));
    Some(cell(None, None, fate))
}

/// Waits until what the deadlines that have passed so far have to do is done: it is done in order, and so is what the one
/// of a later task does.
fn wait_for_what_deadlines_do() {
    let pool = ThreadPool::with_workers(1);
    let until_asked = || {
        while !cancel_requested() {
            thread::yield_now();
        }
    };
    let late = pool.options().timeout(SHORT).spawn(until_asked);
    let (told, hears) = mpsc::channel();
    late.on_done(move |_| told.send(()).expect("it is waited for"));
    hears.recv().expect("a deadline passes");
}

/// Submits until the group takes no more, and returns what became of the last one.
fn submit_until_too_late<S: Subject>(group: &Group<u64, S::Executor>) -> Trace {
    let mut last = Trace::new();
    within_limit(|| {
        last = Trace::new();
        submit_to_group::<S>(group, last.job(Act::Quick));
        !last.has_started()
    });
    last
}
