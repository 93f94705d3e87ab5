//! What comes from a worker: answers, and what it says of itself. Nothing of it is believed unchecked (rule 5).

use super::{
    super::{
        flight::Flight,
        link::{
            MOST_INLINE,
            frame::{BARE, Header, IN_BULK, LAST, TIMED, down, up},
            ring::Nonsense,
        },
        times::Times,
    },
    Phase, Worker,
    sending::{Body, Outgoing},
};
use crate::{
    ledger::Ledger,
    remote::News,
    sys::{channel, clock, huge_pages},
    task::{Answer, failure, short},
};
use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

/// A long answer on its way in.
pub(super) struct Incoming {
    header: Header,
    left: u64,
    bytes: Vec<u8>,
}

/// What taking in has met.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::process) struct TakenIn {
    /// There was something.
    pub(in crate::process) any: bool,
    /// There is more, for the next turn: no worker keeps the lock to itself.
    pub(in crate::process) more: bool,
    /// A long body has come or gone a piece further.
    pub(in crate::process) moved: bool,
    /// Batches that have ended, and the time they took in nanoseconds.
    pub(in crate::process) ended: u64,
    pub(in crate::process) nanos: u64,
}

/// Frames that are taken in at a time: 16 KiB of the smallest.
const MOST_AT_ONCE: usize = 256;

/// A piece of a long answer counts as so many of them: 2 MiB of it at a time.
const COST_OF_PIECE: usize = 16;

/// As so many frames counts a copy of short answers.
const COST_OF_SHORT: usize = 16;

/// So long may a growing answer be before its memory is asked for piece by piece.
const TRUSTED_LENGTH: u64 = 64 * 1024 * 1024;

impl Worker {
    /// Takes in what the worker has added and sends on what it waits for.
    pub(in crate::process) fn take_in(
        &mut self,
        ledger: &Ledger,
        news: &mut News,
    ) -> Result<TakenIn, Nonsense> {
        let mut taken = TakenIn::default();
        let mut left = MOST_AT_ONCE;
        while left > 0 {
            let cost = self.take_one(ledger, news, &mut taken)?;
            if cost == 0 {
                break;
            }
            taken.any = true;
            left = left.saturating_sub(cost);
        }
        if !self.to_forget.is_empty() {
            self.send_forgets();
        }
        if self.outgoing.is_some() {
            taken.moved |= self.send_on();
            self.bulk_down.check()?;
        }
        taken.more = taken.any && (self.up.has_next() || self.bulk_up.has_more())
            || self.outgoing.is_some() && self.bulk_down.has_room();
        if taken.any {
            if self.in_flight() == 0 {
                self.idle_since = Instant::now();
            }
            if self.link.worker_needs_room() {
                channel::ring(self.wires.socket.as_fd());
            }
        }
        Ok(taken)
    }

    /// Whether there may be something to take in.
    pub(in crate::process) fn has_news(&self) -> bool {
        self.up.has_next()
            || self.incoming.is_some() && self.bulk_up.has_more()
            // What makes no sense is news as well.
            || self.outgoing.is_some() && (self.bulk_down.has_room() || self.bulk_down.check().is_err())
    }

    /// A long body is on its way.
    pub(in crate::process) fn is_streaming(&self) -> bool {
        self.incoming.is_some() || self.outgoing.is_some()
    }

    /// Takes in what comes next, and says as how many frames it counts: 0 if there is nothing.
    fn take_one(&mut self, ledger: &Ledger, news: &mut News, taken: &mut TakenIn) -> Result<usize, Nonsense> {
        if let Some(incoming) = &mut self.incoming {
            let read = self.bulk_up.read(&mut incoming.bytes, incoming.left)?;
            incoming.left -= read as u64;
            taken.moved |= read > 0;
            if incoming.left == 0
                && let Some(incoming) = self.incoming.take()
            {
                self.answered(&incoming.header, None, incoming.bytes, ledger, news, taken)?;
            }
            return Ok(if read > 0 { COST_OF_PIECE } else { 0 });
        }
        let Some(frame) = self.up.peek()? else {
            return Ok(0);
        };
        let header = frame.header;
        if header.kind == short::MARK {
            self.short_answers(ledger, news)?;
            return Ok(COST_OF_SHORT);
        }
        match header.kind {
            up::NOT_READY if self.was_ready => {
                return Err(Nonsense("it was ready, and is not".into()));
            }
            up::VALUE | up::FAILURE | up::NOT_READY if header.flags & IN_BULK != 0 => {
                // Before anything of it is read: nobody may want it.
                let argument = if header.kind == up::NOT_READY {
                    None
                } else {
                    due(&mut self.flights, &header)?.room_for(header.body)
                };
                let bytes = argument.unwrap_or_else(|| {
                    let mut bytes = Vec::new();
                    // Said by the worker: believed as far as it cannot hurt.
                    let ahead = header.body.min(TRUSTED_LENGTH);
                    let _ = bytes.try_reserve_exact(usize::try_from(ahead).unwrap_or(0));
                    huge_pages::prefer(bytes.spare_capacity_mut());
                    bytes
                });
                self.incoming = Some(Incoming {
                    header,
                    left: header.body,
                    bytes,
                });
            }
            up::VALUE if header.body <= SMALL as u64 && header.flags & BARE == 0 => {
                // Copied out of the reach of the worker, without a vector of its own.
                let mut small = [0; SMALL];
                let length = frame.body.len().min(SMALL);
                small[..length].copy_from_slice(&frame.body[..length]);
                self.answered(&header, Some(&small[..length]), Vec::new(), ledger, news, taken)?;
            }
            up::VALUE | up::FAILURE | up::NOT_READY => {
                let bytes = frame.body.to_vec();
                self.answered(&header, None, bytes, ledger, news, taken)?;
            }
            up::READY => {
                self.was_ready = true;
                if self.phase == Phase::Starting {
                    self.phase = Phase::Ready;
                }
            }
            up::STARTED => {
                let flight = flight(&mut self.flights, &header)?;
                flight.note_started(header.item.saturating_add(1).min(flight.load.items), ledger);
            }
            up::TIMES => {
                let times = Times::all(frame.body, clock::precise());
                if !flight(&mut self.flights, &header)?.took(times, ledger) {
                    return Err(unasked());
                }
            }
            up::END => self.ended(&header, news, taken)?,
            up::WANTED => self.wanted(&header)?,
            up::RETIRING => {
                self.phase = self.phase.max(Phase::Leaving);
                // It may take its time with its exit handlers.
                self.take_back(true, ledger, news);
            }
            other => return Err(Nonsense(format!("a frame of kind {other}"))),
        }
        self.up.release();
        Ok(1)
    }

    /// Short answers have come: to the items behind the last one that was answered.
    fn short_answers(&mut self, ledger: &Ledger, news: &mut News) -> Result<(), Nonsense> {
        let items = self.up.take_short(&mut self.short)?;
        let flight = flight(&mut self.flights, &self.answering)?;
        if !flight.abandoned && flight.load.items.saturating_sub(flight.answered) < items {
            return Err(Nonsense(format!(
                "{items} items were answered behind item {} of {}",
                flight.answered, flight.load.items
            )));
        }
        flight.answer_together(items, &self.short, ledger, news);
        Ok(())
    }

    /// An answer has come, whole.
    fn answered(
        &mut self,
        header: &Header,
        small: Option<&[u8]>,
        bytes: Vec<u8>,
        ledger: &Ledger,
        news: &mut News,
        taken: &mut TakenIn,
    ) -> Result<(), Nonsense> {
        if header.kind == up::NOT_READY {
            self.failure = Some(failure::read(&bytes));
            return Ok(());
        }
        let flight = due(&mut self.flights, header)?;
        if header.flags & TIMED != 0 && !flight.took([Times::of_header(header)].into_iter(), ledger) {
            return Err(unasked());
        }
        let answer = match (header.kind, small) {
            (up::FAILURE, _) => Answer::Failed(failure::read(&bytes)),
            (_, None) if header.flags & BARE != 0 => Answer::Bare(bytes),
            (_, Some(small)) => Answer::Value(small),
            (_, None) => Answer::LargeValue(bytes),
        };
        flight.answer(answer, ledger, news);
        self.answering = *header;
        if header.flags & LAST != 0 {
            self.ended(header, news, taken)?;
        }
        Ok(())
    }

    fn ended(&mut self, header: &Header, news: &mut News, taken: &mut TakenIn) -> Result<(), Nonsense> {
        let flight = flight(&mut self.flights, header)?;
        if flight.answered < flight.load.items && !flight.abandoned {
            return Err(Nonsense("a batch ended before its last item".into()));
        }
        if let Some(Outgoing {
            what: Body::Batch(slot),
            ..
        }) = &self.outgoing
            && *slot == header.slot
        {
            return Err(Nonsense("a batch ended before its body had arrived".into()));
        }
        let nanos = u64::try_from(header.entry).unwrap_or(0);
        if flight.answered > 0 {
            flight
                .parcel
                .batch_ended(flight.answered, Duration::from_nanos(nanos));
            taken.ended += 1;
            taken.nanos = taken.nanos.saturating_add(nanos);
        }
        if !flight.abandoned {
            flight.leave_place();
        }
        if let Some(flight) = self.flights[header.slot as usize].take() {
            self.futures -= usize::from(flight.parcel.call().is_async());
            flight.let_go(news);
        }
        self.free.push(header.slot);
        self.stalled = false;
        Ok(())
    }

    /// The worker waits for a long body.
    fn wanted(&mut self, header: &Header) -> Result<(), Nonsense> {
        if self.outgoing.is_some() {
            return Err(Nonsense("it asked for two bodies at once".into()));
        }
        let what = if header.item == u32::from(down::BATCH) {
            let flight = flight(&mut self.flights, header)?;
            let (started, _) = self.link.slot(header.slot as usize).progress();
            if started == 0 || flight.load.bytes.len() <= MOST_INLINE {
                return Err(Nonsense(
                    "it asked for a body that it has, or has no right to".into(),
                ));
            }
            Body::Batch(header.slot)
        } else {
            match self.unfetched.remove(&header.id) {
                Some(bytes) => Body::Shared(bytes),
                None => return Err(Nonsense("it asked for a body that it was not told of".into())),
            }
        };
        self.outgoing = Some(Outgoing { what, sent: 0 });
        Ok(())
    }
}

fn unasked() -> Nonsense {
    Nonsense("it tells times that nobody has asked for".into())
}

/// An answer up to this size is copied without asking for memory.
const SMALL: usize = 64;

/// The batch that a header from the worker speaks of.
fn flight<'a>(flights: &'a mut [Option<Flight>], header: &Header) -> Result<&'a mut Flight, Nonsense> {
    flights
        .get_mut(header.slot as usize)
        .and_then(Option::as_mut)
        .filter(|flight| flight.id == header.id)
        .ok_or_else(|| {
            Nonsense(format!(
                "it speaks of batch {}, which it does not have",
                header.id
            ))
        })
}

/// The batch that a header answers, if it answers the item that is due.
fn due<'a>(flights: &'a mut [Option<Flight>], header: &Header) -> Result<&'a mut Flight, Nonsense> {
    let flight = flight(flights, header)?;
    if header.item != flight.answered || header.item >= flight.load.items && !flight.abandoned {
        return Err(Nonsense(format!(
            "item {} was answered where item {} of {} was due",
            header.item, flight.answered, flight.load.items
        )));
    }
    Ok(flight)
}
