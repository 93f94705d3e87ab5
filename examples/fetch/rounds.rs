//! What is compared with what.

use crate::{
    args::Args,
    limits,
    report::complain,
    site::Site,
    ways::{BRIDGE_THREADS, Order, Way},
};
use std::{fmt, io, time::Duration};

/// As many as in the usual tutorials.
const FEW: usize = 15;
/// One after the other, more than this would take too long.
pub(crate) const MOST_SERIAL: usize = 100;
const MANY: usize = 10_000;
/// What an async way may have open at once where it is not to have everything. Some servers mind thousands.
pub(crate) const MOST_IN_FLIGHT: usize = 1_000;

pub(crate) struct Round {
    pub(crate) downloads: usize,
    pub(crate) latency: Duration,
    /// Whether the server answers nobody before all have asked.
    pub(crate) together: bool,
    pub(crate) ways: Vec<Way>,
}

/// Those that were asked for: a few downloads, or many and then many that are all open at the same time.
pub(crate) fn rounds(args: &Args) -> io::Result<Vec<Round>> {
    let mut rounds = Vec::new();
    for wanted in args.requests.map_or(vec![FEW, MANY], |requests| vec![requests]) {
        let downloads = limits::connections(wanted)?;
        if downloads < wanted {
            let fewer = format!("downloads: {downloads} instead of {wanted}");
            complain(&format!("{fewer}: a process cannot have more files open here"));
        }
        let mut add = |together, usual: fn(Way) -> bool| {
            let chosen = |way: &Way| usual(*way) && args.only.is_none_or(|only| only == *way);
            rounds.push(Round {
                downloads,
                latency: args.latency,
                together,
                ways: Way::ALL.into_iter().filter(chosen).collect(),
            });
        };
        if downloads > MOST_SERIAL {
            add(false, |way| way != Way::Serial);
            add(true, Way::is_async);
        } else {
            add(false, |_| true);
        }
    }
    rounds.retain(|round| !round.ways.is_empty());
    Ok(rounds)
}

impl Round {
    pub(crate) fn site(&self) -> Site {
        Site {
            latency: self.latency,
            crowd: if self.together { self.downloads } else { 1 },
        }
    }

    pub(crate) fn order(&self, way: Way, port: u16) -> Order {
        Order {
            way,
            port,
            downloads: self.downloads,
            // As in the usual tutorials, or as many as the bridge has.
            threads: if self.downloads > MOST_SERIAL {
                BRIDGE_THREADS
            } else {
                5
            },
            in_flight: if self.together {
                self.downloads
            } else {
                MOST_IN_FLIGHT
            },
        }
    }

    /// What the server's latencies add up to: one after the other would take longer.
    pub(crate) fn latencies(&self) -> Duration {
        (0..self.downloads).map(|page| self.site().latency_of(page)).sum()
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (downloads, latency) = (self.downloads, self.latency);
        write!(
            f,
            "Downloads: {downloads}, {latency:?} each; some take three times that, some are refused"
        )?;
        if self.together {
            write!(f, "; nobody is answered before all have asked")?;
        }
        Ok(())
    }
}
