use super::super::link::{Link, frame::Header, slot::ASKED_TO_STOP};
use crate::{
    running::{Running, Source},
    sync::Arc,
};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// The batch that is being run, as its work sees it.
pub(super) struct RunningBatch {
    link: Link,
    slot: usize,
    attempt: u32,
    is_over: AtomicBool,
}

impl RunningBatch {
    pub(super) fn new(link: &Link, header: &Header) -> Arc<Self> {
        Arc::new(Self {
            link: link.clone(),
            slot: header.slot as usize,
            attempt: header.attempt,
            is_over: AtomicBool::new(false),
        })
    }

    /// Called before the last answer: after that its slot may be another one's, and a token of the batch must not look there.
    pub(super) fn ends(&self) {
        self.is_over.store(true, SeqCst);
    }
}

impl Running for RunningBatch {
    fn stop_requested(&self) -> bool {
        let asked = self.link.slot(self.slot).asked() >= ASKED_TO_STOP;
        // The end second: as long as it has not come, the slot was this batch's.
        asked && !self.is_over.load(SeqCst)
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn for_token(self: Arc<Self>) -> Source {
        Source::Elsewhere(self)
    }
}
