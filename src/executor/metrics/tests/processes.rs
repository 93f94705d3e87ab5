use super::Exported;
use crate::{Executor, ProcessPool, TaskError};

const NAME: &str = "ProcessPool";

#[test]
fn what_crosses_to_a_process_is_measured_on_both_sides() {
    let pool = ProcessPool::with_workers(1);
    let mut exported = Exported::of(&pool);
    let words = || vec![String::from("a word"); 1_000];
    for _ in 0..3 {
        pool.submit(|words: Vec<String>| words, words()).result().unwrap();
    }
    let items = pool.map(|words: Vec<String>| words, (0..20).map(|_| words()));
    assert_eq!(items.flatten().count(), 20);
    let futures = pool.map_async(|words: Vec<String>| async move { words }, (0..4).map(|_| words()));
    assert_eq!(futures.flatten().count(), 4);

    let kept = exported.round();
    assert_eq!(kept.counter("tasks_succeeded", NAME), 27);
    assert_eq!(kept.times("run", NAME, None).len(), 27);
    assert_eq!(kept.times("queue", NAME, None).len(), 7);
    for histogram in ["encode", "decode"] {
        for value in ["argument", "result"] {
            let times = kept.times(histogram, NAME, Some(("value", value)));
            assert_eq!(times.len(), 27, "{histogram} {value}");
            assert!(
                times.iter().all(|time| *time > 0.0),
                "{histogram} {value}: {times:?}"
            );
        }
    }
    assert_eq!(exported.export.times.open(), 0);
}

#[test]
fn a_worker_that_died_is_counted_with_what_it_ran() {
    let pool = ProcessPool::with_workers(1);
    let mut exported = Exported::of(&pool);
    let dies = pool.submit(|()| -> () { std::process::abort() }, ());
    assert!(matches!(dies.result(), Err(TaskError::WorkerDied(_))));
    pool.submit(|n: u32| n, 1).result().unwrap();
    let kept = exported.round();
    assert_eq!(kept.counter("workers_restarted", NAME), 1);
    assert_eq!(kept.counter("tasks_failed", NAME), 1);
    assert_eq!(kept.times("run", NAME, None).len(), 2);
    assert_eq!(kept.times("encode", NAME, Some(("value", "result"))).len(), 1);
    // It is not forgotten with the pool.
    drop(pool);
    assert_eq!(exported.round().counter("workers_restarted", NAME), 1);
}
