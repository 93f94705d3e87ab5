//! The request to stop as something to hold: tokens see what their task is asked, and wake those who wait for it.

use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    work::{panic_message, square, until_asked_to_stop},
};
use crate::{CancelToken, Executor, Shutdown, TaskError, TaskFuture, cancel_requested};
use futures::{
    executor::block_on,
    future::{Either, pending, select},
};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(600);

/// What is announced when a request was heard.
const HEARD: u64 = 1_000;

/// Blocks until it is asked to stop, and says so.
fn hear((at, number): (Address, u64)) -> u64 {
    let token = CancelToken::current();
    at.announce(number);
    block_on(token.requested());
    assert!(token.is_requested() && cancel_requested());
    at.announce(HEARD + number);
    number
}

/// The same, suspended, beside something that never comes.
async fn hear_async((at, number): (Address, u64)) -> u64 {
    let token = CancelToken::current();
    let heard = token.requested();
    at.announce(number);
    match select(heard, pending::<()>()).await {
        Either::Left(_) => at.announce(HEARD + number),
        Either::Right(_) => unreachable!(),
    }
    assert!(token.is_requested() && cancel_requested());
    number
}

/// A thread beside the task that hears of the request, whatever becomes of the task.
fn leave_an_ear((at, number): (Address, u64)) {
    let token = CancelToken::current();
    thread::spawn(move || {
        at.announce(number);
        block_on(token.requested());
        at.announce(HEARD + number);
    });
}

/// Ends when it is asked to stop, unless it is dropped before that.
async fn suspended_until_asked(argument: (Address, u64)) -> u64 {
    leave_an_ear(argument);
    CancelToken::current().requested().await;
    argument.1
}

async fn suspended_for_ever(argument: (Address, u64)) -> u64 {
    leave_an_ear(argument);
    pending().await
}

fn fail_at((at, number): (Address, u64)) -> u64 {
    at.announce(number);
    panic!("for all")
}

pub(crate) fn outside_of_a_task_a_token_is_never_raised<S: Subject>() {
    let outside = CancelToken::current();
    let executor = S::start(1);
    let late = executor.options().timeout(SHORT).submit(until_asked_to_stop, 1);
    assert!(late.result().unwrap_err().is_timed_out());
    executor.shutdown(Shutdown::Kill);
    assert!(!outside.is_requested());
    let asked = select(outside.requested(), std::future::ready(()));
    assert!(matches!(block_on(asked), Either::Right(_)));
}

pub(crate) fn a_task_in_time_has_a_token_that_is_not_raised<S: Subject>() {
    fn look(_: u64) -> bool {
        let token = CancelToken::current();
        let copy = token.clone();
        let shown = format!("{token:?} {:?}", token.requested());
        assert_eq!(shown.matches("is_requested: false").count(), 2, "{shown}");
        thread::spawn(move || copy.is_requested()).join().unwrap() || token.is_requested()
    }
    let executor = S::start(2);
    let options = executor.options().timeout(LONG);
    assert!(!options.submit(look, 1).result().unwrap());
    assert!(
        !options
            .submit_async(|n| async move { look(n) }, 1)
            .result()
            .unwrap()
    );
    assert!(executor.map(look, 0..20).all(|raised| !raised.unwrap()));
    assert!(
        executor
            .with(7)
            .map(|_, n| look(n), 0..20)
            .all(|raised| !raised.unwrap())
    );
}

pub(crate) fn a_call_hears_of_its_deadline<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let options = executor.options().timeout(SHORT);
    let late = options.submit(hear, (checkpoint.address(), 1));
    assert!(late.result().unwrap_err().is_timed_out());
    if !S::KILLS {
        assert_eq!(checkpoint.wait_for(2), [1, HEARD + 1]);
    }
    // The next one on that worker has a token of its own.
    assert!(
        !executor
            .submit(|()| CancelToken::current().is_requested(), ())
            .result()
            .unwrap()
    );
}

pub(crate) fn a_suspended_task_that_passes_its_deadline_raises_its_token<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let options = executor.options().timeout(Duration::from_millis(50));
    let late = options.submit_async(suspended_for_ever, (checkpoint.address(), 1));
    assert!(late.result().unwrap_err().is_timed_out());
    if !S::KILLS {
        assert_eq!(checkpoint.wait_for(2), [1, HEARD + 1]);
    }
}

pub(crate) fn who_waits_hears_that_the_task_is_cancelled<S: Subject>() {
    let executor = S::start(2);
    for asynchronous in [false, true] {
        let checkpoint = Checkpoint::new();
        let argument = (checkpoint.address(), 1);
        let asked = if asynchronous {
            executor.submit_async(hear_async, argument)
        } else {
            executor.submit(hear, argument)
        };
        checkpoint.wait_for(1);
        assert!(!asked.cancel());
        // It was only a request: the task has ended by itself.
        assert_eq!(asked.result().unwrap(), 1);
        assert_eq!(checkpoint.seen(), [1, HEARD + 1]);
    }
}

pub(crate) fn a_killed_task_raises_its_token<S: Subject>() {
    if S::KILLS {
        // In a process of its own that lives on, an async task is dropped; a call is gone with the process.
        return suspended::<S>();
    }
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let asked = executor.submit(hear, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    assert!(!asked.kill());
    assert_eq!(asked.result().unwrap(), 1);
    suspended::<S>();

    fn suspended<S: Subject>() {
        let executor = S::start(1);
        let checkpoint = Checkpoint::new();
        let endless = executor.submit_async(suspended_for_ever, (checkpoint.address(), 2));
        checkpoint.wait_for(1);
        // Then it is suspended, and not only about to be.
        assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
        assert!(endless.kill());
        assert!(endless.result().unwrap_err().is_cancelled());
        if !S::KILLS {
            assert_eq!(checkpoint.wait_for(2), [2, HEARD + 2]);
        }
    }
}

pub(crate) fn who_waits_hears_that_the_group_has_failed<S: Subject>() {
    let executor = S::start(3);
    let checkpoint = Checkpoint::new();
    let group = executor.group();
    group.submit(hear, (checkpoint.address(), 1));
    group.submit_async(suspended_until_asked, (checkpoint.address(), 2));
    checkpoint.wait_for(2);
    group.submit(fail_at, (checkpoint.address(), 3));
    assert_eq!(panic_message(group.join()), "for all");
    checkpoint.wait_for(5);
    assert_eq!(checkpoint.seen_sorted(), [1, 2, 3, HEARD + 1, HEARD + 2]);
}

pub(crate) fn items_hear_that_their_map_is_dropped<S: Subject>() {
    for asynchronous in [false, true] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let items: Vec<_> = (0..10).map(|n| (checkpoint.address(), n)).collect();
        let options = executor.options().chunk_size(1).max_in_flight(2);
        let outcomes = if asynchronous {
            options.map_async(suspended_until_asked, items)
        } else {
            options.map(hear, items)
        };
        let mut started = checkpoint.wait_for(2);
        started.sort_unstable();
        drop(outcomes);
        checkpoint.wait_for(4);
        let heard = started.iter().map(|n| HEARD + n);
        let expected: Vec<_> = started.iter().copied().chain(heard).collect();
        assert_eq!(checkpoint.seen_sorted(), expected);
        executor.shutdown(Shutdown::Finish);
        assert_eq!(checkpoint.seen().len(), 4);
    }
}

pub(crate) fn who_waits_hears_of_a_shutdown_that_cancels_or_kills<S: Subject>() {
    for how in [Shutdown::Cancel, Shutdown::Kill] {
        let executor = S::start(2);
        let checkpoint = Checkpoint::new();
        let blocking = executor.submit(hear, (checkpoint.address(), 1));
        let suspended = executor.submit_async(hear_async, (checkpoint.address(), 2));
        checkpoint.wait_for(2);
        executor.begin_shutdown(how);
        if how == Shutdown::Cancel {
            assert_eq!((blocking.result().unwrap(), suspended.result().unwrap()), (1, 2));
            assert_eq!(checkpoint.seen_sorted(), [1, 2, HEARD + 1, HEARD + 2]);
        } else if S::KILLS {
            assert!(matches!(blocking.result(), Err(TaskError::Cancelled)));
            assert!(matches!(suspended.result(), Err(TaskError::Cancelled)));
        } else {
            assert_eq!(blocking.result().unwrap(), 1);
            assert!(checkpoint.seen().contains(&(HEARD + 1)));
            // It is dropped, unless it is quicker.
            assert!(!matches!(
                suspended.result(),
                Ok(3..) | Err(TaskError::Panicked(_))
            ));
        }
        executor.shutdown(how);
    }
}

pub(crate) fn all_copies_of_a_token_hear<S: Subject>() {
    fn everywhere((at, number): (Address, u64)) -> u64 {
        let token = CancelToken::current();
        let ears: Vec<_> = (0..8)
            .map(|_| {
                let copy = token.clone();
                // Once to hear, and once more when it is raised already.
                thread::spawn(move || {
                    block_on(copy.requested());
                    block_on(copy.requested());
                })
            })
            .collect();
        at.announce(number);
        ears.into_iter().for_each(|ear| ear.join().unwrap());
        number
    }
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let asked = executor.submit(everywhere, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    assert!(!asked.cancel());
    assert_eq!(asked.result().unwrap(), 1);
}

/// Tokens of tasks that have ended, in whatever process: of each test by its number.
static KEPT: Mutex<BTreeMap<u64, Vec<CancelToken>>> = Mutex::new(BTreeMap::new());

fn keep(test: u64) {
    KEPT.lock()
        .unwrap()
        .entry(test)
        .or_default()
        .push(CancelToken::current());
}

fn keep_and_hear((at, test): (Address, u64)) {
    keep(test);
    hear((at, test));
    // Looked at before the end.
    assert!(kept(test).1 > 0);
}

/// How many there are, and how many of them are raised.
fn kept(test: u64) -> (usize, usize) {
    let kept = KEPT.lock().unwrap();
    let raised = |tokens: &Vec<CancelToken>| tokens.iter().filter(|token| token.is_requested()).count();
    kept.get(&test)
        .map_or((0, 0), |tokens| (tokens.len(), raised(tokens)))
}

/// Another test's number in each process: those of other processes have other memory.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

pub(crate) fn a_token_sees_no_request_of_later_tasks<S: Subject>() {
    let executor = S::start(1);
    let test = number();
    let ended = |futures: Vec<TaskFuture<()>>| futures.into_iter().for_each(|task| task.result().unwrap());
    ended((0..100).map(|_| executor.submit(keep, test)).collect());
    ended(
        (0..100)
            .map(|_| executor.submit_async(|test| async move { keep(test) }, test))
            .collect(),
    );
    for round in 0..10 {
        // Each of these may have the place in the books of an earlier one.
        let checkpoint = Checkpoint::new();
        let asked = executor.submit(keep_and_hear, (checkpoint.address(), test));
        checkpoint.wait_for(1);
        assert!(!asked.cancel());
        asked.result().unwrap();
        let asynchronous = executor.submit_async(hear_async, (checkpoint.address(), 1));
        checkpoint.wait_for(3);
        assert!(!asynchronous.cancel());
        asynchronous.result().unwrap();
        let (all, raised) = executor.submit(kept, test).result().unwrap();
        assert_eq!((all, raised), (201 + round, 1 + round));
    }
    ended((0..100).map(|_| executor.submit(keep, test)).collect());
    assert_eq!(executor.submit(kept, test).result().unwrap(), (310, 10));
}

pub(crate) fn a_request_stays_raised_when_the_task_has_ended<S: Subject>() {
    fn keep_until_asked_to_stop((at, test): (Address, u64)) {
        keep(test);
        at.announce(test);
        until_asked_to_stop(test);
    }
    let executor = S::start(1);
    let test = number();
    let checkpoint = Checkpoint::new();
    let asked = executor.submit(keep_until_asked_to_stop, (checkpoint.address(), test));
    checkpoint.wait_for(1);
    assert!(!asked.cancel());
    asked.result().unwrap();
    assert_eq!(executor.submit(kept, test).result().unwrap(), (1, 1));
}

pub(crate) fn items_that_have_ended_are_not_asked_to_stop<S: Subject>() {
    let executor = S::start(1);
    let test = number();
    assert!(executor.map(keep, [test; 100]).all(|item| item.is_ok()));
    let keep_async = |test| async move { keep(test) };
    assert!(
        executor
            .map_async(keep_async, [test; 100])
            .all(|item| item.is_ok())
    );
    assert_eq!(executor.submit(kept, test).result().unwrap(), (200, 0));
}

pub(crate) fn many_futures_hear_of_one_failure<S: Subject>() {
    async fn wait_for_it(_: u64) -> u64 {
        let token = CancelToken::current();
        token.requested().await;
        1
    }
    // In a worker process each looks for its request every 10 ms.
    let count = if S::COPIES { 50 } else { 10_000 };
    let executor = S::start(2);
    let group = executor.group();
    (0..count).for_each(|n| group.submit_async(wait_for_it, n));
    while executor.stats().running < count {
        thread::yield_now();
    }
    group.submit(|n: u64| panic!("for all {n}"), 0);
    assert_eq!(panic_message(group.join()), "for all 0");
    while executor.stats().running > 0 {
        thread::yield_now();
    }

    let futures: Vec<_> = (0..count)
        .map(|n| executor.submit_async(wait_for_it, n))
        .collect();
    while executor.stats().running < count {
        thread::yield_now();
    }
    assert!(!futures.iter().any(TaskFuture::cancel));
    assert!(futures.into_iter().all(|future| future.result().unwrap() == 1));
}
