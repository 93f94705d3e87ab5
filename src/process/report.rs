//! What the workers of a pool are doing, for who asks how things stand.

use super::{
    pool::Shared,
    worker::{Phase, Worker},
};
use crate::{
    ledger::{Report, Reporter, WorkerSeen},
    running::{Awaited, activity::Seen},
};

impl Reporter for Shared {
    fn report(&self, report: &mut Report) {
        let Some(state) = self.state.try_lock() else {
            report.is_partial = true;
            return;
        };
        let executor = self.ledger().id().number();
        report.workers_restarted = state.restarted;
        report
            .workers
            .extend(state.workers.iter().map(|worker| worker.seen(executor)));
    }
}

impl Worker {
    fn seen(&self, executor: u32) -> WorkerSeen {
        let flights = self.flights.iter().enumerate();
        let tasks = flights.filter_map(|(slot, flight)| {
            let flight = flight.as_ref()?;
            let slot = self.link.slot(slot);
            let runs = slot.progress().0 > flight.answered;
            let work = (flight.parcel.call().entry.name)();
            let name = flight.parcel.name();
            runs.then(|| Seen {
                task: flight.parcel.number(),
                executor,
                work,
                name: (name != work).then(|| name.into()),
                age: slot.age(),
                awaits: Awaited::Nothing,
            })
        });
        let name = match self.phase {
            Phase::Starting => "starting process",
            Phase::Ready if self.stalled => "stopped process",
            Phase::Ready => "process",
            Phase::Leaving => "leaving process",
            Phase::Killed => "killed process",
        };
        WorkerSeen {
            name: name.to_owned(),
            pid: Some(self.wires.child.pid()),
            host: None,
            tasks: tasks.collect(),
            deeper: 0,
        }
    }
}
