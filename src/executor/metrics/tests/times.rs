use super::{Exported, pool};
use crate::{AsyncBridge, Executor, cancel_requested};
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

fn first_kind(n: u32) -> u32 {
    n
}

fn second_kind(n: u32) -> u32 {
    n
}

async fn third_kind(n: u32) -> u32 {
    n
}

#[test]
fn every_task_has_its_times_whatever_became_of_it() {
    let (pool, name) = pool("timed", 2);
    let mut exported = Exported::of(&pool);
    for n in 0..5 {
        pool.submit(|n: u32| n, n).result().unwrap();
    }
    assert!(
        pool.submit(|()| -> () { panic!("as planned") }, ())
            .result()
            .is_err()
    );
    let kept = exported.round();
    for histogram in ["queue", "run"] {
        let times = kept.times(histogram, &name, None);
        assert_eq!(times.len(), 6, "{histogram}");
        assert!(
            times.iter().all(|time| (0.0..1_000.0).contains(time)),
            "{times:?}"
        );
    }
    assert!(kept.times("encode", &name, None).is_empty());
    assert!(kept.times("decode", &name, None).is_empty());
    // Nothing is told twice, and nothing is kept of what has ended.
    assert_eq!(exported.round().times("run", &name, None).len(), 6);
    assert_eq!(exported.export.times.open(), 0);
}

#[test]
fn every_item_of_a_map_is_measured_and_none_of_them_waits_as_a_task() {
    let (pool, name) = pool("timed items", 2);
    let mut exported = Exported::of(&pool);
    let sum: u32 = pool.map(|n: u32| n, 0..10_000).map(Result::unwrap).sum();
    assert_eq!(sum, 9_999 * 5_000);
    let kept = exported.round();
    assert_eq!(kept.times("run", &name, None).len(), 10_000);
    assert!(kept.times("queue", &name, None).is_empty());
}

#[test]
fn times_are_those_that_the_task_took() {
    let (pool, name) = pool("measured", 1);
    let mut exported = Exported::of(&pool);
    let (release, gate) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let before = Instant::now();
    let runs = pool.spawn(move || {
        started.send(()).unwrap();
        gate.recv().is_ok()
    });
    has_started.recv().unwrap();
    let waits = pool.spawn(|| ());
    // Both are under way while a round is published.
    let under_way = Instant::now();
    exported.round();
    assert_eq!(exported.export.times.open(), 2);
    while under_way.elapsed() < Duration::from_millis(5) {
        std::thread::yield_now();
    }
    let least = under_way.elapsed();
    release.send(()).unwrap();
    assert!(runs.result().unwrap());
    waits.result().unwrap();
    let kept = exported.round();
    let most = before.elapsed();

    let in_bounds = |times: Vec<f64>| {
        let longest = times.into_iter().fold(0.0, f64::max);
        (least.as_secs_f64()..=most.as_secs_f64()).contains(&longest)
    };
    assert!(in_bounds(kept.times("run", &name, None)));
    assert!(in_bounds(kept.times("queue", &name, None)));
}

#[test]
fn work_is_told_apart_by_its_type_and_not_by_the_name_of_the_task() {
    let (pool, name) = pool("of kinds", 1);
    let mut exported = Exported::of(&pool);
    for n in 0..3 {
        let named = pool.options().name(format!("request {n}"));
        named.submit(first_kind, n).result().unwrap();
    }
    pool.submit(first_kind, 1).result().unwrap();
    pool.try_submit(first_kind, 1).unwrap().result().unwrap();
    pool.map(second_kind, 0..4).for_each(drop);
    pool.submit_async(third_kind, 1).result().unwrap();
    pool.options().submit_async(third_kind, 1).result().unwrap();
    pool.map_async(third_kind, 0..3).for_each(drop);
    let kept = exported.round();
    let of = |work| kept.times("run", &name, Some(("work", work))).len();
    assert_eq!(["first_kind", "second_kind", "third_kind"].map(of), [5, 4, 5]);
    assert_eq!(kept.times("run", &name, None).len(), 14);
}

#[test]
fn a_future_is_one_task_however_many_turns_it_takes() {
    let bridge = AsyncBridge::new();
    let name = bridge.ledger().executor().to_owned();
    let mut exported = Exported::of(&bridge);
    let (release, gate) = futures::channel::oneshot::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let turns = bridge.spawn_async(async move {
        started.send(()).unwrap();
        gate.await.is_ok()
    });
    has_started.recv().unwrap();
    exported.round();
    release.send(()).unwrap();
    assert!(turns.result().unwrap());
    let lengths = bridge.map_async(|n: u32| async move { n }, 0..10);
    assert_eq!(lengths.flatten().count(), 10);
    let kept = exported.round();
    assert_eq!(kept.times("run", &name, None).len(), 11);
    assert_eq!(kept.times("queue", &name, None).len(), 11);
    assert_eq!(exported.export.times.open(), 0);
}

#[test]
fn work_that_goes_on_after_its_deadline_is_measured_when_it_returns() {
    let (pool, name) = pool("given up", 1);
    let mut exported = Exported::of(&pool);
    let (release, gate) = mpsc::channel::<()>();
    let (asked, was_asked) = mpsc::channel();
    let given_up = pool.options().timeout(Duration::from_millis(1)).spawn(move || {
        while !cancel_requested() {
            std::thread::yield_now();
        }
        asked.send(()).unwrap();
        gate.recv().is_ok()
    });
    assert!(given_up.result().is_err());
    was_asked.recv().unwrap();
    assert!(exported.round().times("run", &name, None).is_empty());
    assert_eq!(exported.export.times.open(), 0);
    release.send(()).unwrap();
    pool.submit(|n: u32| n, 1).result().unwrap();
    assert_eq!(exported.round().times("run", &name, None).len(), 2);
    assert_eq!(exported.export.times.open(), 0);
}

#[test]
fn every_attempt_is_measured() {
    let (pool, name) = pool("tried", 1);
    let mut exported = Exported::of(&pool);
    let on_third = |()| assert_eq!(crate::attempt(), 3, "as planned");
    let tried = pool.options().retries(2).retry_if(|_| true).submit(on_third, ());
    tried.result().unwrap();
    let kept = exported.round();
    assert_eq!(kept.counter("tasks_succeeded", &name), 1);
    assert_eq!(kept.counter("tasks_submitted", &name), 1);
    assert_eq!(kept.times("run", &name, None).len(), 3);
    assert_eq!(exported.export.times.open(), 0);
}

#[test]
fn rounds_in_between_lose_nothing() {
    const TASKS: u32 = 5_000;
    let (pool, name) = pool("rounds in between", 2);
    let mut exported = Exported::of(&pool);
    let submitter = std::thread::spawn({
        let pool = pool.clone();
        move || (0..TASKS).for_each(|n| assert_eq!(pool.submit(|n: u32| n, n).result().unwrap(), n))
    });
    while !submitter.is_finished() {
        exported.round();
    }
    submitter.join().unwrap();
    let kept = exported.round();
    assert_eq!(kept.times("run", &name, None).len(), TASKS as usize);
    assert_eq!(kept.times("queue", &name, None).len(), TASKS as usize);
    assert_eq!(exported.export.times.open(), 0);
}

#[test]
fn what_there_is_no_room_for_is_told_and_leaves_nothing_behind() {
    let (pool, name) = pool("crowded", 1);
    let mut exported = Exported::of(&pool);
    exported.export.keep(100);
    let futures: Vec<_> = (0..2_000).map(|n| pool.submit(|n: u32| n, n)).collect();
    futures.into_iter().for_each(|future| drop(future.result()));
    let kept = exported.round();
    let left_out = kept.counter("notes_left_out", &name);
    let measured = kept.times("run", &name, None).len();
    assert!(left_out > 0 && measured <= 100, "{left_out}, {measured}");
    assert_eq!(exported.export.times.open(), 0);

    pool.submit(|n: u32| n, 1).result().unwrap();
    let kept = exported.round();
    assert_eq!(kept.times("run", &name, None).len(), measured + 1);
    assert_eq!(kept.counter("notes_left_out", &name), left_out);
}
