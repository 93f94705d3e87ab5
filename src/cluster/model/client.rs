//! The smallest client that keeps the rules.

use super::{
    super::{
        broker::{
            Arrival, BlobKey, Broker, ClientId, Fault, Outgoing, Place, Position, Recall, Recalled, Session,
            Submitted, fake::FakeBroker,
        },
        message::{self, Outcome, Payload, Report, Request, Task, Treatment},
    },
    truth::{End, Truth},
};
use std::{collections::BTreeMap, time::Duration};

/// So little room has a queue, that it is used up.
const MOST: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    /// The engine does not have it.
    Ashore,
    /// It was sent, and there was no answer.
    Unsure,
    Stored(Option<Position>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recalling {
    No,
    Wanted,
    /// It was asked for, and there was no answer.
    Unsure,
    /// A worker was told.
    Told,
    /// It was removed by a step whose answer was lost, or has ended: the row of results says which.
    Missed,
}

#[derive(Debug)]
struct Flight {
    handle: usize,
    label: Option<&'static str>,
    is_long: bool,
    leg: Leg,
    recalling: Recalling,
}

pub(super) struct Client {
    fake: FakeBroker,
    name: ClientId,
    names: u32,
    sender: Option<Box<dyn Session>>,
    receiver: Option<Box<dyn Session>>,
    /// What the engine has is to be found out before anything is sent.
    must_resume: bool,
    flights: BTreeMap<u64, Flight>,
    last: u64,
    after: Position,
    litter: Vec<BlobKey>,
}

impl Client {
    pub(super) fn new(fake: &FakeBroker, name: &str) -> Self {
        Self {
            fake: fake.clone(),
            name: ClientId(name.to_owned()),
            names: 0,
            sender: None,
            receiver: None,
            must_resume: true,
            flights: BTreeMap::new(),
            last: 0,
            after: Position::default(),
            litter: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &ClientId {
        &self.name
    }

    pub(super) fn handles(&self) -> impl Iterator<Item = usize> {
        self.flights.values().map(|flight| flight.handle)
    }

    pub(super) fn submit(&mut self, truth: &mut Truth, label: Option<&'static str>, is_long: bool) {
        let flight = Flight {
            handle: truth.new_handle(),
            label,
            is_long,
            leg: Leg::Ashore,
            recalling: Recalling::No,
        };
        self.put(flight);
    }

    fn put(&mut self, flight: Flight) {
        self.last += 1;
        self.flights.insert(self.last, flight);
    }

    /// One of the handles is to be cancelled.
    pub(super) fn cancel(&mut self, which: usize) {
        let count = self.flights.len().max(1);
        if let Some(flight) = self.flights.values_mut().nth(which % count)
            && flight.recalling == Recalling::No
        {
            flight.recalling = Recalling::Wanted;
        }
    }

    fn take(&mut self, number: u64) -> Option<Flight> {
        let flight = self.flights.remove(&number)?;
        if flight.is_long {
            self.litter.push(self.blob(number));
        }
        Some(flight)
    }

    fn blob(&self, number: u64) -> BlobKey {
        BlobKey(format!("{}:{number}", self.name.0))
    }

    fn cancel_those(&mut self, truth: &mut Truth, is_back: impl Fn(&Flight) -> bool) {
        let back: Vec<u64> = self
            .flights
            .iter()
            .filter_map(|(number, flight)| is_back(flight).then_some(*number))
            .collect();
        for flight in back
            .into_iter()
            .filter_map(|number| self.take(number))
            .collect::<Vec<_>>()
        {
            truth.end(flight.handle, End::Cancelled);
        }
    }

    /// What waits goes to the engine.
    pub(super) fn send(&mut self, truth: &mut Truth, most: usize) {
        if self.must_resume {
            return;
        }
        if self
            .try_send(truth, most)
            .is_err_and(|fault| matches!(fault, Fault::Away(_)))
        {
            self.sender = None;
            self.must_resume = true;
        }
    }

    fn try_send(&mut self, truth: &mut Truth, most: usize) -> Result<(), Fault> {
        let mut session = if let Some(session) = self.sender.take() {
            session
        } else {
            let mut session = self.fake.open()?;
            // The data may have gone back in time since the other connection was made. What is sent now would hide that.
            let known = self
                .flights
                .iter()
                .rfind(|(_, flight)| matches!(flight.leg, Leg::Stored(_)));
            let known = known.map_or(0, |(number, _)| *number);
            if session.renew(&self.name)?.is_none_or(|last| last < known) {
                self.must_resume = true;
                return Ok(());
            }
            session
        };
        self.cancel_those(truth, |flight| {
            flight.leg == Leg::Ashore && flight.recalling != Recalling::No
        });
        self.recall(truth, &mut *session)?;
        session.remove(&self.litter)?;
        self.litter.clear();
        self.submit_batch(&mut *session, most)?;
        self.sender = Some(session);
        Ok(())
    }

    fn recall(&mut self, truth: &mut Truth, session: &mut dyn Session) -> Result<(), Fault> {
        let mut numbers = Vec::new();
        let mut recalls = Vec::new();
        for (&number, flight) in &self.flights {
            if let (Leg::Stored(Some(position)), Recalling::Wanted | Recalling::Unsure) =
                (flight.leg, flight.recalling)
            {
                let request = Request::Stop {
                    client: self.name.clone(),
                    number,
                    running: Treatment::Leave,
                };
                numbers.push(number);
                recalls.push(Recall {
                    place: Place {
                        label: flight.label.map(str::to_owned),
                        position,
                    },
                    request: message::write(&request),
                });
            }
        }
        let recalled = session.recall(&recalls);
        for (at, number) in numbers.iter().enumerate() {
            let flight = self.flights.get_mut(number).expect("it was there");
            let Ok(recalled) = &recalled else {
                flight.recalling = Recalling::Unsure;
                continue;
            };
            match (recalled[at], flight.recalling) {
                (Recalled::Removed, _) => {
                    let flight = self.take(*number).expect("it was there");
                    truth.end(flight.handle, End::Cancelled);
                }
                (Recalled::Told, _) => flight.recalling = Recalling::Told,
                (Recalled::Gone, Recalling::Unsure) => flight.recalling = Recalling::Missed,
                // It has ended or was moved. Who has cancelled hears that it was too late.
                (Recalled::Gone, _) => flight.recalling = Recalling::No,
            }
        }
        recalled.map(drop)
    }

    fn submit_batch(&mut self, session: &mut dyn Session, most: usize) -> Result<(), Fault> {
        let is_to_be_sent = |flight: &Flight| matches!(flight.leg, Leg::Ashore | Leg::Unsure);
        let mut batch = Vec::new();
        let mut label = None;
        for (&number, flight) in self
            .flights
            .iter()
            .filter(|(_, flight)| is_to_be_sent(flight))
            .take(most)
        {
            if batch.is_empty() {
                label = flight.label;
            } else if flight.label != label {
                break;
            }
            let argument = (flight.handle as u64).to_le_bytes().to_vec();
            let payload = if flight.is_long {
                session.put(&self.blob(number), &argument)?;
                Payload::Apart(self.blob(number))
            } else {
                Payload::Here(argument)
            };
            batch.push((number, message::write(&task(number, &self.name, payload))));
        }
        let outgoing: Vec<_> = batch
            .iter()
            .map(|(number, body)| Outgoing {
                number: *number,
                body,
            })
            .collect();
        let submitted = session.submit(&self.name, label, MOST, &outgoing);
        let mut leave_at = |number: &u64, leg| self.flights.get_mut(number).expect("it was there").leg = leg;
        match &submitted {
            Ok(Submitted::Stored(positions)) => {
                for ((number, _), position) in batch.iter().zip(positions) {
                    leave_at(number, Leg::Stored(*position));
                }
            }
            Ok(Submitted::Unknown) => self.must_resume = true,
            Err(Fault::Away(_)) => batch.iter().for_each(|(number, _)| leave_at(number, Leg::Unsure)),
            Err(_) => {}
        }
        submitted.map(drop)
    }

    /// Takes in what has come.
    pub(super) fn receive(&mut self, truth: &mut Truth) {
        if self.try_receive(truth).is_err() {
            self.receiver = None;
            self.must_resume = true;
        }
    }

    fn try_receive(&mut self, truth: &mut Truth) -> Result<(), Fault> {
        let mut session = if let Some(session) = self.receiver.take() {
            session
        } else {
            self.must_resume = true;
            self.fake.open()?
        };
        // Renewed with each step: time goes on between them.
        let last = session.renew(&self.name)?;
        let Some(last) = last else {
            self.begin_again(&mut *session)?;
            self.receiver = Some(session);
            return Ok(());
        };
        loop {
            let arrivals = session.results(&self.name, self.after, Duration::ZERO)?;
            if arrivals.is_empty() {
                break;
            }
            for arrival in arrivals {
                self.after = arrival.position;
                self.take_in(truth, arrival);
            }
        }
        // Its result is not in the row, so it was removed by us.
        self.cancel_those(truth, |flight| flight.recalling == Recalling::Missed);
        if self.must_resume {
            self.sender = None;
            for (number, flight) in &mut self.flights {
                flight.leg = match flight.leg {
                    _ if *number > last => Leg::Ashore,
                    Leg::Unsure => Leg::Stored(None),
                    leg => leg,
                };
            }
            self.must_resume = false;
        }
        self.receiver = Some(session);
        Ok(())
    }

    /// The engine does not know us: everything is sent again, under another name.
    fn begin_again(&mut self, session: &mut dyn Session) -> Result<(), Fault> {
        let long = self.flights.iter().filter(|(_, flight)| flight.is_long);
        let litter: Vec<_> = long.map(|(number, _)| self.blob(*number)).collect();
        self.litter.extend(litter);
        self.names += 1;
        let stem = self.name.0.split('x').next().unwrap_or_default();
        self.name = ClientId(format!("{stem}x{}", self.names));
        self.after = Position::default();
        for flight in self.flights.values_mut() {
            flight.leg = Leg::Ashore;
        }
        self.sender = None;
        self.must_resume = true;
        session.enlist(&self.name)?;
        self.must_resume = false;
        Ok(())
    }

    fn take_in(&mut self, truth: &mut Truth, arrival: Arrival) {
        match message::read(&arrival.body).expect("nobody else writes here") {
            Report::Ended {
                number, mut outcomes, ..
            } => {
                let Some(flight) = self.take(number) else { return };
                match outcomes.pop() {
                    Some(Outcome::Value(bytes)) => {
                        let value = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                        truth.end(flight.handle, End::Value(value));
                    }
                    _ => truth.end(flight.handle, End::Cancelled),
                }
            }
            Report::Moved { number } => {
                if let Some(flight) = self.flights.get_mut(&number) {
                    flight.leg = Leg::Stored(arrival.moved);
                    // Whatever was asked for was asked at the place where it is not any more.
                    if flight.recalling != Recalling::No {
                        flight.recalling = Recalling::Wanted;
                    }
                }
            }
            Report::Incomplete { number } => {
                if let Some(mut flight) = self.take(number) {
                    flight.leg = Leg::Ashore;
                    self.put(flight);
                }
            }
            Report::Started { .. } | Report::Told { .. } | Report::Gone { .. } => {}
        }
    }

    /// Goes away in peace. False if that did not work.
    pub(super) fn leave(&mut self) -> bool {
        let Some(session) = &mut self.receiver else {
            return false;
        };
        session.remove(&self.litter).is_ok() && session.leave(&self.name).is_ok()
    }
}

fn task(number: u64, client: &ClientId, payload: Payload) -> Task {
    Task {
        number,
        client: client.clone(),
        entry: 0,
        name_hash: 0,
        name: None,
        context: None,
        items: 1,
        bare: true,
        announce: false,
        timed: false,
        attempt: 1,
        lost: 0,
        payload,
    }
}
