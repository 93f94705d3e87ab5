//! What goes to the engine: batches, and errands to workers that have some.

use super::{
    Client, State,
    flights::{Errand, Recalling},
};
use crate::{
    cluster::{
        broker::{BlobKey, ClientId, Fault, Outgoing, Position, Recall, Recalled, Session, Submitted},
        message::{self, LONGEST_INLINE, Payload, Report, Request, Task},
    },
    error::TaskError,
    lifecycle::Stage,
    remote::{News, place_of},
    running::record,
    sync::MutexGuard,
    task::{Carrier, Shipment},
};
use std::sync::Weak;

/// So many errands and payloads are dealt with in one step.
const MOST_ERRANDS: usize = 512;

/// What a step has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum Sent {
    /// There may be more.
    Some,
    /// There is nothing (more) to send.
    Nothing,
    /// The engine has no room for more at the moment.
    Full,
}

/// Where a context lies that many tasks share.
pub(super) fn context_key(client: &ClientId, context: u64) -> BlobKey {
    BlobKey(format!("{}:c{context}", client.0))
}

/// A message on its way, and what has to be stored before it.
struct Packed {
    number: u64,
    body: Vec<u8>,
}

impl Client {
    /// Sends what waits, as much as goes in one step.
    pub(in crate::cluster) fn send_step(&self, session: &mut dyn Session) -> Result<Sent, Fault> {
        // What the engine has is not asked while it gets more.
        let _sending = self.sending.lock();
        let has_asked = self.send_question(session)?;
        let did_errands = self.do_errands(session)? || has_asked;
        let mut news = News::default();
        let mut state = self.lock();
        let slots = state.slots(&self.config);
        state.load_next(slots, &mut news);
        let batch = state.flights.next_batch();
        let name = state.name.clone();
        self.release(state, news);
        if batch.is_empty() {
            return Ok(if did_errands { Sent::Some } else { Sent::Nothing });
        }
        let submitted = self.submit(session, &name, &batch);
        let Err(fault) = submitted else {
            return submitted;
        };
        let is_full = matches!(fault, Fault::Full(_));
        let mut state = self.lock();
        for number in batch {
            if is_full {
                // A payload that lies apart had no room: the tasks themselves were not submitted yet.
                state.flights.back_ashore(number);
            } else {
                state.flights.unsure(number);
            }
        }
        drop(state);
        self.changed.notify_all();
        if is_full { Ok(Sent::Full) } else { Err(fault) }
    }

    fn submit(&self, session: &mut dyn Session, name: &ClientId, batch: &[u64]) -> Result<Sent, Fault> {
        let mut packed = Vec::with_capacity(batch.len());
        for &number in batch {
            packed.extend(self.pack(session, name, number)?);
        }
        let Some(first) = packed.first() else {
            return Ok(Sent::Some);
        };
        let label = {
            let state = self.lock();
            state
                .flights
                .get(first.number)
                .and_then(|flight| flight.label.clone())
        };
        let outgoing: Vec<_> = packed
            .iter()
            .map(|packed| Outgoing {
                number: packed.number,
                body: &packed.body,
            })
            .collect();
        let submitted = match session.submit(name, label.as_deref(), self.config.queue_limit, &outgoing) {
            Err(Fault::Full(_)) => Submitted::Stored(Vec::new()),
            submitted => submitted?,
        };
        let mut state = self.lock();
        let mut sent = Sent::Some;
        match submitted {
            Submitted::Stored(positions) => {
                if positions.len() < packed.len() {
                    sent = Sent::Full;
                }
                for (packed, position) in packed.iter().zip(&positions) {
                    state.flights.stored(packed.number, *position);
                }
                for packed in packed.iter().skip(positions.len()) {
                    state.flights.back_ashore(packed.number);
                }
            }
            Submitted::Unknown => {
                for packed in &packed {
                    state.flights.back_ashore(packed.number);
                }
                state.must_resume = true;
            }
        }
        let mut news = News::default();
        if state.stage >= Stage::Cancelling {
            // Nothing could be asked of them while they were being sent. They go before what runs: see `begin_shutdown`.
            let before = state.flights.errands.len();
            for packed in &packed {
                state.stop(packed.number, false, &self.ledger, &mut news);
            }
            let errands = &mut state.flights.errands;
            errands.rotate_right(errands.len() - before);
        }
        self.release(state, news);
        self.changed.notify_all();
        Ok(sent)
    }

    /// The message of a flight. `None` if it is none any more, or cannot be sent.
    fn pack(&self, session: &mut dyn Session, name: &ClientId, number: u64) -> Result<Option<Packed>, Fault> {
        let mut state = self.lock();
        let is_timed = record::is_on(self.ledger.id().number());
        let is_bounded = self.ledger.max_pending().is_some();
        let Some(flight) = state.flights.get_mut(number) else {
            return Ok(None);
        };
        let call = flight.parcel.call().clone();
        let place = match place_of(call.entry) {
            Ok(place) => place,
            Err(reason) => {
                self.fail_one(state, number, &reason);
                return Ok(None);
            }
        };
        let work = (call.entry.name)();
        let given = Some(flight.parcel.name()).filter(|name| *name != work);
        let mut task = Task {
            number,
            client: name.clone(),
            entry: place.offset,
            name_hash: place.name,
            name: given.map(str::to_owned),
            context: None,
            items: flight.load.items,
            bare: flight.load.bare,
            announce: flight.parcel.tells_start() || is_bounded,
            timed: is_timed,
            attempt: flight.parcel.attempt(),
            lost: 0,
            payload: Payload::Here(Vec::new()),
        };
        let apart = if flight.load.bytes.len() < LONGEST_INLINE {
            task.payload = Payload::Here(flight.load.bytes.clone());
            None
        } else {
            let key = BlobKey(format!("{}:{number}", name.0));
            flight.blob = Some(key.clone());
            task.payload = Payload::Apart(key.clone());
            // Nobody else looks at them while the flight is being sent.
            Some((key, std::mem::take(&mut flight.load.bytes)))
        };
        let context = call.context;
        let has_context = context
            .as_ref()
            .is_none_or(|context| state.contexts.contains(&context.id()));
        drop(state);
        if let Some((key, bytes)) = apart {
            let put = session.put(&key, &bytes);
            let mut state = self.lock();
            if let Some(flight) = state.flights.get_mut(number) {
                flight.load.bytes = bytes;
            }
            drop(state);
            put?;
        }
        if let Some(context) = context {
            task.context = Some(context_key(name, context.id()));
            if !has_context {
                self.store_context(session, name, &context)?;
            }
        }
        Ok(Some(Packed {
            number,
            body: message::write(&task),
        }))
    }

    fn store_context(
        &self,
        session: &mut dyn Session,
        name: &ClientId,
        context: &Shipment,
    ) -> Result<(), Fault> {
        session.put(&context_key(name, context.id()), context.bytes())?;
        context.held_by(&(self.this.clone() as Weak<dyn Carrier>));
        let mut state = self.lock();
        if state.name == *name {
            state.contexts.insert(context.id());
        }
        Ok(())
    }

    /// Something about one flight makes it impossible to send.
    fn fail_one(&self, mut state: MutexGuard<'_, State>, number: u64, reason: &TaskError) {
        let mut news = News::default();
        state.fail(number, reason, &self.ledger, &mut news);
        self.release(state, news);
    }

    /// Asks for what is wanted back, tells workers what to do, and removes payloads. True if there was something.
    fn do_errands(&self, session: &mut dyn Session) -> Result<bool, Fault> {
        let mut state = self.lock();
        let most = MOST_ERRANDS.min(state.flights.errands.len());
        let errands: Vec<Errand> = state.flights.errands.drain(..most).collect();
        let litter = std::mem::take(&mut state.flights.litter);
        let name = state.name.clone();
        drop(state);
        let done = self.recall(session, &name, &errands).and_then(|()| {
            if litter.is_empty() {
                Ok(())
            } else {
                session.remove(&litter)
            }
        });
        if let Err(fault) = done {
            self.errands_failed(&errands);
            self.lock().flights.litter.extend(litter);
            return Err(fault);
        }
        Ok(!errands.is_empty())
    }

    fn recall(&self, session: &mut dyn Session, name: &ClientId, errands: &[Errand]) -> Result<(), Fault> {
        if errands.is_empty() {
            return Ok(());
        }
        let recalls: Vec<_> = errands
            .iter()
            .map(|errand| Recall {
                place: errand.place.clone(),
                request: message::write(&Request::Stop {
                    client: name.clone(),
                    number: errand.number,
                    running: errand.running,
                }),
            })
            .collect();
        let recalled = session.recall(&recalls)?;
        let gone = self.errands_done(errands, &recalled);
        if gone.is_empty() {
            return Ok(());
        }
        session.tell(&[(name.clone(), message::write(&Report::Gone { places: gone }))])
    }

    /// What is not known to be done is done again when the engine is back.
    fn errands_failed(&self, errands: &[Errand]) {
        let mut state = self.lock();
        state.flights.unanswered.extend_from_slice(errands);
        for errand in errands {
            if let Some(flight) = state.flights.get_mut(errand.number)
                && flight.recalling.is_pending()
            {
                flight.recalling = Recalling::Missed;
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Gives back what was not where it was thought to be. It has ended, or was moved, and a report of that is in the row of results; if there is
    /// none, it was removed by a recall whose answer got lost. That shows when the row has been read so far: hence the mark in it.
    fn errands_done(&self, errands: &[Errand], recalled: &[Recalled]) -> Vec<(u64, u64, u64)> {
        let mut gone = Vec::new();
        let mut news = News::default();
        let mut state = self.lock();
        for (errand, recalled) in errands.iter().zip(recalled) {
            match recalled {
                Recalled::Removed => state.came_back(errand.number, &mut news),
                Recalled::Told => {}
                Recalled::Gone => {
                    let Position(time, number) = errand.place.position;
                    gone.push((errand.number, time, number));
                }
            }
        }
        self.release(state, news);
        self.changed.notify_all();
        gone
    }
}
