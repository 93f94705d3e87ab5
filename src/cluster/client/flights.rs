//! What a client has on its way: its state, without threads or I/O.

use super::super::{
    broker::{BlobKey, Place, Position},
    message::Treatment,
};
use crate::{
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Load, Parcel},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

/// A batch goes to the engine in a message of its own. So many are stored with one step.
const MOST_TOGETHER: usize = 512;

/// And so many bytes, but for a single message.
const MOST_BYTES_TOGETHER: usize = 4 * 1024 * 1024;

/// How far a batch is on its way to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// It is to be submitted.
    Ashore,
    /// It is being submitted.
    Sending,
    /// It was, and the answer got lost: the engine may have it.
    Unsure,
    /// The engine has it, at this position if that is known.
    Stored(Option<Position>),
}

/// Whether a batch is wanted back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recalling {
    No,
    /// Somebody waits to hear what has become of it, and decides then.
    Asked,
    /// It is to go back to its parcel.
    Withdrawn,
    /// The engine does not have it where it was thought to be: it has ended, or was moved, or is lost, which is about to be known.
    Missed,
    /// It is back, or never left: who asked decides what becomes of it.
    TakenBack,
}

impl Recalling {
    /// What has become of it is about to be known.
    pub(super) fn is_pending(self) -> bool {
        matches!(self, Self::Asked | Self::Withdrawn)
    }
}

/// Where a batch runs.
#[derive(Debug, Clone)]
pub(super) struct RunsOn {
    pub(super) worker: String,
    pub(super) since: Instant,
}

/// A batch that was cut from a parcel, and has no outcome yet.
pub(super) struct Flight {
    pub(super) parcel: Arc<dyn Parcel>,
    /// What a worker must have to get it.
    pub(super) label: Option<Arc<str>>,
    /// Kept until the outcome is there: what the engine has is a copy, which may get lost.
    pub(super) load: Load,
    pub(super) leg: Leg,
    pub(super) recalling: Recalling,
    /// Items that are known to have started.
    pub(super) noted: u32,
    pub(super) runs_on: Option<RunsOn>,
    /// Its payload, if that lies apart.
    pub(super) blob: Option<BlobKey>,
    /// Its outcome has been decided, and is to be told when nothing of it runs any more.
    pub(super) ends_quietly: bool,
}

impl Flight {
    pub(super) fn place(&self) -> Option<Place> {
        let Leg::Stored(Some(position)) = self.leg else {
            return None;
        };
        Some(Place {
            label: self.label.as_deref().map(str::to_owned),
            position,
        })
    }

    /// One of a map, not a task of its own.
    pub(super) fn is_of_map(&self) -> bool {
        self.parcel.place().is_none()
    }
}

/// What a worker is to be told about a batch, or to do with it.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) number: u64,
    pub(super) place: Place,
    pub(super) running: Treatment,
}

/// All batches on their way.
#[derive(Default)]
pub(super) struct Flights {
    all: BTreeMap<u64, Flight>,
    /// Those to be submitted. The engine passes over numbers below its last one, so they go in order.
    ashore: BTreeSet<u64>,
    last: u64,
    /// The largest number that the engine is known to have stored.
    confirmed: u64,
    /// How many are parts of maps.
    of_maps: usize,
    pub(super) errands: VecDeque<Errand>,
    /// Those whose answer got lost.
    pub(super) unanswered: Vec<Errand>,
    /// Payloads that nobody needs any more.
    pub(super) litter: Vec<BlobKey>,
}

impl Flights {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn of_maps(&self) -> usize {
        self.of_maps
    }

    pub(super) fn has_some_ashore(&self) -> bool {
        !self.ashore.is_empty()
    }

    pub(super) fn count_ashore(&self) -> usize {
        self.ashore.len()
    }

    pub(super) fn add(&mut self, parcel: Arc<dyn Parcel>, label: Option<Arc<str>>, load: Load) -> u64 {
        self.put(Flight {
            parcel,
            label,
            load,
            leg: Leg::Ashore,
            recalling: Recalling::No,
            noted: 0,
            runs_on: None,
            blob: None,
            ends_quietly: false,
        })
    }

    fn put(&mut self, flight: Flight) -> u64 {
        self.last += 1;
        let number = self.last;
        if let Some(place) = flight.parcel.place() {
            place.store(number, Relaxed);
        }
        self.of_maps += usize::from(flight.is_of_map());
        self.all.insert(number, flight);
        self.ashore.insert(number);
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<&Flight> {
        self.all.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Flight> {
        self.all.get_mut(&number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Flight)> {
        self.all.iter().map(|(number, flight)| (*number, flight))
    }

    /// It is not on its way any more.
    pub(super) fn take(&mut self, number: u64) -> Option<Flight> {
        let mut flight = self.all.remove(&number)?;
        self.ashore.remove(&number);
        self.of_maps -= usize::from(flight.is_of_map());
        if let Some(place) = flight.parcel.place() {
            place.store(0, Relaxed);
        }
        self.litter.extend(flight.blob.take());
        Some(flight)
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.all.keys().copied().collect()
    }

    /// Those that are parts of this parcel.
    pub(super) fn of(&self, parcel: &dyn Parcel) -> Vec<u64> {
        let is_it = |flight: &Flight| std::ptr::addr_eq(Arc::as_ptr(&flight.parcel), parcel);
        let numbers = self.all.iter().filter(|(_, flight)| is_it(flight));
        numbers.map(|(number, _)| *number).collect()
    }

    /// The next ones to be submitted together: consecutive, and all with the same label. They are being sent from now on.
    pub(super) fn next_batch(&mut self) -> Vec<u64> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut label = None;
        for &number in &self.ashore {
            let Some(flight) = self.all.get(&number) else {
                continue;
            };
            bytes += flight.load.bytes.len();
            let is_first = batch.is_empty();
            if is_first {
                label.clone_from(&flight.label);
            } else if flight.label != label || bytes > MOST_BYTES_TOGETHER || batch.len() == MOST_TOGETHER {
                break;
            }
            batch.push(number);
        }
        for number in &batch {
            self.ashore.remove(number);
            if let Some(flight) = self.all.get_mut(number) {
                flight.leg = Leg::Sending;
            }
        }
        batch
    }

    /// The engine has stored it.
    pub(super) fn stored(&mut self, number: u64, position: Option<Position>) {
        if let Some(flight) = self.all.get_mut(&number)
            && flight.leg == Leg::Sending
        {
            flight.leg = Leg::Stored(position);
            self.confirmed = self.confirmed.max(number);
        }
    }

    /// It was not stored.
    pub(super) fn back_ashore(&mut self, number: u64) {
        if let Some(flight) = self.all.get_mut(&number) {
            flight.leg = Leg::Ashore;
            self.ashore.insert(number);
        }
    }

    /// The answer to its submission got lost.
    pub(super) fn unsure(&mut self, number: u64) {
        if let Some(flight) = self.all.get_mut(&number)
            && flight.leg == Leg::Sending
        {
            flight.leg = Leg::Unsure;
        }
    }

    /// What the engine cannot have, or never had, is submitted (again): all with larger numbers than this. What had no answer and is not
    /// among them, it has.
    pub(super) fn resubmit_above(&mut self, last: u64) {
        self.confirmed = last;
        for (number, flight) in &mut self.all {
            let is_lost = match flight.leg {
                Leg::Ashore => false,
                Leg::Sending | Leg::Unsure | Leg::Stored(_) => *number > last,
            };
            if is_lost {
                flight.leg = Leg::Ashore;
                self.ashore.insert(*number);
            } else if matches!(flight.leg, Leg::Sending | Leg::Unsure) {
                flight.leg = Leg::Stored(None);
            }
            // Nobody will answer what was asked through the old connection.
            if flight.recalling.is_pending() {
                flight.recalling = Recalling::Missed;
            }
        }
    }

    /// Whether the engine has forgotten what it had stored, if this is the last number that it knows.
    pub(super) fn were_forgotten(&self, last: u64) -> bool {
        last < self.confirmed
    }

    /// What was asked and not answered is asked again, of what is where it was.
    pub(super) fn ask_again(&mut self) {
        for errand in std::mem::take(&mut self.unanswered) {
            let flight = self.all.get(&errand.number);
            if flight.is_none_or(|flight| flight.place().as_ref() == Some(&errand.place)) {
                self.errands.push_back(errand);
            }
        }
    }

    /// It starts once more, under a number that the engine has not seen.
    pub(super) fn renumber(&mut self, number: u64) {
        if let Some(mut flight) = self.take(number) {
            flight.leg = Leg::Ashore;
            flight.recalling = Recalling::No;
            flight.runs_on = None;
            self.put(flight);
        }
    }
}
