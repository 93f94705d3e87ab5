use super::{
    Subject,
    checkpoint::Checkpoint,
    work::{announce, announce_until_asked_to_stop, ended, panic_with, pass, square},
};
use crate::{Executor, Shutdown, TaskError, TaskFuture, cancel_requested};
use std::{
    sync::{Barrier, mpsc},
    thread,
};

pub(crate) fn cancelling_what_has_ended_is_refused_and_changes_nothing<S: Subject>() {
    let executor = S::start(1);
    for future in [
        ended(executor.submit(square, 3)),
        ended(executor.submit(panic_with, 3)),
    ] {
        let handle = future.handle();
        assert!(!future.cancel() && !future.kill() && !handle.cancel() && !handle.kill());
        assert!(!future.is_cancelled());
        assert!(!matches!(future.result(), Err(TaskError::Cancelled)));
    }
    assert_eq!(executor.stats().cancelled, 0);
}

pub(crate) fn outside_a_task_nobody_is_asked_to_stop<S: Subject>() {
    let executor = S::start(1);
    assert!(!cancel_requested());
    assert!(!executor.submit(|()| cancel_requested(), ()).result().unwrap());
    let seen = executor.map(|()| cancel_requested(), [(); 3]);
    assert_eq!(seen.map(Result::unwrap).collect::<Vec<_>>(), [false; 3]);
}

pub(crate) fn cancel_is_true_for_what_will_never_run<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let queued = executor.submit(announce, (checkpoint.address(), 2));
    assert!(!running.cancel());
    assert!(running.is_running());
    assert!(queued.cancel() && queued.cancel() && queued.handle().cancel());
    assert!(queued.is_done() && queued.is_cancelled());
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
    checkpoint.open();
    assert_eq!(running.result().unwrap(), 1);
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), [1]);
}

pub(crate) fn the_last_of_many_can_be_cancelled_and_so_can_the_others<S: Subject>() {
    let workers = 2;
    let executor = S::start(workers);
    let checkpoint = Checkpoint::new();
    let futures: Vec<_> = (0..200)
        .map(|n| executor.submit(pass, (checkpoint.address(), n)))
        .collect();
    let started = checkpoint.wait_for(workers);
    assert!(futures[199].cancel() && futures[199].is_cancelled());
    let cancelled = futures.iter().filter(|future| future.cancel()).count();
    assert_eq!(cancelled, 200 - workers);
    checkpoint.open();
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), started);
}

pub(crate) fn a_running_task_sees_that_it_was_asked_to_stop<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let asked = executor.submit(announce_until_asked_to_stop, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    assert!(!asked.cancel());
    // It was only a request: the task ends by itself, and its value counts.
    assert_eq!(asked.result().unwrap(), 1);
}

pub(crate) fn kill_says_whether_it_could_stop_the_task<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(announce_until_asked_to_stop, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let queued = executor.submit(announce, (checkpoint.address(), 2));
    assert!(queued.kill());
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
    assert_eq!(running.kill(), S::KILLS);
    match running.result() {
        Ok(value) => assert_eq!((value, S::KILLS), (1, false)),
        Err(error) => assert!(S::KILLS, "{error:?}"),
    }
    assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
    assert_eq!(checkpoint.seen(), [1]);
}

pub(crate) fn cancelling_and_shutting_down_right_after_submitting_does_not_hang<S: Subject>() {
    for _ in 0..50 {
        let executor = S::start(1);
        assert_eq!(executor.submit(square, 1).result().unwrap(), 1);
        let future = executor.submit(square, 2);
        let cancelled = future.cancel();
        executor.shutdown(Shutdown::Finish);
        match future.result() {
            Ok(value) => assert_eq!((value, cancelled), (4, false)),
            Err(error) => assert!(cancelled && error.is_cancelled()),
        }
    }
}

pub(crate) fn of_cancel_and_start_exactly_one_happens<S: Subject>() {
    let executor = S::start(2);
    let checkpoint = Checkpoint::new();
    let mut kept = Vec::new();
    for n in 0..200 {
        let future = executor.submit(announce, (checkpoint.address(), n));
        let handles: Vec<_> = (0..3).map(|_| future.handle()).collect();
        let start = Barrier::new(3);
        let answers: Vec<bool> = thread::scope(|scope| {
            let racers: Vec<_> = handles
                .iter()
                .map(|handle| {
                    scope.spawn(|| {
                        start.wait();
                        handle.cancel()
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        match future.result() {
            Ok(value) => {
                assert_eq!((value, answers[0]), (n, false));
                kept.push(n);
            }
            Err(error) => assert!(error.is_cancelled() && answers[0]),
        }
    }
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen_sorted(), kept);
}

pub(crate) fn a_future_may_cancel_its_task_when_it_is_dropped<S: Subject>() {
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let queued = executor
        .submit(announce, (checkpoint.address(), 2))
        .cancel_on_drop();
    let handle = queued.handle();
    let (tell, told) = mpsc::channel();
    queued.on_done(move |outcome| tell.send(outcome.as_ref().unwrap_err().is_cancelled()).unwrap());
    drop(queued);
    assert!(handle.is_cancelled() && told.recv().unwrap());
    checkpoint.open();
    assert_eq!(running.result().unwrap(), 1);
    executor.shutdown(Shutdown::Finish);
    assert_eq!(checkpoint.seen(), [1]);
}

pub(crate) fn a_cancelled_task_makes_no_one_wait<S: Subject>() {
    // Tasks behind a cancelled one start as if it had never been there.
    let executor = S::start(1);
    let checkpoint = Checkpoint::new();
    let running = executor.submit(pass, (checkpoint.address(), 1));
    checkpoint.wait_for(1);
    let futures: Vec<_> = (0..1_000).map(|n| executor.submit(square, n)).collect();
    let last = executor.submit(square, 7);
    assert!(futures.iter().all(TaskFuture::cancel));
    assert_eq!(executor.stats().queued, 1);
    checkpoint.open();
    assert_eq!(last.result().unwrap(), 49);
    assert_eq!(running.result().unwrap(), 1);
}
