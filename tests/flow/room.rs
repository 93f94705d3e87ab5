//! A bound on what waits, seen from outside.

use super::{Bounds, Subject, busy, checkpoint::Checkpoint, on_all, until, work};
use concurrent_futures::{Executor, Shutdown, TaskError, TrySubmitError};
use futures::executor::block_on;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

on_all!(
    outsiders_wait_for_room_and_no_more_are_queued_than_may_wait,
    who_does_not_wait_gets_the_argument_back,
    a_shutdown_lets_those_who_wait_hear_of_it,
    a_cancelled_task_gives_its_room_to_one_who_waits,
    a_map_reads_no_further_ahead_than_tasks_may_wait,
    a_map_of_reserved_options_gets_along_with_the_room_there_is,
    a_group_of_reserved_options_starts_with_the_room_that_was_reserved,
    room_is_reserved_for_retried_tasks_too,
);

fn max_pending(max: usize) -> Bounds {
    Bounds {
        max_pending: Some(max),
        ..Bounds::default()
    }
}

fn outsiders_wait_for_room_and_no_more_are_queued_than_may_wait<S: Subject>() {
    let (executor, checkpoint, first) = busy::<S>(max_pending(3));
    let submitted = Arc::new(AtomicUsize::new(0));
    let outsiders: Vec<_> = (1..7)
        .map(|n| {
            let (executor, submitted, at) = (executor.clone(), submitted.clone(), checkpoint.address());
            thread::spawn(move || {
                let task = Executor::submit(&executor, work::announce, (at, n));
                submitted.fetch_add(1, SeqCst);
                task.result().unwrap()
            })
        })
        .collect();
    until(|| executor.stats().queued == 3 && submitted.load(SeqCst) == 3);
    // Long enough for another one to slip through, if it could.
    thread::sleep(Duration::from_millis(20));
    let stats = executor.stats();
    assert_eq!((stats.submitted, stats.queued, stats.running), (4, 3, 1));
    assert_eq!(submitted.load(SeqCst), 3);
    checkpoint.open();
    let mut numbers: Vec<_> = outsiders.into_iter().map(|one| one.join().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    first.result().unwrap();
}

fn who_does_not_wait_gets_the_argument_back<S: Subject>() {
    let (executor, checkpoint, first) = busy::<S>(max_pending(2));
    let text = |n: u32| format!("argument {n}");
    let length = |text: String| text.len() as u64;
    let tasks = [1, 2].map(|n| Executor::try_submit(&executor, length, text(n)).unwrap());
    let refused = Executor::try_submit(&executor, length, text(3)).unwrap_err();
    assert!(matches!(&refused, TrySubmitError::Full(_)));
    assert_eq!(refused.into_inner(), text(3));
    checkpoint.open();
    assert_eq!(tasks.map(|task| task.result().unwrap()), [10, 10]);
    first.result().unwrap();
    let task = Executor::try_submit(&executor, length, text(4)).unwrap();
    assert_eq!(task.result().unwrap(), 10);
    executor.shutdown(Shutdown::Finish);
    let refused = Executor::try_submit(&executor, length, text(5)).unwrap_err();
    assert!(matches!(&refused, TrySubmitError::ShutDown(_)));
    assert_eq!(refused.into_inner(), text(5));
}

fn a_shutdown_lets_those_who_wait_hear_of_it<S: Subject>() {
    for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
        let (executor, checkpoint, _first) = busy::<S>(max_pending(1));
        let queued = Executor::submit(&executor, work::same, 1);
        let blocked = executor.clone();
        let blocked = thread::spawn(move || Executor::submit(&blocked, work::same, 2).result());
        let reserving = executor.clone();
        let reserving = thread::spawn(move || {
            block_on(async {
                let options = Executor::reserve(&reserving).await;
                options.submit(work::same, 3).result()
            })
        });
        executor.begin_shutdown(how);
        assert!(matches!(blocked.join().unwrap(), Err(TaskError::ShutDown)));
        assert!(matches!(reserving.join().unwrap(), Err(TaskError::ShutDown)));
        checkpoint.open();
        assert_eq!(queued.result().is_ok(), how == Shutdown::Finish);
    }
}

fn a_cancelled_task_gives_its_room_to_one_who_waits<S: Subject>() {
    let (executor, checkpoint, _first) = busy::<S>(max_pending(1));
    let queued = Executor::submit(&executor, work::same, 1);
    let there = executor.clone();
    let blocked = thread::spawn(move || Executor::submit(&there, work::same, 2));
    assert!(queued.cancel());
    let blocked = blocked.join().unwrap();
    assert_eq!(executor.stats().queued, 1);
    checkpoint.open();
    assert_eq!(blocked.result().unwrap(), 2);
}

fn a_map_reads_no_further_ahead_than_tasks_may_wait<S: Subject>() {
    let (executor, checkpoint, first) = busy::<S>(max_pending(3));
    let pulled = Arc::new(AtomicUsize::new(0));
    let counted = pulled.clone();
    let items = (0..100_u64).inspect(move |_| {
        counted.fetch_add(1, SeqCst);
    });
    let options = Executor::options(&executor).buffer_size(50);
    let outcomes = options.map(work::same, items);
    assert_eq!(pulled.load(SeqCst), 3);
    checkpoint.open();
    assert!(outcomes.map(Result::unwrap).eq(0..100));
    let outcomes = options.map_async(|n: u64| async move { n }, 0..100);
    assert!(outcomes.map(Result::unwrap).eq(0..100));
    first.result().unwrap();
}

fn a_map_of_reserved_options_gets_along_with_the_room_there_is<S: Subject>() {
    let bounds = Bounds {
        workers: 1,
        ..max_pending(1)
    };
    let executor = S::start(bounds);
    for _ in 0..3 {
        let options = block_on(Executor::reserve(&executor));
        assert!(options.map(work::same, 0..50).map(Result::unwrap).eq(0..50));
        let options = block_on(Executor::reserve(&executor)).max_in_flight(1);
        assert!(options.map(work::same, 0..50).map(Result::unwrap).eq(0..50));
        let outcomes = options.map_async(|n: u64| async move { n }, 0..50);
        assert!(outcomes.map(Result::unwrap).eq(0..50));
    }
    let task = Executor::try_submit(&executor, work::same, 7).unwrap();
    assert_eq!(task.result().unwrap(), 7);
}

fn a_group_of_reserved_options_starts_with_the_room_that_was_reserved<S: Subject>() {
    let (executor, checkpoint, _first) = busy::<S>(max_pending(1));
    let group = block_on(Executor::reserve(&executor)).group();
    assert!(Executor::try_submit(&executor, work::same, 1).is_err());
    group.submit(work::same, 2);
    assert_eq!(executor.stats().queued, 1);
    checkpoint.open();
    assert_eq!(group.join().unwrap(), [2]);
}

fn room_is_reserved_for_retried_tasks_too<S: Subject>() {
    let (executor, checkpoint, first) = busy::<S>(max_pending(2));
    let reserved = block_on(Executor::reserve(&executor));
    let options = reserved.retries(2).retry_if(|_| true);
    let task = options.submit(work::stamp_and_fail, checkpoint.address());
    let other = Executor::try_submit(&executor, work::same, 1).unwrap();
    assert!(Executor::try_submit(&executor, work::same, 2).is_err());
    checkpoint.open();
    assert_eq!((task.result().unwrap(), other.result().unwrap()), (0, 1));
    first.result().unwrap();
    // All of it has come back.
    let last = Checkpoint::new();
    let held = Executor::submit(&executor, work::pass, (last.address(), 9));
    last.wait_for(1);
    until(|| executor.stats().running == 1);
    let tasks = [1, 2].map(|n| Executor::try_submit(&executor, work::same, n).unwrap());
    assert!(Executor::try_submit(&executor, work::same, 3).is_err());
    last.open();
    assert_eq!(tasks.map(|task| task.result().unwrap()), [1, 2]);
    held.result().unwrap();
}
