//! How long the steps of an item took in a worker, on their way to the process that records it.

use super::link::frame::{Header, TIMED, up};
use crate::{running::record::Marks, sys::clock};

/// Items that are shorter share one entry, as in `running/record/items.rs`.
const SHORTEST: u64 = 1_000;

/// One item, several short ones, or one turn of a future. By [`clock::precise`], which is the same in all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) at: u64,
    /// Nanoseconds that went into decoding the argument, into the work, and into encoding the result.
    pub(super) decode: u64,
    pub(super) run: u64,
    pub(super) encode: u64,
    /// How many items ended, and how many of them with a failure.
    pub(super) items: u32,
    pub(super) failed: u32,
}

impl Times {
    pub(super) const SIZE: usize = 40;

    pub(super) fn end(&self) -> u64 {
        self.at + self.decode + self.run + self.encode
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        for number in [self.at, self.decode, self.run, self.encode] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.items, self.failed] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Into the header of the answer that these times are of.
    pub(super) fn into_header(self, header: &mut Header) {
        let short = |time: u64| u64::from(u32::try_from(time).unwrap_or(u32::MAX));
        header.flags |= TIMED;
        header.name = self.at;
        header.log = self.run;
        header.context = short(self.decode) << 32 | short(self.encode);
    }

    /// The times of one item, out of the header of its answer.
    pub(super) fn of_header(header: &Header) -> Self {
        Self {
            at: header.name,
            decode: header.context >> 32,
            run: header.log,
            encode: header.context & u64::from(u32::MAX),
            items: 1,
            failed: u32::from(header.kind == up::FAILURE),
        }
        .cut_to(clock::precise())
    }

    /// Any numbers are times. Those that cannot be are cut down to what can: nothing lies in the future.
    fn cut_to(self, now: u64) -> Self {
        let at = self.at.min(now);
        let decode = self.decode.min(now - at);
        let run = self.run.min(now - at - decode);
        let encode = self.encode.min(now - at - decode - run);
        Self {
            at,
            decode,
            run,
            encode,
            ..self
        }
    }

    fn read(bytes: [u8; Self::SIZE], now: u64) -> Self {
        let word = |place: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[8 * place..8 * (place + 1)]);
            u64::from_le_bytes(word)
        };
        let counts = word(4).to_le_bytes();
        let count = |half: usize| {
            let mut count = [0; 4];
            count.copy_from_slice(&counts[4 * half..4 * (half + 1)]);
            u32::from_le_bytes(count)
        };
        Self {
            at: word(0),
            decode: word(1),
            run: word(2),
            encode: word(3),
            items: count(0),
            failed: count(1),
        }
        .cut_to(now)
    }

    /// The entries of a frame, each copied before it is read: the worker can still write there.
    pub(super) fn all(bytes: &[u8], now: u64) -> impl Iterator<Item = Self> {
        let (entries, _) = bytes.as_chunks::<{ Self::SIZE }>();
        entries.iter().map(move |entry| Self::read(*entry, now))
    }
}

/// What a worker has noted of a batch and not sent yet.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    bytes: Vec<u8>,
    /// The last entry, which may grow.
    last: Option<Times>,
}

/// So many entries fill a frame.
const FULL: usize = 64 * Times::SIZE;

impl Notebook {
    /// A call that began at this time is over.
    pub(super) fn add(&mut self, began: u64, failed: bool) {
        let now = clock::precise();
        // A step that was not reached has no mark: of an argument that cannot be decoded nothing ran.
        self.add_steps(began, now, now, 1, failed);
    }

    /// A turn of a future that began at this time is over, its last one or not.
    pub(super) fn add_turn(&mut self, began: u64, is_last: bool, failed: bool) {
        self.add_steps(began, clock::precise(), began, u32::from(is_last), failed);
    }

    /// `unmarked` is when the argument was decoded if nothing says so.
    fn add_steps(&mut self, began: u64, now: u64, unmarked: u64, items: u32, failed: bool) {
        let or = |mark, otherwise| if mark > 0 { mark } else { otherwise };
        let Marks { decoded, ran } = Marks::take();
        let (decoded, ran) = (or(decoded, unmarked), or(ran, now));
        let times = Times {
            at: began,
            decode: decoded.saturating_sub(began),
            run: ran.saturating_sub(decoded),
            encode: now.saturating_sub(ran),
            items,
            failed: u32::from(failed),
        };
        match &mut self.last {
            Some(last) if last.end() - last.at < SHORTEST => {
                last.decode += times.decode;
                last.run += times.run;
                last.encode += times.encode;
                last.items += times.items;
                last.failed += times.failed;
            }
            last => {
                if let Some(last) = last.replace(times) {
                    last.write(&mut self.bytes);
                }
            }
        }
    }

    /// All of it, if that is one item: its answer has room for it.
    pub(super) fn take_single(&mut self) -> Option<Times> {
        if self.bytes.is_empty() {
            self.last.take_if(|times| times.items == 1)
        } else {
            None
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// All of it, for a frame; then it is empty.
    pub(super) fn take(&mut self) -> &[u8] {
        if let Some(last) = self.last.take() {
            last.write(&mut self.bytes);
        }
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.last = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none() && self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read() {
        let mut notebook = Notebook::default();
        let began = clock::precise() - 5_000;
        notebook.add(began, false);
        notebook.add(began + 1, true);
        assert!(!notebook.is_empty());
        let read: Vec<_> = Times::all(notebook.take(), clock::precise()).collect();
        assert_eq!(
            read.iter().map(|times| times.at).collect::<Vec<_>>(),
            [began, began + 1]
        );
        assert_eq!(read.iter().map(|times| times.failed).collect::<Vec<_>>(), [0, 1]);
        assert!(
            read.iter()
                .all(|times| times.decode + times.run + times.encode >= 4_000)
        );
        notebook.clear();
        assert!(notebook.is_empty());
    }

    #[test]
    fn short_items_share_an_entry() {
        let mut notebook = Notebook::default();
        for _ in 0..100 {
            notebook.add(clock::precise(), false);
        }
        let read: Vec<_> = Times::all(notebook.take(), clock::precise()).collect();
        assert!(read.len() < 100);
        assert_eq!(read.iter().map(|times| times.items).sum::<u32>(), 100);
    }

    #[test]
    fn one_item_goes_with_its_answer() {
        let mut notebook = Notebook::default();
        let began = clock::precise() - 5_000;
        notebook.add(began, true);
        let times = notebook.take_single().unwrap();
        assert!(notebook.is_empty());
        let mut header = Header {
            kind: up::FAILURE,
            ..Header::default()
        };
        times.into_header(&mut header);
        assert_eq!((Times::of_header(&header), header.flags), (times, TIMED));
        notebook.add(began, false);
        notebook.add(began, false);
        assert!(notebook.take_single().is_none() && !notebook.is_empty());
    }

    #[test]
    fn nothing_lies_in_the_future() {
        let bytes = [0xFF; Times::SIZE + 7];
        let read: Vec<_> = Times::all(&bytes, 1_000).collect();
        assert_eq!(
            (
                read.len(),
                read[0].at,
                read[0].decode + read[0].run + read[0].encode
            ),
            (1, 1_000, 0)
        );
        let mut early = Vec::new();
        let wild = Times {
            at: 10,
            decode: u64::MAX,
            run: 7,
            encode: 7,
            items: 1,
            failed: 0,
        };
        wild.write(&mut early);
        let read: Vec<_> = Times::all(&early, 1_000).collect();
        assert_eq!((read[0].decode, read[0].run, read[0].encode), (990, 0, 0));
    }
}
