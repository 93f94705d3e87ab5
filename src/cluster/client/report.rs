//! What the workers of a cluster are doing, for who asks how things stand: as far as their client knows.

use super::Client;
use crate::{
    ledger::{Report, Reporter, WorkerSeen},
    running::{Awaited, activity::Seen},
};

impl Reporter for Client {
    fn report(&self, report: &mut Report) {
        let Some(state) = self.state.try_lock() else {
            report.is_partial = true;
            return;
        };
        let executor = self.ledger.id().number();
        report.workers_restarted = state.fleet.restarted();
        for (id, record) in &state.fleet.workers {
            let tasks = state.flights.iter().filter_map(|(_, flight)| {
                let runs_on = flight.runs_on.as_ref().filter(|on| on.worker == *id)?;
                let work = (flight.parcel.call().entry.name)();
                let name = flight.parcel.name();
                Some(Seen {
                    task: flight.parcel.number(),
                    executor,
                    work,
                    name: (name != work).then(|| name.into()),
                    age: runs_on.since.elapsed(),
                    awaits: Awaited::Nothing,
                })
            });
            report.workers.push(WorkerSeen {
                name: format!("{} ({} slots)", record.host, record.slots),
                pid: Some(record.pid),
                host: Some(record.host.clone()),
                tasks: tasks.collect(),
                deeper: 0,
            });
        }
    }
}
