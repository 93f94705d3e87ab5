//! Running a batch: its items one after another, each claimed before and answered at once.

use super::{
    super::{
        link::{
            frame::{BARE, Header, IN_BULK, LAST, TIMED, up},
            ring::Nonsense,
        },
        times::Times,
    },
    running::RunningBatch,
    serve::{Server, call, flags_of, kind_of},
};
use crate::{
    running::{Doing, record::Marks, run_as},
    sys::clock,
    task::{Entry, Packed, Routine, Verdict, failure, parcel::split_item, short},
};
use std::time::Instant;

/// An answer's buffer is kept up to this size.
const KEPT: usize = 32 * 1024 * 1024;

impl Server {
    pub(super) fn batch(&mut self, header: Header) -> Result<(), Nonsense> {
        let entry = self.entry(&header);
        let context = match header.context {
            0 => None,
            number => self.contexts.get(number),
        };
        if let Ok(Entry {
            routine: Routine::Async(start),
            ..
        }) = entry
        {
            return self.start_future(header, *start, context.as_deref());
        }
        let start = self.kept.ended.take().unwrap_or_else(Instant::now);
        let mut claimed = None;
        let mut items = std::mem::take(&mut self.kept.items);
        items.clear();
        if header.flags & IN_BULK == 0 {
            if let Some(frame) = self.wire.down.peek()? {
                items.extend_from_slice(frame.body);
            }
            self.wire.down.release();
        } else {
            self.wire.down.release();
            // A long body is fetched once it is known that it is needed.
            claimed = self.claim(&header, 0);
            if claimed.is_some() {
                items = self.wire.fetch(&header)?;
            }
        }
        if header.item > 1 {
            self.wire.tell_if_last();
        }
        let mut answer = std::mem::take(&mut self.kept.answer);
        Marks::are_wanted(header.flags & TIMED != 0);
        let running = RunningBatch::renew(&mut self.kept.running, &self.wire.link, &header);
        let batch = Batch {
            header,
            start,
            running: &running,
            run: &|argument, answer| match &entry {
                Ok(entry) => call(entry, argument, context.as_deref(), answer),
                Err(error) => {
                    failure::write(error, answer);
                    Verdict::Failure
                }
            },
        };
        // A bare argument is the work's to keep.
        let bare = (header.flags & BARE != 0).then(|| std::mem::take(&mut items));
        let ended = run_as(&running, Doing::Calling, || {
            self.run_items(&batch, bare, &items, claimed, &mut answer)
        })?;
        if answer.capacity() <= KEPT {
            self.kept.answer = answer;
        }
        if header.flags & IN_BULK == 0 {
            self.kept.items = items;
        }
        self.leave_if_retired();
        if let Ended::ByTakingBack(item) = ended {
            running.ends();
            self.send_times(&header);
            let end = Header {
                kind: up::END,
                slot: header.slot,
                id: header.id,
                entry: self.nanos_since(start),
                item,
                ..Header::default()
            };
            self.wire.push(end, &[]);
        }
        Ok(())
    }

    /// Runs as many items as may be started. `bare` is the argument of the only one if it is a bare vector; `claimed` is what
    /// the claim of the first one has said, if that was made.
    fn run_items(
        &mut self,
        batch: &Batch<'_>,
        mut bare: Option<Vec<u8>>,
        items: &[u8],
        mut claimed: Option<u32>,
        answer: &mut Vec<u8>,
    ) -> Result<Ended, Nonsense> {
        let mut rest = items;
        let mut item = 0;
        while let Some(limit) = claimed.take().or_else(|| self.claim(&batch.header, item)) {
            if item > 0 {
                self.wire.tell_of_answers();
            }
            answer.clear();
            let argument = if let Some(vector) = bare.take() {
                Packed::Bare(vector)
            } else {
                let Some((argument, behind)) = split_item(rest) else {
                    return Err(Nonsense("a batch that ends before its last item".into()));
                };
                rest = behind;
                Packed::Encoded(argument.into())
            };
            let began = batch.is_timed().then(clock::precise);
            let verdict = (batch.run)(argument, answer);
            if let Some(began) = began {
                self.kept.times.add(began, verdict == Verdict::Failure);
            }
            self.ran += 1;
            let is_last = item + 1 >= limit;
            let times = if is_last {
                self.kept.times.take_single()
            } else {
                None
            };
            if is_last || self.kept.times.is_full() {
                self.send_times(&batch.header);
            }
            if item > 0 && !is_last && verdict == Verdict::Value && answer.len() <= short::LONGEST {
                self.wire.answer_short(answer);
            } else {
                self.answer(batch, item, is_last, times, verdict, answer);
            }
            if verdict == Verdict::Bare {
                // It was the work's, and may be long.
                *answer = Vec::new();
            }
            item += 1;
            let is_spent = self.note_if_spent();
            if is_last {
                return Ok(Ended::ByLastAnswer);
            }
            if is_spent {
                // The parent takes back what is left.
                break;
            }
        }
        Ok(Ended::ByTakingBack(item))
    }

    /// Sends what was noted of a batch that is timed.
    fn send_times(&mut self, batch: &Header) {
        let times = &mut self.kept.times;
        if !times.is_empty() {
            self.wire.tell_times(batch, times.take());
            times.clear();
        }
    }

    fn answer(
        &mut self,
        batch: &Batch<'_>,
        item: u32,
        is_last: bool,
        times: Option<Times>,
        verdict: Verdict,
        answer: &[u8],
    ) {
        if is_last {
            batch.running.ends();
        }
        let mut header = Header {
            kind: kind_of(verdict),
            flags: flags_of(verdict) | if is_last { LAST } else { 0 },
            slot: batch.header.slot,
            id: batch.header.id,
            entry: if is_last { self.nanos_since(batch.start) } else { 0 },
            item,
            ..Header::default()
        };
        if let Some(times) = times {
            times.into_header(&mut header);
        }
        self.wire.answer(header, answer);
    }

    fn nanos_since(&mut self, start: Instant) -> i64 {
        let now = Instant::now();
        self.kept.ended = Some(now);
        i64::try_from(now.duration_since(start).as_nanos()).unwrap_or(i64::MAX)
    }
}

/// A batch that is being run.
struct Batch<'a> {
    header: Header,
    start: Instant,
    running: &'a RunningBatch,
    /// Calls the work with an argument, and packs the result.
    run: &'a dyn Fn(Packed<'_>, &mut Vec<u8>) -> Verdict,
}

impl Batch<'_> {
    fn is_timed(&self) -> bool {
        self.header.flags & TIMED != 0
    }
}

/// How a batch came to its end.
enum Ended {
    ByLastAnswer,
    /// So many items had been run, or it is this worker that ends.
    ByTakingBack(u32),
}
