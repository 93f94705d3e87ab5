//! The command line.

use lexopt::{Arg, ValueExt};
use std::{fmt::Display, ops::RangeInclusive, path::PathBuf, str::FromStr, thread};

/// As many records as nobody would want to have in memory together.
const ITEMS: u64 = 10_000_000;

/// Per map. Enough that neither the workers nor the writer run dry between two pulls.
const BUFFER: usize = 8_192;

const MOST_BUFFER: usize = 1 << 20;
const MOST_WORKERS: usize = 1024;

pub(crate) struct Args {
    pub(crate) items: u64,
    pub(crate) buffer: usize,
    pub(crate) workers: usize,
    /// The record that kills the process it is transformed in.
    pub(crate) poison: Option<u64>,
    /// `None` is a file that is removed in the end.
    pub(crate) output: Option<PathBuf>,
}

/// Reads the command line; `None` asks for help.
pub(crate) fn parse() -> Result<Option<Args>, lexopt::Error> {
    let mut args = Args {
        items: ITEMS,
        buffer: BUFFER,
        workers: thread::available_parallelism().map_or(1, Into::into),
        poison: None,
        output: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("items") => args.items = number(&mut parser, "--items", &(1..=u64::from(u32::MAX)))?,
            Arg::Long("buffer") => args.buffer = number(&mut parser, "--buffer", &(1..=MOST_BUFFER))?,
            Arg::Long("workers") => args.workers = number(&mut parser, "--workers", &(1..=MOST_WORKERS))?,
            Arg::Long("poison") => args.poison = Some(number(&mut parser, "--poison", &(0..=u64::MAX))?),
            Arg::Long("output") => args.output = Some(parser.value()?.into()),
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(args))
}

fn number<N>(parser: &mut lexopt::Parser, flag: &str, range: &RangeInclusive<N>) -> Result<N, lexopt::Error>
where
    N: FromStr + PartialOrd + Display,
{
    let text = parser.value()?.string()?;
    let number = text.parse().ok().filter(|number| range.contains(number));
    let wrong = || {
        format!(
            "{flag}: {text:?} is no number from {} to {}",
            range.start(),
            range.end()
        )
    };
    Ok(number.ok_or_else(wrong)?)
}

pub(crate) fn help() -> String {
    format!(
        "\
Produces numbered records, transforms them in processes and writes them to a file on a thread, in order and in
constant memory. Every {}th record has no reading: it fails, is counted, and is not in the file.

Usage: pipeline [--items N] [--buffer N] [--workers N] [--poison NUMBER] [--output PATH]

  --items N        how many records ({ITEMS})
  --buffer N       how many of them each of the two maps holds, at most ({BUFFER})
  --workers N      how many processes (one per CPU)
  --poison NUMBER  the record with this number kills the process it is transformed in
  --output PATH    the file; without this, one that is removed in the end
  -h, --help       print this

The file is read again in the end, and compared with what one thread comes to that does the same.

Exit code: 0 if the file is right, 1 if there was any problem, 2 if the arguments make no sense.
",
        crate::record::WITHOUT_READING,
    )
}
