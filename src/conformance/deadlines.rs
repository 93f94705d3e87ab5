use super::{
    Subject,
    checkpoint::{Address, Checkpoint},
    work::{announce, announce_until_asked_to_stop, pass, square, until_asked_to_stop},
};
use crate::{Executor, Shutdown, TaskError, cancel_requested};
use std::{future::pending, time::Duration};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(600);

pub(crate) fn a_task_that_passes_its_deadline_fails_with_it<S: Subject>() {
    let executor = S::start(1);
    let late = executor.options().timeout(SHORT).submit(until_asked_to_stop, 1);
    let outcome = late.result();
    assert!(
        matches!(outcome, Err(TaskError::TimedOut(limit)) if limit == SHORT),
        "{outcome:?}"
    );
    // The worker is free again.
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
    let stats = executor.stats();
    assert_eq!((stats.succeeded, stats.failed, stats.cancelled), (1, 1, 0));
}

pub(crate) fn work_that_stops_because_its_deadline_asks_it_to_has_still_timed_out<S: Subject>() {
    let executor = S::start(1);
    for round in 0..100 {
        let late = executor
            .options()
            .timeout(Duration::from_millis(1))
            .submit(until_asked_to_stop, round);
        let outcome = late.result();
        assert!(
            matches!(outcome, Err(TaskError::TimedOut(_))),
            "round {round}: {outcome:?}"
        );
    }
}

pub(crate) fn a_task_in_time_knows_nothing_of_its_deadline<S: Subject>() {
    let executor = S::start(2);
    let options = executor.options().timeout(LONG);
    let futures: Vec<_> = (0..100).map(|n| options.submit(square, n)).collect();
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), square(n));
    }
    assert!(!options.submit(|()| cancel_requested(), ()).result().unwrap());
}

pub(crate) fn a_timeout_that_work_returns_is_only_a_value<S: Subject>() {
    let executor = S::start(1);
    let returns_timeout = |()| -> Result<(), String> { Err("timed out".into()) };
    let outcome = executor
        .options()
        .timeout(LONG)
        .submit(returns_timeout, ())
        .result();
    assert_eq!(outcome.unwrap(), Err("timed out".to_owned()));
}

pub(crate) fn a_suspended_future_ends_at_its_deadline<S: Subject>() {
    let executor = S::start(1);
    let endless = executor
        .options()
        .timeout(SHORT)
        .submit_async(|()| pending::<()>(), ());
    assert!(matches!(endless.result(), Err(TaskError::TimedOut(limit)) if limit == SHORT));
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
}

pub(crate) fn a_shutdown_of_an_idle_executor_needs_no_time<S: Subject>() {
    let executor = S::start(2);
    assert_eq!(executor.submit(square, 3).result().unwrap(), 9);
    executor.shutdown_timeout(Shutdown::Finish, LONG).unwrap();
    executor
        .shutdown_timeout(Shutdown::Finish, Duration::ZERO)
        .unwrap();
}

pub(crate) fn a_deadline_counts_from_the_start_of_the_task<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let mut busy = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let limit = Duration::from_secs(5);
    let queued = executor
        .options()
        .timeout(Duration::from_millis(1))
        .submit(square, 3);
    let generous = executor.options().timeout(limit).submit(square, 3);
    assert!(busy.result_timeout(Duration::from_millis(20)).is_none());
    // Both have waited for longer than the short deadline, and have not started.
    assert!(!queued.is_done() && !generous.is_done());
    checkpoint.open();
    assert_eq!(generous.result().unwrap(), 9);
    assert!(matches!(queued.result(), Ok(9) | Err(TaskError::TimedOut(_))));
    assert_eq!(busy.result().unwrap(), 1);
}

pub(crate) fn a_cancelled_task_passes_no_deadline<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let busy = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let queued = executor
        .options()
        .timeout(SHORT)
        .submit(announce, (checkpoint.address(), 2));
    assert!(queued.cancel());
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
    checkpoint.open();
    assert_eq!(busy.result().unwrap(), 1);
}

pub(crate) fn a_bounded_shutdown_returns_although_a_task_goes_on<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let stuck = executor.submit(pass, (checkpoint.address(), 1));
    let queued = executor.submit(square, 2);
    checkpoint.wait_for(1);
    let left = executor.shutdown_timeout(Shutdown::Finish, SHORT).unwrap_err();
    assert_eq!((left.running(), left.queued()), (1, 1));
    let left = executor
        .shutdown_timeout(Shutdown::Finish, Duration::ZERO)
        .unwrap_err();
    assert!(left.to_string().contains('1'));
    assert!(matches!(
        executor.submit(square, 3).result(),
        Err(TaskError::ShutDown)
    ));
    // Stricter now: what waits is given up.
    let left = executor
        .shutdown_timeout(Shutdown::Cancel, Duration::ZERO)
        .unwrap_err();
    assert_eq!(left.queued(), 0);
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
    checkpoint.open();
    assert_eq!(stuck.result().unwrap(), 1);
    executor.shutdown_timeout(Shutdown::Finish, LONG).unwrap();
}

fn announce_the_request((at, number): (Address, u64)) -> u64 {
    let number = announce_until_asked_to_stop((at, number));
    at.announce(number + 1);
    number
}

pub(crate) fn a_deadline_asks_the_running_task_to_stop<S: Subject>() {
    if S::KILLS {
        // It is gone before it could see a request.
        let executor = S::start(1);
        let checkpoint = Checkpoint::new();
        let options = executor.options().timeout(SHORT);
        let stuck = options.submit(pass, (checkpoint.address(), 1));
        assert!(matches!(stuck.result(), Err(TaskError::TimedOut(_))));
        return;
    }
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let options = executor.options().timeout(SHORT);
    let late = options.submit(announce_the_request, (checkpoint.address(), 1));
    assert!(matches!(late.result(), Err(TaskError::TimedOut(_))));
    assert_eq!(checkpoint.wait_for(2), [1, 2]);
}
