//! What goes through the pipeline.

use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// One record in so many has no reading.
pub(crate) const WITHOUT_READING: u64 = 100_000;

/// Rounds of mixing: the transformation takes some hundred nanoseconds.
const ROUNDS: u64 = 100;

/// What is produced.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Record {
    number: u64,
    reading: Reading,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Reading {
    Value(u64),
    Missing,
    /// Stands for what makes a C library crash.
    Deadly,
}

impl Record {
    pub(crate) fn produce(number: u64, poison: Option<u64>) -> Self {
        let reading = if poison == Some(number) {
            Reading::Deadly
        } else if number % WITHOUT_READING == WITHOUT_READING - 1 {
            Reading::Missing
        } else {
            Reading::Value(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        };
        Self { number, reading }
    }

    pub(crate) fn is_deadly(self) -> bool {
        matches!(self.reading, Reading::Deadly)
    }
}

/// What is written.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) value: u64,
}

impl Line {
    pub(crate) const BYTES: usize = 16;

    /// Says how many bytes it wrote.
    pub(crate) fn write_to(self, output: &mut impl Write) -> io::Result<u64> {
        output.write_all(&self.number.to_le_bytes())?;
        output.write_all(&self.value.to_le_bytes())?;
        Ok(Self::BYTES as u64)
    }
}

/// The portable work: runs in another process.
pub(crate) fn transform(record: Record) -> Result<Line, String> {
    let number = record.number;
    match record.reading {
        Reading::Value(reading) => {
            let mix = |mixed: u64, round| (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9 ^ round);
            let value = (0..ROUNDS).fold(reading, mix);
            Ok(Line { number, value })
        }
        Reading::Missing => Err(format!("record {number} has no reading")),
        Reading::Deadly => std::process::abort(),
    }
}
