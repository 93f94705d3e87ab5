//! What comes from the engine: results, and what it knows after a connection broke.

use super::{Client, Engine};
use crate::{
    cluster::{
        broker::{Arrival, ClientId, Fault, Position, Session},
        clock::Clock,
        message::{self, Report},
        names::fresh_name,
    },
    error::{TaskError, Unavailable},
    ledger::Ledger,
    lifecycle::Stage,
    remote::News,
};
use std::time::{Duration, Instant};

/// How far the row of results was read.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Reader {
    after: Position,
}

impl Client {
    /// Finds out what the engine has, and has the rest submitted again (rules 5 and 6). The row is read from its start: after the data
    /// went back in time, new results may lie before old ones.
    pub(in crate::cluster) fn resume(
        &self,
        session: &mut dyn Session,
        reader: &mut Reader,
    ) -> Result<(), Fault> {
        let _quiet = self.sending.lock();
        let name = self.lock().name.clone();
        self.lock().must_resume = false;
        let known = session.renew(&name)?;
        reader.after = Position::default();
        if known.is_some() {
            while self.receive_step(session, reader, Duration::ZERO)? > 0 {}
        } else {
            // The first time, this one is as good as any.
            let is_first = self.lock().generation == 0;
            let name = if is_first { name } else { ClientId(fresh_name()) };
            session.enlist(&name)?;
            let mut state = self.lock();
            state.name = name;
            state.contexts.clear();
        }
        let clock = Clock::compare(session)?;
        let registered = session.workers()?;
        let mut state = self.lock();
        state.clock = clock;
        state
            .fleet
            .update(&registered, &self.config.build, Instant::now());
        state.flights.resubmit_above(known.unwrap_or(0));
        if known.is_some() {
            state.flights.ask_again();
        } else {
            // What lies under the old name is nobody's.
            state.flights.errands.clear();
            state.flights.unanswered.clear();
        }
        state.engine = Engine::Connected;
        state.generation += 1;
        self.release(state, News::default());
        self.changed.notify_all();
        Ok(())
    }

    /// Takes in what has come, and waits for the first of it for at most `wait`. Returns how much that was.
    pub(in crate::cluster) fn receive_step(
        &self,
        session: &mut dyn Session,
        reader: &mut Reader,
        wait: Duration,
    ) -> Result<usize, Fault> {
        let name = self.lock().name.clone();
        let arrivals = session.results(&name, reader.after, wait)?;
        let count = arrivals.len();
        let mut taken = Vec::with_capacity(count);
        for Arrival {
            position,
            body,
            moved,
        } in arrivals
        {
            // What makes no sense is passed over (rule 16).
            if let Ok(report) = message::read::<Report>(&body) {
                taken.push((self.fetch(session, report)?, moved));
            }
            reader.after = position;
        }
        if !taken.is_empty() {
            let mut news = News::default();
            let mut state = self.lock();
            for (fetched, moved) in taken {
                state.take_in(fetched, moved, &self.ledger, &mut news);
            }
            self.release(state, news);
            self.changed.notify_all();
        }
        Ok(count)
    }

    /// Keeps the lease, and sees whether the engine still has what it had.
    pub(in crate::cluster) fn renew_step(&self, session: &mut dyn Session) -> Result<(), Fault> {
        let name = self.lock().name.clone();
        let known = session.renew(&name)?;
        let mut state = self.lock();
        // Else the data has gone back in time since it was last asked.
        state.must_resume |= known.is_none_or(|last| state.flights.were_forgotten(last));
        Ok(())
    }

    /// Sees who is there. Fails what waits if nobody there can run it (rule 15).
    pub(in crate::cluster) fn census_step(&self, session: &mut dyn Session) -> Result<(), Fault> {
        let registered = session.workers()?;
        let now = Instant::now();
        let mut news = News::default();
        let mut state = self.lock();
        state.fleet.update(&registered, &self.config.build, now);
        state.standing.counted();
        if let Some(reason) = state.fleet.why_nothing_runs(&self.config.build, now)
            && !state.is_at_rest()
        {
            state.abandon_all(&reason, &self.ledger, &mut news);
        }
        self.release(state, news);
        self.changed.notify_all();
        Ok(())
    }

    /// Everything fails if the engine has been away for too long (rule 14), or refuses. True if it does.
    pub(in crate::cluster) fn give_up_if_due(&self, fault: &Fault, since: Instant) -> bool {
        let address = self.broker.address();
        let limit = self.config.give_up_after;
        let reason = match fault {
            Fault::Refused(reason) => format!("the cluster's server at {address} refuses: {reason}"),
            Fault::Away(_) | Fault::Full(_) if since.elapsed() < limit => return false,
            Fault::Away(reason) | Fault::Full(reason) => format!(
                "the cluster's server at {address} could not be reached for {limit:?}: {reason}; whether the task has run is not known"
            ),
        };
        let mut news = News::default();
        let mut state = self.lock();
        state.abandon_all(&reason, &self.ledger, &mut news);
        self.release(state, news);
        self.changed.notify_all();
        true
    }
}

impl super::State {
    /// Everything fails for this reason, and what lies on the engine is to be removed.
    fn abandon_all(&mut self, reason: &str, ledger: &Ledger, news: &mut News) {
        let reason = TaskError::Unavailable(Unavailable::new(reason));
        for number in self.flights.numbers() {
            if self.stage < Stage::Closed {
                self.withdraw(number);
            }
            self.fail(number, &reason, ledger, news);
        }
        for (parcel, _) in self.queue.drain(..) {
            news.fail.push((parcel, reason.clone()));
        }
    }
}
