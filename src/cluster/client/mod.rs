//! The client: a carrier of parcels whose workers are anywhere.
//!
//! Two threads: one submits and asks things of workers (`send`), one takes results in (`receive`). The second one also keeps the
//! lease and finds out, after a broken connection, what has to be submitted again. All that they and the callers share is in
//! [`State`], under one lock.

mod carrier;
mod fleet;
mod flights;
mod receive;
mod report;
mod send;
mod shutdown;
mod standing;
mod stopping;
mod take_in;
#[cfg(test)]
mod tests;
mod threads;

pub(super) use carrier::Lane;
pub(super) use receive::Reader;

use super::{
    ClusterWorker,
    broker::{Broker, ClientId, Fault},
    clock::Clock,
    names::fresh_name,
};
use crate::{
    error::{BuildError, ClusterError, TaskError},
    executor::{Closed, Latch, Shutdown, Throttle},
    future::{aside, host},
    ledger::{AtRest, Hold, Ledger, Reporter, Stats},
    lifecycle::Stage,
    remote::News,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    task::{Load, Parcel},
    timeline,
};
use fleet::Fleet;
use flights::Flights;
use standing::Standing;
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Weak,
    time::{Duration, Instant},
};

/// What a cluster was built with.
pub(super) struct Config {
    pub(super) pool: String,
    pub(super) build: String,
    pub(super) max_pending: Option<usize>,
    pub(super) rate_limit: Option<(usize, Duration)>,
    /// So many tasks may lie on the engine.
    pub(super) queue_limit: usize,
    pub(super) give_up_after: Duration,
    /// What the workers that this program starts itself run at once.
    pub(super) own_slots: usize,
    pub(super) on_drop: Shutdown,
}

/// A parcel with something to load, and the label that it asks for.
type Waiting = (Arc<dyn Parcel>, Option<Arc<str>>);

/// How it stands with the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Connected,
    Away,
}

struct State {
    stage: Stage,
    /// What has something to load.
    queue: VecDeque<Waiting>,
    flights: Flights,
    engine: Engine,
    /// Grows with each time that the client has found out what the engine has. Sessions of an older one are not used.
    generation: u64,
    /// The engine is to be asked what it has: a connection broke, or the lease is lost.
    must_resume: bool,
    name: ClientId,
    /// Contexts that were stored under this name.
    contexts: BTreeSet<u64>,
    fleet: Fleet,
    clock: Clock,
    standing: Standing,
    /// Who is being told of what has happened.
    telling: usize,
    /// Somebody waits for workers to come.
    is_awaited: usize,
    sender_sleeps: bool,
    sender_has_left: bool,
}

pub(super) struct Client {
    pub(super) config: Config,
    pub(super) ledger: Ledger,
    broker: Box<dyn Broker>,
    throttle: Option<Throttle>,
    state: Mutex<State>,
    /// Held while something is on its way to the engine.
    sending: Mutex<()>,
    /// The sender has something to do.
    to_send: Condvar,
    /// Something has become known about a flight or about the engine.
    changed: Condvar,
    latch: Latch,
    this: Weak<Client>,
}

impl Client {
    /// A client without threads, for who drives it by hand.
    pub(super) fn new(broker: Box<dyn Broker>, config: Config) -> Arc<Self> {
        let ledger = Ledger::with_bound(config.max_pending);
        let name = ClientId(fresh_name());
        let client = Arc::new_cyclic(|this: &Weak<Self>| Self {
            throttle: Throttle::of(config.rate_limit, &ledger),
            ledger,
            config,
            broker,
            state: Mutex::new(State {
                stage: Stage::Open,
                queue: VecDeque::new(),
                flights: Flights::default(),
                engine: Engine::Away,
                generation: 0,
                must_resume: true,
                name,
                contexts: BTreeSet::new(),
                fleet: Fleet::default(),
                clock: Clock::default(),
                standing: Standing::default(),
                telling: 0,
                is_awaited: 0,
                sender_sleeps: false,
                sender_has_left: false,
            }),
            sending: Mutex::new(()),
            to_send: Condvar::new(),
            changed: Condvar::new(),
            latch: Latch::new(),
            this: this.clone(),
        });
        client
            .ledger
            .tell_at_rest(Arc::downgrade(&client) as Weak<dyn AtRest>);
        client.ledger.reports_through(
            "Cluster".to_owned(),
            Arc::downgrade(&client) as Weak<dyn Reporter>,
        );
        timeline::executor_opened(&client.ledger);
        client
    }

    pub(super) fn throttle(&self) -> Option<Throttle> {
        self.throttle.clone()
    }

    pub(super) fn closed(&self) -> Closed {
        self.latch.closed()
    }

    pub(super) fn slots(&self) -> usize {
        self.lock().slots(&self.config)
    }

    pub(super) fn stats(&self) -> Stats {
        self.ask_how_it_stands();
        let mut stats = self.ledger.stats();
        stats.workers_restarted = self.lock().fleet.restarted();
        stats
    }

    pub(super) fn address(&self) -> String {
        self.broker.address()
    }

    pub(super) fn cluster_workers(&self) -> Vec<ClusterWorker> {
        let state = self.lock();
        let workers = state.fleet.workers.iter();
        workers
            .map(|(_, record)| ClusterWorker {
                host: record.host.clone(),
                pid: record.pid,
                slots: record.slots as usize,
                labels: record.labels.clone(),
                running: record.running as usize,
            })
            .collect()
    }

    /// Waits until workers that are there run so many tasks at once. False if they do not by then.
    pub(super) fn wait_for_slots(&self, slots: usize, until: Option<Instant>) -> bool {
        host::blocking(|| {
            let mut state = self.lock();
            state.is_awaited += 1;
            let came = loop {
                if state.fleet.slots() >= slots {
                    break true;
                }
                if state.stage == Stage::Closed {
                    break false;
                }
                match until {
                    None => self.changed.wait(&mut state),
                    Some(until) => {
                        if self.changed.wait_until(&mut state, until).timed_out() {
                            break false;
                        }
                    }
                }
            };
            state.is_awaited -= 1;
            came
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Lets the lock go and passes on what happened under it.
    fn release(&self, mut state: MutexGuard<'_, State>, news: News) {
        debug_assert!(
            news.again.is_empty(),
            "what came back is in the queue, with its label"
        );
        let wakes = state.sender_sleeps && state.has_something_to_send(&self.ledger);
        if wakes {
            state.sender_sleeps = false;
        }
        // Until it is told, the client is not at rest.
        let telling: Option<Hold> = (!news.is_silent()).then(|| self.ledger.hold());
        state.telling += usize::from(telling.is_some());
        drop(state);
        if wakes {
            self.to_send.notify_one();
        }
        if telling.is_some() {
            aside::while_telling(|| news.publish(&self.ledger));
            self.lock().telling -= 1;
            self.changed.notify_all();
        }
        self.ledger.wake_who_has_room();
        drop(telling);
    }

    /// Connects for the first time, and starts the threads.
    pub(super) fn connect(self: &Arc<Self>) -> Result<(), BuildError> {
        let mut reader = Reader::default();
        let first = self.broker.open().and_then(|mut session| {
            self.resume(&mut *session, &mut reader)?;
            Ok(session)
        });
        let session = first.map_err(|fault| {
            let address = self.broker.address();
            BuildError::Cluster(match fault {
                Fault::Refused(reason) => ClusterError::Refused { address, reason },
                Fault::Away(reason) | Fault::Full(reason) => ClusterError::Unreachable { address, reason },
            })
        })?;
        self.start(session, reader).map_err(BuildError::StartWorker)
    }

    /// A connection broke, or was refused.
    fn lost_engine(&self) {
        let mut state = self.lock();
        state.engine = Engine::Away;
        state.must_resume = true;
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    fn slots(&self, config: &Config) -> usize {
        self.fleet.slots().max(config.own_slots).max(1)
    }

    /// A load will not run where it is. It goes back to its parcel, which waits with it in front of the others; once the client is
    /// cancelled, it is cancelled too.
    fn give_back(&mut self, parcel: Arc<dyn Parcel>, label: Option<Arc<str>>, load: Load, news: &mut News) {
        if !parcel.unload(load) {
            news.wake.push(parcel);
        } else if self.stage >= Stage::Cancelling {
            news.cancel.push(parcel);
        } else {
            self.queue.push_front((parcel, label));
        }
    }

    fn is_at_rest(&self) -> bool {
        self.queue.is_empty() && self.flights.is_empty()
    }

    fn has_something_to_send(&self, ledger: &Ledger) -> bool {
        let connected = matches!(self.engine, Engine::Connected);
        let has_work = !self.queue.is_empty()
            || self.flights.has_some_ashore()
            || !self.flights.errands.is_empty()
            || !self.flights.litter.is_empty()
            || self.standing.has_to_ask();
        connected && has_work || self.stage > Stage::Open && self.is_at_rest() && !ledger.is_held()
    }

    /// Everything fails for this reason.
    fn fail_all(&mut self, reason: &TaskError, ledger: &Ledger, news: &mut News) {
        for number in self.flights.numbers() {
            self.fail(number, reason, ledger, news);
        }
        for (parcel, _) in self.queue.drain(..) {
            news.fail.push((parcel, reason.clone()));
        }
    }
}
