//! The worker's end of its link: what it takes and adds, and how it sleeps.

use super::super::link::{
    Link, MOST_INLINE, Way, Wish,
    bulk::{self, Reader, Writer},
    frame::{Header, IN_BULK, up},
    ring::{Nonsense, Receiver, Sender},
};
use crate::sys::{channel, huge_pages};
use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

/// How long a worker looks for more before it sleeps: waking it takes longer than a look.
const PATIENCE: Duration = Duration::from_micros(20);

/// The same for a worker to which work comes so rarely that looking does not pay.
const LITTLE_PATIENCE: Duration = Duration::from_micros(1);

const LOOKS_PER_YIELD: u32 = 16;

pub(super) struct Wire {
    pub(super) link: Link,
    socket: OwnedFd,
    pub(super) down: Receiver,
    up: Sender,
    bulk_down: Reader,
    bulk_up: Writer,
    /// The last wait for work was short.
    is_busy: bool,
}

impl Wire {
    pub(super) fn new(link: Link, socket: OwnedFd) -> Self {
        Self {
            down: Receiver::new(link.clone(), Way::Down),
            up: Sender::new(link.clone(), Way::Up),
            bulk_down: Reader::new(link.clone(), Way::BulkDown),
            bulk_up: Writer::new(link.clone(), Way::BulkUp),
            link,
            socket,
            is_busy: true,
        }
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Waits until there is a frame.
    pub(super) fn wait_for_frame(&mut self) {
        let start = Instant::now();
        if !self.spin(start, |wire| wire.down.has_next()) {
            self.tell_before_sleep();
            loop {
                self.link.going_to_sleep();
                // Rule 3: what came in before the bell was set is seen now.
                if self.down.has_next() {
                    break;
                }
                self.sleep();
                if self.down.has_next() {
                    break;
                }
            }
            self.link.awake();
        }
        self.is_busy = start.elapsed() < 2 * PATIENCE;
    }

    /// Looks for a moment. True if it was worth it.
    pub(super) fn spin(&self, start: Instant, ready: impl Fn(&Self) -> bool) -> bool {
        let patience = if self.is_busy { PATIENCE } else { LITTLE_PATIENCE };
        spin_for(patience, start, || ready(self))
    }

    pub(super) fn waited(&mut self, since: Instant) {
        self.is_busy = since.elapsed() < 2 * PATIENCE;
    }

    /// Rings for answers that nobody has taken; whoever took them has sent what there was to do.
    pub(super) fn tell_before_sleep(&self) {
        if !self.up.is_taken() {
            self.tell_parent(Wish::Urgent);
        }
    }

    /// Sleeps until somebody rings.
    fn sleep(&self) {
        if !channel::wait(self.socket()) {
            orphaned();
        }
    }

    /// Waits until the parent has taken something. It is looked for until then for as long as `patience` says.
    fn wait_for_room(&self, patience: Duration, has_room: impl Fn(&Self) -> bool) {
        self.tell_parent(Wish::Urgent);
        if spin_for(patience, Instant::now(), || has_room(self)) {
            return;
        }
        loop {
            if self.up.check().and_then(|()| self.bulk_up.check()).is_err() {
                // The parent would not: memory was overwritten, and there would be no room for ever.
                std::process::abort();
            }
            self.link.going_to_wait_for_room();
            if has_room(self) {
                break;
            }
            self.sleep();
            if has_room(self) {
                break;
            }
        }
        self.link.awake();
    }

    /// Adds a frame that the parent has to hear of, however long it takes.
    pub(super) fn push(&mut self, header: Header, body: &[u8]) {
        self.add(header, body);
        self.tell_parent(Wish::Urgent);
    }

    fn add(&mut self, header: Header, body: &[u8]) {
        while !self.up.push(header, body) {
            self.wait_for_room(PATIENCE, |wire| wire.up.has_room(body.len()));
        }
    }

    /// Adds how long items of this batch took; an answer follows.
    pub(super) fn tell_times(&mut self, batch: &Header, times: &[u8]) {
        let header = Header {
            kind: up::TIMES,
            slot: batch.slot,
            id: batch.id,
            body: times.len() as u64,
            ..Header::default()
        };
        self.add(header, times);
    }

    /// Adds an answer, its body through the stream if it is long.
    pub(super) fn answer(&mut self, mut header: Header, body: &[u8]) {
        header.body = body.len() as u64;
        if body.len() <= MOST_INLINE {
            self.add(header, body);
            return self.tell_parent(Wish::All);
        }
        header.flags |= IN_BULK;
        self.add(header, &[]);
        let mut rest = body;
        while !rest.is_empty() {
            let written = self.bulk_up.write(rest);
            rest = &rest[written..];
            self.tell_parent(Wish::All);
            if written == 0 {
                self.wait_for_room(bulk::PATIENCE, |wire| wire.bulk_up.has_room());
            }
        }
    }

    /// Adds a short answer to the item behind the one that was answered last. Whoever it is for is
    /// [told](Self::tell_of_answers) when the next item is claimed.
    pub(super) fn answer_short(&mut self, value: &[u8]) {
        while !self.up.push_short(value) {
            self.wait_for_room(PATIENCE, |wire| wire.up.has_room(value.len()));
        }
    }

    /// Rings if anybody waits for an answer. Called when an item was claimed.
    pub(super) fn tell_of_answers(&self) {
        if self.link.parent_is_away_after_claim() {
            channel::ring(self.socket());
        }
    }

    /// Has the parent send more in good time, if what begins now is all that there is.
    pub(super) fn tell_if_last(&self) {
        if !self.down.has_next() && self.link.parent_is_away_at_last_batch() {
            channel::ring(self.socket());
        }
    }

    /// Asks for the body of the frame with this header, and reads it.
    pub(super) fn fetch(&mut self, header: &Header) -> Result<Vec<u8>, Nonsense> {
        self.push(
            Header {
                kind: up::WANTED,
                slot: header.slot,
                id: header.id,
                item: u32::from(header.kind),
                ..Header::default()
            },
            &[],
        );
        let mut body = Vec::new();
        let mut left = header.body;
        // What the parent announces it has in memory itself; half of that at once saves most of the growing.
        let _ = body.try_reserve_exact(usize::try_from(left).unwrap_or(usize::MAX));
        huge_pages::prefer(body.spare_capacity_mut());
        while left > 0 {
            let read = self.bulk_down.read(&mut body, left)?;
            left -= read as u64;
            if read > 0 {
                self.tell_parent(Wish::Urgent);
            } else if !spin_for(bulk::PATIENCE, Instant::now(), || self.bulk_down.has_more()) {
                while !self.bulk_down.has_more() {
                    self.link.going_to_sleep();
                    if self.bulk_down.has_more() {
                        break;
                    }
                    self.sleep();
                }
                self.link.awake();
            }
        }
        Ok(body)
    }

    fn tell_parent(&self, done: Wish) {
        if self.link.parent_is_away(done) {
            channel::ring(self.socket());
        }
    }
}

fn spin_for(patience: Duration, start: Instant, ready: impl Fn() -> bool) -> bool {
    loop {
        for _ in 0..LOOKS_PER_YIELD {
            if ready() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > patience {
            return false;
        }
        std::thread::yield_now();
    }
}

/// The parent is gone, and nobody is left to work for.
pub(super) fn orphaned() -> ! {
    std::process::exit(0)
}
