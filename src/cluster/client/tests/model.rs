//! The client, driven step by step on an engine that fails at any of them: each future ends once, a task that was said to be cancelled does
//! not run, and nothing is left.

use super::{
    super::{Engine, receive::Reader},
    Client, Cluster, Handle, config,
};
use crate::{
    Executor, TaskFuture,
    cluster::{
        broker::{
            Broker, Fault, Session,
            fake::{FakeBroker, Snapshot},
        },
        message::{Outcome, Task},
        model::{
            truth::{End, Truth},
            worker::{HOLD, Worker},
        },
    },
    remote::{EntryPlace, News, resolve},
    sync::Arc,
    task::{Input, Packed, Parcel, Routine, Verdict, parcel::split_item},
};
use proptest::{collection::vec, prelude::*, strategy::Union};
use std::{cell::Cell, time::Duration};

thread_local! {
    /// The handle whose task has run last on this thread.
    static RAN: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn work(handle: u64) -> u64 {
    let handle = usize::try_from(handle).unwrap();
    RAN.set(handle);
    Truth::value(handle)
}

/// The same, with an argument that is too long for the queue.
fn long_work(argument: Vec<u8>) -> u64 {
    work(u64::from_le_bytes(argument[..8].try_into().unwrap()))
}

struct Waiting {
    handle: usize,
    /// There until it has ended.
    future: Option<TaskFuture<u64>>,
    parcel: Arc<dyn Parcel>,
    wants_cancel: bool,
}

/// A client without threads: the test takes their steps.
struct Driven {
    fake: FakeBroker,
    cluster: Cluster,
    sender: Option<(u64, Box<dyn Session>)>,
    receiver: Option<Box<dyn Session>>,
    reader: Reader,
    all: Vec<Waiting>,
}

impl Driven {
    fn new(fake: &FakeBroker) -> Self {
        let client = Client::new(Box::new(fake.clone()), config());
        let handle = Handle {
            client,
            workers: None,
            _server: None,
        };
        Self {
            fake: fake.clone(),
            cluster: Cluster {
                handle: Arc::new(handle),
                label: None,
            },
            sender: None,
            receiver: None,
            reader: Reader::default(),
            all: Vec::new(),
        }
    }

    fn client(&self) -> Arc<Client> {
        self.cluster.handle.client.clone()
    }

    /// What it thinks of its tasks, for messages.
    fn flights(&self) -> Vec<String> {
        let client = self.client();
        let state = client.lock();
        let flights = state.flights.iter();
        flights
            .map(|(number, flight)| {
                format!(
                    "{number} {:?} {:?} {}",
                    flight.leg, flight.recalling, flight.noted
                )
            })
            .collect()
    }

    fn submit(&mut self, truth: &mut Truth, is_labelled: bool, is_long: bool) {
        let handle = truth.new_handle();
        let argument = handle as u64;
        let cluster = if is_labelled {
            self.cluster.requires("gpu")
        } else {
            self.cluster.clone()
        };
        let future = if is_long {
            let mut long = vec![0; 256 * 1024];
            long[..8].copy_from_slice(&argument.to_le_bytes());
            cluster.submit(long_work, long)
        } else {
            cluster.submit(work, argument)
        };
        let parcel = self
            .client()
            .lock()
            .queue
            .back()
            .expect("it waits to be loaded")
            .0
            .clone();
        self.all.push(Waiting {
            handle,
            future: Some(future),
            parcel,
            wants_cancel: false,
        });
    }

    fn cancel(&mut self, which: usize) {
        let count = self.all.len().max(1);
        if let Some(waiting) = self.all.get_mut(which % count) {
            waiting.wants_cancel = waiting.future.is_some();
        }
    }

    /// Whoever waits to hear whether a task can be cancelled is told if that is known, and has the engine asked if not.
    fn look(&mut self, end: &mut dyn FnMut(usize, End)) {
        let client = self.client();
        for waiting in &mut self.all {
            let Some(future) = &waiting.future else { continue };
            if waiting.wants_cancel && !future.is_done() {
                let number = waiting
                    .parcel
                    .place()
                    .expect("a task")
                    .load(std::sync::atomic::Ordering::Relaxed);
                let mut state = client.lock();
                if state.find(number).is_none() {
                    drop(client.ask(state, number));
                    continue;
                }
                drop(state);
                // It answers without waiting.
                future.cancel();
                waiting.wants_cancel = false;
            }
            if future.is_done() {
                let future = waiting.future.take().expect("it is there");
                match future.result() {
                    Ok(value) => end(waiting.handle, End::Value(value)),
                    Err(error) if error.is_cancelled() => end(waiting.handle, End::Cancelled),
                    Err(error) => panic!("task {} fails: {error}", waiting.handle),
                }
            }
        }
    }

    /// Those who wait to hear whether a task can be cancelled lose their patience.
    fn give_up(&mut self) {
        let client = self.client();
        for waiting in &mut self.all {
            if std::mem::take(&mut waiting.wants_cancel) {
                let number = waiting
                    .parcel
                    .place()
                    .expect("a task")
                    .load(std::sync::atomic::Ordering::Relaxed);
                let mut news = News::default();
                let mut state = client.lock();
                state.ask_no_more(number, &mut news);
                client.release(state, news);
            }
        }
    }

    fn send(&mut self, truth: &mut Truth) {
        let client = self.client();
        let generation = {
            let state = client.lock();
            if state.must_resume || !matches!(state.engine, Engine::Connected) {
                return;
            }
            state.generation
        };
        if self.try_send(generation).is_err() {
            self.sender = None;
            client.lost_engine();
        }
        self.look(&mut |handle, end| truth.end(handle, end));
    }

    fn try_send(&mut self, generation: u64) -> Result<(), Fault> {
        if self.sender.as_ref().is_none_or(|(of, _)| *of != generation) {
            self.sender = None;
            self.sender = Some((generation, self.client().open_to_send()?));
        }
        let client = self.client();
        if client.lock().must_resume {
            return Ok(());
        }
        let (_, session) = self.sender.as_mut().expect("it is open");
        client.send_step(&mut **session).map(drop)
    }

    fn receive(&mut self, truth: &mut Truth) {
        let client = self.client();
        if self.try_receive().is_err() {
            self.receiver = None;
            client.lost_engine();
        }
        self.look(&mut |handle, end| truth.end(handle, end));
    }

    fn try_receive(&mut self) -> Result<(), Fault> {
        let client = self.client();
        let mut session = match self.receiver.take() {
            Some(session) => session,
            None => self.fake.open()?,
        };
        if client.lock().must_resume {
            client.resume(&mut *session, &mut self.reader)?;
        }
        client.renew_step(&mut *session)?;
        while client.receive_step(&mut *session, &mut self.reader, Duration::ZERO)? > 0 {}
        self.receiver = Some(session);
        Ok(())
    }

    /// Goes away in peace, as its threads do.
    fn leave(&mut self) {
        let client = self.client();
        let name = client.lock().name.clone();
        self.receiver
            .as_mut()
            .expect("it is connected")
            .leave(&name)
            .unwrap();
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        // There is no thread that would, and the cluster waits for it.
        self.client().latch.open();
    }
}

/// Runs the task's work here and now.
fn call(truth: &mut Truth, task: &Task, bytes: Vec<u8>) -> Outcome {
    let place = EntryPlace {
        offset: task.entry,
        name: task.name_hash,
    };
    let Routine::Call(call) = resolve(place).unwrap().routine else {
        panic!("no future here")
    };
    let argument = if task.bare {
        Packed::Bare(bytes)
    } else {
        Packed::Encoded(split_item(&bytes).unwrap().0.into())
    };
    let mut answer = Vec::new();
    let input = Input {
        argument,
        context: None,
    };
    assert!(matches!(call(input, &mut answer), Verdict::Value));
    truth.run(RAN.get());
    Outcome::Value(answer)
}

#[derive(Debug, Clone)]
enum Step {
    Submit(bool, bool),
    Cancel(usize),
    GiveUp,
    Send,
    Receive,
    Fetch(usize, usize),
    Run(usize),
    Finish(usize),
    HandBack(usize),
    Beat(usize),
    Hear(usize),
    WorkerDies(usize),
    Advance(u64),
    FailBefore(u64),
    FailAfter(u64),
    Away(bool),
    Full(bool),
    ExpireLease,
    Wipe,
    Remember,
    RollBack,
}

fn step(is_wild: bool) -> impl Strategy<Value = Step> {
    let who = 0..2_usize;
    let is_long = (0..20).prop_map(|n| n == 0);
    let mut steps: Vec<(u32, BoxedStrategy<Step>)> = vec![
        (
            8,
            (any::<bool>(), is_long)
                .prop_map(|(label, long)| Step::Submit(label, long))
                .boxed(),
        ),
        (4, any::<usize>().prop_map(Step::Cancel).boxed()),
        (1, Just(Step::GiveUp).boxed()),
        (8, Just(Step::Send).boxed()),
        (6, Just(Step::Receive).boxed()),
        (
            8,
            (who.clone(), 1..4_usize)
                .prop_map(|(w, most)| Step::Fetch(w, most))
                .boxed(),
        ),
        (6, who.clone().prop_map(Step::Run).boxed()),
        (5, who.clone().prop_map(Step::Finish).boxed()),
        (3, who.clone().prop_map(Step::HandBack).boxed()),
        (2, who.clone().prop_map(Step::Beat).boxed()),
        (3, who.clone().prop_map(Step::Hear).boxed()),
        (1, who.prop_map(Step::WorkerDies).boxed()),
        (2, (1..20_000_u64).prop_map(Step::Advance).boxed()),
        (3, (0..4_u64).prop_map(Step::FailBefore).boxed()),
        (4, (0..4_u64).prop_map(Step::FailAfter).boxed()),
        (2, any::<bool>().prop_map(Step::Away).boxed()),
        (1, any::<bool>().prop_map(Step::Full).boxed()),
    ];
    if is_wild {
        steps.extend([
            (1, Just(Step::ExpireLease).boxed()),
            (1, Just(Step::Wipe).boxed()),
            (2, Just(Step::Remember).boxed()),
            (2, Just(Step::RollBack).boxed()),
        ]);
    }
    Union::new_weighted(steps)
}

struct World {
    fake: FakeBroker,
    truth: Truth,
    client: Driven,
    workers: Vec<Worker>,
    remembered: Option<Snapshot>,
}

impl World {
    fn new() -> Self {
        let fake = FakeBroker::new();
        Self {
            client: Driven::new(&fake),
            workers: vec![Worker::new(&fake, "v", &[]), Worker::new(&fake, "w", &["gpu"])],
            fake,
            truth: Truth::default(),
            remembered: None,
        }
    }

    fn take(&mut self, step: &Step) {
        let Self {
            fake,
            truth,
            client,
            workers,
            remembered,
        } = self;
        match *step {
            Step::Submit(label, long) => client.submit(truth, label, long),
            Step::Cancel(which) => client.cancel(which),
            Step::GiveUp => client.give_up(),
            Step::Send => client.send(truth),
            Step::Receive => client.receive(truth),
            Step::Fetch(at, most) => workers[at].fetch(most),
            Step::Run(at) => workers[at].run(&mut |task, argument| call(truth, task, argument)),
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
            Step::ExpireLease => {
                let name = client.client().lock().name.clone();
                fake.expire_lease(&name);
            }
            Step::Wipe => fake.wipe(),
            Step::Remember => *remembered = Some(fake.snapshot()),
            Step::RollBack => {
                if let Some(snapshot) = remembered {
                    fake.roll_back(snapshot);
                    truth.cheat();
                }
            }
        }
        let truth = &mut self.truth;
        self.client.look(&mut |handle, end| truth.end(handle, end));
    }

    fn workers_go_on(&mut self) {
        for worker in &mut self.workers {
            worker.beat();
            worker.hear();
            worker.reclaim();
            worker.fetch(4);
            for _ in 0..8 {
                worker.run(&mut |task, argument| call(&mut self.truth, task, argument));
            }
            worker.finish();
        }
        self.fake.advance(Duration::from_secs(1));
    }

    fn end(&mut self) {
        self.fake.away(false);
        self.fake.full(false);
        self.fake.fail_no_more();
        let mut rounds = 0;
        while rounds < 3 || !self.truth.open().is_empty() {
            assert!(
                rounds < 50,
                "these never end: {:?}; {:?}; on the engine: {:?}",
                self.truth.open(),
                self.client.flights(),
                self.fake.left()
            );
            self.client.receive(&mut self.truth);
            for _ in 0..4 {
                self.client.send(&mut self.truth);
            }
            self.workers_go_on();
            rounds += 1;
        }
        self.client.leave();
        self.fake.advance(Duration::from_secs(60));
        for _ in 0..HOLD.as_secs() + 5 {
            self.workers_go_on();
        }
        assert!(self.workers.iter_mut().all(Worker::retire));
        self.fake.advance(Duration::from_secs(60 * 60));
        assert!(self.fake.is_empty(), "{:#?}", self.fake.left());
    }
}

fn hold(steps: &[Step]) {
    let mut world = World::new();
    for step in steps {
        world.take(step);
    }
    world.end();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn futures_end_once_while_connections_break(steps in vec(step(false), 1..100)) {
        hold(&steps);
    }

    #[test]
    fn futures_end_once_while_data_gets_lost(steps in vec(step(true), 1..100)) {
        hold(&steps);
    }
}
