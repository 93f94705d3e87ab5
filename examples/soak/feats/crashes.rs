//! Every kind of crash, wherever work can be.

use super::scaled;
use crate::{
    crash::{self, Crash},
    order::{Deed, Log, Order, Value, carry_out, carry_out_async},
    random::Random,
    tally::Tally,
    watch,
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{path::Path, process};

const TIMES: usize = 10;

#[derive(Debug, Clone, Copy)]
enum Context {
    Call,
    Future,
    Item,
    Member,
    FirstAttempt,
    WhileDecoding,
    WhileEncoding,
}

const CONTEXTS: [Context; 7] = [
    Context::Call,
    Context::Future,
    Context::Item,
    Context::Member,
    Context::FirstAttempt,
    Context::WhileDecoding,
    Context::WhileEncoding,
];

pub(crate) fn run(scale: f64, mut random: Random, folder: &Path, tally: &mut Tally) {
    let kinds = crash::all();
    let whole = kinds.len() * CONTEXTS.len() * TIMES;
    let log = Log::new(folder);
    let pool = ProcessPool::with_workers(2);
    watch::show_all(&pool);
    tally.add("executors started", 1);
    let first = random.below(whole);
    let crashes = scaled(whole, scale);
    for number in 0..crashes {
        // A number that shares no factor with that of all, so that a few are of all sorts.
        let chosen = (first + number * 1_009) % whole;
        let (crash, context) = (
            kinds[chosen % kinds.len()],
            CONTEXTS[chosen / kinds.len() % CONTEXTS.len()],
        );
        let order = |of: usize, deed| Order {
            number: u32::try_from(3 * number + of).expect("not so many"),
            deed,
            log: log.path(),
        };
        let before = pool.submit(carry_out, order(0, Deed::Return));
        let outcome = suffer(&pool, context, crash, order(1, Deed::Crash(crash)));
        let after = pool.submit(carry_out, order(2, Deed::Return));
        check(crash, context, outcome);
        for bystander in [before, after] {
            bystander
                .result()
                .unwrap_or_else(|error| panic!("beside {crash:?}, {context:?}: {error}"));
        }
        tally.add("crashes", 1);
        tally.kind("kinds of crashes × contexts", format!("{crash:?} in {context:?}"));
        tally.kind("kinds of crashes", format!("{crash:?}"));
        watch::step();
    }
    pool.shutdown(Shutdown::Finish);
    for (number, runs) in log.counts(3 * crashes).into_iter().enumerate() {
        // The second of three is the one that crashed, once; where it crashed in the first attempt only, it ran twice.
        assert!(
            runs == 1 || runs == 2 && number % 3 == 1,
            "task {number} ran {runs} times"
        );
    }
    let stats = pool.stats();
    let ended = stats.succeeded + stats.failed + stats.cancelled;
    assert_eq!(
        (stats.submitted, stats.queued, stats.running),
        (ended, 0, 0),
        "{stats:?}"
    );
    tally.add("tasks", stats.submitted);
    tally.add("workers replaced", stats.workers_restarted);
}

fn suffer(pool: &ProcessPool, context: Context, crash: Crash, order: Order) -> Result<Value, TaskError> {
    match context {
        Context::Call => pool.submit(carry_out, order).result(),
        Context::Future => pool.submit_async(carry_out_async, order).result(),
        Context::Item => {
            let work = |item: Option<Order>| item.map_or((0, 1), carry_out);
            let outcomes = pool.options().chunk_size(3).map(work, [None, Some(order), None]);
            let all: Vec<_> = outcomes.collect();
            assert!(
                all[0].is_ok() && all[2].is_ok(),
                "beside {crash:?} in a chunk: {all:?}"
            );
            all.into_iter().nth(1).expect("three outcomes")
        }
        Context::Member => {
            let group = pool.group().keep_going();
            group.submit(carry_out, order);
            group.join_all().pop().expect("one member")
        }
        Context::FirstAttempt => {
            let order = Order {
                deed: Deed::CrashFirst(crash),
                ..order
            };
            pool.options().retries(1).submit(carry_out, order).result()
        }
        Context::WhileDecoding => {
            let work = |_: Fatal| (0, 1);
            pool.submit(work, Fatal::new(order, true)).result()
        }
        Context::WhileEncoding => {
            let work = |fatal: Fatal| fatal;
            let outcome = pool.submit(work, Fatal::new(order, false)).result();
            outcome.map(|_| (0, 1))
        }
    }
}

fn check(crash: Crash, context: Context, outcome: Result<Value, TaskError>) {
    match (context, outcome) {
        (Context::FirstAttempt, Ok((_, attempt))) => assert_eq!(attempt, 2),
        (_, Err(TaskError::WorkerDied(death))) => {
            assert_eq!(
                (death.signal(), death.code()),
                crash.fate(),
                "{crash:?}, {context:?}"
            );
        }
        (_, other) => panic!("{crash:?}, {context:?}: {other:?}"),
    }
}

/// An argument that is fatal to another process, on its way in or out.
struct Fatal {
    home: u32,
    order: Order,
    when_decoded: bool,
}

impl Fatal {
    fn new(order: Order, when_decoded: bool) -> Self {
        Self {
            home: process::id(),
            order,
            when_decoded,
        }
    }
}

impl Serialize for Fatal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if process::id() != self.home && !self.when_decoded {
            carry_out(self.order.clone());
        }
        (self.home, &self.order, self.when_decoded).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fatal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (home, order, when_decoded) = Deserialize::deserialize(deserializer)?;
        let this = Self {
            home,
            order,
            when_decoded,
        };
        if process::id() != home && when_decoded {
            carry_out(this.order.clone());
        }
        Ok(this)
    }
}
