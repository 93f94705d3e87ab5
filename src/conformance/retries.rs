//! Tasks that are tried again: how often, after which errors, and what comes of it.

use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    work::{panic_message, panic_with, until_asked_to_stop},
};
use crate::{
    Executor, Options, Shutdown, TaskError, attempt,
    backend::{Anywhere, NoContext, Retrying},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::BTreeMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(10);

pub(super) type Stubborn<E> = Options<E, NoContext, Anywhere, Retrying>;

/// Fails in all attempts before this one.
pub(crate) fn succeed_at(which: u32) -> u32 {
    assert!(attempt() >= which, "attempt {}", attempt());
    attempt()
}

pub(crate) async fn succeed_at_async(which: u32) -> u32 {
    succeed_at(which)
}

pub(crate) fn the_first_success_is_the_outcome<S: Subject>() {
    let executor = S::start(2);
    let options = executor.options().retries(4).retry_if(TaskError::is_panicked);
    let with = options.with(1);
    for which in 1..=5 {
        assert_eq!(options.submit(succeed_at, which).result().unwrap(), which);
        let asynchronous = options.submit_async(succeed_at_async, which);
        assert_eq!(asynchronous.result().unwrap(), which);
        let sum = with.submit(|one, which| succeed_at(which) + one, which);
        assert_eq!(sum.result().unwrap(), which + 1);
        let sum = with.submit_async(|one, which| async move { succeed_at(which) + *one }, which);
        assert_eq!(sum.result().unwrap(), which + 1);
    }
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.succeeded, stats.failed), (20, 20, 0));
}

pub(crate) fn the_error_of_the_last_attempt_is_the_outcome<S: Subject>() {
    let executor = S::start(2);
    for retries in 0..4 {
        let options = executor
            .options()
            .retries(retries)
            .retry_if(TaskError::is_panicked);
        let last = format!("attempt {}", retries + 1);
        assert_eq!(panic_message(options.submit(succeed_at, 9).result()), last);
        assert_eq!(
            panic_message(options.submit_async(succeed_at_async, 9).result()),
            last
        );
    }
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.succeeded, stats.failed), (8, 0, 8));
}

pub(crate) fn items_are_tried_again_one_by_one<S: Subject>() {
    // What each comes to: 1, 2, 3, an error, and again.
    fn check(outcomes: impl Iterator<Item = Result<u32, TaskError>>) {
        let mut count = 0;
        for (n, outcome) in (0_u32..).zip(outcomes) {
            count += 1;
            let which = n % 4 + 1;
            if which <= 3 {
                assert_eq!(outcome.unwrap(), which);
            } else {
                assert_eq!(panic_message(outcome), "attempt 3");
            }
        }
        assert_eq!(count, 40);
    }
    let items = || (0..40_u32).map(|n| n % 4 + 1);
    let executor = S::start(3);
    for bound in [None, Some(1), Some(2)] {
        let mut options = executor.options().retries(2).retry_if(TaskError::is_panicked);
        if let Some(bound) = bound {
            options = options.max_in_flight(bound);
        }
        check(options.map(succeed_at, items()));
        check(options.map_async(succeed_at_async, items()));
        let with = options.with(0);
        check(with.map(|zero, which| succeed_at(which) + zero, items()));
        check(with.map_async(|zero, which| async move { succeed_at(which) + *zero }, items()));
        let unordered = options.map(succeed_at, items()).unordered();
        let mut tally = BTreeMap::new();
        unordered.for_each(|outcome| *tally.entry(outcome.ok()).or_default() += 1);
        assert_eq!(
            tally,
            BTreeMap::from([(None, 10), (Some(1), 10), (Some(2), 10), (Some(3), 10)])
        );
    }
}

pub(crate) fn by_default_a_panic_is_an_outcome_like_any_other<S: Subject>() {
    let executor = S::start(1);
    let options = executor.options().retries(5);
    assert_eq!(panic_message(options.submit(succeed_at, 9).result()), "attempt 1");
    assert_eq!(
        panic_message(options.submit_async(succeed_at_async, 9).result()),
        "attempt 1"
    );
    assert_eq!(
        panic_message(options.map(succeed_at, [9]).next().unwrap()),
        "attempt 1"
    );
    assert_eq!(executor.stats().failed, 3);
}

pub(crate) fn outside_of_a_task_and_without_retries_it_is_the_first_attempt<S: Subject>() {
    let executor = S::start(1);
    assert_eq!(attempt(), 1);
    assert_eq!(executor.submit(|()| attempt(), ()).result().unwrap(), 1);
    assert_eq!(
        executor
            .submit_async(|()| async { attempt() }, ())
            .result()
            .unwrap(),
        1
    );
    assert!(
        executor
            .map(|()| attempt(), [(); 9])
            .all(|which| which.unwrap() == 1)
    );
    assert_eq!(attempt(), 1);
}

pub(crate) fn the_condition_sees_the_error_of_each_attempt_once<S: Subject>() {
    let executor = S::start(1);
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let there = seen.clone();
    let options = executor.options().retries(3).retry_if(move |error| {
        let TaskError::Panicked(panic) = error else {
            panic!("another error: {error:?}")
        };
        there.lock().unwrap().push(panic.message().to_owned());
        panic.message() != "attempt 3"
    });
    assert_eq!(options.submit(succeed_at, 2).result().unwrap(), 2);
    assert_eq!(*seen.lock().unwrap(), ["attempt 1"]);
    assert_eq!(panic_message(options.submit(succeed_at, 9).result()), "attempt 3");
    assert_eq!(
        *seen.lock().unwrap(),
        ["attempt 1", "attempt 1", "attempt 2", "attempt 3"]
    );
    // After the last one nobody is asked: nothing depends on it.
    seen.lock().unwrap().clear();
    assert_eq!(
        panic_message(options.retries(1).submit(succeed_at, 9).result()),
        "attempt 2"
    );
    assert_eq!(*seen.lock().unwrap(), ["attempt 1"]);
}

pub(crate) fn a_condition_that_panics_wants_no_other_attempt<S: Subject>() {
    let executor = S::start(1);
    let options = executor
        .options()
        .retries(3)
        .retry_if(|_| panic!("in the condition"));
    assert_eq!(panic_message(options.submit(succeed_at, 9).result()), "attempt 1");
    assert_eq!(
        panic_message(options.submit_async(succeed_at_async, 9).result()),
        "attempt 1"
    );
    assert_eq!(executor.submit(succeed_at, 1).result().unwrap(), 1);
    assert_eq!(executor.stats().failed, 2);
}

/// Cannot be copied, or not encoded, or not decoded.
#[derive(Debug, PartialEq)]
struct Fragile(u8);

const COPY: u8 = 1;
const ENCODE: u8 = 2;
const DECODE: u8 = 3;

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(self.0 != COPY, "not copied");
        Self(self.0)
    }
}

impl Serialize for Fragile {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        if self.0 == ENCODE {
            return Err(serde::ser::Error::custom("not encoded"));
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let which = u8::deserialize(deserializer)?;
        if which == DECODE {
            return Err(serde::de::Error::custom("not decoded"));
        }
        Ok(Self(which))
    }
}

pub(crate) fn an_argument_whose_copy_panics_fails_its_task_only<S: Subject>() {
    let executor = S::start(1);
    let options = executor.options().retries(2).retry_if(|_| true);
    let outcomes = [
        options
            .submit(|fragile: Fragile| fragile.0, Fragile(COPY))
            .result(),
        options
            .submit_async(|fragile: Fragile| async move { fragile.0 }, Fragile(COPY))
            .result(),
        options
            .map(|fragile: Fragile| fragile.0, [Fragile(COPY)])
            .next()
            .unwrap(),
    ];
    for outcome in outcomes {
        match outcome {
            Err(TaskError::Panicked(panic)) => assert_eq!(panic.message(), "not copied"),
            // Who sends it in its wire format copies nothing.
            outcome => assert!(S::COPIES && outcome.unwrap() == COPY),
        }
    }
    assert_eq!(executor.submit(succeed_at, 1).result().unwrap(), 1);
    let stats = executor.stats();
    assert_eq!((stats.queued, stats.running), (0, 0));
}

pub(crate) fn what_does_not_cross_is_tried_again_if_that_is_wanted<S: Subject>() {
    let executor = S::start(1);
    for (which, times) in [(ENCODE, 3), (DECODE, 3), (0, 0)] {
        let asked = Arc::<AtomicUsize>::default();
        let there = asked.clone();
        let options = executor.options().retries(3).retry_if(move |error| {
            assert!(
                matches!(error, TaskError::Encode(_) | TaskError::Decode(_)),
                "{error}"
            );
            there.fetch_add(1, SeqCst) < 2
        });
        let outcome = options
            .submit(|fragile: Fragile| fragile.0, Fragile(which))
            .result();
        if S::COPIES && which > 0 {
            let text = outcome.unwrap_err().to_string();
            assert!(
                text.contains("not encoded") || text.contains("not decoded"),
                "{text}"
            );
            assert_eq!(asked.load(SeqCst), times);
        } else {
            assert_eq!(outcome.unwrap(), which);
        }
    }
}

pub(crate) fn a_result_that_cannot_be_sent_is_tried_again_if_that_is_wanted<S: Subject>() {
    make_fragile::<S>(ENCODE, "not encoded", 2);
}

pub(crate) fn a_result_that_cannot_be_read_in_another_process_is_found_out_too_late<S: Subject>() {
    make_fragile::<S>(DECODE, "not decoded", if S::KILLS { 0 } else { 2 });
}

fn make_fragile<S: Subject>(which: u8, reason: &str, times: usize) {
    let executor = S::start(1);
    let asked = Arc::<AtomicUsize>::default();
    let there = asked.clone();
    let options = executor
        .options()
        .retries(2)
        .retry_if(move |_| there.fetch_add(1, SeqCst) < 9);
    let outcome = options.submit(Fragile, which).result();
    if S::COPIES {
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains(reason), "{text}");
        assert_eq!(asked.load(SeqCst), times, "{text}");
        let stats = executor.stats();
        assert_eq!((stats.succeeded, stats.failed), (0, 1), "{stats:?}");
    } else {
        assert_eq!(outcome.unwrap(), Fragile(which));
    }
}

/// Options with a short deadline, and how often somebody asked whether there is to be another attempt.
fn impatient<E: Executor>(executor: &E, retries: u32) -> (Stubborn<E>, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let there = asked.clone();
    let options = executor.options().retries(retries).timeout(SHORT);
    let options = options.retry_if(move |error| {
        there.fetch_add(1, SeqCst);
        error.is_timed_out()
    });
    (options, asked)
}

pub(crate) fn a_call_that_goes_on_after_its_deadline_is_not_tried_again<S: Subject>() {
    let executor = S::start(1);
    let (options, asked) = impatient(&executor, 2);
    let outcome = options.submit(until_asked_to_stop, 1).result();
    assert!(matches!(outcome, Err(TaskError::TimedOut(limit)) if limit == SHORT));
    executor.shutdown(Shutdown::Finish);
    // Only where it was stopped the next one cannot overlap with it.
    assert_eq!(asked.load(SeqCst), if S::KILLS { 2 } else { 0 });
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.failed), (1, 1), "{stats:?}");
}

pub(crate) fn a_future_that_passes_its_deadline_is_tried_again<S: Subject>() {
    async fn ready_at(which: u32) -> u32 {
        if attempt() < which {
            pending::<()>().await;
        }
        attempt()
    }
    let executor = S::start(1);
    let (options, asked) = impatient(&executor, 2);
    let endless = options.submit_async(ready_at, u32::MAX);
    assert!(endless.result().unwrap_err().is_timed_out());
    assert_eq!(asked.load(SeqCst), 2);
    // How many of them are in time, if they are ready at once, is for the machine to say.
    let (options, _) = impatient(&executor, 1_000);
    let ready = options.submit_async(ready_at, 2).result().unwrap();
    assert!(ready >= 2);
    assert_eq!(executor.stats().failed, 1);
}

pub(crate) fn a_refused_task_is_not_tried<S: Subject>() {
    let executor = S::start(1);
    let asked = Arc::<AtomicUsize>::default();
    let there = asked.clone();
    let options = executor
        .options()
        .retries(3)
        .retry_if(move |_| there.fetch_add(1, SeqCst) < 9);
    executor.shutdown(Shutdown::Finish);
    assert!(matches!(
        options.submit(succeed_at, 1).result(),
        Err(TaskError::ShutDown)
    ));
    let asynchronous = options.submit_async(succeed_at_async, 1);
    assert!(matches!(asynchronous.result(), Err(TaskError::ShutDown)));
    assert_eq!(asked.load(SeqCst), 0);
}

pub(crate) fn a_refused_task_is_counted_as_cancelled<S: Subject>() {
    let executor = S::start(1);
    executor.shutdown(Shutdown::Finish);
    let refused = executor.options().retries(3).submit(succeed_at, 1);
    assert!(refused.is_cancelled());
    assert!(matches!(refused.result(), Err(TaskError::ShutDown)));
    let stats = executor.stats();
    assert_eq!(
        (stats.submitted, stats.cancelled, stats.failed),
        (1, 1, 0),
        "{stats:?}"
    );
}

pub(crate) fn who_hears_of_the_end_hears_once<S: Subject>() {
    let executor = S::start(2);
    let options = executor.options().retries(2).retry_if(TaskError::is_panicked);
    let calls = Arc::<AtomicUsize>::default();
    for which in [1, 3, 9] {
        calls.store(0, SeqCst);
        let future = options.submit(succeed_at, which);
        for _ in 0..2 {
            let there = calls.clone();
            future.on_done(move |outcome| {
                assert_eq!(outcome.is_ok(), which <= 3);
                there.fetch_add(1, SeqCst);
            });
        }
        assert_eq!(future.result().is_ok(), which <= 3);
        assert_eq!(calls.load(SeqCst), 2);
    }
    let shared = options.submit(succeed_at, 3).shared();
    let copies: Vec<_> = (0..4).map(|_| shared.clone()).collect();
    let readers = copies
        .into_iter()
        .map(|copy| thread::spawn(move || copy.result()));
    let readers: Vec<_> = readers.collect();
    assert!(
        readers
            .into_iter()
            .all(|reader| reader.join().unwrap().unwrap() == 3)
    );
    let futures = [1, 9, 3, 2].map(|which| options.submit(succeed_at, which));
    let mut values: Vec<_> = crate::as_completed(futures)
        .map(|future| future.result().ok())
        .collect();
    values.sort_unstable();
    assert_eq!(values, [None, Some(1), Some(2), Some(3)]);
}

pub(crate) fn a_detached_task_is_tried_again<S: Subject>() {
    fn announce_attempts(at: Address) {
        at.announce(attempt().into());
        assert!(attempt() == 3, "not yet");
    }
    let executor = S::start(1);
    for asynchronous in [false, true] {
        let checkpoint = Checkpoint::new();
        let options = executor.options().retries(2).retry_if(TaskError::is_panicked);
        if asynchronous {
            drop(options.submit_async(|at| async move { announce_attempts(at) }, checkpoint.address()));
        } else {
            drop(options.submit(announce_attempts, checkpoint.address()));
        }
        assert_eq!(checkpoint.wait_for(3), [1, 2, 3]);
    }
    executor.shutdown(Shutdown::Finish);
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.succeeded, stats.failed), (2, 2, 0));
}

pub(crate) fn options_with_retries_keep_the_others<S: Subject>() {
    let executor = S::start(1);
    let options = executor.options().name("stubborn").retries(1).retry_if(|_| true);
    let future = options.submit(panic_with, 7);
    assert_eq!(future.name(), Some("stubborn"));
    assert_eq!(panic_message(future.result()), "no 7");
    let nothing = Duration::ZERO;
    let options = executor
        .options()
        .retries(3)
        .backoff(nothing, nothing)
        .retry_if(|_| true);
    assert_eq!(options.submit(succeed_at, 4).result().unwrap(), 4);
    // The last word counts.
    let options = executor.options().retries(9).retry_if(|_| true).retries(1);
    assert_eq!(panic_message(options.submit(succeed_at, 9).result()), "attempt 2");
}
