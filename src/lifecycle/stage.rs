use crate::{
    executor::Shutdown,
    sync::atomic::{AtomicU8, Ordering::SeqCst},
};

/// How far an executor's end has come. Only ever goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Everybody may submit.
    Open = 0,
    /// The executor's own tasks may submit; it closes when nothing is left.
    Finishing = 1,
    /// As `Finishing`; what has not started does not start.
    Cancelling = 2,
    /// As `Cancelling`; suspended futures are dropped.
    Killing = 3,
    /// Somebody else ended the runtime: as `Killing`, and what ends is told `ShutDown`.
    Lost = 4,
    /// Nothing runs and nothing will. The threads are leaving.
    Closed = 5,
}

impl Stage {
    /// Where a shutdown of this kind begins.
    pub(crate) fn of(how: Shutdown) -> Self {
        match how {
            Shutdown::Finish => Self::Finishing,
            Shutdown::Cancel => Self::Cancelling,
            Shutdown::Kill => Self::Killing,
        }
    }
}

pub(super) struct StageCell(AtomicU8);

impl StageCell {
    pub(super) fn open() -> Self {
        Self(AtomicU8::new(Stage::Open as u8))
    }

    pub(super) fn get(&self) -> Stage {
        match self.0.load(SeqCst) {
            0 => Stage::Open,
            1 => Stage::Finishing,
            2 => Stage::Cancelling,
            3 => Stage::Killing,
            4 => Stage::Lost,
            _ => Stage::Closed,
        }
    }

    pub(super) fn raise_to(&self, stage: Stage) {
        self.0.fetch_max(stage as u8, SeqCst);
    }

    /// Raises it to `Closed`; true for the one who did.
    #[must_use]
    pub(super) fn close(&self) -> bool {
        self.0.fetch_max(Stage::Closed as u8, SeqCst) != Stage::Closed as u8
    }
}
