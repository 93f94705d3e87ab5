//! One round: an executor of some shape, and a random program of everything that can be done with it and to it.

use crate::{
    crash::{self, Crash},
    expected::{Expected, Weather},
    maps::OpenMap,
    order::{Deed, Log, Order, Value},
    random::Random,
    subject::{Subject, WAYS},
    tally::Tally,
    watch,
};
use concurrent_futures::{Shutdown, TaskError, TaskFuture};
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

/// The number of a task, and its future.
pub(crate) type Held = (u32, TaskFuture<Value>);

pub(crate) struct Program<'a, E: Subject> {
    pub(crate) executor: E,
    pub(crate) random: Random,
    pub(crate) tally: &'a mut Tally,
    log: Log,
    /// By the number of the task.
    pub(crate) expected: Vec<Expected>,
    /// Futures whose outcome nobody has taken yet.
    pub(crate) held: Vec<Held>,
    pub(crate) maps: Vec<OpenMap>,
    /// Made in callbacks.
    pub(crate) born: Arc<Mutex<Vec<Held>>>,
    /// How often each callback was called.
    pub(crate) callbacks: Vec<Arc<AtomicU32>>,
    /// Tasks that are not in the log.
    pub(crate) beside: u64,
    pub(crate) weather: Weather,
}

/// Runs one round. What is wrong, it panics with.
pub(crate) fn run<E: Subject>(mut random: Random, folder: &Path, tally: &mut Tally) {
    let (executor, on_drop) = E::by_chance(&mut random);
    tally.add("executors started", 1);
    tally.add(&format!("rounds on {}", E::NAME), 1);
    let mut program = Program {
        executor,
        random,
        tally,
        log: Log::new(folder),
        expected: Vec::new(),
        held: Vec::new(),
        maps: Vec::new(),
        born: Arc::default(),
        callbacks: Vec::new(),
        beside: 0,
        weather: Weather {
            strictest: None,
            is_processes: E::IS_PROCESSES,
            is_stormy: false,
            is_disturbed: false,
        },
    };
    let drops = program.random.one_in(3);
    if drops {
        watch::show(&program.executor);
    } else {
        watch::show_all(&program.executor);
    }
    for _ in 0..program.random.within(10, 120) {
        program.step();
        watch::step();
    }
    program.end(drops.then_some(on_drop));
}

impl<E: Subject> Program<'_, E> {
    fn step(&mut self) {
        match self.random.below(64) {
            8..=12 => self.submit_async(),
            13..=17 => self.submit_with_options(),
            18..=19 => self.burst(),
            20 => self.try_submit(),
            21..=24 => self.cancel_one(),
            25..=26 => self.kill_one(),
            27 => self.drop_one(),
            28..=32 => self.take_one(),
            33..=35 => self.add_callback(),
            36..=37 => self.submit_from_callback(),
            38..=41 => self.begin_map(),
            42..=46 => self.go_on_with_map(),
            47..=49 => self.group(),
            50..=52 => self.collect_as_completed(),
            53..=54 => self.wait_for_some(),
            55 => self.race(),
            56 => self.share(),
            57 => self.send_bytes(),
            58 => self.with_context_and_state(),
            59..=60 => self.kill_worker(),
            61 if self.random.one_in(8) => self.begin_shutdown(),
            62 if self.random.one_in(8) => self.shut_down_from_inside(),
            _ => self.submit(),
        }
    }

    pub(crate) fn deed(&mut self) -> Deed {
        match self.random.below(24) {
            0..=1 => Deed::Panic,
            2..=5 => Deed::Spin(self.random.within(1, 300)),
            6..=7 => Deed::Look(self.random.within(1, 2_000)),
            8 if E::IS_PROCESSES => Deed::Crash(self.crash("a random program")),
            _ => Deed::Return,
        }
    }

    pub(crate) fn crash(&mut self, context: &'static str) -> Crash {
        let crash = self.random.pick(&crash::all());
        self.weather.is_disturbed = true;
        self.tally.add("crashes", 1);
        self.tally
            .kind("kinds of crashes × contexts", format!("{crash:?} in {context}"));
        crash
    }

    /// A new task, which is still to be handed over.
    pub(crate) fn order(&mut self, deed: Deed, is_async: bool) -> Order {
        let mut expected = Expected::new(deed, is_async);
        expected.may_be_refused = self.weather.strictest.is_some();
        let number = u32::try_from(self.expected.len()).expect("not so many tasks");
        self.expected.push(expected);
        Order {
            number,
            deed,
            log: self.log.path(),
        }
    }

    pub(crate) fn of(&mut self, number: u32) -> &mut Expected {
        &mut self.expected[number as usize]
    }

    pub(crate) fn see(&mut self, number: u32, outcome: &Result<Value, TaskError>) {
        if let Err(error) = outcome {
            self.tally.error(error);
        }
        self.tally.add("outcomes seen", 1);
        self.of(number).see(number, outcome);
    }

    /// A future that is held, taken out.
    pub(crate) fn any_held(&mut self) -> Option<Held> {
        let some = self.held.len();
        (some > 0).then(|| self.held.swap_remove(self.random.below(some)))
    }

    pub(crate) fn shut(&mut self, how: Shutdown) {
        let rank = |how: Shutdown| WAYS.iter().position(|way| *way == how);
        let strictest = self.weather.strictest;
        if strictest.is_none_or(|strictest| rank(strictest) < rank(how)) {
            self.weather.strictest = Some(how);
        }
        if how == Shutdown::Kill {
            self.weather.is_disturbed = true;
        }
        self.tally
            .kind("ways to shut down", format!("{} {how:?}", E::NAME));
    }

    fn begin_shutdown(&mut self) {
        let how = self.random.pick(&WAYS);
        self.shut(how);
        self.executor.begin_shutdown(how);
    }

    fn end(mut self, drops: Option<Shutdown>) {
        for map in std::mem::take(&mut self.maps) {
            self.end_map(map);
        }
        let how = drops.unwrap_or_else(|| self.random.pick(&WAYS));
        self.shut(how);
        let ledger = self.executor.ledger().clone();
        let closed = self.executor.closed();
        let Program {
            executor,
            held,
            born,
            callbacks,
            mut expected,
            weather,
            log,
            tally,
            beside,
            ..
        } = self;
        if drops.is_some() {
            tally.kind("ways to shut down", format!("{} dropped, {how:?}", E::NAME));
            drop(executor);
        } else {
            executor.shutdown(how);
            assert_eq!(executor.pids(), [], "workers after a shutdown");
        }
        futures::executor::block_on(closed);
        watch::step();

        let born = std::mem::take(&mut *born.lock().unwrap_or_else(PoisonError::into_inner));
        for (number, mut future) in held.into_iter().chain(born) {
            let outcome = future.result_timeout(Duration::ZERO);
            let outcome = outcome.unwrap_or_else(|| panic!("task {number} has no outcome: {future:?}"));
            if let Err(error) = &outcome {
                tally.error(error);
            }
            tally.add("outcomes seen", 1);
            expected[number as usize].see(number, &outcome);
        }
        for called in callbacks {
            assert_eq!(called.load(SeqCst), 1, "how often a callback was called");
            tally.add("callbacks", 1);
        }
        let counts = log.counts(expected.len());
        let (mut handed_over, mut late) = (beside, 0);
        for ((number, task), runs) in expected.iter().enumerate().zip(counts) {
            task.check(runs, weather)
                .unwrap_or_else(|wrong| panic!("task {number}: {wrong}"));
            handed_over += u64::from(!task.is_kept);
            late += u64::from(task.is_member && runs == 0);
            tally.add("runs that were counted where they happened", runs.into());
        }
        let stats = ledger.stats();
        let ended = stats.succeeded + stats.failed + stats.cancelled;
        assert_eq!((stats.queued, stats.running), (0, 0), "{stats:?}");
        assert_eq!(stats.submitted, ended, "{stats:?}");
        // Who comes too late to a group that has failed is not handed over to anybody.
        let counted = handed_over - late..=handed_over;
        assert!(counted.contains(&stats.submitted), "{counted:?}, {stats:?}");
        tally.add("tasks", stats.submitted);
        tally.add("workers replaced", stats.workers_restarted);
    }
}
