//! Giving up a map.

use super::{
    observed::{cell, fate, ran_at_all},
    subjects::{Subject, map, wait_until_suspended},
    work::{Act, Trace, within_limit},
};
use concurrent_futures::{Executor, Shutdown, TaskError};
use std::{thread, time::Duration};

/// How a map is given up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum GiveUp {
    Drop,
    Cancel,
    Timeout,
}

pub(crate) fn item_not_started<S: Subject>(how: GiveUp) -> String {
    let executor = S::make(1);
    let (first, trace) = (Trace::new(), Trace::new());
    let mut outcomes = map::<S>(&executor, vec![first.job(Act::Blocks), trace.job(Act::Quick)]);
    if S::ON_CALLER {
        first.let_go();
        assert!(matches!(outcomes.next(), Some(Ok(_))));
    } else {
        first.wait_until_started();
    }
    match how {
        GiveUp::Drop => drop(outcomes),
        GiveUp::Cancel => {
            outcomes.cancel();
            first.let_go();
            outcomes.for_each(drop);
        }
        GiveUp::Timeout => outcomes.timeout(Duration::ZERO).for_each(drop),
    }
    first.let_go();
    executor.shutdown(Shutdown::Finish);
    cell(None, None, ran_at_all(&trace))
}

pub(crate) fn item_running<S: Subject>(how: GiveUp, act: Act) -> String {
    if S::ON_CALLER {
        assert_eq!(how, GiveUp::Timeout, "it runs inside `next`");
        return item_running_here::<S>(act);
    }
    let executor = S::make(1);
    let trace = Trace::new();
    let mut outcomes = map::<S>(&executor, vec![trace.job(act)]);
    trace.wait_until_started();
    wait_until_suspended::<S>(&executor, &trace, act);
    match how {
        GiveUp::Drop => {
            drop(outcomes);
            cell(None, None, fate::<S>(&executor, &trace, act, false))
        }
        GiveUp::Cancel => {
            outcomes.cancel();
            let fate = fate::<S>(&executor, &trace, act, false);
            cell(None, outcomes.next().as_ref(), fate)
        }
        GiveUp::Timeout => {
            let mut outcomes = outcomes.timeout(Duration::ZERO);
            let last = outcomes.next();
            assert!(matches!(last, Some(Err(TaskError::WaitTimedOut))), "{last:?}");
            cell(None, None, fate::<S>(&executor, &trace, act, false))
        }
    }
}

/// The time of the map passes while the item runs.
fn item_running_here<S: Subject>(act: Act) -> String {
    let executor = S::make(1);
    let mut limit = Duration::from_millis(5);
    loop {
        let trace = Trace::new();
        let outcomes = map::<S>(&executor, vec![trace.job(act)]);
        let mut outcomes = outcomes.timeout(limit);
        let asking = thread::spawn(move || outcomes.next());
        within_limit(|| trace.has_started() || asking.is_finished());
        if trace.has_started() {
            thread::sleep(limit);
            let fate = fate::<S>(&executor, &trace, act, false);
            let outcome = asking.join().expect("nothing panics there");
            return cell(None, outcome.as_ref(), fate);
        }
        // On a busy machine.
        limit *= 4;
    }
}
