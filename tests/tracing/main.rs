//! Spans follow tasks, and what workers log reaches the parent's subscriber.

mod listener;
#[cfg(unix)]
mod processes;

use concurrent_futures::{Executor, ThreadPool};
use listener::{heard, listen};
use tracing::info_span;

#[test]
fn a_call_runs_in_a_span_of_its_own_within_that_of_its_submitter() {
    listen();
    let pool = ThreadPool::with_workers(1);
    let request = info_span!("request", number = 7);
    let future = request.in_scope(|| pool.options().name("brew").spawn(|| tracing::info!("kettle on")));
    let id = future.id();
    future.result().unwrap();

    let events = heard("kettle on");
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(event.names(), ["task", "request"]);
    let (_, task) = &event.spans[0];
    assert_eq!(
        (task["task"].as_str(), task["name"].as_str()),
        (id.to_string().as_str(), "brew")
    );
    assert!(task["work"].contains("a_call_runs_in_a_span"), "{task:?}");
}

#[test]
fn a_task_of_a_task_is_its_child() {
    listen();
    let pool = ThreadPool::with_workers(2);
    let theirs = pool.clone();
    pool.spawn(move || theirs.spawn(|| tracing::info!("a grandchild")).result().unwrap())
        .result()
        .unwrap();
    assert_eq!(heard("a grandchild")[0].names(), ["task", "task"]);
}

#[test]
fn a_future_is_in_its_span_in_every_turn_and_nobody_else_is() {
    listen();
    let pool = ThreadPool::with_workers(1);
    let (wake, woken) = futures::channel::oneshot::channel::<()>();
    let request = info_span!("request");
    let sleeper = request.in_scope(|| {
        pool.spawn_async(async move {
            tracing::info!("first turn");
            woken.await.unwrap();
            tracing::info!("second turn");
        })
    });
    while pool.dump().suspended.is_empty() {
        std::thread::yield_now();
    }
    // On the same thread, while the other one is suspended.
    pool.spawn(|| tracing::info!("in between")).result().unwrap();
    wake.send(()).unwrap();
    sleeper.result().unwrap();
    for turn in ["first turn", "second turn"] {
        assert_eq!(heard(turn)[0].names(), ["task", "request"]);
    }
    assert_eq!(heard("in between")[0].names(), ["task"]);
}

#[test]
fn the_items_of_a_map_share_one_span() {
    listen();
    let pool = ThreadPool::with_workers(2);
    let request = info_span!("request");
    let items = request.in_scope(|| pool.map(|n: u32| tracing::info!(n, "an item of a map"), 0..50));
    assert_eq!(items.flatten().count(), 50);
    let events = heard("an item of a map");
    assert_eq!(events.len(), 50);
    assert!(
        events.iter().all(|event| event.names() == ["map", "request"]),
        "{events:?}"
    );
}

#[test]
fn every_attempt_is_within_its_task() {
    listen();
    let pool = ThreadPool::with_workers(1);
    let request = info_span!("request");
    let patient = pool.options().retries(2).retry_if(|error| error.is_panicked());
    let future = request.in_scope(|| {
        patient.submit(
            |(): ()| {
                tracing::info!("attempt {}", concurrent_futures::attempt());
                assert!(concurrent_futures::attempt() > 2, "not yet");
            },
            (),
        )
    });
    future.result().unwrap();
    for attempt in 1..=3 {
        assert_eq!(
            heard(&format!("attempt {attempt}"))[0].names(),
            ["task", "task", "request"]
        );
    }
}
