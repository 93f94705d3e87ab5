//! Whether what was written is complete and in order.

use crate::{
    args::Args,
    record::{Line, Record, transform},
};
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// Changes with every line that is missing, doubled, wrong or in another place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) lines: u64,
    pub(crate) checksum: u64,
}

impl Content {
    fn of(lines: impl Iterator<Item = Line>) -> Self {
        let nothing = Self {
            lines: 0,
            checksum: 0xCBF2_9CE4_8422_2325,
        };
        // FNV-1a, by words instead of bytes.
        let add = |checksum: u64, word: u64| (checksum ^ word).wrapping_mul(0x0100_0000_01B3);
        lines.fold(nothing, |content, line| Self {
            lines: content.lines + 1,
            checksum: add(add(content.checksum, line.number), line.value),
        })
    }
}

/// What one thread comes to that does the same without an executor.
pub(crate) fn of_records(args: &Args) -> Content {
    let records = (0..args.items).map(|number| Record::produce(number, args.poison));
    let survivors = records.filter(|record| !record.is_deadly());
    Content::of(survivors.filter_map(|record| transform(record).ok()))
}

pub(crate) fn of_file(path: &Path) -> io::Result<Content> {
    let file = File::open(path)?;
    if file.metadata()?.len() % Line::BYTES as u64 != 0 {
        return Err(io::Error::other("the last line is cut off"));
    }
    let mut failure = None;
    let mut reader = BufReader::new(file);
    let mut bytes = [0; 8];
    let lines = std::iter::from_fn(|| {
        let mut word = || -> io::Result<u64> {
            reader.read_exact(&mut bytes)?;
            Ok(u64::from_le_bytes(bytes))
        };
        let line = word().and_then(|number| {
            Ok(Line {
                number,
                value: word()?,
            })
        });
        line.map_err(|error| failure = Some(error)).ok()
    });
    let content = Content::of(lines);
    match failure {
        Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(content),
    }
}
