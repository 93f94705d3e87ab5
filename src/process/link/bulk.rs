//! A stream of bytes in shared memory, for bodies that are too long for a frame.
//!
//! Both sides copy at the same time, each as far as it can: no body is too long, and nobody waits holding what the
//! other needs.
#![allow(unsafe_code)]

use super::{Link, Way, ring::Nonsense};
use std::{
    ptr,
    sync::atomic::Ordering::{Acquire, Release},
    time::Duration,
};

/// A piece is copied and shown at a time, so that the other side starts early.
const PIECE: usize = 128 * 1024;

/// While a body moves, each side looks for the other's next piece for so long before it sleeps. The other side may have to
/// get large pages for it first, which takes as long as a piece or two.
pub(crate) const PATIENCE: Duration = Duration::from_micros(200);

/// The side that writes.
pub(crate) struct Writer {
    link: Link,
    way: Way,
    tail: u64,
}

/// The side that reads.
pub(crate) struct Reader {
    link: Link,
    way: Way,
    head: u64,
}

#[allow(clippy::cast_possible_truncation)] // The result is smaller than the capacity.
fn place(count: u64, capacity: usize) -> usize {
    (count % capacity as u64) as usize
}

impl Writer {
    pub(crate) fn new(link: Link, way: Way) -> Self {
        Self { link, way, tail: 0 }
    }

    /// Fails if the other side claims to have taken what was never written: then there would be no room for ever.
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

    pub(crate) fn has_room(&self) -> bool {
        let (_, capacity) = self.link.area(self.way);
        self.tail.wrapping_sub(self.link.head(self.way).load(Acquire)) < capacity as u64
    }

    /// Writes one piece from the front of `bytes` and says how long it was; 0 if there is no room.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let (area, capacity) = self.link.area(self.way);
        let used = self.tail.wrapping_sub(self.link.head(self.way).load(Acquire));
        let Some(free) = (capacity as u64).checked_sub(used) else {
            return 0;
        };
        let at = place(self.tail, capacity);
        let free = usize::try_from(free).unwrap_or(0);
        let length = bytes.len().min(free).min(capacity - at).min(PIECE);
        // SAFETY: `length` bytes from `at` on lie within the area, and are free: the reader has taken them.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), area.add(at).as_ptr(), length) };
        self.tail += length as u64;
        self.link.tail(self.way).store(self.tail, Release);
        length
    }
}

impl Reader {
    pub(crate) fn new(link: Link, way: Way) -> Self {
        Self { link, way, head: 0 }
    }

    pub(crate) fn has_more(&self) -> bool {
        self.link.tail(self.way).load(Acquire) != self.head
    }

    /// Appends one piece of at most `most` bytes to `into` and says how long it was; 0 if nothing is there.
    ///
    /// # Errors
    ///
    /// Fails if the writer claims more than fits.
    pub(crate) fn read(&mut self, into: &mut Vec<u8>, most: u64) -> Result<usize, Nonsense> {
        let (area, capacity) = self.link.area(self.way);
        let there = self.link.tail(self.way).load(Acquire).wrapping_sub(self.head);
        if there > capacity as u64 {
            return Err(Nonsense(format!(
                "{there} bytes are said to be in a stream of {capacity}"
            )));
        }
        let at = place(self.head, capacity);
        let length = usize::try_from(there.min(most))
            .unwrap_or(usize::MAX)
            .min(capacity - at)
            .min(PIECE);
        if into.try_reserve(length).is_err() {
            return Err(Nonsense(format!("there is no memory for {length} more bytes")));
        }
        // SAFETY: `length` bytes from `at` on lie within the area and were written before the tail was shown; the
        // vector has room for them behind its length.
        unsafe {
            ptr::copy_nonoverlapping(area.add(at).as_ptr(), into.as_mut_ptr().add(into.len()), length);
            into.set_len(into.len() + length);
        }
        self.head += length as u64;
        self.link.head(self.way).store(self.head, Release);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::SharedMemory;
    use std::{sync::atomic::Ordering::Relaxed, thread};

    fn stream() -> (Link, Writer, Reader) {
        let (memory, _) = SharedMemory::create(super::super::LENGTH).unwrap();
        let link = Link::new(memory);
        let writer = Writer::new(link.clone(), Way::BulkDown);
        (link.clone(), writer, Reader::new(link, Way::BulkDown))
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let (_, mut writer, mut reader) = stream();
        let sent: Vec<u8> = (0..5_000_001_u32).map(|n| (n % 251) as u8).collect();
        let expected = sent.clone();
        let writing = thread::spawn(move || {
            let mut rest = &sent[..];
            while !rest.is_empty() {
                match writer.write(rest) {
                    0 => thread::yield_now(),
                    written => rest = &rest[written..],
                }
            }
        });
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let left = (expected.len() - got.len()) as u64;
            if reader.read(&mut got, left).unwrap() == 0 {
                thread::yield_now();
            }
        }
        writing.join().unwrap();
        assert!(got == expected && !reader.has_more());
    }

    #[test]
    fn a_claim_beyond_the_stream_is_an_error() {
        let (link, _, mut reader) = stream();
        link.tail(Way::BulkDown)
            .store(super::super::BULK as u64 + 1, Relaxed);
        assert!(reader.read(&mut Vec::new(), 1).is_err());
    }
}
