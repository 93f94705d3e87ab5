//! The other end of a link, in the hands of one who has gone wild: it knows the protocol, and keeps to it as long as it likes.

use super::super::link::{
    BULK, LENGTH, Link, RING, Way,
    frame::{BARE, HEADER, Header, IN_BULK, LAST, down, up},
};
use crate::{
    error::{TaskError, TaskPanic},
    sys::fuzz::Random,
    task::{failure, short},
    wire,
};
use std::{os::fd::OwnedFd, sync::atomic::Ordering::Relaxed};

/// A batch that the parent has sent, as far as the worker is with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) slot: u16,
    pub(super) id: u64,
    pub(super) answered: u32,
}

/// It writes through the descriptor, not through a mapping: to the parent that is what another process does.
pub(super) struct WildWorker {
    link: Link,
    pub(super) descriptor: OwnedFd,
    pub(super) jobs: Vec<Job>,
    tail: u64,
    bulk_tail: u64,
    /// What was written, to be wiped out before the next input.
    written: Vec<(usize, usize)>,
}

impl WildWorker {
    pub(super) fn new(link: Link, descriptor: OwnedFd) -> Self {
        Self {
            link,
            descriptor,
            jobs: Vec::new(),
            tail: 0,
            bulk_tail: 0,
            written: Vec::new(),
        }
    }

    /// As at the start.
    pub(super) fn renew(&mut self) {
        let control = LENGTH - 2 * RING - 2 * BULK;
        self.write(0, &vec![0; control]);
        for (at, length) in std::mem::take(&mut self.written) {
            self.write(at, &vec![0; length]);
        }
        self.written.clear();
        self.jobs.clear();
        (self.tail, self.bulk_tail) = (0, 0);
    }

    /// How much it has written.
    pub(super) fn written(&self) -> usize {
        self.written.iter().map(|(_, length)| length).sum()
    }

    /// What was written stays.
    pub(super) fn forget_where(&mut self) {
        self.written.clear();
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(LENGTH - at)];
        if !bytes.is_empty() {
            let written = rustix::io::pwrite(&self.descriptor, bytes, at as u64);
            assert_eq!(written, Ok(bytes.len()));
            self.written.push((at, bytes.len()));
        }
    }

    /// Where in the memory something lies that the link shows.
    fn place_of<T>(&self, shown: *const T) -> usize {
        let (down, _) = self.link.area(Way::Down);
        let control = LENGTH - 2 * RING - 2 * BULK;
        shown.addr() - (down.as_ptr().addr() - control)
    }

    fn area(&self, way: Way) -> (usize, usize) {
        let (area, capacity) = self.link.area(way);
        (self.place_of(area.as_ptr()), capacity)
    }

    fn put(&mut self, way: Way, count: u64, bytes: &[u8]) {
        let (area, capacity) = self.area(way);
        let at = usize::try_from(count % capacity as u64).expect("it is smaller");
        let (here, behind) = bytes.split_at(bytes.len().min(capacity - at));
        self.write(area + at, here);
        self.write(area, &behind[..behind.len().min(capacity)]);
    }

    fn show(&self) {
        self.link.tail(Way::Up).store(self.tail, Relaxed);
    }

    /// Says this, whatever it is.
    pub(super) fn say(&mut self, header: Header) {
        self.frame(header, &[]);
        self.show();
    }

    /// A frame as it should be, at the tail; shown by [`show`](Self::show).
    fn frame(&mut self, mut header: Header, body: &[u8]) {
        let length = HEADER + body.len().next_multiple_of(8);
        header.length = u32::try_from(length).expect("it is short");
        let mut bytes = bytes_of(&header);
        bytes.extend_from_slice(body);
        bytes.resize(length, 0);
        self.put(Way::Up, self.tail, &bytes);
        self.tail += length as u64;
    }

    fn job(&mut self, random: &mut Random) -> Option<usize> {
        (!self.jobs.is_empty()).then(|| random.place(self.jobs.len()))
    }

    /// Something that a worker may say now.
    pub(super) fn behave(&mut self, random: &mut Random) {
        let Some(number) = self.job(random) else {
            let kind = *random.pick(&[up::READY, up::RETIRING]);
            self.frame(
                Header {
                    kind,
                    ..Header::default()
                },
                &[],
            );
            return self.show();
        };
        let job = self.jobs[number];
        let header = Header {
            slot: job.slot,
            id: job.id,
            ..Header::default()
        };
        let slot = self.link.slot(job.slot as usize);
        let (started, limit) = slot.progress();
        if job.answered >= limit
            || started < job.answered
            || (started == job.answered && slot.claim().is_none())
        {
            self.frame(
                Header {
                    kind: up::END,
                    ..header
                },
                &[],
            );
            self.jobs.swap_remove(number);
            return self.show();
        }
        self.go_on_with(number, limit, random);
        self.show();
    }

    /// With an item of a batch, of which so many may run.
    fn go_on_with(&mut self, number: usize, limit: u32, random: &mut Random) {
        let mut job = self.jobs[number];
        let body = message(random);
        let is_last = job.answered + 1 >= limit;
        let flags = if is_last { LAST } else { 0 };
        let header = Header {
            kind: up::VALUE,
            slot: job.slot,
            id: job.id,
            item: job.answered,
            body: body.len() as u64,
            ..Header::default()
        };
        if random.one_in(20) {
            let times: Vec<u8> = (0..random.below(200)).map(|_| random.byte()).collect();
            let (kind, body) = (up::TIMES, times.len() as u64);
            return self.frame(Header { kind, body, ..header }, &times);
        }
        match random.below(6) {
            0 => self.frame(
                Header {
                    kind: up::STARTED,
                    body: 0,
                    ..header
                },
                &[],
            ),
            1 => {
                let item = u32::from(down::BATCH);
                self.frame(
                    Header {
                        kind: up::WANTED,
                        body: 0,
                        item,
                        ..header
                    },
                    &[],
                );
            }
            2 => {
                self.frame(
                    Header {
                        flags: flags | IN_BULK,
                        ..header
                    },
                    &[],
                );
                self.put(Way::BulkUp, self.bulk_tail, &body);
                self.bulk_tail += body.len() as u64;
                self.link.tail(Way::BulkUp).store(self.bulk_tail, Relaxed);
                job.answered += 1;
            }
            3 => {
                let mut text = Vec::new();
                let panic = TaskPanic::from_elsewhere("it panicked".into(), None, None);
                failure::write(&TaskError::Panicked(panic), &mut text);
                let (kind, body) = (up::FAILURE, text.len() as u64);
                self.frame(
                    Header {
                        kind,
                        flags,
                        body,
                        ..header
                    },
                    &text,
                );
                job.answered += 1;
            }
            4 if !is_last && job.answered > 0 && body.len() <= short::LONGEST => {
                let mut answers = Vec::new();
                short::push(&mut answers, &body);
                self.put(Way::Up, self.tail, &answers);
                self.tail += answers.len() as u64;
                job.answered += 1;
            }
            choice => {
                let flags = flags | if choice == 5 { BARE } else { 0 };
                self.frame(Header { flags, ..header }, &body);
                job.answered += 1;
            }
        }
        self.jobs[number] = job;
        if is_last && job.answered >= limit {
            self.jobs.swap_remove(number);
        }
    }

    /// Something that it must not do.
    pub(super) fn misbehave(&mut self, random: &mut Random) {
        match random.below(9) {
            0 | 1 => self.frame_with_wrong_numbers(random),
            2 => {
                let mut answers = Vec::new();
                for _ in 0..=random.below(40) {
                    short::push(&mut answers, &random.bytes(20));
                }
                if random.one_in(2) {
                    let at = random.place(answers.len());
                    answers[at] = random.byte();
                }
                self.put(Way::Up, self.tail, &answers);
                self.tail += answers.len() as u64;
                self.show();
            }
            3 => {
                // Over what it has shown before, perhaps while it is being read.
                let at = self.tail.saturating_sub(random.below(300));
                let bytes = random.bytes(64);
                self.put(Way::Up, at, &bytes);
                self.tail += 8 * random.below(40);
                self.show();
            }
            4 => {
                let tail = if random.one_in(2) {
                    self.tail.wrapping_add(random.number())
                } else {
                    random.number()
                };
                self.link.tail(Way::Up).store(tail, Relaxed);
            }
            5 => {
                self.bulk_tail = self.bulk_tail.wrapping_add(random.below(3 << 18));
                let tail = if random.one_in(4) {
                    random.number()
                } else {
                    self.bulk_tail
                };
                self.link.tail(Way::BulkUp).store(tail, Relaxed);
            }
            6 => {
                let way = *random.pick(&[Way::Down, Way::BulkDown]);
                self.link.head(way).store(random.number(), Relaxed);
            }
            7 => {
                let slot = match self.job(random) {
                    Some(number) => self.jobs[number].slot as usize,
                    None => 1023 - random.place(8),
                };
                let place = self.place_of(self.link.slot(slot));
                let halves = [random.number(), random.number()].map(|half| half.to_le_bytes());
                self.write(place, &[&halves[0][..4], &halves[1][..4]].concat());
            }
            _ => {
                let at = random.place(LENGTH - 2 * BULK - 2 * RING);
                let bytes = random.bytes(32);
                self.write(at, &bytes);
            }
        }
    }

    fn frame_with_wrong_numbers(&mut self, random: &mut Random) {
        let job = self.job(random).map(|number| self.jobs[number]);
        let (slot, id, item) = job.map_or((3, 3, 0), |job| (job.slot, job.id, job.answered));
        let body = message(random);
        let mut header = Header {
            kind: u8::try_from(random.below(10)).unwrap_or(0),
            flags: random.byte() & 0b1011,
            slot,
            body: body.len() as u64,
            id,
            entry: random.number().cast_signed(),
            item,
            ..Header::default()
        };
        for _ in 0..random.below(3) {
            match random.below(6) {
                0 => header.kind = random.byte(),
                1 => header.slot = u16::try_from(random.number() & 0xffff).unwrap_or(0),
                2 => header.body = random.number(),
                3 => header.id = header.id.wrapping_add(random.below(5)).wrapping_sub(2),
                4 => header.item = u32::try_from(random.number() & 0xffff_ffff).unwrap_or(0),
                _ => header.flags = random.byte(),
            }
        }
        let from = self.tail;
        self.frame(header, &body);
        if random.one_in(3) {
            // The first four bytes are the length.
            let length = u32::try_from(random.number() & 0xffff_ffff).unwrap_or(0);
            self.put(Way::Up, from, &length.to_le_bytes());
        }
        self.show();
    }
}

/// As it lies in memory.
fn bytes_of(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + 64);
    bytes.extend(header.length.to_ne_bytes());
    bytes.extend([header.kind, header.flags]);
    bytes.extend(header.slot.to_ne_bytes());
    bytes.extend(header.body.to_ne_bytes());
    bytes.extend(header.id.to_ne_bytes());
    bytes.extend(header.entry.to_ne_bytes());
    bytes.extend(header.name.to_ne_bytes());
    bytes.extend(header.context.to_ne_bytes());
    bytes.extend(header.item.to_ne_bytes());
    bytes.extend(header.attempt.to_ne_bytes());
    bytes.resize(HEADER, 0);
    bytes
}

/// Most are right.
fn message(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let value = (random.next(), "text", vec![7_u16; random.place(30)]);
    wire::encode(&value, &mut bytes).expect("it can be encoded");
    if random.one_in(3) {
        random.input(&[bytes], 0x15)
    } else {
        bytes
    }
}
