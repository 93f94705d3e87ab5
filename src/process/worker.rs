//! One worker as the parent sees it: its process, its link, and the batches it has.

use super::{
    config::Config,
    flight::{Flight, News},
    link::{
        Link, MOST_INLINE, SLOTS, Way,
        bulk::{Reader, Writer},
        frame::{ANNOUNCE, Header, IN_BULK, LAST, down, up},
        ring::{Nonsense, Receiver, Sender},
        slot::{ASKED_TO_STOP, TO_BE_DROPPED},
    },
};
use crate::{
    error::TaskError,
    ledger::Ledger,
    remote::{EntryPlace, place_of},
    sync::Arc,
    sys::{channel, child::ChildProcess},
    task::{Answer, Carrier, Load, Parcel, failure},
};
use std::{
    collections::{BTreeSet, HashMap},
    os::fd::{AsFd, OwnedFd},
    sync::Weak,
    time::{Duration, Instant},
};

/// How far a worker is. Only ever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It has not said that it is ready; work may be sent ahead all the same.
    Starting,
    Ready,
    /// It takes nothing more, and is about to end by itself.
    Leaving,
    /// It was killed.
    Killed,
}

/// What the supervisor holds on to while it waits.
pub(super) struct Wires {
    pub(super) child: ChildProcess,
    pub(super) socket: OwnedFd,
}

pub(super) struct Worker {
    /// Tells it from all others of its pool, dead ones included.
    pub(super) number: u64,
    pub(super) wires: Arc<Wires>,
    pub(super) link: Link,
    pub(super) phase: Phase,
    down: Sender,
    up: Receiver,
    bulk_down: Writer,
    bulk_up: Reader,
    pub(super) flights: Vec<Option<Flight>>,
    free: Vec<u16>,
    /// How many of the flights are futures, which do not wait for each other.
    futures: usize,
    /// Contexts it was sent.
    contexts: BTreeSet<u64>,
    /// Those that it shall forget as soon as there is room to say so.
    to_forget: Vec<u64>,
    /// Long bodies that it has been told of and has not asked for.
    unfetched: HashMap<u64, Arc<Vec<u8>>>,
    outgoing: Option<Outgoing>,
    incoming: Option<Incoming>,
    /// Why it could not get ready.
    pub(super) failure: Option<TaskError>,
    /// What it said before the protocol began.
    pub(super) text: Vec<u8>,
    pub(super) idle_since: Instant,
    /// It is stopped by somebody, and has no work meanwhile.
    pub(super) stalled: bool,
    /// When it has to be gone.
    pub(super) leaves_until: Option<Instant>,
    /// It said that it is leaving because it has done enough.
    pub(super) retired: bool,
}

/// A long body on its way out.
struct Outgoing {
    what: Body,
    sent: usize,
}

enum Body {
    /// That of the batch in this slot.
    Batch(u16),
    Shared(Arc<Vec<u8>>),
}

/// A long answer on its way in.
struct Incoming {
    header: Header,
    left: u64,
    bytes: Vec<u8>,
}

/// What taking in has met.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TakenIn {
    /// There was something.
    pub(super) any: bool,
    /// Batches that have ended, and the time they took in nanoseconds.
    pub(super) ended: u64,
    pub(super) nanos: u64,
}

/// So long may a growing answer be before its memory is asked for piece by piece.
const TRUSTED_LENGTH: u64 = 64 * 1024 * 1024;

impl Worker {
    pub(super) fn new(number: u64, wires: Wires, link: Link) -> Self {
        Self {
            number,
            wires: Arc::new(wires),
            phase: Phase::Starting,
            down: Sender::new(link.clone(), Way::Down),
            up: Receiver::new(link.clone(), Way::Up),
            bulk_down: Writer::new(link.clone(), Way::BulkDown),
            bulk_up: Reader::new(link.clone(), Way::BulkUp),
            link,
            flights: (0..SLOTS).map(|_| None).collect(),
            free: (0..SLOTS as u16).rev().collect(),
            futures: 0,
            contexts: BTreeSet::new(),
            to_forget: Vec::new(),
            unfetched: HashMap::new(),
            outgoing: None,
            incoming: None,
            failure: None,
            text: Vec::new(),
            idle_since: Instant::now(),
            stalled: false,
            leaves_until: None,
            retired: false,
        }
    }

    /// Batches that it has.
    pub(super) fn in_flight(&self) -> usize {
        SLOTS - self.free.len()
    }

    /// Of these, calls: they run one after another.
    pub(super) fn calls(&self) -> usize {
        self.in_flight() - self.futures
    }

    /// Of these, futures.
    pub(super) fn futures(&self) -> usize {
        self.futures
    }

    pub(super) fn takes_work(&self) -> bool {
        self.phase <= Phase::Ready && !self.stalled && !self.free.is_empty()
    }

    /// Runs something now: an item has started and was not answered.
    pub(super) fn is_running(&self) -> bool {
        self.flights.iter().enumerate().any(|(slot, flight)| {
            flight
                .as_ref()
                .is_some_and(|flight| self.link.slot(slot).progress().0 > flight.answered)
        })
    }

    /// Items that it has and that have not started.
    pub(super) fn unstarted(&self) -> usize {
        self.flights
            .iter()
            .enumerate()
            .filter(|(_, flight)| flight.as_ref().is_some_and(|flight| !flight.abandoned))
            .map(|(slot, _)| {
                let (started, limit) = self.link.slot(slot).progress();
                limit.saturating_sub(started) as usize
            })
            .sum()
    }

    /// Wakes it if it sleeps.
    pub(super) fn wake(&self) {
        if self.link.worker_sleeps() {
            channel::ring(self.wires.socket.as_fd());
        }
    }

    /// Sends a batch. It comes back if there is no room for it, or for its context.
    pub(super) fn send(
        &mut self,
        id: u64,
        parcel: &Arc<dyn Parcel>,
        place: EntryPlace,
        load: Load,
        announce: bool,
        carrier: &Weak<dyn Carrier>,
    ) -> Result<u16, Load> {
        let context = parcel.call().context.as_ref();
        if let Some(context) = context
            && !self.contexts.contains(&context.id())
        {
            if !self.send_body(
                down::CONTEXT,
                context.id(),
                EntryPlace { offset: 0, name: 0 },
                context.bytes(),
            ) {
                return Err(load);
            }
            self.contexts.insert(context.id());
            context.held_by(carrier);
        }
        let is_long = load.bytes.len() > MOST_INLINE;
        let in_ring: &[u8] = if is_long { &[] } else { &load.bytes };
        let Some(slot) = self.free.last().copied() else {
            return Err(load);
        };
        self.link.slot(slot as usize).fill(load.items);
        let mut flags = if is_long { IN_BULK } else { 0 };
        if announce {
            flags |= ANNOUNCE;
        }
        let sent = self.down.push(
            Header {
                kind: down::BATCH,
                flags,
                slot,
                body: load.bytes.len() as u64,
                id,
                entry: place.offset,
                name: place.name,
                context: context.map_or(0, |context| context.id()),
                item: load.items,
                ..Header::default()
            },
            in_ring,
        );
        if !sent {
            return Err(load);
        }
        self.free.pop();
        self.futures += usize::from(parcel.call().is_async());
        self.flights[slot as usize] = Some(Flight::new(id, parcel.clone(), load));
        Ok(slot)
    }

    /// Sends a body that every task shares: a context, the initializer's argument.
    fn send_body(&mut self, kind: u8, id: u64, place: EntryPlace, body: &Arc<Vec<u8>>) -> bool {
        let is_long = body.len() > MOST_INLINE;
        let header = Header {
            kind,
            flags: if is_long { IN_BULK } else { 0 },
            body: body.len() as u64,
            id,
            entry: place.offset,
            name: place.name,
            ..Header::default()
        };
        let sent = self.down.push(header, if is_long { &[] } else { body });
        if sent && is_long {
            self.unfetched.insert(id, body.clone());
        }
        sent
    }

    /// Sends the initializer, first of all.
    pub(super) fn send_initializer(&mut self, config: &Config) {
        if let Some(initializer) = &config.initializer
            && let Ok(place) = place_of(initializer.entry)
        {
            let sent = self.send_body(down::INITIALIZE, 0, place, &initializer.argument);
            debug_assert!(sent, "an empty ring has room");
        }
    }

    /// The worker shall forget a context.
    pub(super) fn forget(&mut self, context: u64) {
        if self.contexts.remove(&context) {
            self.to_forget.push(context);
            self.send_forgets();
        }
    }

    fn send_forgets(&mut self) {
        while let Some(id) = self.to_forget.last().copied() {
            let header = Header {
                kind: down::FORGET,
                id,
                ..Header::default()
            };
            if !self.down.push(header, &[]) {
                return;
            }
            self.to_forget.pop();
            self.wake();
        }
    }

    /// Nothing is on its way to it.
    pub(super) fn unsent_is_empty(&self) -> bool {
        self.to_forget.is_empty() && self.unfetched.is_empty() && self.outgoing.is_none()
    }

    /// Tells it to leave. It has no work.
    pub(super) fn dismiss(&mut self, within: Duration) {
        self.phase = Phase::Leaving;
        self.leaves_until = Some(Instant::now() + within);
        let header = Header {
            kind: down::EXIT,
            ..Header::default()
        };
        if self.down.push(header, &[]) {
            self.wake();
        } else {
            self.kill();
        }
    }

    /// Kills it; the supervisor hears of its death.
    pub(super) fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.wires.child.kill();
    }

    /// Takes in what the worker has added and sends on what it waits for.
    pub(super) fn take_in(&mut self, ledger: &Ledger, news: &mut News) -> Result<TakenIn, Nonsense> {
        let mut taken = TakenIn::default();
        while self.take_one(ledger, news, &mut taken)? {
            taken.any = true;
        }
        if !self.to_forget.is_empty() {
            self.send_forgets();
        }
        self.send_on();
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
    pub(super) fn has_news(&self) -> bool {
        self.up.has_next() || self.incoming.is_some() || self.outgoing.is_some()
    }

    fn take_one(&mut self, ledger: &Ledger, news: &mut News, taken: &mut TakenIn) -> Result<bool, Nonsense> {
        if let Some(incoming) = &mut self.incoming {
            let read = self.bulk_up.read(&mut incoming.bytes, incoming.left)?;
            incoming.left -= read as u64;
            if incoming.left == 0
                && let Some(incoming) = self.incoming.take()
            {
                self.answered(&incoming.header, None, incoming.bytes, ledger, news, taken)?;
            }
            return Ok(read > 0);
        }
        let Some(frame) = self.up.peek()? else {
            return Ok(false);
        };
        let header = frame.header;
        match header.kind {
            up::VALUE | up::FAILURE | up::NOT_READY if header.flags & IN_BULK != 0 => {
                let mut bytes = Vec::new();
                // Said by the worker: believed as far as it cannot hurt.
                let ahead = header.body.min(TRUSTED_LENGTH);
                let _ = bytes.try_reserve_exact(usize::try_from(ahead).unwrap_or(0));
                self.incoming = Some(Incoming {
                    header,
                    left: header.body,
                    bytes,
                });
            }
            up::VALUE if header.body as usize <= SMALL => {
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
                if self.phase == Phase::Starting {
                    self.phase = Phase::Ready;
                }
            }
            up::STARTED => {
                let flight = flight(&mut self.flights, &header)?;
                flight.note_started(header.item.saturating_add(1).min(flight.load.items), ledger);
            }
            up::END => self.ended(&header, news, taken)?,
            up::WANTED => self.wanted(&header)?,
            up::RETIRING => {
                self.retired = true;
                self.phase = self.phase.max(Phase::Leaving);
                self.leaves_until = Some(Instant::now() + super::config::GRACE);
            }
            other => return Err(Nonsense(format!("a frame of kind {other}"))),
        }
        self.up.release();
        Ok(true)
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
        let flight = flight(&mut self.flights, header)?;
        if header.item != flight.answered || header.item >= flight.load.items && !flight.abandoned {
            return Err(Nonsense(format!(
                "item {} was answered where item {} of {} was due",
                header.item, flight.answered, flight.load.items
            )));
        }
        let answer = match (header.kind, small) {
            (up::FAILURE, _) => Answer::Failed(failure::read(&bytes)),
            (_, Some(small)) => Answer::Value(small),
            (_, None) => Answer::LargeValue(bytes),
        };
        flight.answer(answer, ledger, news);
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
        let nanos = u64::try_from(header.entry).unwrap_or(0);
        if flight.answered > 0 {
            flight
                .parcel
                .batch_ended(flight.answered, Duration::from_nanos(nanos));
            taken.ended += 1;
            taken.nanos += nanos;
        }
        if !flight.abandoned {
            flight.leave_place();
        }
        if let Some(flight) = self.flights[header.slot as usize].take() {
            self.futures -= usize::from(flight.parcel.call().is_async());
            news.gone.push(flight.parcel);
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
            flight(&mut self.flights, header)?;
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

    /// Writes as much of a long body as there is room for.
    fn send_on(&mut self) {
        let Some(outgoing) = &mut self.outgoing else {
            return;
        };
        let body: &[u8] = match &outgoing.what {
            Body::Batch(slot) => match &self.flights[*slot as usize] {
                Some(flight) => &flight.load.bytes,
                None => &[],
            },
            Body::Shared(bytes) => bytes,
        };
        let before = outgoing.sent;
        while outgoing.sent < body.len() {
            match self.bulk_down.write(&body[outgoing.sent..]) {
                0 => break,
                written => outgoing.sent += written,
            }
        }
        let (sent, is_over) = (outgoing.sent, outgoing.sent == body.len());
        if is_over {
            if let Body::Batch(slot) = outgoing.what
                && let Some(flight) = &mut self.flights[slot as usize]
            {
                // It has started, so it will not be sent again; if it may be tried again, the task has its own copy.
                flight.load.bytes = Vec::new();
            }
            self.outgoing = None;
        }
        if sent > before {
            self.wake();
        }
    }

    /// Notes what has started, without waiting to be told.
    pub(super) fn note_started(&mut self, ledger: &Ledger) {
        for (slot, flight) in self.flights.iter_mut().enumerate() {
            if let Some(flight) = flight {
                let (started, _) = self.link.slot(slot).progress();
                flight.note_started(started.min(flight.load.items), ledger);
            }
        }
    }

    /// Takes back batches that have not started: about half of them, from the end; all if it is stopped. From a single
    /// one, half of its items.
    pub(super) fn take_back(&mut self, all: bool, ledger: &Ledger, news: &mut News) {
        let mut waiting: Vec<(u64, usize)> = self
            .flights
            .iter()
            .enumerate()
            .filter_map(|(slot, flight)| {
                let flight = flight.as_ref()?;
                let untouched = self.link.slot(slot).progress().0 == 0 && !flight.abandoned;
                untouched.then_some((flight.id, slot))
            })
            .collect();
        waiting.sort_unstable();
        let keep = if all { 0 } else { waiting.len() / 2 };
        for (_, slot) in waiting.iter().skip(keep).rev() {
            if let Some(flight) = &mut self.flights[*slot] {
                flight.take_back(self.link.slot(*slot), 0, ledger, news);
            }
        }
        if waiting.is_empty() || all {
            for (slot, flight) in self.flights.iter_mut().enumerate() {
                let Some(flight) = flight else { continue };
                let (started, limit) = self.link.slot(slot).progress();
                let left = limit.saturating_sub(started);
                if left > 0 {
                    let keep = if all { 0 } else { left / 2 };
                    flight.take_back(self.link.slot(slot), keep, ledger, news);
                }
            }
        }
    }

    /// Asks all that runs to stop.
    pub(super) fn ask_all_to_stop(&self) {
        for (slot, flight) in self.flights.iter().enumerate() {
            if flight.is_some() {
                self.link.slot(slot).ask(ASKED_TO_STOP);
            }
        }
    }

    /// Stops the batch in this slot: drops its future if others run beside it, else kills the process.
    pub(super) fn stop(&mut self, slot: usize) {
        let beside = self.flights.iter().enumerate().any(|(other, flight)| {
            other != slot
                && flight.as_ref().is_some_and(|flight| !flight.abandoned)
                && self.link.slot(other).progress().0 > 0
        });
        let is_future = self.flights[slot]
            .as_ref()
            .is_some_and(|flight| flight.parcel.call().is_async());
        if let Some(flight) = &mut self.flights[slot] {
            flight.abandon();
        }
        if is_future && beside {
            self.link.slot(slot).ask(TO_BE_DROPPED);
            self.wake();
        } else {
            self.kill();
        }
    }

    /// Everything it had, for when it is dead.
    pub(super) fn take_flights(&mut self) -> Vec<(usize, Flight)> {
        self.flights
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, flight)| flight.take().map(|flight| (slot, flight)))
            .collect()
    }
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
