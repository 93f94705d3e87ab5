//! What may become of one task, by what it does and what was done to it.

use crate::{
    crash::ON_PURPOSE,
    order::{Deed, Value},
};
use concurrent_futures::{Shutdown, TaskError, WorkerDeath};

/// One task, or item of a map, or member of a group.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(crate) struct Expected {
    pub(crate) deed: Deed,
    pub(crate) is_async: bool,
    pub(crate) retries: u32,
    pub(crate) has_deadline: bool,
    /// `cancel` was answered with `true`.
    pub(crate) is_cancelled: bool,
    /// Something was done that may have stopped it, or may have come too late.
    pub(crate) may_be_stopped: bool,
    /// Submitted when the executor may have been shut down.
    pub(crate) may_be_refused: bool,
    /// It was never handed over: an item that no map has pulled, a task that there was no room for.
    pub(crate) is_kept: bool,
    /// Of a group.
    pub(crate) is_member: bool,
    seen: Option<Seen>,
}

#[derive(Debug, Clone)]
enum Seen {
    Value { attempt: u32 },
    Error(TaskError),
}

/// What was done to all tasks of an executor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) strictest: Option<Shutdown>,
    /// Its workers are processes.
    pub(crate) is_processes: bool,
    /// Workers were killed from outside.
    pub(crate) is_stormy: bool,
    /// Something was stopped or crashed, which costs futures that share its process.
    pub(crate) is_disturbed: bool,
}

impl Weather {
    pub(crate) fn gives_up(self) -> bool {
        matches!(self.strictest, Some(Shutdown::Cancel | Shutdown::Kill))
    }
}

impl Expected {
    pub(crate) fn new(deed: Deed, is_async: bool) -> Self {
        Self {
            deed,
            is_async,
            retries: 0,
            has_deadline: false,
            is_cancelled: false,
            may_be_stopped: false,
            may_be_refused: false,
            is_kept: false,
            is_member: false,
            seen: None,
        }
    }

    pub(crate) fn see(&mut self, number: u32, outcome: &Result<Value, TaskError>) {
        let seen = match outcome {
            Ok((of, attempt)) => {
                assert_eq!(*of, number, "the value of another task");
                Seen::Value { attempt: *attempt }
            }
            Err(error) => Seen::Error(error.clone()),
        };
        let before = self.seen.replace(seen);
        assert!(
            before.is_none(),
            "task {number} resolved twice: {before:?}, {outcome:?}"
        );
    }

    /// Whether its outcome fits, and that it ran `runs` times. To be asked when the executor is closed.
    pub(crate) fn check(&self, runs: u32, weather: Weather) -> Result<(), String> {
        let attempts = self.retries + 1;
        let fits = match &self.seen {
            _ if self.is_kept => runs == 0 && self.seen.is_none(),
            _ if runs > attempts => false,
            None => runs >= 1 || !self.must_have_run(weather),
            Some(Seen::Value { attempt }) => {
                // A deadline may pass before a future is polled for the first time.
                let may_miss_some = weather.is_processes || self.is_async && self.has_deadline;
                let all_marked = runs == *attempt || may_miss_some && (1..*attempt).contains(&runs);
                !self.is_cancelled && *attempt <= attempts && all_marked && self.may_succeed(*attempt)
            }
            Some(Seen::Error(error)) => self.error_fits(error, runs, weather),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("ran {runs} times, {self:?}, {weather:?}"))
        }
    }

    fn must_have_run(&self, weather: Weather) -> bool {
        let was_stopped =
            self.is_cancelled || self.may_be_stopped || self.may_be_refused || self.has_deadline;
        !was_stopped && !weather.gives_up() && !weather.is_stormy && !weather.is_disturbed
    }

    fn may_succeed(&self, attempt: u32) -> bool {
        match self.deed {
            Deed::Panic | Deed::Crash(_) => false,
            Deed::PanicFirst(times) => attempt > times,
            Deed::CrashFirst(_) => attempt > 1,
            Deed::Return | Deed::Spin(_) | Deed::Look(_) => true,
        }
    }

    fn error_fits(&self, error: &TaskError, runs: u32, weather: Weather) -> bool {
        match error {
            TaskError::Panicked(panic) => {
                let panics = matches!(self.deed, Deed::Panic | Deed::PanicFirst(_));
                panics && panic.message().starts_with(ON_PURPOSE) && runs >= 1 && !self.is_cancelled
            }
            TaskError::Cancelled if self.is_cancelled => runs == 0 || self.retries > 0,
            TaskError::Cancelled => self.may_be_stopped || weather.gives_up(),
            TaskError::TimedOut(_) => self.has_deadline,
            TaskError::WorkerDied(death) => weather.is_processes && self.death_fits(death, runs, weather),
            TaskError::ShutDown => self.may_be_refused && runs == 0,
            _ => false,
        }
    }

    fn death_fits(&self, death: &WorkerDeath, runs: u32, weather: Weather) -> bool {
        if weather.is_stormy || weather.is_disturbed && self.is_async {
            return true;
        }
        match self.deed {
            Deed::Crash(crash) | Deed::CrashFirst(crash) => {
                runs >= 1 && (death.signal(), death.code()) == crash.fate()
            }
            _ => false,
        }
    }
}
