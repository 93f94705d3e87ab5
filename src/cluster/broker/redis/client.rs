//! What clients ask.

use super::{
    super::{Arrival, ClientId, Fault, Outgoing, Position, Recall, Recalled, Submitted, WorkerId},
    replies, scripts,
    session::{BATCH, RedisSession, label, milliseconds},
};
use redis::{Value, cmd};
use std::time::Duration;

/// Bytes that are submitted in one step, more or less.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Results that are read at once.
const MOST_RESULTS: usize = 512;

/// Seconds of a client's lease.
const LEASE: u64 = 60;

/// Seconds after which a queue goes that no client of its build has been there for.
const QUEUE: u64 = 604_800;

impl RedisSession {
    pub(super) fn enlist_client(&mut self, client: &ClientId) -> Result<(), Fault> {
        let key = self.shared.keys.client(client);
        self.link.step(&scripts::ENLIST, &[&key], &[]).map(drop)
    }

    pub(super) fn renew_client(&mut self, client: &ClientId) -> Result<Option<u64>, Fault> {
        let key = self.shared.keys.client(client);
        // What lies in the queue stays while a client is there that waits for it.
        let mut commands = [cmd("EXPIRE"), cmd("EXPIRE"), cmd("HGET")];
        commands[0].arg(&self.shared.keys.queue).arg(QUEUE);
        commands[1].arg(&key).arg(LEASE);
        commands[2].arg(&key).arg("last");
        let answers = self.link.ask_all(&commands, Duration::ZERO)?;
        let mut last = None;
        for answer in answers {
            last = replies::number(&self.link.accept(answer)?);
        }
        Ok(last)
    }

    pub(super) fn submit_batch(
        &mut self,
        client: &ClientId,
        label: Option<&str>,
        most: usize,
        batch: &[Outgoing<'_>],
    ) -> Result<Submitted, Fault> {
        let (key, queue) = (self.shared.keys.client(client), self.shared.keys.queue(label));
        let most = most.to_string();
        let mut places = Vec::with_capacity(batch.len());
        let mut rest = batch;
        loop {
            let (now, later) = rest.split_at(some(rest));
            let numbers: Vec<String> = now.iter().map(|task| task.number.to_string()).collect();
            let mut arguments = Vec::with_capacity(1 + 2 * now.len());
            arguments.push(most.as_bytes());
            for (task, number) in now.iter().zip(&numbers) {
                arguments.extend([number.as_bytes(), task.body]);
            }
            let answer = match self.link.step(&scripts::SUBMIT, &[&key, &queue], &arguments) {
                // What is stored is stored; who asks again for the rest hears of it.
                Err(Fault::Full(_)) if !places.is_empty() => break,
                answer => answer?,
            };
            let Value::Array(stored) = answer else {
                return Ok(Submitted::Unknown);
            };
            places.extend(stored.iter().map(replies::position));
            if stored.len() < now.len() || later.is_empty() {
                break;
            }
            rest = later;
        }
        Ok(Submitted::Stored(places))
    }

    pub(super) fn read_results(
        &mut self,
        client: &ClientId,
        after: Position,
        wait: Duration,
    ) -> Result<Vec<Arrival>, Fault> {
        let key = self.shared.keys.results(client);
        let mut commands = Vec::with_capacity(2);
        if after != Position::default() {
            let mut trim = cmd("XTRIM");
            trim.arg(&key).arg("MINID").arg(following(after).to_string());
            commands.push(trim);
        }
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(MOST_RESULTS);
        if !wait.is_zero() {
            read.arg("BLOCK").arg(milliseconds(wait));
        }
        read.arg("STREAMS").arg(&key).arg(after.to_string());
        commands.push(read);
        let mut answer = Value::Nil;
        for next in self.link.ask_all(&commands, wait)? {
            answer = self.link.accept(next)?;
        }
        let arrivals = replies::streams(answer).flat_map(|(_, entries)| replies::entries(entries));
        Ok(arrivals
            .map(|entry| Arrival {
                position: entry.position,
                body: entry.body,
                moved: entry.moved,
            })
            .collect())
    }

    pub(super) fn recall_batch(&mut self, recalls: &[Recall]) -> Result<Vec<Recalled>, Fault> {
        let mut outcomes = Vec::with_capacity(recalls.len());
        for recalls in recalls.chunks(BATCH) {
            let positions: Vec<String> = recalls
                .iter()
                .map(|recall| recall.place.position.to_string())
                .collect();
            let keys = &self.shared.keys;
            let mut arguments = vec![keys.requests.as_bytes()];
            for (recall, position) in recalls.iter().zip(&positions) {
                arguments.extend([label(&recall.place), position.as_bytes(), &recall.request]);
            }
            let answer = self.link.step(&scripts::RECALL, &[&keys.queue], &arguments)?;
            outcomes.extend(
                replies::list(answer)
                    .iter()
                    .map(|outcome| match replies::number(outcome) {
                        Some(1) => Recalled::Removed,
                        Some(2) => Recalled::Told,
                        _ => Recalled::Gone,
                    }),
            );
        }
        Ok(outcomes)
    }

    pub(super) fn ask_workers(&mut self, requests: &[(WorkerId, Vec<u8>)]) -> Result<(), Fault> {
        for requests in requests.chunks(BATCH) {
            let keys = &self.shared.keys;
            let mut arguments = vec![keys.requests.as_bytes()];
            for (worker, request) in requests {
                arguments.extend([worker.0.as_bytes(), request]);
            }
            self.link.step(&scripts::ASK, &[&keys.queue], &arguments)?;
        }
        Ok(())
    }

    pub(super) fn tell_clients(&mut self, notices: &[(ClientId, Vec<u8>)]) -> Result<(), Fault> {
        for notices in notices.chunks(BATCH) {
            let keys = &self.shared.keys;
            let mut arguments = vec![keys.clients.as_bytes(), keys.results.as_bytes()];
            for (client, notice) in notices {
                arguments.extend([client.0.as_bytes(), notice]);
            }
            // No key is named before the step: they are those of many clients, and beside the queue.
            self.link.step(&scripts::TELL, &[&keys.queue], &arguments)?;
        }
        Ok(())
    }
}

/// How many of these go in one step; one at least.
fn some(batch: &[Outgoing<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |task: &&Outgoing<'_>| {
        let first = bytes == 0;
        bytes += task.body.len() + 1;
        first || bytes <= MOST_BYTES
    };
    batch.iter().take(BATCH).take_while(fits).count()
}

/// The first position behind this one.
pub(super) fn following(position: Position) -> Position {
    match position.1.checked_add(1) {
        Some(next) => Position(position.0, next),
        None => Position(position.0.saturating_add(1), 0),
    }
}
