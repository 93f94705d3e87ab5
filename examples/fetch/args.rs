//! The command line.

use crate::{
    rounds::{MOST_IN_FLIGHT, MOST_SERIAL},
    site::Site,
    ways::Way,
};
use lexopt::{Arg, ValueExt};
use std::{ops::RangeInclusive, time::Duration};

/// All at once, each from a port of its own: of these there are not many more.
const REQUESTS: RangeInclusive<usize> = 1..=20_000;
/// Three times that is still no reason for a client to give up.
const LATENCY: RangeInclusive<u64> = 0..=5_000;

pub(crate) enum Asked {
    Downloads(Args),
    Help,
    /// Only this program itself asks for it.
    Server(Site),
}

pub(crate) struct Args {
    /// `None` is first a few, then many.
    pub(crate) requests: Option<usize>,
    pub(crate) latency: Duration,
    /// `None` is all of them.
    pub(crate) only: Option<Way>,
}

/// Reads the command line.
pub(crate) fn parse() -> Result<Asked, lexopt::Error> {
    let mut args = Args {
        requests: None,
        latency: Duration::from_millis(50),
        only: None,
    };
    let (mut serve, mut crowd) = (false, 1);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("requests") => args.requests = Some(number(&mut parser, "--requests", &REQUESTS)?),
            Arg::Long("latency") => {
                args.latency = Duration::from_millis(number(&mut parser, "--latency", &LATENCY)?);
            }
            Arg::Long("only") => {
                // Its own message says which ways there are.
                let name = parser.value()?.string()?;
                args.only = Some(name.parse().map_err(|error| format!("--only: {error}"))?);
            }
            Arg::Long("serve") => serve = true,
            Arg::Long("crowd") => crowd = number(&mut parser, "--crowd", &REQUESTS)?,
            Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    if serve {
        let latency = args.latency;
        return Ok(Asked::Server(Site { latency, crowd }));
    }
    if args.only == Some(Way::Serial) && args.requests.is_some_and(|requests| requests > MOST_SERIAL) {
        return Err(format!("--only serial: not with more than {MOST_SERIAL} requests").into());
    }
    Ok(Asked::Downloads(args))
}

fn number<N>(parser: &mut lexopt::Parser, flag: &str, range: &RangeInclusive<N>) -> Result<N, lexopt::Error>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
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
    let ways = Way::ALL.map(Way::name).join("|");
    format!(
        "\
Downloads pages from a server on this machine that takes its time, in several ways, and compares them.

Usage: fetch [--requests N] [--latency MS] [--only {ways}]

  --requests N   how many downloads (first 15, then 10000). With more than {MOST_SERIAL}, one after the other is left out,
                 and there are two tables: one with at most {MOST_IN_FLIGHT} open at the same time, one with all of them
  --latency MS   how long the server thinks about a page (50); about some pages three times as long
  --only WAY     only this one
  -h, --help     print this

In the tables:

  speed-up       against one after the other; where that is left out, against what the latencies add up to
  failed         downloads that the server refused, on purpose: the same for every way
  at once        how many downloads the server ever saw waiting at the same time
  memory         by how much the memory of the process grew, at most

Exit code: 0 if every way came to the same end, 1 if there was any problem, 2 if the arguments make no sense.
"
    )
}
