//! The state machine of one task: every transition is a method here, and no other file touches the word.
//!
//! See `README.md` in this folder for the picture and the rules; the numbers cited are that file's.

use crate::sync::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::fmt;

/// How far a task is. The lowest three bits of the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Phase {
    /// Nobody has started it; the work is in the cell.
    Queued = 0,
    /// Somebody runs it; the work was taken out by whoever made this transition.
    Running = 1,
    /// The outcome is final and being told: whoever made this transition stores it and runs the callbacks.
    Settling = 2,
    /// The outcome lies in the cell for its owner.
    Done = 3,
    /// The owner has taken the outcome.
    Taken = 4,
}

/// How a settled task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Succeeded,
    Failed,
    Cancelled,
}

const PHASE: u32 = 0b111;
/// A waiter is registered: who finishes must look for it under the audience's lock.
const WAITED: u32 = 1 << 3;
/// Callbacks are registered and not yet run.
const CALLBACKS: u32 = 1 << 4;
/// Somebody asked the running task to stop.
const STOP_REQUESTED: u32 = 1 << 5;
const CANCELLED: u32 = 1 << 6;
const FAILED: u32 = 1 << 7;
/// It was started, so that whoever cancels it is too late, however it ends.
const STARTED: u32 = 1 << 8;
/// The owner has dropped its future: nobody will take the outcome.
const DETACHED: u32 = 1 << 9;

/// What `cancel` met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Cancel {
    /// The task will never run. The caller now has to drop the work, store the outcome and deliver it.
    Won,
    /// It had started; the request to stop was raised.
    Requested,
    /// It had been cancelled before it started.
    AlreadyCancelled,
    /// It had ended in another way.
    TooLate,
}

/// What finishing met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Finish {
    /// The outcome is handed over and nobody waits for it.
    Unwatched,
    /// The outcome is handed over; the caller now has to tell the waiter.
    TellWaiter,
    /// Nobody will take the outcome; the caller now has to drop it.
    Unwanted,
    /// Callbacks came in: run them first, then finish again.
    CallbacksFirst,
}

/// What adding a callback met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum AddCallback {
    /// Whoever settles the task will run it.
    Kept,
    /// The task had ended and is now settling once more: the caller has to deliver it.
    DeliverAgain,
}

pub(super) struct State(AtomicU32);

impl State {
    pub(super) fn queued() -> Self {
        Self(AtomicU32::new(Phase::Queued as u32))
    }

    fn load(&self) -> Snapshot {
        // Pairs with the release in `finish`: who sees `Done` sees the outcome.
        Snapshot(self.0.load(Acquire))
    }

    /// Queued → Running. The caller now owns the work. False if it was started or cancelled before.
    #[must_use]
    pub(super) fn start(&self) -> bool {
        self.change(|now| (now.phase() == Phase::Queued).then(|| now.at(Phase::Running).with(STARTED)))
            .is_ok()
    }

    /// Queued → Settling as cancelled, or Running → Running with the request raised.
    pub(super) fn cancel(&self) -> Cancel {
        let change = self.change(|now| match now.phase() {
            Phase::Queued => Some(now.at(Phase::Settling).ended(Ending::Cancelled)),
            Phase::Running => Some(now.with(STOP_REQUESTED)),
            Phase::Settling | Phase::Done | Phase::Taken => None,
        });
        match change {
            Ok(before) if before.phase() == Phase::Queued => Cancel::Won,
            Ok(_) => Cancel::Requested,
            Err(now) if now.has(CANCELLED) && !now.has(STARTED) => Cancel::AlreadyCancelled,
            Err(_) => Cancel::TooLate,
        }
    }

    /// Running → Settling. The caller now has to store the outcome and deliver it. False if another has
    /// settled it before (a deadline, a kill): the caller's outcome is not wanted.
    #[must_use]
    pub(super) fn settle(&self, ending: Ending) -> bool {
        self.change(|now| (now.phase() == Phase::Running).then(|| now.at(Phase::Settling).ended(ending)))
            .is_ok()
    }

    /// Running → Done (or Taken, or Settling if there are callbacks), in one step, for a task that nobody else can settle while
    /// it runs. The outcome is stored already; what follows is as after [`finish`](Self::finish).
    pub(super) fn complete(&self, ending: Ending) -> Finish {
        let change = self.change(|now| {
            debug_assert_eq!(now.phase(), Phase::Running);
            let now = now.ended(ending);
            Some(if now.has(CALLBACKS) {
                now.at(Phase::Settling)
            } else {
                now.delivered()
            })
        });
        let before = change.unwrap_or_else(|now| now);
        if before.has(CALLBACKS) {
            Finish::CallbacksFirst
        } else {
            before.whom_to_tell()
        }
    }

    /// As [`settle`](Self::settle), by somebody else than who runs it: in the same step the running work is asked to
    /// stop, so that work that stops because it is asked to is not faster than who asks.
    #[must_use]
    pub(super) fn interrupt(&self, ending: Ending) -> bool {
        self.change(|now| {
            let interrupted = now.at(Phase::Settling).ended(ending).with(STOP_REQUESTED);
            (now.phase() == Phase::Running).then_some(interrupted)
        })
        .is_ok()
    }

    /// The value of a task that is `Done` turned out to be unreadable.
    pub(super) fn succeeded_in_vain(&self) {
        self.0.fetch_or(FAILED, AcqRel);
    }

    /// Queued → Settling, for a task that will never run although nobody cancelled it.
    #[must_use]
    pub(super) fn refuse(&self, ending: Ending) -> bool {
        self.change(|now| (now.phase() == Phase::Queued).then(|| now.at(Phase::Settling).ended(ending)))
            .is_ok()
    }

    /// Settling → Done, or → Taken if nobody will take the outcome, unless callbacks wait to be run (rule 4).
    pub(super) fn finish(&self) -> Finish {
        let change = self.change(|now| {
            debug_assert_eq!(now.phase(), Phase::Settling);
            (!now.has(CALLBACKS)).then(|| now.delivered())
        });
        change.map_or(Finish::CallbacksFirst, Snapshot::whom_to_tell)
    }

    /// The callbacks were taken out of the audience, under its lock.
    pub(super) fn callbacks_taken(&self) {
        self.0.fetch_and(!CALLBACKS, AcqRel);
    }

    /// A callback was put into the audience, under its lock. Done → Settling if it came after the end (rule 5).
    pub(super) fn callback_added(&self) -> AddCallback {
        let before = self
            .change(|now| {
                let now = now.with(CALLBACKS);
                Some(if now.phase() == Phase::Done {
                    now.at(Phase::Settling)
                } else {
                    now
                })
            })
            .unwrap_or_else(|now| now);
        if before.phase() == Phase::Done {
            AddCallback::DeliverAgain
        } else {
            AddCallback::Kept
        }
    }

    /// A waiter was put into the audience, under its lock. False if the outcome is there: it will not be told.
    #[must_use]
    pub(super) fn waiter_added(&self) -> bool {
        self.change(|now| (now.phase() < Phase::Done).then(|| now.with(WAITED)))
            .is_ok()
    }

    /// The owner drops its future. True if the outcome is there: then the owner now has to drop it (and the task
    /// is `Taken`), else whoever settles the task will.
    #[must_use]
    pub(super) fn detach(&self) -> bool {
        let change = self.change(|now| match now.phase() {
            Phase::Done => Some(now.at(Phase::Taken)),
            Phase::Taken => None,
            _ => Some(now.with(DETACHED)),
        });
        change.is_ok_and(|before| before.phase() == Phase::Done)
    }

    /// Done → Taken. The caller, who is the only owner, takes the outcome out.
    pub(super) fn take(&self) {
        let now = self.load();
        debug_assert_eq!(now.phase(), Phase::Done);
        // Nobody but the owner changes the word of a task that is done.
        self.0.store(now.at(Phase::Taken).0, Release);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.load()
    }

    /// Applies `next` until it sticks. `Ok` is the word before, `Err` the word that `next` had no answer for.
    fn change(&self, next: impl Fn(Snapshot) -> Option<Snapshot>) -> Result<Snapshot, Snapshot> {
        let mut now = Snapshot(self.0.load(Relaxed));
        loop {
            let Some(new) = next(now) else {
                // The refusal may be acted on ("it is done: read the outcome"), so it must be as fresh as
                // a success: pairs with the release below.
                return Err(Snapshot(self.0.load(Acquire)));
            };
            match self.0.compare_exchange_weak(now.0, new.0, AcqRel, Relaxed) {
                Ok(before) => return Ok(Snapshot(before)),
                Err(other) => now = Snapshot(other),
            }
        }
    }
}

/// The word at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u32);

impl Snapshot {
    pub(crate) fn phase(self) -> Phase {
        match self.0 & PHASE {
            0 => Phase::Queued,
            1 => Phase::Running,
            2 => Phase::Settling,
            3 => Phase::Done,
            _ => Phase::Taken,
        }
    }

    /// The outcome is final, though callbacks may still be looking at it.
    pub(crate) fn is_settled(self) -> bool {
        self.phase() >= Phase::Settling
    }

    /// The outcome may be taken.
    pub(crate) fn is_handed_over(self) -> bool {
        self.phase() >= Phase::Done
    }

    /// Whether somebody has begun to run it, be it that it has ended since.
    pub(crate) fn has_started(self) -> bool {
        self.has(STARTED)
    }

    /// Whether somebody is to be told of its end.
    pub(crate) fn is_watched(self) -> bool {
        self.has(WAITED) || self.has(CALLBACKS)
    }

    /// Whether its owner has dropped the future.
    pub(crate) fn is_detached(self) -> bool {
        self.has(DETACHED)
    }

    /// The same, of a task parts of which have started.
    pub(crate) fn running(self) -> Self {
        self.at(Phase::Running)
    }

    pub(crate) fn stop_requested(self) -> bool {
        self.has(STOP_REQUESTED)
    }

    /// How it ended, once it is settled.
    pub(crate) fn ending(self) -> Option<Ending> {
        self.is_settled().then(|| {
            if self.has(CANCELLED) {
                Ending::Cancelled
            } else if self.has(FAILED) {
                Ending::Failed
            } else {
                Ending::Succeeded
            }
        })
    }

    fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }

    fn with(self, bit: u32) -> Self {
        Self(self.0 | bit)
    }

    fn without(self, bit: u32) -> Self {
        Self(self.0 & !bit)
    }

    fn at(self, phase: Phase) -> Self {
        Self(self.0 & !PHASE | phase as u32)
    }

    /// The outcome is handed over, or nobody will take it.
    fn delivered(self) -> Self {
        let next = if self.has(DETACHED) {
            Phase::Taken
        } else {
            Phase::Done
        };
        self.at(next).without(WAITED)
    }

    /// What follows a delivery, by the word before it.
    fn whom_to_tell(self) -> Finish {
        if self.has(DETACHED) {
            Finish::Unwanted
        } else if self.has(WAITED) {
            Finish::TellWaiter
        } else {
            Finish::Unwatched
        }
    }

    fn ended(self, ending: Ending) -> Self {
        match ending {
            Ending::Succeeded => self,
            Ending::Failed => self.with(FAILED),
            Ending::Cancelled => self.with(CANCELLED),
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("phase", &self.phase())
            .field("ending", &self.ending())
            .field("waited", &self.has(WAITED))
            .field("callbacks", &self.has(CALLBACKS))
            .field("stop_requested", &self.stop_requested())
            .finish()
    }
}
