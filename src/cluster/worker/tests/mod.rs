//! A worker with a process pool of its own, driven step by step against the engine in memory.

mod ends;
mod faults;
mod process;
mod runs;
mod threads;

use super::{
    super::{
        broker::{BlobKey, Broker, ClientId, Outgoing, Place, Position, Recall, Session, fake::FakeBroker},
        message::{self, Outcome, Payload, Report, Request, Task, Treatment},
    },
    host::{Config, Host},
    steps::{beat_step, fetch_step, finish_step, hear_step},
};
use crate::{
    cancel_requested,
    remote::place_of,
    sync::Arc,
    task::{Anywhere, AsyncEntryOf, Crossing, Entry, EntryOf, Plain, parcel::push_item, short},
};
use std::{
    collections::VecDeque,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// A test that takes longer hangs.
const LONG: Duration = Duration::from_secs(60);

fn double(n: u32) -> u32 {
    n * 2
}

fn panics_at_three(n: u32) -> u32 {
    assert_ne!(n, 3, "not that one");
    n
}

fn dies_at_three(n: u32) -> u32 {
    if n == 3 {
        std::process::abort();
    }
    n
}

fn until_asked(n: u32) -> u32 {
    while !cancel_requested() {
        std::thread::sleep(Duration::from_millis(1));
    }
    n + 1
}

/// As many bytes as the number says.
fn bytes(n: u32) -> Vec<u8> {
    vec![7; n as usize]
}

fn text(n: u32) -> String {
    "x".repeat(n as usize)
}

fn entry_of<F: Fn(u32) -> R + Send + Sync + 'static, R: 'static>(_: F) -> &'static Entry
where
    Anywhere: Crossing<R>,
{
    EntryOf::<Plain<F>, u32, R, Anywhere>::CALL
}

fn async_entry_of<F, Fut>(_: F) -> &'static Entry
where
    F: Fn(u32) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = u32> + Send + 'static,
{
    AsyncEntryOf::<Plain<F>, u32, Fut, Anywhere>::CALL
}

/// A worker and a client of the same engine.
struct Meeting {
    broker: FakeBroker,
    client: ClientId,
    at_client: Box<dyn Session>,
    at_worker: Box<dyn Session>,
    host: Arc<Host>,
    next: u64,
    read_to: Position,
    reports: VecDeque<(Report, Option<Position>)>,
}

fn config(slots: usize) -> Config {
    Config::new(slots, vec!["gpu".into()], "build".into())
}

impl Meeting {
    fn new(slots: usize) -> Self {
        Self::with(config(slots))
    }

    fn with(config: Config) -> Self {
        let broker = FakeBroker::new();
        let client = ClientId("client".into());
        let mut at_client = broker.open().unwrap();
        at_client.enlist(&client).unwrap();
        let host = Host::new(config, Arc::new(AtomicBool::new(false))).unwrap();
        Self {
            at_worker: broker.open().unwrap(),
            broker,
            client,
            at_client,
            host,
            next: 1,
            read_to: Position::default(),
            reports: VecDeque::new(),
        }
    }

    /// A call with these arguments.
    fn task(&mut self, entry: &'static Entry, arguments: &[u32]) -> Task {
        let place = place_of(entry).unwrap();
        let mut bytes = Vec::new();
        for argument in arguments {
            push_item(&mut bytes, |bytes| {
                <Anywhere as Crossing<u32>>::encode("the argument", argument, bytes)
            })
            .unwrap();
        }
        self.next += 1;
        Task {
            number: self.next - 1,
            client: self.client.clone(),
            entry: place.offset,
            name_hash: place.name,
            name: None,
            context: None,
            items: u32::try_from(arguments.len()).unwrap(),
            bare: false,
            announce: false,
            timed: false,
            attempt: 1,
            lost: 0,
            payload: Payload::Here(bytes),
        }
    }

    fn submit(&mut self, task: &Task) -> Place {
        self.submit_bytes(task.number, &message::write(task))
    }

    fn submit_bytes(&mut self, number: u64, body: &[u8]) -> Place {
        let batch = [Outgoing { number, body }];
        let submitted = self
            .at_client
            .submit(&self.client, None, 100_000, &batch)
            .unwrap();
        let super::super::broker::Submitted::Stored(positions) = submitted else {
            panic!("not stored");
        };
        Place {
            label: None,
            position: positions[0].unwrap(),
        }
    }

    fn call(&mut self, entry: &'static Entry, arguments: &[u32]) -> (u64, Place) {
        let task = self.task(entry, arguments);
        (task.number, self.submit(&task))
    }

    fn ask_to_stop(&mut self, number: u64, place: Place, running: Treatment) {
        let request = message::write(&Request::Stop {
            client: self.client.clone(),
            number,
            running,
        });
        self.at_client.recall(&[Recall { place, request }]).unwrap();
    }

    /// All steps of the worker, once.
    fn step(&mut self) {
        let session = &mut *self.at_worker;
        fetch_step(&self.host, session).unwrap();
        hear_step(&self.host, session).unwrap();
        self.host.wait_for_news();
        finish_step(&self.host, session).unwrap();
    }

    fn beat(&mut self) {
        beat_step(&self.host, &mut *self.at_worker).unwrap();
    }

    /// The next thing that the client hears.
    fn next_report(&mut self) -> (Report, Option<Position>) {
        let start = Instant::now();
        loop {
            if let Some(report) = self.reports.pop_front() {
                return report;
            }
            assert!(start.elapsed() < LONG, "nothing comes");
            self.step();
            self.take_in();
        }
    }

    fn take_in(&mut self) {
        let arrivals = self
            .at_client
            .results(&self.client, self.read_to, Duration::ZERO)
            .unwrap();
        for arrival in arrivals {
            self.read_to = arrival.position;
            let report = message::read(&arrival.body).unwrap();
            self.reports.push_back((report, arrival.moved));
        }
    }

    /// The next task that ends; what starts meanwhile is passed over.
    fn next_end(&mut self) -> (u64, Vec<Outcome>) {
        loop {
            match self.next_report().0 {
                Report::Ended { number, outcomes, .. } => return (number, one_by_one(outcomes)),
                Report::Started { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// What runs there was stopped.
    fn wait_for_death_of(&self, pid: u32) {
        let start = Instant::now();
        while self.host.pool.worker_pids().contains(&pid) {
            assert!(start.elapsed() < LONG, "it still runs");
            std::thread::yield_now();
        }
    }

    fn next_start(&mut self) -> (u64, u32) {
        match self.next_report().0 {
            Report::Started { number, pid, .. } => (number, pid),
            other => panic!("{other:?}"),
        }
    }
}

/// Values that came together, each for itself.
fn one_by_one(outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let mut all = Vec::new();
    for outcome in outcomes {
        let Outcome::Together { items, values } = &outcome else {
            all.push(outcome);
            continue;
        };
        let mut rest = &values[..];
        for _ in 0..*items {
            let (value, behind) = short::split(rest).unwrap();
            all.push(Outcome::Value(value.to_vec()));
            rest = behind;
        }
    }
    all
}

fn value(outcome: &Outcome) -> u32 {
    let Outcome::Value(bytes) = outcome else {
        panic!("{outcome:?}");
    };
    <Anywhere as Crossing<u32>>::decode("the result", bytes).unwrap()
}

fn error(outcome: &Outcome) -> crate::TaskError {
    let Outcome::Failed(bytes) = outcome else {
        panic!("{outcome:?}");
    };
    crate::task::failure::read(bytes)
}
