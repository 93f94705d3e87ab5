//! One way in one round: how long it takes, and whether it does what it should.

use crate::{
    memory::peak,
    remote::Remote,
    rounds::Round,
    site::{Download, expected},
    ways::{Order, Way},
};
use concurrent_futures::Executor;
use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    time::{Duration, Instant},
};

/// Each measurement has a process of its own where there are any: memory and threads that one way leaves behind
/// would flatter the next.
#[cfg(unix)]
fn apart() -> impl Executor {
    concurrent_futures::ProcessPool::with_workers(1)
}

#[cfg(not(unix))]
fn apart() -> impl Executor {
    concurrent_futures::Inline::new()
}

pub(crate) struct Measured {
    pub(crate) time: Duration,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    /// How many downloads the server ever saw waiting at the same time.
    pub(crate) at_once: usize,
    /// By how many bytes the memory grew meanwhile, at most. `None` where the system does not tell.
    pub(crate) memory: Option<u64>,
}

/// What comes back from the other process.
#[derive(Serialize, Deserialize)]
struct Run {
    time: Duration,
    downloads: Vec<Download>,
    memory: Option<u64>,
}

fn run(order: Order) -> Run {
    let start = Instant::now();
    let (downloads, memory) = peak(|| order.run());
    Run {
        time: start.elapsed(),
        downloads,
        memory,
    }
}

pub(crate) fn measure(round: &Round, way: Way) -> Result<Measured, Box<dyn Error>> {
    let server = Remote::start(round.site())?;
    let order = round.order(way, server.port);
    let outcome = apart().submit(run, order.clone()).result();
    let at_once = server.end()?;
    let run = outcome?;

    // All that was ordered, in order, and nothing else.
    assert_eq!(run.downloads.len(), round.downloads);
    for (page, download) in run.downloads.iter().enumerate() {
        if *download != expected(page) {
            let way = way.name();
            return Err(format!("{way}: page {page}: {download:?} instead of {:?}", expected(page)).into());
        }
    }
    assert!(at_once <= order.most_at_once(), "{at_once} at once");
    assert!(!round.together || at_once == round.downloads);
    let succeeded = run.downloads.iter().filter(|download| download.is_ok()).count();
    Ok(Measured {
        time: run.time,
        succeeded,
        failed: round.downloads - succeeded,
        at_once,
        memory: run.memory,
    })
}
