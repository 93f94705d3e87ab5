//! When a program is stopped, and when it is over (rules 1 to 4 of `README.md`). Decides; does nothing.

use super::{Command, Stream};
use std::time::{Duration, Instant};

/// After the end of a program nothing more is read once nothing has come for so long,
const SILENCE: Duration = Duration::from_millis(100);

/// and in any case after so long.
const MOST_AFTER_THE_END: Duration = Duration::from_secs(1);

/// Why a program is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    TimeLimit(Duration),
    Requested,
    TooMuch(Stream),
}

/// What there is to see of a program at one time.
#[allow(clippy::struct_excessive_bools)] // They are answers to different questions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sight {
    /// It has ended. Looked at before its output was read.
    pub(super) ended: bool,
    /// Its output is closed: nobody can write any more.
    pub(super) closed: bool,
    /// All that there was of its output was read.
    pub(super) drained: bool,
    /// Something was read.
    pub(super) heard: bool,
    pub(super) over: Option<Stream>,
    /// Somebody wants it to stop.
    pub(super) requested: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing until something is to be seen, or until then.
    Wait(Option<Instant>),
    /// Ask the group to end.
    Terminate,
    Kill,
    /// It is over. What is left of its group is killed if it was stopped.
    Over,
}

#[derive(Debug)]
pub(super) struct Course {
    started: Instant,
    limit: Option<Duration>,
    grace: Duration,
    stop: Option<Stop>,
    end: Option<End>,
}

#[derive(Debug)]
struct Stop {
    reason: Reason,
    /// `None`: it was killed.
    kill_at: Option<Instant>,
}

#[derive(Debug)]
struct End {
    at: Instant,
    last_heard: Instant,
}

impl Course {
    pub(super) fn new(command: &Command, started: Instant) -> Self {
        Self {
            started,
            limit: command.timeout,
            grace: command.grace,
            stop: None,
            end: None,
        }
    }

    /// Why it was stopped, if it was.
    pub(super) fn reason(&self) -> Option<Reason> {
        self.stop.as_ref().map(|stop| stop.reason)
    }

    /// How long the program ran, once it has ended.
    pub(super) fn time(&self) -> Duration {
        let end = self.end.as_ref().map_or_else(Instant::now, |end| end.at);
        end.saturating_duration_since(self.started)
    }

    /// Called again and again, at least whenever there is something new to see, until it is over.
    pub(super) fn next(&mut self, now: Instant, sight: Sight) -> Next {
        if sight.ended {
            return self.after_the_end(now, sight);
        }
        match &mut self.stop {
            None => {
                let deadline = self
                    .limit
                    .and_then(|limit| Some((self.started.checked_add(limit)?, limit)));
                let reason = match (sight.over, deadline) {
                    (Some(stream), _) => Reason::TooMuch(stream),
                    _ if sight.requested => Reason::Requested,
                    (None, Some((at, limit))) if at <= now => Reason::TimeLimit(limit),
                    (None, deadline) => return Next::Wait(deadline.map(|(at, _)| at)),
                };
                let kill_at = now.checked_add(self.grace).filter(|_| !self.grace.is_zero());
                self.stop = Some(Stop { reason, kill_at });
                if self.grace.is_zero() {
                    Next::Kill
                } else {
                    Next::Terminate
                }
            }
            Some(stop) => match stop.kill_at {
                Some(at) if at <= now => {
                    stop.kill_at = None;
                    Next::Kill
                }
                at => Next::Wait(at),
            },
        }
    }

    fn after_the_end(&mut self, now: Instant, sight: Sight) -> Next {
        let is_due = self
            .limit
            .is_some_and(|limit| now.saturating_duration_since(self.started) >= limit);
        let end = self.end.get_or_insert(End {
            at: now,
            last_heard: now,
        });
        if sight.heard {
            end.last_heard = now;
        }
        if let (None, Some(stream)) = (&self.stop, sight.over) {
            self.stop = Some(Stop {
                reason: Reason::TooMuch(stream),
                kill_at: None,
            });
        }
        // It ended by itself: who would stop it now only stops waiting for others.
        let is_stopped = sight.drained && (is_due || sight.requested);
        let until = (end.last_heard + SILENCE).min(end.at + MOST_AFTER_THE_END);
        if self.stop.is_some() || sight.closed || is_stopped || until <= now {
            return Next::Over;
        }
        Next::Wait(Some(until))
    }
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
