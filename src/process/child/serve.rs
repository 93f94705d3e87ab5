//! What a worker does all its life: take a batch, run its items one after another, answer each.

use super::{
    super::link::{
        frame::{ANNOUNCE, BARE, Header, IN_BULK, LAST, down, up},
        ring::Nonsense,
    },
    futures::Futures,
    running::RunningBatch,
    wire::Wire,
};
use crate::{
    error::{CodecError, TaskError},
    remote::{Contexts, EntryPlace, resolve},
    running::{Doing, run_as},
    runtime,
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
    wire: Wire,
    contexts: Contexts,
    limits: Limits,
    ran: u64,
    futures: Futures,
    /// It has had enough, and leaves when the last future has ended.
    retiring: bool,
    /// Where results are encoded, used again and again.
    answer: Vec<u8>,
}

/// An answer's buffer is kept up to this size.
const KEPT: usize = 32 * 1024 * 1024;

impl Server {
    pub(super) fn new(wire: Wire, limits: Limits) -> Self {
        Self {
            contexts: Contexts::default(),
            limits,
            ran: 0,
            futures: Futures::new(wire.link.clone()),
            retiring: false,
            answer: Vec::new(),
            wire,
        }
    }

    /// Serves until it is told to leave.
    pub(super) fn serve(mut self) -> ! {
        self.ready_unless_initializing();
        // Once there is work: a worker that never has any needs no runtime.
        let mut entered = None;
        loop {
            if self.futures.poll(&mut self.wire) {
                self.retire_if_spent();
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

    fn initialize(&mut self, header: Header, body: &[u8]) {
        let mut answer = Vec::new();
        let verdict = match entry(&header) {
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

    fn batch(&mut self, header: Header) -> Result<(), Nonsense> {
        let entry = entry(&header);
        let context = match header.context {
            0 => None,
            number => self.contexts.get(number),
        };
        if let Ok(Entry {
            routine: Routine::Async(start),
            ..
        }) = entry
        {
            return self.start_future(header, *start, context.as_deref());
        }
        let mut fetched;
        let start = Instant::now();
        let mut claimed = false;
        if header.flags & IN_BULK == 0 {
            fetched = match self.wire.down.peek()? {
                Some(frame) => frame.body.to_vec(),
                None => Vec::new(),
            };
            self.wire.down.release();
        } else {
            self.wire.down.release();
            // A long body is fetched once it is known that it is needed.
            claimed = self.claim(&header, 0);
            fetched = if claimed {
                self.wire.fetch(&header)?
            } else {
                Vec::new()
            };
        }
        let mut bare = (header.flags & BARE != 0).then(|| std::mem::take(&mut fetched));
        let mut rest = &fetched[..];
        let mut answer = std::mem::take(&mut self.answer);
        let mut item = 0;
        let batch = RunningBatch::new(&self.wire.link, &header);
        // Once it retires, the parent takes back what is left.
        while claimed || !self.retiring && self.claim(&header, item) {
            claimed = false;
            answer.clear();
            let argument = if let Some(vector) = bare.take() {
                Packed::Bare(vector)
            } else {
                let Some((argument, behind)) = split_item(rest) else {
                    return Err(Nonsense("a batch that ends before its last item".into()));
                };
                rest = behind;
                Packed::Encoded(argument.into())
            };
            let verdict = match entry {
                Ok(entry) => run_as(&batch, Doing::Calling, || {
                    call(entry, argument, context.as_deref(), &mut answer)
                }),
                Err(ref error) => {
                    failure::write(error, &mut answer);
                    Verdict::Failure
                }
            };
            self.ran += 1;
            let (_, limit) = self.wire.link.slot(header.slot as usize).progress();
            let is_last = item + 1 >= limit;
            if is_last {
                batch.ends();
            }
            self.wire.answer(
                Header {
                    kind: kind_of(verdict),
                    flags: flags_of(verdict) | if is_last { LAST } else { 0 },
                    slot: header.slot,
                    id: header.id,
                    entry: if is_last { nanos_since(start) } else { 0 },
                    item,
                    ..Header::default()
                },
                &answer,
            );
            if verdict == Verdict::Bare {
                // It was the work's, and may be long.
                answer = Vec::new();
            }
            self.retire_if_spent();
            item += 1;
            if is_last {
                self.keep(answer);
                return Ok(());
            }
        }
        self.keep(answer);
        batch.ends();
        // What was left was taken back.
        self.wire.push(
            Header {
                kind: up::END,
                slot: header.slot,
                id: header.id,
                entry: nanos_since(start),
                item,
                ..Header::default()
            },
            &[],
        );
        Ok(())
    }

    fn keep(&mut self, answer: Vec<u8>) {
        if answer.capacity() <= KEPT {
            self.answer = answer;
        }
    }

    fn start_future(
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
        if !self.claim(&header, 0) {
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

    /// Starts the next item, if it may be, and says so if it is to be said.
    fn claim(&mut self, header: &Header, item: u32) -> bool {
        let may = self.wire.link.slot(header.slot as usize).claim();
        if may && header.flags & ANNOUNCE != 0 {
            let started = Header {
                kind: up::STARTED,
                slot: header.slot,
                id: header.id,
                item,
                ..Header::default()
            };
            self.wire.push(started, &[]);
        }
        may
    }

    /// If enough was done, or too much memory is in use: takes nothing more in, and leaves when no future is under way.
    fn retire_if_spent(&mut self) {
        let spent = self.limits.tasks != 0 && self.ran >= self.limits.tasks
            || self.limits.memory != 0 && resident_bytes().is_some_and(|bytes| bytes > self.limits.memory);
        if spent && !self.retiring {
            self.retiring = true;
            self.say(up::RETIRING);
        }
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

fn nanos_since(start: Instant) -> i64 {
    i64::try_from(start.elapsed().as_nanos()).unwrap_or(i64::MAX)
}

fn entry(header: &Header) -> Result<&'static Entry, TaskError> {
    resolve(EntryPlace {
        offset: header.entry,
        name: header.name,
    })
}

fn call(entry: &Entry, argument: Packed<'_>, context: Option<&Received>, answer: &mut Vec<u8>) -> Verdict {
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
