//! A ring of frames in shared memory, for one who adds and one who takes.
//!
//! A frame is never cut: where the end of the ring is too near, the rest is skipped. Counters of bytes since the start
//! say how far both sides are; each side keeps its own and publishes it, and trusts of the other's only what the
//! checks here let through (rule 5).
#![allow(unsafe_code)]

use super::{
    Link, Way,
    frame::{HEADER, Header, PAD},
};
use crate::task::short;
use std::{
    ptr,
    sync::atomic::Ordering::{Acquire, Release},
};

/// Bytes of short answers that are copied at a time; more than the longest one.
const MOST_SHORT_AT_ONCE: usize = 16 * 1024;
const _: () = assert!(MOST_SHORT_AT_ONCE > short::length(short::LONGEST));

/// The side that adds.
pub(crate) struct Sender {
    link: Link,
    way: Way,
    tail: u64,
    /// How far the other side had come when there was last too little room: its counter lies in another core's cache.
    head: u64,
}

/// The side that takes.
pub(crate) struct Receiver {
    link: Link,
    way: Way,
    head: u64,
    /// The end of the frame that was given out and not yet released.
    behind: u64,
}

/// The other side wrote something that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nonsense(pub(crate) String);

/// A frame as it lies in the ring: the header copied, the body in place.
pub(crate) struct Frame<'a> {
    pub(crate) header: Header,
    pub(crate) body: &'a [u8],
}

#[allow(clippy::cast_possible_truncation)] // Both fit: the result is smaller than the capacity.
fn place(count: u64, capacity: usize) -> usize {
    (count % capacity as u64) as usize
}

impl Sender {
    pub(crate) fn new(link: Link, way: Way) -> Self {
        Self {
            link,
            way,
            tail: 0,
            head: 0,
        }
    }

    /// Fails if the other side claims to have taken what was never added: then there would be no room for ever.
    pub(crate) fn check(&self) -> Result<(), Nonsense> {
        let (_, capacity) = self.link.area(self.way);
        let head = self.link.head(self.way).load(Acquire);
        if self.tail.wrapping_sub(head) > capacity as u64 {
            return Err(Nonsense(format!(
                "{head} bytes are said to be taken of {}",
                self.tail
            )));
        }
        Ok(())
    }

    /// Whether the other side has taken all that was added.
    pub(crate) fn is_taken(&self) -> bool {
        self.link.head(self.way).load(Acquire) == self.tail
    }

    /// Whether a frame with so long a body would go in now.
    pub(crate) fn has_room(&self, body: usize) -> bool {
        let head = self.link.head(self.way).load(Acquire);
        self.skips(HEADER + body.next_multiple_of(8), head).is_some()
    }

    /// How much has to be skipped before a frame of this length. `None` if there is no room.
    fn room_for(&mut self, length: usize) -> Option<usize> {
        self.skips(length, self.head).or_else(|| {
            self.head = self.link.head(self.way).load(Acquire);
            self.skips(length, self.head)
        })
    }

    /// The same, if the other side has come as far as `head`.
    fn skips(&self, length: usize, head: u64) -> Option<usize> {
        let (_, capacity) = self.link.area(self.way);
        // A head that cannot be leaves no room; `check` finds it out.
        let free = (capacity as u64).checked_sub(self.tail.wrapping_sub(head))?;
        let to_end = capacity - place(self.tail, capacity);
        // Every frame begins where there would be room for a header.
        let skipped = if to_end < length.max(HEADER) { to_end } else { 0 };
        ((skipped + length) as u64 <= free).then_some(skipped)
    }

    /// Adds a frame if there is room. The body may be empty because it comes through the stream.
    #[must_use]
    pub(crate) fn push(&mut self, mut header: Header, body: &[u8]) -> bool {
        let length = HEADER + body.len().next_multiple_of(8);
        header.length = u32::try_from(length).expect("a frame is shorter than 4 GiB");
        let Some(at) = self.begin(length) else {
            return false;
        };
        // SAFETY: `length` bytes from `at` on are free and lie within the area, which is page-aligned; `at` is a multiple of
        // 8.
        unsafe {
            at.cast::<Header>().write(header);
            ptr::copy_nonoverlapping(body.as_ptr(), at.add(HEADER).as_ptr(), body.len());
        }
        self.show(length);
        true
    }

    /// Adds a short answer if there is room.
    #[must_use]
    #[inline]
    pub(crate) fn push_short(&mut self, value: &[u8]) -> bool {
        let length = short::length(value.len());
        let Some(at) = self.begin(length) else {
            return false;
        };
        // SAFETY: as in `push`.
        unsafe {
            at.cast().write(short::head(value.len()));
            ptr::copy_nonoverlapping(value.as_ptr(), at.add(short::HEAD).as_ptr(), value.len());
        }
        self.show(length);
        true
    }

    /// Where `length` bytes that are free begin, if so many are.
    #[inline]
    fn begin(&mut self, length: usize) -> Option<ptr::NonNull<u8>> {
        let skipped = self.room_for(length)?;
        let (area, capacity) = self.link.area(self.way);
        let at = place(self.tail, capacity);
        if skipped >= HEADER {
            let pad = Header {
                length: u32::try_from(skipped).expect("a ring is shorter than 4 GiB"),
                kind: PAD,
                ..Header::default()
            };
            // SAFETY: `at + skipped` is the end of the area, and the bytes up to `free` behind the tail are this
            // side's: the other takes nothing behind the tail it was shown. Everything is a multiple of 8 and the area
            // is page-aligned, so the header is aligned.
            unsafe { area.add(at).cast::<Header>().write(pad) };
        }
        self.tail += skipped as u64;
        // SAFETY: a place within the area.
        Some(unsafe { area.add(place(self.tail, capacity)) })
    }

    /// The bytes that were begun are there.
    #[inline]
    fn show(&mut self, length: usize) {
        self.tail += length as u64;
        self.link.tail(self.way).store(self.tail, Release);
    }
}

impl Receiver {
    pub(crate) fn new(link: Link, way: Way) -> Self {
        Self {
            link,
            way,
            head: 0,
            behind: 0,
        }
    }

    /// Whether there is something to take.
    #[inline]
    pub(crate) fn has_next(&self) -> bool {
        self.link.tail(self.way).load(Acquire) != self.head
    }

    /// The first frame, which stays until it is [released](Self::release). Of short answers it only says that they come next:
    /// they are [taken](Self::take_short).
    ///
    /// The body lies where the other side could still write it, which it must not and which only a side that has
    /// gone wild does; whoever does not trust it copies the bytes before reading them.
    ///
    /// # Errors
    ///
    /// Fails if what lies there is no frame.
    pub(crate) fn peek(&mut self) -> Result<Option<Frame<'_>>, Nonsense> {
        // Behind the end of the ring comes a frame: who skips again would have this loop go on for ever.
        let mut has_skipped = false;
        loop {
            let tail = self.link.tail(self.way).load(Acquire);
            if tail == self.head {
                return Ok(None);
            }
            let (area, capacity) = self.link.area(self.way);
            let there = tail.wrapping_sub(self.head);
            let at = place(self.head, capacity);
            if there > capacity as u64 || !there.is_multiple_of(8) {
                return Err(Nonsense(format!(
                    "{there} bytes are said to be in a ring of {capacity}"
                )));
            }
            let to_end = capacity - at;
            if to_end < HEADER {
                self.skip(to_end as u64);
                has_skipped = true;
                continue;
            }
            // SAFETY: `at` is a multiple of 8 below the capacity and a header's length from the end; any bytes are a
            // header. It is copied once, so that what is checked is what is used.
            let header = unsafe { area.add(at).cast::<Header>().read() };
            if header.kind == short::MARK {
                // The rest of the header is others' bytes.
                let header = Header {
                    kind: short::MARK,
                    ..Header::default()
                };
                return Ok(Some(Frame { header, body: &[] }));
            }
            let length = u64::from(header.length);
            if length < HEADER as u64 || !length.is_multiple_of(8) || length > there || length > to_end as u64
            {
                return Err(Nonsense(format!(
                    "a frame is said to be {length} bytes long where {there} are"
                )));
            }
            if header.kind == PAD {
                if has_skipped || length != to_end as u64 {
                    return Err(Nonsense(format!(
                        "{length} bytes are skipped {to_end} before the end"
                    )));
                }
                self.skip(length);
                has_skipped = true;
                continue;
            }
            let room = header.length as usize - HEADER;
            let in_place = if header.flags & super::frame::IN_BULK == 0 {
                usize::try_from(header.body).unwrap_or(usize::MAX)
            } else {
                0
            };
            if in_place > room {
                return Err(Nonsense(format!(
                    "a body is said to be {in_place} bytes long in a frame with room for {room}"
                )));
            }
            self.behind = self.head + length;
            // SAFETY: the bytes lie within the area, as checked; they are this side's until they are released. See the
            // doc comment for a sender that breaks the rules.
            let body = unsafe { std::slice::from_raw_parts(area.add(at + HEADER).as_ptr(), in_place) };
            return Ok(Some(Frame { header, body }));
        }
    }

    /// Takes the short answers that come next, some of them if they are many: copies them to `into`, whose content is
    /// replaced, and says how many they are.
    ///
    /// # Errors
    ///
    /// Fails if what lies there is none.
    pub(crate) fn take_short(&mut self, into: &mut Vec<u8>) -> Result<u32, Nonsense> {
        let (area, capacity) = self.link.area(self.way);
        let at = place(self.head, capacity);
        let there = self.link.tail(self.way).load(Acquire).wrapping_sub(self.head);
        let length = usize::try_from(there)
            .unwrap_or(usize::MAX)
            .min(capacity - at)
            .min(MOST_SHORT_AT_ONCE);
        into.clear();
        into.reserve(length);
        // SAFETY: `length` bytes from `at` on lie within the area, whatever the other side claims, and any bytes are bytes;
        // the vector has room for them. They are copied first, so that what is checked is what is used.
        unsafe {
            ptr::copy_nonoverlapping(area.add(at).as_ptr(), into.as_mut_ptr(), length);
            into.set_len(length);
        }
        // Where there is no room for a header nothing begins: what lies there is from the last round.
        let end = length.min((capacity - at).saturating_sub(HEADER - 1));
        let mut taken = 0;
        let mut length = 0;
        while length < end
            && let Some((_, rest)) = short::split(&into[length..])
        {
            taken += 1;
            length = into.len() - rest.len();
        }
        into.truncate(length);
        if taken == 0 {
            return Err(Nonsense("a short answer that is none".into()));
        }
        self.skip(length as u64);
        Ok(taken)
    }

    fn skip(&mut self, bytes: u64) {
        self.behind = self.head + bytes;
        self.release();
    }

    /// The frame that was given out last is dealt with: its room is the sender's again.
    pub(crate) fn release(&mut self) {
        self.head = self.behind;
        self.link.head(self.way).store(self.head, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::SharedMemory;
    use std::{sync::atomic::Ordering::Relaxed, thread};

    fn ring() -> (Link, Sender, Receiver) {
        let (memory, _) = SharedMemory::create(super::super::LENGTH).unwrap();
        let link = Link::new(memory);
        (
            link.clone(),
            Sender::new(link.clone(), Way::Up),
            Receiver::new(link, Way::Up),
        )
    }

    fn header(id: u64, body: usize) -> Header {
        Header {
            id,
            body: body as u64,
            ..Header::default()
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_round_and_round() {
        let (_, mut sender, mut receiver) = ring();
        let sending = thread::spawn(move || {
            for id in 0..20_000_u64 {
                let body = vec![id.to_le_bytes()[0]; (id % 3_001) as usize];
                while !sender.push(header(id, body.len()), &body) {
                    thread::yield_now();
                }
            }
        });
        for id in 0..20_000_u64 {
            loop {
                if let Some(frame) = receiver.peek().unwrap() {
                    assert_eq!(frame.header.id, id);
                    assert_eq!(frame.body.len() as u64, id % 3_001);
                    assert!(frame.body.iter().all(|byte| *byte == id.to_le_bytes()[0]));
                    break;
                }
                thread::yield_now();
            }
            receiver.release();
        }
        sending.join().unwrap();
        assert!(receiver.peek().unwrap().is_none());
    }

    #[test]
    fn short_answers_come_out_as_they_went_in_round_and_round() {
        let (_, mut sender, mut receiver) = ring();
        let value = |id: u64| vec![id.to_le_bytes()[0]; (id % 90) as usize];
        let sending = thread::spawn(move || {
            for id in 0..60_000_u64 {
                let value = value(id);
                // Now and then a frame, which ends a row of short ones.
                while !(if id % 1_000 == 0 {
                    sender.push(header(id, value.len()), &value)
                } else {
                    sender.push_short(&value)
                }) {
                    thread::yield_now();
                }
            }
        });
        let mut id = 0;
        let mut answers = Vec::new();
        while id < 60_000 {
            let kind = receiver.peek().unwrap().map(|frame| frame.header.kind);
            match kind {
                None => thread::yield_now(),
                Some(short::MARK) => {
                    let count = receiver.take_short(&mut answers).unwrap();
                    let mut rest = &answers[..];
                    for _ in 0..count {
                        let (found, behind) = short::split(rest).unwrap();
                        assert_eq!(found, value(id));
                        (id, rest) = (id + 1, behind);
                    }
                    assert!(rest.is_empty());
                }
                Some(_) => {
                    assert_eq!(receiver.peek().unwrap().unwrap().header.id, id);
                    receiver.release();
                    id += 1;
                }
            }
        }
        sending.join().unwrap();
        assert!(!receiver.has_next());
    }

    #[test]
    fn a_full_ring_takes_nothing_until_something_is_released() {
        let (_, mut sender, mut receiver) = ring();
        let body = vec![1; 30_000];
        let mut sent = 0;
        while sender.push(header(sent, body.len()), &body) {
            sent += 1;
        }
        assert_eq!(sent, 8);
        assert!(receiver.peek().unwrap().is_some());
        assert!(!sender.push(header(sent, body.len()), &body));
        receiver.release();
        receiver.peek().unwrap();
        receiver.release();
        assert!(sender.push(header(sent, body.len()), &body));
    }

    /// Else a sender that keeps its tail ahead of the receiver would never let go of it.
    #[test]
    fn nothing_is_skipped_but_the_end_of_the_ring_and_that_once() {
        let pad = |length: usize| Header {
            kind: PAD,
            body: length as u64,
            ..Header::default()
        };
        // Frames that say so themselves, one behind the other.
        let (_, mut sender, mut receiver) = ring();
        assert!(sender.push(pad(0), &[]) && sender.push(header(1, 0), &[]));
        assert!(receiver.peek().is_err());
        // The whole ring, round and round.
        let (_, mut sender, mut receiver) = ring();
        let room = super::super::RING - HEADER;
        assert!(sender.push(pad(room), &vec![0; room]));
        assert!(receiver.peek().unwrap().is_none(), "it ends where the ring does");
        assert!(sender.push(pad(room), &vec![0; room]));
        assert!(receiver.peek().unwrap().is_none());
        // Twice at once.
        let (link, mut sender, mut receiver) = ring();
        let half = super::super::RING / 2 - HEADER;
        assert!(sender.push(header(1, half), &vec![0; half]));
        receiver.peek().unwrap();
        receiver.release();
        assert!(sender.push(pad(half), &vec![0; half]));
        sender.tail += super::super::RING as u64 / 2;
        link.tail(Way::Up).store(sender.tail, Relaxed);
        let (area, _) = link.area(Way::Up);
        let again = Header {
            length: u32::try_from(super::super::RING).unwrap(),
            ..pad(0)
        };
        // SAFETY: a test that plays a sender gone wild, in memory that only it uses.
        unsafe { area.cast::<Header>().write(again) };
        assert!(receiver.peek().is_err());
    }

    #[test]
    fn nonsense_is_an_error_whatever_it_says() {
        let (link, mut sender, mut receiver) = ring();
        assert!(sender.push(header(1, 8), &[0; 8]));
        let (area, _) = link.area(Way::Up);
        for length in [0_u32, 8, 63, 65, 1 << 20, u32::MAX] {
            // SAFETY: a test that plays a sender gone wild, in memory that only it uses.
            unsafe { area.cast::<u32>().write(length) };
            assert!(receiver.peek().is_err(), "{length}");
        }
        // SAFETY: as above.
        unsafe { area.cast::<u32>().write(72) };
        assert!(receiver.peek().unwrap().is_some());
        for tail in [1, 7, (super::super::RING as u64) + 8, u64::MAX - 7] {
            link.tail(Way::Up).store(tail, Relaxed);
            assert!(receiver.peek().is_err(), "{tail}");
        }
    }
}
