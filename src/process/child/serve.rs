//! What a worker does all its life: take a batch, run its items one after another, answer each.

use super::{
    super::{
        link::{
            frame::{ANNOUNCE, BARE, Header, IN_BULK, down, up},
            ring::Nonsense,
        },
        times::Notebook,
    },
    futures::Futures,
    running::RunningBatch,
    wire::Wire,
};
use crate::{
    error::{CodecError, TaskError},
    remote::{Contexts, EntryPlace, resolve},
    runtime,
    sync::Arc,
    sys::worker::resident_bytes,
    task::{
        Entry, Input, Packed, Received, Routine, Verdict, drop_unused_states, failure, parcel::split_item,
    },
};
use std::time::Instant;

/// When a worker has had enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Items it runs at most; 0 is no limit.
    pub(super) tasks: u64,
    /// Bytes it may have in use after a batch; 0 is no limit.
    pub(super) memory: u64,
}

pub(super) struct Server {
    pub(super) wire: Wire,
    pub(super) contexts: Contexts,
    limits: Limits,
    pub(super) ran: u64,
    futures: Futures,
    /// It has had enough, and leaves when the last future has ended.
    pub(super) retiring: bool,
    pub(super) kept: Kept,
}

/// What one batch leaves to the next, so that a small one costs little.
#[derive(Default)]
pub(super) struct Kept {
    /// Where the items of a batch are copied to.
    pub(super) items: Vec<u8>,
    /// Where results are encoded.
    pub(super) answer: Vec<u8>,
    pub(super) running: Option<Arc<RunningBatch>>,
    /// When the last batch ended, if the next one is there already.
    pub(super) ended: Option<Instant>,
    /// How long items took that nobody was told of.
    pub(super) times: Notebook,
    entry: Option<(EntryPlace, &'static Entry)>,
}

impl Server {
    pub(super) fn new(wire: Wire, limits: Limits) -> Self {
        Self {
            contexts: Contexts::default(),
            limits,
            ran: 0,
            futures: Futures::new(wire.link.clone()),
            retiring: false,
            kept: Kept::default(),
            wire,
        }
    }

    /// Serves until it is told to leave.
    pub(super) fn serve(mut self) -> ! {
        self.ready_unless_initializing();
        // Once there is work: a worker that never has any needs no runtime.
        let mut entered = None;
        loop {
            if self.futures.len() > 0 {
                self.kept.ended = None;
                if self.futures.poll(&mut self.wire) {
                    self.retire_if_spent();
                }
            }
            // The parent sends no more futures than may run at once; a call behind them must not wait for their end.
            let takes_more = !self.retiring;
            if takes_more && self.wire.down.has_next() {
                entered.get_or_insert_with(runtime::enter);
                if let Err(nonsense) = self.next_frame() {
                    // The parent would not: memory was overwritten. Nothing that is known here can be trusted.
                    eprintln!(
                        "a worker process received something that makes no sense: {}",
                        nonsense.0
                    );
                    std::process::abort();
                }
            } else if self.futures.len() == 0 {
                self.kept.ended = None;
                self.wire.wait_for_frame();
            } else {
                self.futures.wait(&mut self.wire, takes_more);
            }
        }
    }

    /// The parent puts an initializer first; without one, work may come.
    fn ready_unless_initializing(&mut self) {
        let initializes = self
            .wire
            .down
            .peek()
            .is_ok_and(|frame| frame.is_some_and(|frame| frame.header.kind == down::INITIALIZE));
        if !initializes {
            self.say(up::READY);
        }
    }

    fn say(&mut self, kind: u8) {
        let header = Header {
            kind,
            ..Header::default()
        };
        self.wire.push(header, &[]);
    }

    fn next_frame(&mut self) -> Result<(), Nonsense> {
        let Some(frame) = self.wire.down.peek()? else {
            return Ok(());
        };
        let header = frame.header;
        if header.kind == down::BATCH {
            return self.batch(header);
        }
        self.kept.ended = None;
        let body = if header.flags & IN_BULK == 0 {
            let body = frame.body.to_vec();
            self.wire.down.release();
            body
        } else {
            self.wire.down.release();
            self.wire.fetch(&header)?
        };
        match header.kind {
            down::CONTEXT => self.contexts.keep(header.id, body),
            down::FORGET => {
                self.contexts.forget(header.id);
                drop_unused_states();
            }
            down::INITIALIZE => self.initialize(header, &body),
            down::EXIT => std::process::exit(0),
            other => return Err(Nonsense(format!("a frame of kind {other}"))),
        }
        Ok(())
    }

    /// The work that a header names. Mostly it is the same as before, which was checked.
    pub(super) fn entry(&mut self, header: &Header) -> Result<&'static Entry, TaskError> {
        let asked = EntryPlace {
            offset: header.entry,
            name: header.name,
        };
        if let Some((place, entry)) = self.kept.entry
            && place == asked
        {
            return Ok(entry);
        }
        let entry = resolve(asked)?;
        self.kept.entry = Some((asked, entry));
        Ok(entry)
    }

    fn initialize(&mut self, header: Header, body: &[u8]) {
        let mut answer = Vec::new();
        let verdict = match self.entry(&header) {
            Ok(entry) => call(entry, Packed::Encoded(body.into()), None, &mut answer),
            Err(error) => {
                failure::write(&error, &mut answer);
                Verdict::Failure
            }
        };
        match verdict {
            Verdict::Value | Verdict::Bare => self.say(up::READY),
            Verdict::Failure => {
                let header = Header {
                    kind: up::NOT_READY,
                    ..Header::default()
                };
                self.wire.answer(header, &answer);
                // The parent has read it when it closes the channel, or kills.
                std::process::exit(1);
            }
        }
    }

    pub(super) fn start_future(
        &mut self,
        header: Header,
        start: fn(Input<'_>) -> crate::task::Pending,
        context: Option<&Received>,
    ) -> Result<(), Nonsense> {
        let inline = if header.flags & IN_BULK == 0 {
            self.wire.down.peek()?.map(|frame| frame.body.to_vec())
        } else {
            None
        };
        self.wire.down.release();
        if self.claim(&header, 0).is_none() {
            let end = Header {
                kind: up::END,
                slot: header.slot,
                id: header.id,
                ..Header::default()
            };
            self.wire.push(end, &[]);
            return Ok(());
        }
        let body = match inline {
            Some(body) => body,
            None => self.wire.fetch(&header)?,
        };
        let argument = if header.flags & BARE != 0 {
            Packed::Bare(body)
        } else {
            match split_item(&body) {
                Some((argument, _)) => Packed::Encoded(argument.into()),
                None => return Err(Nonsense("a batch without an item".into())),
            }
        };
        self.ran += 1;
        self.futures.start(&header, || start(Input { argument, context }));
        self.retire_if_spent();
        Ok(())
    }

    /// Starts the next item, if it may be, and says so if it is to be said. Returns how many items may start by now.
    pub(super) fn claim(&mut self, header: &Header, item: u32) -> Option<u32> {
        let claimed = self.wire.link.slot(header.slot as usize).claim();
        if claimed.is_some() && header.flags & ANNOUNCE != 0 {
            let started = Header {
                kind: up::STARTED,
                slot: header.slot,
                id: header.id,
                item,
                ..Header::default()
            };
            self.wire.push(started, &[]);
        }
        claimed
    }

    /// If enough was done, or too much memory is in use: takes nothing more in, and leaves when no future is under way.
    pub(super) fn retire_if_spent(&mut self) {
        self.note_if_spent();
        self.leave_if_retired();
    }

    /// True once enough was done, or too much memory is in use.
    pub(super) fn note_if_spent(&mut self) -> bool {
        let spent = self.limits.tasks != 0 && self.ran >= self.limits.tasks
            || self.limits.memory != 0 && resident_bytes().is_some_and(|bytes| bytes > self.limits.memory);
        if spent && !self.retiring {
            self.retiring = true;
            self.say(up::RETIRING);
        }
        self.retiring
    }

    pub(super) fn leave_if_retired(&mut self) {
        if self.retiring && self.futures.len() == 0 {
            std::process::exit(0);
        }
    }
}

pub(super) fn kind_of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Value | Verdict::Bare => up::VALUE,
        Verdict::Failure => up::FAILURE,
    }
}

pub(super) fn flags_of(verdict: Verdict) -> u8 {
    if verdict == Verdict::Bare { BARE } else { 0 }
}

pub(super) fn call(
    entry: &Entry,
    argument: Packed<'_>,
    context: Option<&Received>,
    answer: &mut Vec<u8>,
) -> Verdict {
    match entry.routine {
        Routine::Call(run) => run(Input { argument, context }, answer),
        Routine::Async(_) => {
            let error = TaskError::Decode(CodecError::new(
                "the work",
                "it is async where a call was expected",
            ));
            failure::write(&error, answer);
            Verdict::Failure
        }
    }
}
