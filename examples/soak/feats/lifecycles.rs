//! Tiny pools that begin, are used and end in every order.

use super::scaled;
use crate::{
    random::Random,
    subject::{Subject, WAYS},
    tally::Tally,
    watch,
};
use concurrent_futures::{
    AsyncBridge, Checked, Executor, Inline, ProcessPool, Shutdown, TaskError, TaskFuture, ThreadPool,
};
use std::{path::Path, time::Duration};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Submit,
    SubmitAsync,
    Cancel,
    Kill,
    Take,
    DropFuture,
    Begin(Shutdown),
}

const STEPS: [Step; 9] = [
    Step::Submit,
    Step::SubmitAsync,
    Step::Cancel,
    Step::Kill,
    Step::Take,
    Step::DropFuture,
    Step::Begin(Shutdown::Finish),
    Step::Begin(Shutdown::Cancel),
    Step::Begin(Shutdown::Kill),
];

/// After a first submission.
const LENGTH: u32 = 4;

/// How it ends: shut down in one of three ways, dropped, or shut down by a callback.
const ENDS: usize = 5;

const BACKENDS: usize = 5;

/// All programs of that length, with each end, on each backend, with one worker and with two: 656,100.
const ALL: usize = STEPS.len().pow(LENGTH) * ENDS * BACKENDS * 2;

/// At scale 1, of these.
const COMBINATIONS: usize = 60_000;

pub(crate) fn run(scale: f64, mut random: Random, _folder: &Path, tally: &mut Tally) {
    let combinations = scaled(COMBINATIONS, scale).min(ALL);
    let first = random.below(ALL);
    for number in 0..combinations {
        // A stride that shares no factor with the number of all: no combination comes twice, and few are of all sorts.
        let mut rest = (first + number * 7_919) % ALL;
        let mut digit = |base: usize| {
            let digit = rest % base;
            rest /= base;
            digit
        };
        let (backend, workers, end) = (digit(BACKENDS), 1 + digit(2), digit(ENDS));
        let steps: Vec<Step> = (0..LENGTH).map(|_| STEPS[digit(STEPS.len())]).collect();
        let tasks = match backend {
            0 => live::<ThreadPool>(workers, &steps, end),
            1 => live::<ProcessPool>(workers, &steps, end),
            2 => live::<AsyncBridge>(workers, &steps, end),
            3 => live::<Inline>(workers, &steps, end),
            _ => live::<Checked>(workers, &steps, end),
        };
        tally.add("tasks", tasks);
        watch::step();
    }
    tally.add("executors started", combinations as u64);
    tally.add("combinations of lifecycles", combinations as u64);
}

fn plus_one(n: u64) -> u64 {
    n + 1
}

async fn plus_one_async(n: u64) -> u64 {
    tokio::task::yield_now().await;
    n + 1
}

/// The number of its tasks.
fn live<E: Subject>(workers: usize, steps: &[Step], end: usize) -> u64 {
    let executor = E::small(workers);
    let mut futures = vec![Executor::submit(&executor, plus_one, 0)];
    let (mut strictest, mut is_stopped) = (None, false);
    for step in steps {
        let number = futures.len() as u64;
        match step {
            Step::Submit => futures.push(Executor::submit(&executor, plus_one, number)),
            Step::SubmitAsync => futures.push(Executor::submit_async(&executor, plus_one_async, number)),
            Step::Cancel => is_stopped |= futures.last().is_some_and(TaskFuture::cancel),
            Step::Kill => is_stopped |= futures.last().is_some_and(TaskFuture::kill),
            Step::Take => {
                if let Some(future) = futures.pop() {
                    check(future.result(), strictest, is_stopped, steps);
                }
            }
            Step::DropFuture => drop(futures.pop()),
            Step::Begin(how) => {
                executor.begin_shutdown(*how);
                strictest = Some(*how).max_by_rank(strictest);
            }
        }
    }
    let ledger = executor.ledger().clone();
    let closed = executor.closed();
    match end {
        0..=2 => {
            strictest = Some(WAYS[end]).max_by_rank(strictest);
            executor.shutdown(WAYS[end]);
        }
        3 => drop(executor),
        _ => {
            let last = Executor::submit(&executor, plus_one, 0);
            let inside = executor.clone();
            last.on_done(move |_| inside.shutdown(Shutdown::Cancel));
            strictest = Some(Shutdown::Cancel).max_by_rank(strictest);
            drop((last, executor));
        }
    }
    futures::executor::block_on(closed);
    for mut future in futures {
        let outcome = future.result_timeout(Duration::ZERO);
        let outcome = outcome.unwrap_or_else(|| panic!("no outcome after {steps:?}, {end} on {}", E::NAME));
        check(outcome, strictest, is_stopped, steps);
    }
    let stats = ledger.stats();
    let ended = stats.succeeded + stats.failed + stats.cancelled;
    let is_closed = (stats.submitted, stats.queued, stats.running) == (ended, 0, 0);
    assert!(
        is_closed && stats.failed == 0,
        "{stats:?} after {steps:?}, {end} on {}",
        E::NAME
    );
    stats.submitted
}

fn check(outcome: Result<u64, TaskError>, strictest: Option<Shutdown>, is_stopped: bool, program: &[Step]) {
    let gives_up = matches!(strictest, Some(Shutdown::Cancel | Shutdown::Kill));
    let fits = match &outcome {
        Ok(value) => *value >= 1,
        Err(TaskError::Cancelled) => is_stopped || gives_up,
        Err(TaskError::ShutDown) => strictest.is_some(),
        Err(_) => false,
    };
    assert!(fits, "{outcome:?} after {program:?}");
}

trait Stricter {
    fn max_by_rank(self, other: Self) -> Self;
}

impl Stricter for Option<Shutdown> {
    fn max_by_rank(self, other: Self) -> Self {
        let rank = |way: &Self| way.and_then(|way| WAYS.iter().position(|one| *one == way));
        if rank(&self) < rank(&other) { other } else { self }
    }
}
