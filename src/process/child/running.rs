use super::super::{
    link::{Link, frame::Header, slot::ASKED_TO_STOP},
    logs,
};
use crate::{
    ledger::ExecutorId,
    running::{About, NameOf, Running, Source, TaskSpan},
    sync::Arc,
};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// The batch that is being run, as its work sees it.
pub(super) struct RunningBatch {
    link: Link,
    slot: usize,
    attempt: u32,
    span: TaskSpan,
    /// How it was when it came to its end, if it has.
    end: AtomicU8,
}

const NOT_OVER: u8 = 0;
const OVER: u8 = 1;
const OVER_AND_ASKED: u8 = 2;

impl RunningBatch {
    pub(super) fn new(link: &Link, header: &Header) -> Arc<Self> {
        link.slot(header.slot as usize).begin();
        Arc::new(Self {
            link: link.clone(),
            slot: header.slot as usize,
            attempt: header.attempt,
            span: logs::span_of(header.log),
            end: AtomicU8::new(NOT_OVER),
        })
    }

    /// For the next batch, if nobody keeps the last one.
    pub(super) fn renew(last: &mut Option<Arc<Self>>, link: &Link, header: &Header) -> Arc<Self> {
        if let Some(last) = last.as_mut().and_then(Arc::get_mut) {
            last.slot = header.slot as usize;
            last.attempt = header.attempt;
            last.span = logs::span_of(header.log);
            *last.end.get_mut() = NOT_OVER;
            last.link.slot(last.slot).begin();
        } else {
            *last = Some(Self::new(link, header));
        }
        last.clone().unwrap_or_else(|| Self::new(link, header))
    }

    /// Called before the last answer: after that its slot may be another one's, and a token of the batch must not look there.
    pub(super) fn ends(&self) {
        let end = if self.is_asked() { OVER_AND_ASKED } else { OVER };
        self.end.store(end, SeqCst);
    }

    fn is_asked(&self) -> bool {
        self.link.slot(self.slot).asked() >= ASKED_TO_STOP
    }
}

impl Running for RunningBatch {
    /// The parent knows better what this is.
    fn about(&self) -> About<'_> {
        About {
            task: None,
            executor: ExecutorId::NONE.number(),
            work: NameOf::<Self>::NAME,
            name: None,
        }
    }

    fn span(&self) -> &TaskSpan {
        &self.span
    }

    fn stop_requested(&self) -> bool {
        let is_asked = self.is_asked();
        // The end second: as long as it has not come, the slot was this batch's.
        match self.end.load(SeqCst) {
            NOT_OVER => is_asked,
            end => end == OVER_AND_ASKED,
        }
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn for_token(self: Arc<Self>) -> Source {
        Source::Elsewhere(self)
    }
}
