use crate::listener::{closed, heard, listen};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use tracing::{Level, info_span};

fn import(file: String) -> u32 {
    let span = info_span!("parse", file);
    span.in_scope(|| tracing::warn!(line = 3, "odd line"));
    std::process::id()
}

#[test]
fn what_work_logs_in_a_worker_is_heard_in_the_span_of_its_task() {
    listen();
    let pool = ProcessPool::with_workers(1);
    let request = info_span!("request", number = 1);
    let future = request.in_scope(|| pool.submit(import, "a.csv".to_owned()));
    let id = future.id().to_string();
    let pid = future.result().unwrap();
    pool.shutdown(Shutdown::Finish);

    let events = heard("odd line");
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (event.target.as_str(), event.level),
        ("concurrent_futures::worker", Level::WARN)
    );
    assert_eq!(event.names(), ["task", "request"]);
    assert_eq!(event.spans[0].1["task"], id);
    assert_eq!(event.spans[0].1["work"], "tracing::processes::import");
    assert_eq!(event.field("pid"), Some(pid.to_string().as_str()));
    assert_eq!(event.field("worker_target"), Some("tracing::processes"));
    assert_eq!(event.field("worker_spans"), Some("parse{file=\"a.csv\"}"));
    assert_eq!(event.field("fields"), Some("line=3"));
}

fn says_nothing(n: u32) -> u32 {
    n
}

#[test]
fn the_spans_of_tasks_that_log_nothing_are_closed_too() {
    listen();
    let pool = ProcessPool::with_workers(2);
    for n in 0..100 {
        assert_eq!(pool.submit(says_nothing, n).result().unwrap(), n);
    }
    // The pool lives: nobody has to end for it.
    while closed("says_nothing") < 100 {
        std::thread::yield_now();
    }
}

#[test]
fn what_was_logged_before_a_crash_is_heard() {
    listen();
    let pool = ProcessPool::with_workers(1);
    let crash = |(): ()| -> () {
        tracing::error!("about to fall");
        std::process::abort()
    };
    let died = pool.submit(crash, ()).result();
    assert!(matches!(died, Err(TaskError::WorkerDied(_))), "{died:?}");
    pool.shutdown(Shutdown::Finish);
    let events = heard("about to fall");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].names(), ["task"]);
}

#[test]
fn a_thread_of_the_works_own_is_heard_too() {
    listen();
    let pool = ProcessPool::with_workers(1);
    let work = |(): ()| {
        let span = tracing::Span::current();
        std::thread::spawn(move || {
            tracing::info!("a thread without a span");
            span.in_scope(|| tracing::info!("a thread with a span"));
        })
        .join()
        .unwrap();
    };
    pool.submit(work, ()).result().unwrap();
    pool.shutdown(Shutdown::Finish);
    assert_eq!(heard("a thread without a span")[0].names(), [""; 0]);
    assert_eq!(heard("a thread with a span")[0].names(), ["task"]);
}

#[test]
fn nothing_gets_lost_or_mixed_up_among_many_workers() {
    listen();
    let pool = ProcessPool::with_workers(4);
    let request = info_span!("request");
    let items = request.in_scope(|| {
        pool.map(
            |n: u32| tracing::info!("number {n} of a thousand{}", "!".repeat(n as usize)),
            0..1_000,
        )
    });
    assert_eq!(items.flatten().count(), 1_000);
    pool.shutdown(Shutdown::Finish);
    let mut numbers: Vec<u32> = heard("of a thousand")
        .iter()
        .map(|event| {
            assert_eq!(event.names(), ["map", "request"]);
            event
                .field("message")
                .unwrap()
                .split(' ')
                .nth(1)
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..1_000));
}

#[cfg(feature = "tokio")]
#[test]
fn a_future_in_a_worker_logs_in_the_span_of_its_task() {
    listen();
    let pool = ProcessPool::with_workers(1);
    let naps = |n: u64| async move {
        tokio::time::sleep(std::time::Duration::from_millis(n)).await;
        tracing::info!("woke up in a worker");
    };
    let request = info_span!("request");
    request.in_scope(|| pool.submit_async(naps, 1)).result().unwrap();
    pool.shutdown(Shutdown::Finish);
    assert_eq!(heard("woke up in a worker")[0].names(), ["task", "request"]);
}

#[test]
fn a_text_of_any_length_is_cut_and_heard() {
    listen();
    let pool = ProcessPool::with_workers(1);
    pool.submit(|(): ()| tracing::info!("long: {}", "ä".repeat(1_000_000)), ())
        .result()
        .unwrap();
    pool.shutdown(Shutdown::Finish);
    let events = heard("long: ää");
    assert!(events[0].field("message").unwrap().ends_with('…'));
}
