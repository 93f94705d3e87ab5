//! What workers ask to get tasks, and to hear of clients.

use super::{
    super::{ClientId, Delivery, Fault, Place, WorkerId},
    client::following,
    faults, replies, scripts,
    session::{RedisSession, milliseconds},
};
use redis::{Value, cmd};
use std::time::Duration;

impl RedisSession {
    /// Tasks with a label come first: others may run the rest.
    pub(super) fn fetch_tasks(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, Fault> {
        self.remember(labels);
        if most == 0 {
            return Ok(Vec::new());
        }
        if labels.is_empty() {
            return self.read_group(worker, labels, most, wait);
        }
        // The count of one read is for each stream of it. So that the sum is right, they are read one after the other, in one step;
        // which cannot wait.
        let count = most.to_string();
        let arguments = with_labels(&[worker.0.as_bytes(), count.as_bytes()], labels);
        let queue = self.shared.keys.queue.clone();
        let mut found = self.link.step(&scripts::FETCH, &[&queue], &arguments)?;
        if !matches!(found, Value::Array(_)) {
            self.make_groups(labels)?;
            found = self.link.step(&scripts::FETCH, &[&queue], &arguments)?;
        }
        let tasks = deliveries(found, labels);
        if !tasks.is_empty() || wait.is_zero() {
            return Ok(tasks);
        }
        // What wakes this one is one entry of one stream.
        let mut tasks = self.read_group(worker, labels, 1, wait)?;
        if tasks.len() > most {
            // Several streams had one by the time that it began.
            let surplus = tasks.split_off(most);
            self.let_go(worker, &surplus)?;
        }
        Ok(tasks)
    }

    /// Reads all queues at once, `count` entries of each.
    fn read_group(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, Fault> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg("g").arg(&worker.0).arg("COUNT").arg(count);
        if !wait.is_zero() {
            read.arg("BLOCK").arg(milliseconds(wait));
        }
        read.arg("STREAMS");
        for label in labels {
            read.arg(self.shared.keys.queue(Some(label)));
        }
        read.arg(&self.shared.keys.queue);
        for _ in 0..=labels.len() {
            read.arg(">");
        }
        let mut answer = self.link.ask_plainly(&read, wait)?;
        if is_no_group(&answer) {
            self.make_groups(labels)?;
            answer = self.link.ask_plainly(&read, wait)?;
            if is_no_group(&answer) {
                // The data went while it waited. The next read finds that again.
                return Ok(Vec::new());
            }
        }
        let mut tasks = Vec::new();
        for (queue, entries) in replies::streams(self.link.accept(answer)?) {
            let label = self.shared.keys.label(&queue);
            tasks.extend(replies::entries(entries).map(|entry| delivery(label.clone(), entry)));
        }
        Ok(tasks)
    }

    /// Makes the groups that were never there, or went with the data.
    fn make_groups(&mut self, labels: &[String]) -> Result<(), Fault> {
        let arguments = with_labels(&[], labels);
        self.link
            .step(&scripts::GROUPS, &[&self.shared.keys.queue], &arguments)
            .map(drop)
    }

    pub(super) fn let_go(&mut self, worker: &WorkerId, tasks: &[Delivery]) -> Result<(), Fault> {
        let positions: Vec<String> = tasks.iter().map(|task| task.place.position.to_string()).collect();
        let mut arguments = vec![worker.0.as_bytes()];
        for (task, position) in tasks.iter().zip(&positions) {
            arguments.extend([super::session::label(&task.place), position.as_bytes()]);
        }
        self.link
            .step(&scripts::SURPLUS, &[&self.shared.keys.queue], &arguments)
            .map(drop)
    }

    pub(super) fn reclaim_tasks(
        &mut self,
        worker: &WorkerId,
        labels: &[String],
        idle: Duration,
        most: usize,
    ) -> Result<Vec<Delivery>, Fault> {
        self.remember(labels);
        if most == 0 {
            return Ok(Vec::new());
        }
        let (idle, most) = (idle.as_millis().to_string(), most.to_string());
        let head = [worker.0.as_bytes(), idle.as_bytes(), most.as_bytes()];
        let arguments = with_labels(&head, labels);
        let found = self
            .link
            .step(&scripts::RECLAIM, &[&self.shared.keys.queue], &arguments)?;
        Ok(deliveries(found, labels))
    }

    pub(super) fn which_live(&mut self, clients: &[ClientId]) -> Result<Vec<bool>, Fault> {
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        let exists = |client: &ClientId| {
            let mut exists = cmd("EXISTS");
            exists.arg(self.shared.keys.client(client));
            exists
        };
        let commands: Vec<_> = clients.iter().map(exists).collect();
        let answers = self.link.ask_all(&commands, Duration::ZERO)?;
        let live = |answer| Ok(replies::is_yes(&self.link.accept(answer)?));
        answers.into_iter().map(live).collect()
    }

    pub(super) fn hear_requests(&mut self, worker: &WorkerId, wait: Duration) -> Result<Vec<Vec<u8>>, Fault> {
        let key = self.shared.keys.requests(worker);
        let mut read = cmd("XREAD");
        if !wait.is_zero() {
            read.arg("BLOCK").arg(milliseconds(wait));
        }
        read.arg("STREAMS").arg(&key).arg(0);
        let answer = self.link.ask_plainly(&read, wait)?;
        let streams = replies::streams(self.link.accept(answer)?);
        let entries: Vec<_> = streams
            .flat_map(|(_, entries)| replies::entries(entries))
            .collect();
        if let Some(last) = entries.last() {
            // Removed when they are here: what a broken connection swallows is read again. If this fails they are heard twice, which
            // is better than never; and whoever asks next hears of the fault.
            let behind = following(last.position).to_string();
            let _ = self.link.ask(cmd("XTRIM").arg(&key).arg("MINID").arg(behind));
        }
        Ok(entries.into_iter().map(|entry| entry.body).collect())
    }

    /// For the day when the worker retires.
    fn remember(&self, labels: &[String]) {
        let mut known = self.shared.labels.lock();
        for label in labels {
            if !known.contains(label) {
                known.insert(label.clone());
            }
        }
    }

    pub(super) fn retire_worker(&mut self, worker: &WorkerId) -> Result<(), Fault> {
        let labels: Vec<String> = self.shared.labels.lock().iter().cloned().collect();
        let keys = &self.shared.keys;
        let mut commands = [cmd("HDEL"), cmd("UNLINK")];
        commands[0].arg(&keys.workers).arg(&worker.0);
        commands[1].arg(keys.requests(worker));
        let arguments = with_labels(&[worker.0.as_bytes()], &labels);
        self.link.step(&scripts::RETIRE, &[&keys.queue], &arguments)?;
        for answer in self.link.ask_all(&commands, Duration::ZERO)? {
            self.link.accept(answer)?;
        }
        Ok(())
    }
}

/// The labels in the order in which they are asked, the queue without one last.
fn with_labels<'a>(head: &[&'a [u8]], labels: &'a [String]) -> Vec<&'a [u8]> {
    let mut arguments = head.to_vec();
    arguments.extend(labels.iter().map(|label| label.as_bytes()));
    arguments.push(b"");
    arguments
}

/// What is found in each of the queues of [`with_labels`].
fn deliveries(found: Value, labels: &[String]) -> Vec<Delivery> {
    let labels = labels.iter().cloned().map(Some).chain([None]);
    let queues = replies::list(found).into_iter().zip(labels);
    queues
        .flat_map(|(entries, label)| {
            replies::entries(entries).map(move |entry| delivery(label.clone(), entry))
        })
        .collect()
}

fn delivery(label: Option<String>, entry: replies::Entry) -> Delivery {
    let position = entry.position;
    Delivery {
        place: Place { label, position },
        body: entry.body,
        times: entry.times.unwrap_or(1).max(1),
    }
}

fn is_no_group(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if faults::is_no_group(error))
}
