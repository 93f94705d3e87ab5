//! Do the rules hold whatever happens? Clients and workers as small as can be keep them, on an engine that fails at any step, in any order:
//! each handle must end once and with its own value, what was said to be cancelled must not run, and nothing may be left at the end.

mod client;
pub(super) mod truth;
pub(super) mod worker;

use super::{
    broker::fake::{FakeBroker, Snapshot},
    message::Outcome,
};
use client::Client;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::{Union, ValueTree},
};
use std::time::Duration;
use truth::{End, Truth};
use worker::{HOLD, Worker};

/// So long a client is there that does not say so again.
const LEASE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
enum Step {
    // A client.
    Submit(usize, Option<&'static str>, bool),
    Cancel(usize, usize),
    Send(usize, usize),
    Receive(usize),
    ClientDies(usize),
    // A worker.
    Fetch(usize, usize),
    Reclaim(usize),
    Run(usize),
    Finish(usize),
    HandBack(usize),
    Beat(usize),
    Hear(usize),
    WorkerDies(usize),
    // The engine.
    Advance(u64),
    FailBefore(u64),
    FailAfter(u64),
    Away(bool),
    Full(bool),
    Disconnect,
    ExpireLease(usize),
    Wipe,
    Remember,
    RollBack,
    Repeat,
}

/// How much is to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Connections break, answers get lost, workers die.
    Rough,
    /// Clients die, leases end before their time, and data goes or goes back in time.
    Wild,
}

fn step(weather: Weather) -> impl Strategy<Value = Step> {
    use Step::{
        Advance, Away, Beat, Cancel, ClientDies, Disconnect, ExpireLease, FailAfter, FailBefore, Fetch,
        Finish, Full, HandBack, Hear, Receive, Reclaim, Remember, Repeat, RollBack, Run, Send, Submit, Wipe,
        WorkerDies,
    };
    let who = 0..2_usize;
    let label = select(vec![None, None, Some("gpu")]);
    let mut steps: Vec<(u32, BoxedStrategy<Step>)> = vec![
        (
            8,
            (who.clone(), label, any::<bool>())
                .prop_map(|(c, label, long)| Submit(c, label, long))
                .boxed(),
        ),
        (
            3,
            (who.clone(), any::<usize>())
                .prop_map(|(c, which)| Cancel(c, which))
                .boxed(),
        ),
        (
            8,
            (who.clone(), 1..4_usize)
                .prop_map(|(c, most)| Send(c, most))
                .boxed(),
        ),
        (6, who.clone().prop_map(Receive).boxed()),
        (
            8,
            (who.clone(), 1..4_usize)
                .prop_map(|(w, most)| Fetch(w, most))
                .boxed(),
        ),
        (3, who.clone().prop_map(Reclaim).boxed()),
        (6, who.clone().prop_map(Run).boxed()),
        (5, who.clone().prop_map(Finish).boxed()),
        (3, who.clone().prop_map(HandBack).boxed()),
        (3, who.clone().prop_map(Beat).boxed()),
        (3, who.clone().prop_map(Hear).boxed()),
        (1, who.clone().prop_map(WorkerDies).boxed()),
        (3, (1..20_000_u64).prop_map(Advance).boxed()),
        (3, (0..4_u64).prop_map(FailBefore).boxed()),
        (4, (0..4_u64).prop_map(FailAfter).boxed()),
        (2, any::<bool>().prop_map(Away).boxed()),
        (1, any::<bool>().prop_map(Full).boxed()),
        (1, Just(Disconnect).boxed()),
    ];
    if weather == Weather::Wild {
        steps.extend([
            (1, who.clone().prop_map(ClientDies).boxed()),
            (1, who.prop_map(ExpireLease).boxed()),
            (1, Just(Wipe).boxed()),
            (2, Just(Remember).boxed()),
            (2, Just(RollBack).boxed()),
            (1, Just(Repeat).boxed()),
        ]);
    }
    Union::new_weighted(steps)
}

struct World {
    fake: FakeBroker,
    truth: Truth,
    clients: Vec<Client>,
    workers: Vec<Worker>,
    remembered: Option<Snapshot>,
    clients_born: usize,
}

impl World {
    fn new() -> Self {
        let fake = FakeBroker::new();
        Self {
            clients: ["a", "b"].map(|name| Client::new(&fake, name)).into(),
            workers: vec![Worker::new(&fake, "v", &[]), Worker::new(&fake, "w", &["gpu"])],
            fake,
            truth: Truth::default(),
            remembered: None,
            clients_born: 2,
        }
    }

    fn take(&mut self, step: &Step) {
        let Self {
            fake,
            truth,
            clients,
            workers,
            remembered,
            clients_born,
        } = self;
        match *step {
            Step::Submit(at, label, is_long) => clients[at].submit(truth, label, is_long),
            Step::Cancel(at, which) => clients[at].cancel(which),
            Step::Send(at, most) => clients[at].send(truth, most),
            Step::Receive(at) => clients[at].receive(truth),
            Step::ClientDies(at) => {
                clients[at].handles().for_each(|handle| truth.abandon(handle));
                *clients_born += 1;
                clients[at] = Client::new(fake, &format!("c{clients_born}"));
            }
            Step::Fetch(at, most) => workers[at].fetch(most),
            Step::Reclaim(at) => workers[at].reclaim(),
            Step::Run(at) => workers[at].run(&mut |_, argument| call(truth, argument)),
            Step::Finish(at) => workers[at].finish(),
            Step::HandBack(at) => workers[at].hand_back(),
            Step::Beat(at) => workers[at].beat(),
            Step::Hear(at) => workers[at].hear(),
            Step::WorkerDies(at) => workers[at].die(),
            Step::Advance(millis) => fake.advance(Duration::from_millis(millis)),
            Step::FailBefore(skipped) => fake.fail_before(skipped),
            Step::FailAfter(skipped) => fake.fail_after(skipped),
            Step::Away(is_away) => fake.away(is_away),
            Step::Full(is_full) => fake.full(is_full),
            Step::Disconnect => fake.disconnect(),
            Step::ExpireLease(at) => fake.expire_lease(clients[at].name()),
            Step::Wipe => fake.wipe(),
            Step::Remember => *remembered = Some(fake.snapshot()),
            Step::RollBack => {
                if let Some(snapshot) = remembered {
                    fake.roll_back(snapshot);
                    truth.cheat();
                }
            }
            Step::Repeat => {
                fake.repeat();
                truth.cheat();
            }
        }
    }

    /// The clients go on for a second.
    fn clients_go_on(&mut self) {
        for client in &mut self.clients {
            client.receive(&mut self.truth);
            client.send(&mut self.truth, 4);
        }
    }

    fn workers_go_on(&mut self) {
        for worker in &mut self.workers {
            worker.beat();
            worker.hear();
            worker.reclaim();
            worker.fetch(4);
            for _ in 0..8 {
                worker.run(&mut |_, argument| call(&mut self.truth, argument));
            }
            worker.finish();
        }
        self.fake.advance(Duration::from_secs(1));
    }

    /// Nothing fails any more: all that is open comes to its end, and everybody goes home.
    fn end(&mut self, weather: Weather) {
        self.fake.away(false);
        self.fake.full(false);
        self.fake.fail_no_more();
        for _ in 0..200 {
            self.clients_go_on();
            self.workers_go_on();
        }
        assert!(
            self.truth.open().is_empty(),
            "these never end: {:?}",
            self.truth.open()
        );
        assert!(self.clients.iter_mut().all(Client::leave));
        // What is left of tasks that nobody waits for lies there, or was in the hand of a worker that died.
        self.fake.advance(LEASE);
        for _ in 0..HOLD.as_secs() + 5 {
            self.workers_go_on();
        }
        assert!(self.workers.iter_mut().all(Worker::retire));
        if weather == Weather::Rough {
            let expires =
                |line: &String| line.starts_with("the results of") || line.starts_with("requests to");
            let left: Vec<_> = self
                .fake
                .left()
                .into_iter()
                .filter(|line| !expires(line))
                .collect();
            assert!(left.is_empty(), "{left:#?}");
        }
        self.fake.advance(Duration::from_secs(60 * 60));
        assert!(self.fake.is_empty(), "{:#?}", self.fake.left());
    }
}

/// The work: what it does with its argument, which is the number of its handle.
fn call(truth: &mut Truth, argument: Vec<u8>) -> Outcome {
    let handle = u64::from_le_bytes(argument.try_into().expect("eight bytes"));
    let value = truth.run(usize::try_from(handle).expect("a handle"));
    Outcome::Value(value.to_le_bytes().to_vec())
}

fn hold(weather: Weather, steps: &[Step]) -> Truth {
    let mut world = World::new();
    for step in steps {
        world.take(step);
    }
    world.end(weather);
    world.truth
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_while_connections_break(steps in vec(step(Weather::Rough), 1..120)) {
        hold(Weather::Rough, &steps);
    }

    #[test]
    fn the_rules_hold_while_data_gets_lost(steps in vec(step(Weather::Wild), 1..120)) {
        hold(Weather::Wild, &steps);
    }
}

/// A model in which nothing happens would hold, too.
#[test]
fn schedules_come_to_values_and_to_cancelled_tasks() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut values, mut cancelled) = (0, 0);
    for _ in 0..50 {
        let steps = vec(step(Weather::Rough), 100..101)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let truth = hold(Weather::Rough, &steps);
        values += truth.count(|end| matches!(end, End::Value(_)));
        cancelled += truth.count(|end| end == End::Cancelled);
    }
    assert!(
        values > 200 && cancelled > 50,
        "{values} values, {cancelled} cancelled"
    );
}
