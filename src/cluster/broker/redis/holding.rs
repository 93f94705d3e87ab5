//! What workers ask about the tasks that they have in hand.

use super::{
    super::{Ended, Fault, Place, Returned, WorkerId},
    link::call,
    replies, scripts,
    session::{BATCH, RedisSession, label},
};
use redis::{ServerErrorKind, Value};
use std::time::Duration;

impl RedisSession {
    pub(super) fn beat_all(
        &mut self,
        worker: &WorkerId,
        record: &[u8],
        in_hand: &[Place],
    ) -> Result<Vec<Place>, Fault> {
        let keys = &self.shared.keys;
        let register = call(
            &scripts::REGISTER,
            &[&keys.workers],
            &[worker.0.as_bytes(), record],
        );
        let positions: Vec<String> = in_hand.iter().map(|place| place.position.to_string()).collect();
        let (mut commands, mut steps) = (vec![register], Vec::new());
        for (places, positions) in in_hand.chunks(BATCH).zip(positions.chunks(BATCH)) {
            let mut arguments = vec![worker.0.as_bytes()];
            for (place, position) in places.iter().zip(positions) {
                arguments.extend([label(place), position.as_bytes()]);
            }
            commands.push(call(&scripts::EXTEND, &[&keys.queue], &arguments));
            steps.push(arguments);
        }
        let mut answers = self.link.ask_all(&commands, Duration::ZERO)?.into_iter();
        // Two steps, of keys that need not be at one place, in one message. A server that has forgotten them gets them one by one.
        let mut held = Vec::with_capacity(in_hand.len());
        match answers.next() {
            Some(answer) if is_no_script(&answer) => {
                let arguments = [worker.0.as_bytes(), record];
                self.link
                    .step(&scripts::REGISTER, &[&self.shared.keys.workers], &arguments)?;
            }
            answer => drop(self.link.accept(answer.unwrap_or(Value::Nil))?),
        }
        for (answer, arguments) in answers.zip(steps) {
            let answer = if is_no_script(&answer) {
                self.link
                    .step(&scripts::EXTEND, &[&self.shared.keys.queue], &arguments)?
            } else {
                self.link.accept(answer)?
            };
            held.extend(replies::list(answer).iter().map(replies::is_yes));
        }
        let lost = in_hand.iter().zip(held).filter(|(_, held)| !held);
        Ok(lost.map(|(place, _)| place.clone()).collect())
    }

    pub(super) fn finish_batch(&mut self, worker: &WorkerId, ended: &[Ended]) -> Result<Vec<bool>, Fault> {
        let mut done = Vec::with_capacity(ended.len());
        for ended in ended.chunks(BATCH) {
            let positions: Vec<String> = ended.iter().map(|task| task.place.position.to_string()).collect();
            let keys = &self.shared.keys;
            let mut arguments = Vec::with_capacity(3 + 5 * ended.len());
            arguments.extend([
                worker.0.as_bytes(),
                keys.clients.as_bytes(),
                keys.results.as_bytes(),
            ]);
            for (task, position) in ended.iter().zip(&positions) {
                let has_result: &[u8] = if task.result.is_some() { b"1" } else { b"0" };
                let result = task.result.as_deref().unwrap_or_default();
                let client = task.client.0.as_bytes();
                arguments.extend([
                    label(&task.place),
                    position.as_bytes(),
                    client,
                    has_result,
                    result,
                ]);
            }
            let answer = self.link.step(&scripts::FINISH, &[&keys.queue], &arguments)?;
            done.extend(replies::list(answer).iter().map(replies::is_yes));
        }
        Ok(done)
    }

    pub(super) fn return_batch(&mut self, worker: &WorkerId, returned: &[Returned]) -> Result<(), Fault> {
        for returned in returned.chunks(BATCH) {
            let positions: Vec<String> = returned
                .iter()
                .map(|task| task.place.position.to_string())
                .collect();
            let keys = &self.shared.keys;
            let mut arguments = Vec::with_capacity(3 + 5 * returned.len());
            arguments.extend([
                worker.0.as_bytes(),
                keys.clients.as_bytes(),
                keys.results.as_bytes(),
            ]);
            for (task, position) in returned.iter().zip(&positions) {
                let client = task.client.0.as_bytes();
                arguments.extend([
                    label(&task.place),
                    position.as_bytes(),
                    client,
                    &task.body,
                    &task.notice,
                ]);
            }
            self.link.step(&scripts::HAND_BACK, &[&keys.queue], &arguments)?;
        }
        Ok(())
    }
}

fn is_no_script(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}
