use super::{super::shown::Shown, Exported, pool};
use crate::{Executor, ThreadPool};
use metrics::Unit;
use std::sync::mpsc;

#[test]
fn every_task_and_item_is_counted_by_how_it_ended() {
    let (pool, name) = pool("counted", 2);
    let mut exported = Exported::of(&pool);
    for n in 0..5 {
        pool.submit(|n: u32| n, n).result().unwrap();
    }
    for _ in 0..3 {
        assert!(
            pool.submit(|()| -> () { panic!("as planned") }, ())
                .result()
                .is_err()
        );
    }
    assert_eq!(pool.map(|n: u32| n, 0..40).flatten().count(), 40);

    let kept = exported.round();
    let counts = ["submitted", "succeeded", "failed", "cancelled"];
    let counts = counts.map(|count| kept.counter(&format!("tasks_{count}"), &name));
    assert_eq!(counts, [48, 45, 3, 0]);
    assert_eq!(kept.counter("workers_restarted", &name), 0);
    assert_eq!(kept.counter("notes_left_out", &name), 0);
}

#[test]
fn what_waits_and_runs_is_shown_until_it_has_ended() {
    let (pool, name) = pool("gauged", 1);
    let mut exported = Exported::of(&pool);
    let (release, gate) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let runs = pool.spawn(move || {
        started.send(()).unwrap();
        gate.recv().is_ok()
    });
    has_started.recv().unwrap();
    let waits: Vec<_> = (0..3).map(|n| pool.spawn(move || n)).collect();

    let kept = exported.round();
    assert_eq!(kept.gauge("tasks_running", &name), 1.0);
    assert_eq!(kept.gauge("tasks_queued", &name), 3.0);
    assert_eq!(kept.gauge("spare_threads", &name), 0.0);
    assert_eq!(kept.counter("tasks_succeeded", &name), 0);

    assert!(waits[0].cancel() && waits[1].cancel());
    release.send(()).unwrap();
    assert!(runs.result().unwrap());
    waits.into_iter().for_each(|future| drop(future.result()));
    let kept = exported.round();
    assert_eq!(kept.gauge("tasks_running", &name), 0.0);
    assert_eq!(kept.gauge("tasks_queued", &name), 0.0);
    assert_eq!(kept.counter("tasks_cancelled", &name), 2);
    assert_eq!(kept.counter("tasks_succeeded", &name), 2);
}

#[test]
fn a_failure_that_is_taken_back_makes_no_counter_go_down() {
    let pool = ThreadPool::with_workers(1);
    let name = pool.ledger().executor().to_owned();
    let mut exported = Exported::of(&pool);
    let ledger = pool.ledger();
    ledger.submitted(2);
    ledger.started(1);
    ledger.failed(1);
    assert_eq!(exported.round().counter("tasks_failed", &name), 1);
    // It is tried again, and succeeds; another one fails for good.
    ledger.retried();
    assert_eq!(exported.round().counter("tasks_failed", &name), 1);
    ledger.started(2);
    ledger.succeeded(1);
    ledger.failed(1);
    let kept = exported.round();
    assert_eq!(kept.counter("tasks_failed", &name), 1);
    assert_eq!(kept.counter("tasks_succeeded", &name), 1);
}

#[test]
fn two_executors_are_told_apart_and_those_of_one_name_add_up() {
    let ((one, name_of_one), (other, name_of_other)) = (pool("one of two", 1), pool("other of two", 1));
    let (namesake, _) = pool("one of two", 1);
    let mut exported = Exported::of(&one);
    let kept = exported.kept.clone();
    let exports = [&other, &namesake].map(|pool| {
        let kept = kept.clone();
        Exported {
            kept,
            ..Exported::of(pool)
        }
    });
    for (pool, tasks) in [(&one, 2), (&other, 3), (&namesake, 4)] {
        (0..tasks).for_each(|n| drop(pool.submit(|n: u32| n, n).result()));
    }
    exported.round();
    for mut exported in exports {
        exported.round();
    }
    assert_eq!(kept.counter("tasks_succeeded", &name_of_one), 6);
    assert_eq!(kept.counter("tasks_succeeded", &name_of_other), 3);
    assert_eq!(kept.times("run", &name_of_one, None).len(), 6);
    assert_eq!(kept.times("run", &name_of_other, None).len(), 3);
}

#[test]
fn gauges_of_one_name_add_up_over_the_exporters_that_are_there() {
    let (one, other) = (Shown::of("namesakes"), Shown::of("namesakes"));
    assert_eq!(one.set([1, 2, 0]), [1, 2, 0]);
    assert_eq!(Shown::of("namesakes and more").set([9, 9, 9]), [9, 9, 9]);
    assert_eq!(other.set([3, 0, 1]), [4, 2, 1]);
    assert_eq!(one.set([0, 0, 0]), [3, 0, 1]);
    drop(other);
    assert_eq!(one.set([0, 1, 0]), [0, 1, 0]);
}

#[test]
fn every_metric_has_a_name_with_its_unit() {
    let (pool, _) = pool("described", 1);
    let mut exported = Exported::of(&pool);
    pool.submit(|n: u32| n, 1).result().unwrap();
    let kept = exported.round();
    for name in kept.names() {
        let unit = if name.ends_with("_seconds") {
            Unit::Seconds
        } else {
            Unit::Count
        };
        assert_eq!(kept.unit(&name), Some(unit), "{name}");
    }
}
