//! The suite for all backends.

use concurrent_futures::{Cluster, conformance::Subject};

struct Machines;

impl Subject for Machines {
    type Executor = Cluster;
    const COPIES: bool = true;
    const KILLS: bool = true;
    const SENDS_AHEAD: bool = true;

    /// Two of one process each stand for two machines.
    fn make(slots: usize) -> Cluster {
        let workers = if slots == 2 { 2 } else { 1 };
        let local = Cluster::local().unwrap();
        local.workers(workers).slots(slots / workers).build().unwrap()
    }
}

concurrent_futures::conformance!(machines, Machines, at_once);
