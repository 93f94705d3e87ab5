//! A worker that does what a test tells it, on the test's own thread.

use crate::{
    cluster::{
        broker::{Broker, Delivery, Ended, Returned, Session, WorkerId, fake::FakeBroker},
        message::{self, Outcome, Payload, Report, Request, Task, WorkerRecord},
    },
    remote::{EntryPlace, resolve},
    task::{Input, Packed, Routine, Verdict, parcel::split_item},
};
use std::time::Duration;

pub(super) struct Hand {
    session: Box<dyn Session>,
    worker: WorkerId,
    pub(super) has: Vec<(Delivery, Task)>,
    /// Items that were run.
    pub(super) ran: usize,
}

impl Hand {
    pub(super) fn new(broker: &FakeBroker, name: &str) -> Self {
        let mut session = broker.open().unwrap();
        let worker = WorkerId(name.to_owned());
        let record = WorkerRecord {
            host: "here".to_owned(),
            pid: 1,
            slots: 2,
            labels: Vec::new(),
            build: "this".to_owned(),
            version: String::new(),
            running: 0,
            in_hand: 0,
            restarted: 0,
        };
        session.beat(&worker, &message::write(&record), &[]).unwrap();
        Self {
            session,
            worker,
            has: Vec::new(),
            ran: 0,
        }
    }

    pub(super) fn fetch(&mut self, most: usize) -> usize {
        let came = self
            .session
            .fetch(&self.worker, &[], most, Duration::from_millis(100))
            .unwrap();
        let count = came.len();
        for delivery in came {
            let task = message::read(&delivery.body).unwrap();
            self.has.push((delivery, task));
        }
        count
    }

    /// Takes over what others have not renewed for long.
    pub(super) fn reclaim(&mut self, most: usize) {
        let came = self
            .session
            .reclaim(&self.worker, &[], Duration::from_secs(15), most)
            .unwrap();
        for delivery in came {
            let task = message::read(&delivery.body).unwrap();
            self.has.push((delivery, task));
        }
    }

    /// Waits until it has so many.
    pub(super) fn fetch_until(&mut self, count: usize) {
        while self.has.len() < count {
            self.fetch(count - self.has.len());
        }
    }

    pub(super) fn finish_all(&mut self) {
        for (delivery, task) in std::mem::take(&mut self.has) {
            let outcomes = self.run(&task);
            self.finish(delivery, &task, outcomes);
        }
    }

    pub(super) fn finish(&mut self, delivery: Delivery, task: &Task, outcomes: Vec<Outcome>) -> bool {
        let report = Report::Ended {
            number: task.number,
            took: 1_000,
            outcomes,
            ran: Vec::new(),
        };
        let ended = Ended {
            place: delivery.place,
            client: task.client.clone(),
            result: Some(message::write(&report)),
        };
        self.session.finish(&self.worker, &[ended]).unwrap()[0]
    }

    pub(super) fn report_start(&mut self, at: usize) {
        let task = &self.has[at].1;
        let report = Report::Started {
            number: task.number,
            worker: self.worker.0.clone(),
            pid: 1,
        };
        let notice = (task.client.clone(), message::write(&report));
        self.session.tell(&[notice]).unwrap();
    }

    pub(super) fn hand_back(&mut self, at: usize) {
        let (delivery, task) = self.has.remove(at);
        let returned = Returned {
            place: delivery.place,
            client: task.client,
            body: delivery.body,
            notice: message::write(&Report::Moved { number: task.number }),
        };
        self.session.hand_back(&self.worker, &[returned]).unwrap();
    }

    /// Waits for a request.
    pub(super) fn hear(&mut self) -> Request {
        loop {
            let heard = self
                .session
                .hear(&self.worker, Duration::from_millis(100))
                .unwrap();
            if let Some(request) = heard.first() {
                return message::read(request).unwrap();
            }
        }
    }

    /// Runs the items here and now.
    fn run(&mut self, task: &Task) -> Vec<Outcome> {
        let entry = resolve(EntryPlace {
            offset: task.entry,
            name: task.name_hash,
        })
        .unwrap();
        let Routine::Call(call) = entry.routine else {
            panic!("no future here")
        };
        let bytes = match &task.payload {
            Payload::Here(bytes) => bytes.clone(),
            Payload::Apart(key) => self.session.get(key).unwrap().unwrap(),
        };
        let mut rest = &bytes[..];
        let mut outcomes = Vec::new();
        for _ in 0..task.items {
            let argument = if task.bare {
                Packed::Bare(bytes.clone())
            } else {
                let (item, behind) = split_item(rest).unwrap();
                rest = behind;
                Packed::Encoded(item.into())
            };
            let mut answer = Vec::new();
            let input = Input {
                argument,
                context: None,
            };
            self.ran += 1;
            outcomes.push(match call(input, &mut answer) {
                Verdict::Value => Outcome::Value(answer),
                Verdict::Failure => Outcome::Failed(answer),
                Verdict::Bare => Outcome::Bare(Payload::Here(answer)),
            });
        }
        outcomes
    }
}
