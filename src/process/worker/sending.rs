//! What goes to a worker: batches, the contexts they need, and long bodies as far as there is room.

use super::{
    super::{
        config::Config,
        flight::Flight,
        link::{
            MOST_INLINE, Wish,
            frame::{BARE, Header, IN_BULK, TIMED, down},
        },
        logs,
    },
    Worker,
};
use crate::{
    remote::{EntryPlace, place_of},
    sync::Arc,
    task::{Carrier, Load, Parcel},
};
use std::sync::Weak;

/// Pieces that are written at a time, however fast the worker takes them: 2 MiB.
const MOST_PIECES: usize = 16;

/// A long body on its way out.
pub(super) struct Outgoing {
    pub(super) what: Body,
    pub(super) sent: usize,
}

pub(super) enum Body {
    /// That of the batch in this slot.
    Batch(u16),
    Shared(Arc<Vec<u8>>),
}

impl Worker {
    /// Sends a batch; `asked` are the flags of what the worker is to tell of it. It comes back if there is no room for it, or for its context.
    pub(in crate::process) fn send(
        &mut self,
        id: u64,
        parcel: &Arc<dyn Parcel>,
        place: EntryPlace,
        load: Load,
        asked: u8,
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
        if self.armed == Some(Wish::Urgent) && parcel.is_awaited() {
            // Before it can be answered.
            self.armed = Some(Wish::All);
            self.link.arm(Wish::All);
        }
        let mut flags = if is_long { asked | IN_BULK } else { asked };
        if load.bare {
            flags |= BARE;
        }
        let (log, log_key) = logs::word_for(parcel.span());
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
                attempt: parcel.attempt(),
                log,
                ..Header::default()
            },
            in_ring,
        );
        if !sent {
            return Err(load);
        }
        self.sent = true;
        self.free.pop();
        self.futures += usize::from(parcel.call().is_async());
        if self.flights.len() <= slot as usize {
            self.flights.resize_with(slot as usize + 1, || None);
        }
        self.flights[slot as usize] = Some(
            Flight::new(id, parcel.clone(), load)
                .timed((asked & TIMED != 0).then(|| self.wires.child.pid()))
                .logged(log_key),
        );
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
    pub(in crate::process) fn send_initializer(&mut self, config: &Config) {
        if let Some(initializer) = &config.initializer
            && let Ok(place) = place_of(initializer.entry)
        {
            let sent = self.send_body(down::INITIALIZE, 0, place, &initializer.argument);
            debug_assert!(sent, "an empty ring has room");
        }
    }

    /// The worker shall forget a context.
    pub(in crate::process) fn forget(&mut self, context: u64) {
        if self.contexts.remove(&context) {
            self.to_forget.push(context);
            self.send_forgets();
        }
    }

    pub(in crate::process) fn send_forgets(&mut self) {
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

    /// Writes as much of a long body as there is room for, within bounds. True if that was anything.
    pub(super) fn send_on(&mut self) -> bool {
        let Some(outgoing) = &mut self.outgoing else {
            return false;
        };
        let body: &[u8] = match &outgoing.what {
            Body::Batch(slot) => match &self.flights[*slot as usize] {
                Some(flight) => &flight.load.bytes,
                None => &[],
            },
            Body::Shared(bytes) => bytes,
        };
        let before = outgoing.sent;
        for _ in 0..MOST_PIECES {
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
                // It has started, so it will not be sent again.
                flight.empty_load();
            }
            self.outgoing = None;
        }
        if sent > before {
            self.wake();
        }
        sent > before
    }
}
