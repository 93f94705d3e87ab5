//! The workers that a client knows of.

use crate::{
    cluster::{
        broker::Registered,
        message::{self, WorkerRecord},
    },
    sync::Arc,
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// One that has not been heard of for so long does not count.
const SILENT: Duration = Duration::from_secs(15);

/// So long only workers of other builds may be there, while there are tasks.
const ONLY_FOREIGN: Duration = Duration::from_secs(5);

/// The workers as they were when the engine was last asked.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Fleet {
    pub(in crate::cluster) workers: Vec<(String, WorkerRecord)>,
    /// Since when only workers of other builds are there, and which builds those are.
    foreign_since: Option<Instant>,
    foreign: BTreeSet<String>,
}

impl Fleet {
    /// How many tasks run at once.
    pub(in crate::cluster) fn slots(&self) -> usize {
        let slots = self.workers.iter().map(|(_, worker)| worker.slots as usize);
        slots.fold(0, usize::saturating_add)
    }

    pub(in crate::cluster) fn restarted(&self) -> u64 {
        self.workers.iter().map(|(_, worker)| worker.restarted).sum()
    }

    /// The machine that a worker is on; a worker that is not known (any more) goes by its own name.
    pub(super) fn host_of(&self, worker: &str) -> Arc<str> {
        let known = self.workers.iter().find(|(id, _)| id == worker);
        known.map_or(worker, |(_, record)| &record.host).into()
    }

    pub(super) fn update(&mut self, registered: &[Registered], build: &str, now: Instant) {
        let records = registered
            .iter()
            .filter(|worker| worker.silent_for < SILENT)
            .filter_map(|worker| {
                let record = message::read::<WorkerRecord>(&worker.record).ok()?;
                Some((worker.worker.0.clone(), record))
            });
        let (own, foreign): (Vec<_>, Vec<_>) = records.partition(|(_, record)| record.build == build);
        self.workers = own;
        self.foreign = foreign.into_iter().map(|(_, record)| record.build).collect();
        if self.workers.is_empty() && !self.foreign.is_empty() {
            self.foreign_since.get_or_insert(now);
        } else {
            self.foreign_since = None;
        }
    }

    /// Why nothing will run, if only workers of other builds have been there for some time.
    pub(super) fn why_nothing_runs(&self, build: &str, now: Instant) -> Option<String> {
        let since = self.foreign_since?;
        if now.saturating_duration_since(since) < ONLY_FOREIGN {
            return None;
        }
        let foreign: Vec<_> = self.foreign.iter().map(String::as_str).collect();
        Some(format!(
            "no worker of the cluster has this build of the program: it is build {build}, and the workers that are there are of build {}; start \
             workers from the same executable",
            foreign.join(", ")
        ))
    }
}
