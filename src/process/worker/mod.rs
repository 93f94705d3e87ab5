//! One worker as the parent sees it: its process, its link, and the batches it has.

mod sending;
mod taking_in;

use super::{
    flight::Flight,
    link::{
        Link, SLOTS, Way, Wish,
        bulk::{Reader, Writer},
        frame::{Header, down},
        ring::{Nonsense, Receiver, Sender},
        slot::{ASKED_TO_STOP, TO_BE_DROPPED},
    },
};
use crate::{
    error::TaskError,
    ledger::Ledger,
    remote::News,
    sync::Arc,
    sys::{channel, child::ChildProcess},
};
use sending::Outgoing;
use std::{
    collections::{BTreeSet, HashMap},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};
use taking_in::Incoming;

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

#[allow(clippy::struct_excessive_bools)] // They are answers to different questions.
pub(super) struct Worker {
    /// Tells it from all others of its pool, dead ones included.
    pub(super) number: u64,
    pub(super) wires: Arc<Wires>,
    pub(super) link: Link,
    pub(super) phase: Phase,
    pub(super) down: Sender,
    up: Receiver,
    bulk_down: Writer,
    bulk_up: Reader,
    /// By slot; as long as the highest slot that was ever in use.
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
    /// Of the last answer that named its batch: short ones behind it belong to the same.
    answering: Header,
    /// Where short answers are copied to.
    short: Vec<u8>,
    /// What it shall ring for, while nobody attends.
    armed: Option<Wish>,
    /// It was sent batches and not yet woken for them.
    sent: bool,
    /// Why it could not get ready.
    pub(super) failure: Option<TaskError>,
    /// What it said before the protocol began.
    pub(super) text: Vec<u8>,
    pub(super) idle_since: Instant,
    /// It is stopped by somebody, and has no work meanwhile.
    pub(super) stalled: bool,
    /// When it has to be gone.
    pub(super) leaves_until: Option<Instant>,
    /// It sent something that makes no sense: nothing more of it is read.
    pub(super) wild: bool,
    /// It has been ready for work.
    pub(super) was_ready: bool,
}

/// A future that is to be dropped has so long to get to its next await.
const NEXT_AWAIT: Duration = Duration::from_secs(1);

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
            flights: Vec::new(),
            free: (0..)
                .take(SLOTS)
                .collect::<Vec<u16>>()
                .into_iter()
                .rev()
                .collect(),
            futures: 0,
            contexts: BTreeSet::new(),
            to_forget: Vec::new(),
            unfetched: HashMap::new(),
            outgoing: None,
            incoming: None,
            answering: Header::default(),
            short: Vec::new(),
            armed: None,
            sent: false,
            failure: None,
            text: Vec::new(),
            idle_since: Instant::now(),
            stalled: false,
            leaves_until: None,
            wild: false,
            was_ready: false,
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

    /// Somebody waits for an answer from it.
    pub(super) fn is_wanted(&self) -> bool {
        let waits = |flight: &Flight| !flight.abandoned && flight.answered < flight.load.items;
        self.flights.iter().flatten().any(waits)
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

    /// Wakes it if it was sent batches and sleeps.
    pub(super) fn wake_for_batches(&mut self) {
        if std::mem::take(&mut self.sent) {
            self.wake();
        }
    }

    /// Nobody looks at what it adds: it has to ring, for answers only if anybody waits for one. Who calls this has to look
    /// once more.
    pub(super) fn arm(&mut self) {
        let is_awaited = |flight: &Flight| flight.abandoned || flight.parcel.is_awaited();
        let wish = if self.flights.iter().flatten().any(is_awaited) {
            Wish::All
        } else {
            Wish::Urgent
        };
        self.armed = Some(wish);
        self.link.arm(wish);
        if wish == Wish::All {
            for (slot, flight) in self.flights.iter().enumerate() {
                if flight.as_ref().is_some_and(|flight| flight.load.items > 1) {
                    self.link.slot(slot).touch();
                }
            }
        }
    }

    /// Somebody looks at what it adds.
    pub(super) fn disarm(&mut self) {
        self.armed = None;
        self.link.disarm();
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

    /// Nothing more of it is read; it is killed for what it sent.
    pub(super) fn went_wild(&mut self, nonsense: &Nonsense) {
        self.text = format!("it sent something that makes no sense: {}", nonsense.0).into_bytes();
        self.wild = true;
        self.kill();
    }

    /// Kills it; the supervisor hears of its death.
    pub(super) fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.wires.child.kill();
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
    pub(super) fn stop(&mut self, slot: usize, ledger: &Ledger, news: &mut News) {
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
            if let Some(flight) = &mut self.flights[slot] {
                flight.drops_until = Some(Instant::now() + NEXT_AWAIT);
            }
            self.wake();
        } else {
            // First, or it might start something between the signal and its death.
            self.take_back(true, ledger, news);
            self.kill();
        }
    }

    /// A future that it was asked to drop is still there: it does not get to an await, and neither do those beside it.
    /// Unless a call is running, for which they all have to wait.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        let is_late = |flight: &Flight| flight.drops_until.is_some_and(|until| until <= now);
        self.flights.iter().flatten().any(is_late)
            && !self.flights.iter().enumerate().any(|(slot, flight)| {
                flight.as_ref().is_some_and(|flight| {
                    !flight.abandoned
                        && !flight.parcel.call().is_async()
                        && self.link.slot(slot).progress().0 > flight.answered
                })
            })
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
