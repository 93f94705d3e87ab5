//! What work logs in a worker, on its way to the parent's subscriber (feature `tracing`).
//!
//! All workers of a program write into one pipe, each record with one call that the kernel does not mix with others; a thread of the
//! parent's reads it and tells its subscriber. So what was logged before a crash is there, any thread of a worker may log, and nobody
//! needs the pool's lock. A batch carries a number for the span of its task and the level that is of interest ([`word_for`]); the worker
//! sends the number back with every record.

mod forwarder;
mod relay;

pub(super) use forwarder::{install, span_of};
pub(super) use relay::{Key, flush, word_for, write_end};

use serde::{Deserialize, Serialize};
use tracing::{Level, level_filters::LevelFilter};

/// One event in a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Of the task; 0 if it was none.
    key: u64,
    pid: u32,
    level: u8,
    target: String,
    /// The spans that the work was in, outermost first, with their fields.
    spans: String,
    message: String,
    /// The other fields.
    fields: String,
}

/// What goes into the pipe is written at once or not at all up to this size, whoever else writes: `PIPE_BUF` on Linux, and
/// no less than four times what POSIX asks for.
const LONGEST: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// So many characters of a text are kept at first, and a half of them as often as it takes.
const MOST_TEXT: usize = 2_000;

/// Bits of a batch's word that say the level.
const LEVEL_BITS: u32 = 3;

fn number_of(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// 0 is nothing.
fn number_of_filter(filter: LevelFilter) -> u8 {
    filter.into_level().map_or(0, number_of)
}

impl Record {
    /// As it goes into the pipe: the length of what follows in two bytes, and the record, with its texts cut until it fits.
    fn to_bytes(&self) -> Vec<u8> {
        let mut record = self.clone();
        let mut most = MOST_TEXT;
        loop {
            for text in [
                &mut record.target,
                &mut record.spans,
                &mut record.message,
                &mut record.fields,
            ] {
                cut(text, most);
            }
            let mut bytes = vec![0, 0];
            if crate::wire::encode(&record, &mut bytes).is_ok() && bytes.len() <= LONGEST {
                let length = u16::try_from(bytes.len() - 2).unwrap_or(0);
                bytes[..2].copy_from_slice(&length.to_le_bytes());
                return bytes;
            }
            most /= 2;
        }
    }

    /// Takes the first record away from what has been read. `None` if it is not whole yet; an error if it is none.
    fn take_from(bytes: &mut Vec<u8>) -> Result<Option<Self>, ()> {
        let Some((head, rest)) = bytes.split_first_chunk::<2>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_le_bytes(*head));
        if length > LONGEST {
            return Err(());
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let record = crate::wire::decode(body).map_err(|_| ())?;
        bytes.drain(..2 + length);
        Ok(Some(record))
    }
}

fn cut(text: &mut String, most: usize) {
    if text.chars().count() > most {
        *text = text.chars().take(most).chain(['…']).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Record};

    fn record(message: String) -> Record {
        Record {
            key: 7,
            pid: 42,
            level: 3,
            target: "shop".into(),
            spans: "import{file=\"a\"}".into(),
            message,
            fields: "n=1".into(),
        }
    }

    #[test]
    fn records_come_out_as_they_went_in_however_they_are_read() {
        let records = ["first", "", "third"].map(|text| record(text.into()));
        let all: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        let (mut read, mut bytes) = (Vec::new(), Vec::new());
        for byte in all {
            bytes.push(byte);
            read.extend(Record::take_from(&mut bytes).unwrap());
        }
        assert_eq!((read.as_slice(), bytes.len()), (records.as_slice(), 0));
    }

    #[test]
    fn a_long_text_is_cut_so_that_the_record_is_written_at_once() {
        let long = record("ä€𝄞".repeat(100_000));
        let mut bytes = long.to_bytes();
        assert!(bytes.len() <= LONGEST);
        let read = Record::take_from(&mut bytes).unwrap().unwrap();
        assert!(read.message.starts_with("ä€𝄞") && read.message.ends_with('…'));
        assert_eq!((read.fields, read.key), (long.fields, long.key));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert!(Record::take_from(&mut vec![0xFF, 0xFF, 1]).is_err());
        assert!(Record::take_from(&mut vec![3, 0, 9, 9, 9]).is_err());
    }
}
