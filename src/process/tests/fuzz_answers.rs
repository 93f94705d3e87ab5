//! The parent takes in whatever a worker has written, and loses track of no item over it.

use super::{
    super::{
        flight::Flight,
        link::{
            LENGTH, Link, SLOTS,
            frame::{ANNOUNCE, Header, IN_BULK, TIMED, up},
        },
        worker::{Wires, Worker},
    },
    goods::Goods,
    wild_worker::{Job, WildWorker},
};
use crate::{
    error::WorkerDeath,
    ledger::Ledger,
    remote::{EntryPlace, News},
    sync::Arc,
    sys::{
        channel,
        child::{ChildProcess, Group},
        fuzz::{Random, fuzz, memory::most_during},
        memory::SharedMemory,
    },
    task::{Carrier, Parcel, Reaction, Whereabouts},
};
use std::{
    process::{Child, Command, Stdio},
    sync::{
        Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

/// So much is reserved ahead of an answer that is said to be long (`TRUSTED_LENGTH`); not touched before it comes.
const AHEAD: usize = 64 * 1024 * 1024;
/// Beside that, and beside what was written: books, vectors that grow, texts of errors.
const BESIDE: usize = 4 * 1024 * 1024;

/// Both ends of a link, and a process that is dead already: it is killed now and then.
struct Bench {
    link: Link,
    wild: WildWorker,
    dead: Child,
    ledger: Ledger,
}

impl Bench {
    fn new() -> Self {
        let (memory, descriptor) = SharedMemory::create(LENGTH).expect("memory");
        let link = Link::new(memory);
        let mut command = Command::new("true");
        let dead = command.stdin(Stdio::null()).spawn().expect("a process");
        Self {
            wild: WildWorker::new(link.clone(), descriptor),
            link,
            dead,
            ledger: Ledger::new(),
        }
    }

    fn worker(&mut self) -> Worker {
        self.wild.renew();
        let (socket, _) = channel::pair().expect("a socket");
        let child = ChildProcess::adopt(&self.dead, Group::Ours);
        Worker::new(0, Wires { child, socket }, self.link.clone())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.dead.wait();
    }
}

/// Nobody is told of contexts here.
struct NoCarrier;

impl Carrier for NoCarrier {
    fn carry(self: Arc<Self>, _: Arc<dyn Parcel>, _: crate::task::Admission) {}
    fn look(&self) {}
    fn awaited(&self) {}
    fn attend(&self, _: &dyn Fn() -> bool) -> bool {
        false
    }
    fn intercept(&self, _: &dyn Parcel, _: &mut dyn FnMut(Whereabouts) -> Reaction) {}
    fn forget(&self, _: u64) {}
}

/// What the parent has sent, and what it has to say of it at the end.
struct Parent {
    worker: Worker,
    sent: Vec<Arc<Goods>>,
    news: News,
    carrier: Weak<dyn Carrier>,
}

impl Parent {
    fn new(worker: Worker) -> Self {
        Self {
            worker,
            sent: Vec::new(),
            news: News::default(),
            carrier: Weak::<NoCarrier>::new(),
        }
    }

    fn send(&mut self, random: &mut Random) -> Option<Job> {
        let items = u32::try_from(1 + random.below(5)).expect("few");
        let length = if random.one_in(12) {
            40_000
        } else {
            random.place(50)
        };
        let (parcel, goods, load) = Goods::new(items, length);
        let id = self.sent.len() as u64 + 1;
        let place = EntryPlace { offset: 0, name: 0 };
        let asked = *random.pick(&[0, ANNOUNCE, TIMED, ANNOUNCE | TIMED]);
        match self.worker.send(id, &parcel, place, load, asked, &self.carrier) {
            Ok(slot) => {
                self.sent.push(goods);
                Some(Job {
                    slot,
                    id,
                    answered: 0,
                })
            }
            Err(_) => None,
        }
    }

    /// What a pool does to a worker that has work.
    fn act(&mut self, random: &mut Random, ledger: &Ledger) {
        let worker = &mut self.worker;
        match random.below(8) {
            0 => worker.arm(),
            1 => worker.disarm(),
            2 => worker.take_back(random.one_in(2), ledger, &mut self.news),
            3 => worker.note_started(ledger),
            4 => worker.ask_all_to_stop(),
            5 => {
                let _ = (worker.unstarted(), worker.is_running(), worker.is_wanted());
                let _ = (worker.has_news(), worker.unsent_is_empty());
                let _ = worker.is_stuck(std::time::Instant::now());
                let _ = worker.link.slot(random.place(SLOTS)).age();
            }
            choice => {
                let slots = worker.flights.len().max(1);
                let slot = random.place(slots);
                let Some(Some(flight)) = worker.flights.get_mut(slot) else {
                    return;
                };
                let goods = &self.sent[usize::try_from(flight.id - 1).expect("few")];
                *goods.is_stopped.lock() = true;
                if choice == 6 {
                    flight.kill(worker.link.slot(slot), ledger, &mut self.news);
                } else {
                    worker.stop(slot, ledger, &mut self.news);
                }
            }
        }
    }

    /// As `State::go_on` does it. False if the worker is given up.
    fn take_in(&mut self, ledger: &Ledger) -> bool {
        for _ in 0..4 {
            match self.worker.take_in(ledger, &mut self.news) {
                Ok(taken) if taken.more => {}
                Ok(_) => return true,
                Err(nonsense) => {
                    assert!(!nonsense.0.is_empty());
                    self.worker.take_back(true, ledger, &mut self.news);
                    self.worker.went_wild(&nonsense);
                    return false;
                }
            }
        }
        true
    }

    /// The worker is dead: every item has ended in one way.
    fn bury(mut self, ledger: &Ledger) {
        let death = WorkerDeath::unexplained(1);
        for (slot, flight) in self.worker.take_flights() {
            flight.bury(self.worker.link.slot(slot), &death, ledger, &mut self.news);
        }
        self.news.again.clear();
        self.news.publish(ledger);
        self.sent.iter().for_each(|goods| goods.check());
    }
}

fn session(bench: &mut Bench, random: &mut Random) {
    let mut parent = Parent::new(bench.worker());
    let mut goes_on = true;
    for _ in 0..2 + random.below(12) {
        match random.below(10) {
            0..3 => bench.wild.jobs.extend(parent.send(random)),
            3..8 => bench.wild.behave(random),
            8 => bench.wild.misbehave(random),
            _ => parent.act(random, &bench.ledger),
        }
        goes_on = goes_on && (random.one_in(2) || parent.take_in(&bench.ledger));
        if !goes_on {
            break;
        }
    }
    if goes_on {
        parent.take_in(&bench.ledger);
    }
    parent.bury(&bench.ledger);
}

#[test]
fn whatever_a_worker_writes_every_item_ends_once_and_memory_is_bounded() {
    let mut bench = Bench::new();
    fuzz(|random| {
        let ((), most) = most_during(|| session(&mut bench, random));
        let bound = AHEAD + 4 * bench.wild.written() + BESIDE;
        assert!(most <= bound, "{most} bytes, at most {bound} expected");
    });
}

/// A worker writes whenever it likes, also while it is being read. Which input meets which bytes is left to chance here.
#[test]
fn what_changes_while_it_is_taken_in() {
    let mut bench = Bench::new();
    let over = AtomicBool::new(false);
    let (link, descriptor) = (
        bench.link.clone(),
        rustix::io::fcntl_dupfd_cloexec(&bench.wild.descriptor, 3).expect("a descriptor"),
    );
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::of(7);
            let mut scribbler = WildWorker::new(link, descriptor);
            while !over.load(Relaxed) {
                scribbler.misbehave(&mut random);
                scribbler.forget_where();
            }
        });
        // Also if it fails.
        let _end = EndsAtDrop(&over);
        fuzz(|random| session(&mut bench, random));
    });
}

#[test]
fn a_long_answer_that_nobody_waits_for_is_not_read() {
    for (kind, goes_first) in [
        (up::VALUE, None),
        (up::FAILURE, None),
        (up::NOT_READY, Some(up::READY)),
    ] {
        let mut bench = Bench::new();
        let mut parent = Parent::new(bench.worker());
        if let Some(kind) = goes_first {
            bench.wild.say(Header {
                kind,
                ..Header::default()
            });
        }
        bench.wild.say(Header {
            kind,
            flags: IN_BULK,
            id: 99,
            body: 1 << 40,
            ..Header::default()
        });
        assert!(!parent.take_in(&bench.ledger), "kind {kind}");
        parent.bury(&bench.ledger);
    }
}

#[test]
fn an_answer_may_be_said_to_be_as_long_as_numbers_go() {
    let (parcel, _, load) = Goods::new(1, 40_000);
    let mut flight = Flight::new(1, parcel, load);
    flight.empty_load();
    assert!(flight.room_for(u64::MAX).is_none());
    assert!(flight.room_for(39_000).is_some());
}

struct EndsAtDrop<'a>(&'a AtomicBool);

impl Drop for EndsAtDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
