//! The lane of a map whose items run in other processes.
//!
//! The consumer encodes items one by one as it pulls them. They wait as bytes in the [`Source`], from which the carrier
//! cuts a batch whenever a worker has room for one; answers come back as bytes and are decoded here, one by one, when
//! they are yielded. So no foreign code runs under a lock or on a supervising thread.

mod answers;
mod source;

use super::map::TakenIn;
use crate::{
    error::TaskError,
    future::{core::Outcome, host},
    ledger::Ledger,
    running::record::{Passage, Stopwatch},
    sync::Arc,
    task::{
        Admission, CarrierHandle, Crossing, Decode, Reaction, RemoteCall, Whereabouts, guarded,
        parcel::push_item,
    },
};
use answers::Answers;
use source::Source;
use std::{
    marker::PhantomData,
    num::NonZeroUsize,
    task::{Poll, Waker},
    time::Instant,
};

/// Who pushes many items hands some of them out meanwhile.
const PUSHES_PER_LOOK: usize = 1024;

/// The consumer's side.
pub(crate) struct Shipped<T, R> {
    source: Arc<Source>,
    carrier: CarrierHandle,
    encode: fn(&T, &mut Vec<u8>) -> Result<(), TaskError>,
    decode: Decode<R>,
    /// What is being yielded.
    current: Answers,
    /// Where an item is encoded before anybody sees it.
    buffer: Vec<u8>,
    /// Items that were taken in, and those of them that are counted as submitted.
    taken_in: usize,
    counted: usize,
    /// The source was full when the last item was pushed.
    is_full: bool,
    detached: bool,
    /// What encoding and decoding take, if the executor is recorded.
    encoding: Stopwatch,
    decoding: Stopwatch,
    items: PhantomData<fn(T)>,
}

impl<T: Send + 'static, R: Send + 'static> Shipped<T, R> {
    pub(super) fn new<X>(
        carrier: CarrierHandle,
        ledger: Ledger,
        call: RemoteCall,
        name: Option<Arc<str>>,
        chunk_size: Option<NonZeroUsize>,
    ) -> Self
    where
        X: Crossing<T> + Crossing<R>,
    {
        Self {
            source: Source::new(ledger, call, name, chunk_size),
            carrier,
            encode: |item, bytes| <X as Crossing<T>>::encode("the argument", item, bytes),
            decode: |packed| packed.unpack::<R, X>("the result"),
            current: Answers::default(),
            buffer: Vec::new(),
            taken_in: 0,
            counted: 0,
            is_full: false,
            detached: false,
            encoding: Stopwatch::default(),
            decoding: Stopwatch::default(),
            items: PhantomData,
        }
    }

    /// A map none of whose items can be sent, for this reason.
    pub(super) fn closed(mut self, reason: TaskError) -> Self {
        self.source.close(reason);
        self.detached = true;
        self
    }

    /// Takes in `most` more items, unless so many bytes wait that reading further ahead would only cost memory.
    #[inline]
    pub(super) fn take_in(&mut self, items: &mut impl Iterator<Item = T>, most: usize) -> TakenIn {
        for _ in 0..most {
            self.is_full = self.is_full && self.source.is_full();
            if self.is_full {
                return TakenIn::UntilFull;
            }
            match items.next() {
                Some(item) => self.push(item),
                None => return TakenIn::UntilEnd,
            }
        }
        TakenIn::All
    }

    /// How many items were taken in so far.
    pub(super) fn taken_in(&self) -> usize {
        self.taken_in
    }

    #[inline]
    fn push(&mut self, item: T) {
        self.taken_in += 1;
        if self.taken_in.is_multiple_of(PUSHES_PER_LOOK) {
            self.carrier.0.look();
        }
        self.buffer.clear();
        let (encode, buffer) = (self.encode, &mut self.buffer);
        let since = self.encoding.start();
        let encoded = guarded(|| push_item(buffer, |bytes| encode(&item, bytes)));
        self.encoding.stop(since);
        crate::panic::drop_contained(item);
        match encoded {
            Ok(()) => {
                let pushed = self.source.push(&self.buffer);
                self.is_full = pushed.is_full;
                if pushed.to_be_carried {
                    self.carrier.0.clone().carry(self.source.clone(), Admission::New);
                }
            }
            Err(error) => self.source.fail_next(error),
        }
        // One large item must not keep its room for ever.
        if self.buffer.capacity() > source::MOST_BYTES_OF_A_BATCH {
            self.buffer = Vec::new();
        }
    }

    /// Items are counted when a round of pulls is over, and sent as they come.
    pub(super) fn pulling(&mut self, _: usize) {
        self.encoding.begin(self.source.ledger().id().number());
    }

    /// Gives back how many nanoseconds went into encoding.
    pub(super) fn pulled(&mut self) -> u64 {
        let uncounted = self.taken_in - self.counted;
        self.counted += uncounted;
        self.source.ledger().submitted(uncounted as u64);
        self.encoding.nanos()
    }

    #[inline]
    pub(super) fn try_next(&mut self) -> Option<Outcome<R>> {
        let since = self.decoding.start();
        let answer = self.current.next()?;
        let outcome = answer.and_then(|packed| {
            let decode = self.decode;
            guarded(|| decode(packed)).inspect_err(|_| self.source.ledger().failed_after_all())
        });
        self.decoding.stop(since);
        Some(outcome)
    }

    /// Yields these answers next.
    fn set_current(&mut self, answers: Answers) {
        let executor = self.source.ledger().id().number();
        self.decoding.tell(executor, Passage::Out);
        self.decoding.begin(executor);
        self.current = answers;
    }

    pub(super) fn is_ready(&mut self) -> bool {
        if self.current.is_empty() && !self.source.is_ready() {
            self.carrier.0.look();
        }
        !self.current.is_empty() || self.source.is_ready()
    }

    pub(super) fn look(&mut self) -> Option<Outcome<R>> {
        loop {
            if let Some(outcome) = self.try_next() {
                return Some(outcome);
            }
            let more = self.more_answers()?;
            self.set_current(more);
        }
    }

    /// What has come meanwhile. Who comes for it takes in and hands out on this occasion, so that the workers need not
    /// wake anybody else for that.
    fn more_answers(&self) -> Option<Answers> {
        self.carrier.0.look();
        self.source.take_answers()
    }

    pub(super) fn wait_next(&mut self, until: Option<Instant>) -> Option<Outcome<R>> {
        if let Some(outcome) = self.look() {
            return Some(outcome);
        }
        if host::current().is_none() {
            let source = self.source.clone();
            self.carrier.0.attend(&|| source.is_ready());
        }
        host::block_on(until, || false, |waker| self.poll_next(waker))
    }

    pub(super) fn poll_next(&mut self, waker: &Waker) -> Poll<Outcome<R>> {
        loop {
            if let Some(outcome) = self.try_next() {
                return Poll::Ready(outcome);
            }
            if let Some(answers) = self.more_answers() {
                self.set_current(answers);
                continue;
            }
            match self.source.take_answers_or_wait(waker) {
                Ok(answers) => self.set_current(answers),
                Err(is_first) => {
                    if is_first.0 {
                        self.carrier.0.awaited();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    pub(super) fn set_unordered(&mut self) {
        self.source.set_unordered();
    }

    pub(super) fn detach(&mut self) {
        self.detached = true;
    }
}

impl<T, R> Shipped<T, R> {
    pub(super) fn cancel(&mut self) {
        self.decoding
            .tell(self.source.ledger().id().number(), Passage::Out);
        if self.detached {
            return;
        }
        self.source.close(TaskError::Cancelled);
        // What lies in workers unstarted comes back and is lost; what runs is asked to stop.
        self.carrier
            .0
            .intercept(&*self.source, &mut |whereabouts| match whereabouts {
                Whereabouts::Waiting => Reaction::Leave,
                Whereabouts::Started => Reaction::AskToStop,
            });
        self.source.wake();
    }
}
