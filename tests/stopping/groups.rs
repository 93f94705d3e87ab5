//! Stopping the members of a group.

use super::{
    observed::{cell, fate, ran_at_all},
    subjects::{Blocker, Subject, submit_to_group, wait_until_suspended},
    work::{Act, Trace, within_limit},
};
use concurrent_futures::{Executor, Group, Shutdown};
use std::{sync::Arc, thread};

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
    wait_until_suspended::<S>(&executor, act);
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
