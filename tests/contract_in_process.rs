//! Threads and the bridge share the caller's memory: there, work may capture anything
//! that is `Send`, and nothing has to be serializable. A user's program, as it stands.

use concurrent_futures::{Executor, ReturnWhen, Shutdown, TaskError, ThreadPool, wait};
use std::{
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

#[test]
fn closures_capture_and_values_need_no_serde() {
    let pool = ThreadPool::with_workers(3);
    let hits = Arc::new(AtomicUsize::new(0));

    let counter = hits.clone();
    let texts: Vec<io::Result<String>> = pool
        .map(
            move |path: &'static str| {
                counter.fetch_add(1, Ordering::Relaxed);
                std::fs::read_to_string(path)
            },
            ["Cargo.toml", "no/such/file"],
        )
        .map(Result::unwrap)
        .collect();
    assert!(texts[0].is_ok() && texts[1].is_err());
    assert_eq!(hits.load(Ordering::Relaxed), 2);

    // Neither a listener nor a mutex guard's owner is serializable; a thread does not care.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = pool
        .submit(|l: TcpListener| l.local_addr().unwrap().port(), listener)
        .result()
        .unwrap();
    assert_ne!(port, 0);

    // spawn: a call that takes no argument and may consume what it captured.
    let owned = vec![1, 2, 3];
    assert_eq!(
        pool.spawn(move || owned.into_iter().sum::<i32>())
            .result()
            .unwrap(),
        6
    );
}

#[test]
fn a_scope_borrows_the_stack() {
    let pool = ThreadPool::with_workers(2);
    let words = ["thread", "process", "async"];
    let mut lengths = [0; 3];
    pool.scope(|s| {
        for (word, length) in words.iter().zip(&mut lengths) {
            s.spawn(move || *length = word.len());
        }
    });
    assert_eq!(lengths, [6, 7, 5]);
    let longest = pool.scope(|s| {
        let first = s.spawn(|| words[0].len());
        let second = s.spawn(|| words[1].len());
        first.result().unwrap().max(second.result().unwrap())
    });
    assert_eq!(longest, 7);
}

#[test]
fn one_worker_may_wait_for_its_own_children() {
    let pool = ThreadPool::with_workers(1);
    let inner = pool.clone();
    fn sum(pool: &ThreadPool, depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let p = pool.clone();
        let left = pool.spawn(move || sum(&p, depth - 1));
        let right = sum(pool, depth - 1);
        left.result().unwrap() + right
    }
    assert_eq!(pool.spawn(move || sum(&inner, 10)).result().unwrap(), 1024);
}

#[test]
fn waiting_cancelling_and_shutting_down() {
    let pool = ThreadPool::with_workers(1);
    let (release, gate) = mpsc::channel::<()>();
    let mut running = pool.spawn(move || gate.recv().is_ok());
    while !running.is_running() {
        std::thread::yield_now();
    }
    let queued = pool.spawn(|| 2);

    // A wait that runs out of time leaves the task and its handle alone.
    let start = Instant::now();
    assert!(running.result_timeout(Duration::from_millis(20)).is_none());
    assert!(start.elapsed() >= Duration::from_millis(20));

    // Cancel is exact: refused once running, and at once true and final before.
    assert!(!running.cancel());
    assert!(queued.cancel());
    assert!(queued.is_cancelled() && queued.is_done());
    assert!(matches!(queued.result(), Err(TaskError::Cancelled)));

    let other = pool.spawn(|| true);
    let waited = wait(
        [running, other],
        ReturnWhen::FirstCompleted,
        Some(Duration::from_millis(10)),
    );
    assert_eq!((waited.done.len(), waited.pending.len()), (0, 2));
    release.send(()).unwrap();
    let waited = wait(waited.pending, ReturnWhen::AllCompleted, None);
    assert_eq!((waited.done.len(), waited.pending.len()), (2, 0));
    assert!(waited.done.into_iter().all(|f| f.result().unwrap()));

    pool.shutdown(Shutdown::Finish);
    assert!(matches!(pool.spawn(|| 1).result(), Err(TaskError::ShutDown)));
}

#[test]
fn callbacks_run_once_and_see_the_outcome() {
    let pool = ThreadPool::with_workers(2);
    let (tx, rx) = mpsc::channel();
    let future = pool.spawn(|| 21);
    let t = tx.clone();
    future.on_done(move |outcome| t.send(outcome.as_ref().ok().map(|n| n * 2)).unwrap());
    assert_eq!(rx.recv_timeout(Duration::from_secs(5)).unwrap(), Some(42));
    let failing = pool.spawn(|| -> i32 { panic!("boom") });
    failing.on_done(move |outcome| tx.send(outcome.as_ref().ok().copied()).unwrap());
    assert_eq!(rx.recv_timeout(Duration::from_secs(5)).unwrap(), None);
}

#[test]
fn a_group_fails_as_one() {
    let pool = ThreadPool::with_workers(2);
    let group = pool.group();
    for n in 0..10u64 {
        group.submit(|n: u64| n * n, n);
    }
    assert_eq!(group.join().unwrap(), (0..10).map(|n| n * n).collect::<Vec<_>>());

    let group = pool.group();
    group.submit(|_: u64| -> u64 { panic!("first") }, 0);
    for n in 1..1000u64 {
        group.submit(
            |n: u64| {
                std::thread::sleep(Duration::from_millis(5));
                n
            },
            n,
        );
    }
    let start = Instant::now();
    assert!(matches!(group.join(), Err(TaskError::Panicked(_))));
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "the siblings that had not started were not cancelled"
    );
}
