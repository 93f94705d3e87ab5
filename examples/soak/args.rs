//! The command line.

use lexopt::{Arg, ValueExt};
use std::{
    fmt::Display,
    ops::RangeInclusive,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Without arguments: seconds, not minutes.
const MINUTES: f64 = 0.15;
const SCALE: f64 = 0.002;

pub(crate) struct Args {
    pub(crate) seed: u64,
    /// The number of the first round.
    pub(crate) from: u64,
    pub(crate) length: Length,
    /// 1 is the full size of every feat.
    pub(crate) scale: f64,
    /// Whether workers may say on stderr how they die.
    pub(crate) noisy: bool,
}

/// How long rounds go on.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Time(Duration),
    Rounds(u64),
}

/// Reads the command line; `None` asks for help.
pub(crate) fn parse() -> Result<Option<Args>, lexopt::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut args = Args {
        seed: now.map_or(0, |now| now.as_secs()),
        from: 0,
        length: Length::Time(minutes(MINUTES)),
        scale: SCALE,
        noisy: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("minutes") => {
                args.length = Length::Time(minutes(number(&mut parser, "--minutes", &(0.0..=10_000.0))?));
            }
            Arg::Long("rounds") => {
                args.length = Length::Rounds(number(&mut parser, "--rounds", &(0..=u64::MAX))?);
            }
            Arg::Long("from") => args.from = number(&mut parser, "--from", &(0..=u64::MAX))?,
            Arg::Long("seed") => args.seed = number(&mut parser, "--seed", &(0..=u64::MAX))?,
            Arg::Long("scale") => args.scale = number(&mut parser, "--scale", &(0.0..=1_000.0))?,
            Arg::Long("noisy") => args.noisy = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(args))
}

fn minutes(minutes: f64) -> Duration {
    Duration::from_secs_f64(minutes * 60.0)
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
Mixes everything that the executors can do, by chance, and counts for every task that it ran as often as it may have
and that its future had one outcome that fits. First come feats: volume, joins, many workers killed at once, every
kind of crash, a large message, pools that begin and end in every order; then random rounds.

Usage: soak [--minutes N | --rounds N] [--seed N] [--from N] [--scale X] [--noisy]

  --minutes N   how long random rounds go on ({MINUTES})
  --rounds N    how many there are, instead
  --seed N      what they are made of (the time)
  --from N      the number of the first round: `--seed S --from R --rounds 1 --scale 0` is one round alone
  --scale X     how large the feats are; 1 is 42 million tasks, 0 is none ({SCALE})
  --noisy       do not send away what workers say on stderr while they die
  -h, --help    print this

Exit code: 0 if all outcomes are accounted for, 1 if anything was wrong, 2 if the arguments make no sense, 101 if
nothing moves for a minute.
"
    )
}
