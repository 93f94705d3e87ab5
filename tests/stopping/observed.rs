//! The words for what was seen of a task.

use super::{
    subjects::Subject,
    work::{Act, Trace},
};
use concurrent_futures::{Executor, TaskError};

/// What became of the work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    NeverRan,
    /// It saw that it was asked to stop, and returned.
    Asked,
    /// It heard that it was asked to stop while it waited for that, and returned.
    Told,
    /// It saw nothing, and went on to its end.
    Untouched,
    /// It went on to its end whatever it was asked.
    WentOn,
    /// Its future was dropped where it was suspended.
    Dropped,
    /// Its future was dropped when it came to an await.
    DroppedAtNextAwait,
    /// Its process was killed.
    Killed,
}

impl Fate {
    fn words(self) -> &'static str {
        match self {
            Self::NeverRan => "never runs",
            Self::Asked => "asked",
            Self::Told => "told",
            Self::Untouched => "untouched",
            Self::WentOn => "goes on",
            Self::Dropped => "dropped",
            Self::DroppedAtNextAwait => "dropped at its next await",
            Self::Killed => "killed",
        }
    }

    /// The outcome that goes without saying.
    fn usual_outcome(self) -> &'static str {
        match self {
            Self::Asked | Self::Told | Self::Untouched | Self::WentOn => "a value",
            Self::NeverRan | Self::Dropped | Self::DroppedAtNextAwait | Self::Killed => "`Cancelled`",
        }
    }
}

/// Follows a task that was running when it was stopped, to its end. `has_outcome`: its future is done although nobody has let
/// it go.
pub(crate) fn fate<S: Subject>(executor: &S::Executor, trace: &Trace, act: Act, has_outcome: bool) -> Fate {
    // What can be ended from outside is, without being let go.
    if has_outcome && (S::IN_PROCESSES || S::suspends(act)) {
        trace.wait_for_end();
    } else if act == Act::Awaits {
        trace.wait_for_effect();
    }
    let (was_over, was_told) = (trace.is_over(), trace.has_obeyed() && act == Act::Awaits);
    // It may have got somewhere between the decision to kill it and its death.
    if has_outcome && S::IN_PROCESSES && !trace.was_dropped() && was_over && is_replaced(executor, trace) {
        return Fate::Killed;
    }
    trace.let_go();
    trace.wait_for_end();
    assert!(trace.is_over(), "it never ends");
    if trace.has_ended() {
        match act {
            _ if was_told => Fate::Told,
            _ if trace.has_obeyed() => Fate::Asked,
            Act::Ignores => Fate::WentOn,
            _ => Fate::Untouched,
        }
    } else if trace.was_dropped() {
        if was_over {
            Fate::Dropped
        } else {
            Fate::DroppedAtNextAwait
        }
    } else {
        Fate::Killed
    }
}

/// What became of a task that had not started, when its executor has nothing left to do.
pub(crate) fn ran_at_all(trace: &Trace) -> Fate {
    if trace.has_started() {
        Fate::Untouched
    } else {
        Fate::NeverRan
    }
}

/// Whether other tasks now run in another process.
fn is_replaced<E: Executor>(executor: &E, trace: &Trace) -> bool {
    let process = Executor::submit(executor, |()| std::process::id(), ()).result();
    process.ok() != trace.process()
}

/// A cell of the table.
pub(crate) fn cell(answer: Option<bool>, outcome: Option<&Result<u64, TaskError>>, fate: Fate) -> String {
    let outcome = outcome.map(|outcome| match outcome {
        Ok(_) => "a value".to_owned(),
        Err(TaskError::Cancelled) => "`Cancelled`".into(),
        Err(TaskError::TimedOut(_)) => "`TimedOut`".into(),
        Err(TaskError::ShutDown) => "`ShutDown`".into(),
        Err(other) => format!("{other:?}"),
    });
    let answer = answer.map(|answer| answer.to_string());
    let outcome = outcome.filter(|outcome| outcome != fate.usual_outcome());
    let parts = [answer, outcome, Some(fate.words().to_owned())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
