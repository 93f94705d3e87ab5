//! Callbacks of tasks that their deadline has ended: few threads run them, and they may wait for one another.

use crate::within;
use concurrent_futures::{TaskError, TaskFuture, ThreadPool, as_completed};
use std::{
    collections::HashSet,
    fs,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc},
    thread,
    time::Duration,
};

/// One at a time: these tests count the threads that all of them share.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many threads for callbacks there are; none where there is no such folder.
fn runners() -> usize {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks
        .filter(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "callbacks")
        })
        .count()
}

/// A pool whose only worker starts nothing before the sender is dropped.
fn held_up() -> (ThreadPool, mpsc::Sender<()>) {
    let pool = ThreadPool::with_workers(1);
    let (hold, gate) = mpsc::channel::<()>();
    drop(pool.spawn(move || gate.recv().is_err()));
    (pool, hold)
}

/// A task that ends by its deadline, which starts when it does.
fn late(pool: &ThreadPool, after: u64) -> TaskFuture<()> {
    pool.options()
        .timeout(Duration::from_millis(after))
        .spawn_async(std::future::pending())
}

fn until(done: impl Fn() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

#[test]
fn a_thousand_deadlines_with_callbacks_share_a_few_threads() {
    const TASKS: usize = 1_000;
    let _alone = alone();
    within(60, || {
        let (pool, hold) = held_up();
        let gate = Arc::new(RwLock::new(()));
        let shut = gate.write().unwrap();
        let (tx, rx) = mpsc::channel();
        let futures: Vec<_> = (0..TASKS)
            .map(|n| {
                let (tx, gate, future) = (tx.clone(), gate.clone(), late(&pool, 1));
                future.on_done(move |outcome| {
                    drop(gate.read().unwrap());
                    let timed_out = matches!(outcome, Err(TaskError::TimedOut(_)));
                    tx.send((n, timed_out, thread::current().id())).unwrap();
                });
                future
            })
            .collect();
        // Deadlines pass one after another: when this one has, the others were dealt with.
        let last = late(&pool, 100);
        let before = runners();
        drop(hold);
        until(|| last.is_done() && futures.iter().all(|future| future.is_done()));
        let more = runners().saturating_sub(before);
        assert!(more <= 4, "{more} threads more than {before}");
        drop(shut);
        let ran: Vec<_> = rx.iter().take(TASKS).collect();
        assert!(ran.iter().all(|(_, timed_out, _)| *timed_out));
        assert_eq!(ran.iter().map(|(n, ..)| n).collect::<HashSet<_>>().len(), TASKS);
        let threads = ran
            .iter()
            .map(|(.., thread)| thread)
            .collect::<HashSet<_>>()
            .len();
        assert!(threads <= 4, "{threads} threads ran them");
        for future in futures {
            assert!(matches!(future.result(), Err(TaskError::TimedOut(_))));
        }
    });
}

#[test]
fn a_callback_may_wait_for_a_task_whose_callback_is_queued_behind_it() {
    let _alone = alone();
    within(60, || {
        let (pool, hold) = held_up();
        let (first, second, third) = (late(&pool, 1), late(&pool, 20), late(&pool, 100));
        let (tx, rx) = mpsc::channel();
        let tell = tx.clone();
        second.on_done(move |_| tell.send("second").unwrap());
        first.on_done(move |_| {
            // Once the third deadline has passed, what the second one has to do is queued.
            until(|| second.is_done() && third.is_done());
            assert!(matches!(second.result(), Err(TaskError::TimedOut(_))));
            tx.send("first").unwrap();
        });
        drop(hold);
        assert_eq!(rx.iter().collect::<Vec<_>>(), ["second", "first"]);
        assert!(matches!(first.result(), Err(TaskError::TimedOut(_))));
    });
}

#[test]
fn a_callback_may_wait_for_a_task_whose_deadline_passes_meanwhile() {
    let _alone = alone();
    within(60, || {
        let (pool, hold) = held_up();
        let first = late(&pool, 1);
        let (tx, rx) = mpsc::channel();
        let inner = pool.clone();
        first.on_done(move |_| {
            let second = late(&inner, 50);
            let tell = tx.clone();
            second.on_done(move |_| tell.send("second").unwrap());
            assert!(matches!(second.result(), Err(TaskError::TimedOut(_))));
            tx.send("first").unwrap();
        });
        drop(hold);
        assert_eq!(rx.iter().collect::<Vec<_>>(), ["second", "first"]);
        assert!(first.result().is_err());
    });
}

#[test]
fn callbacks_may_wait_for_one_another_fifty_deep_in_each_way() {
    const DEEP: usize = 50;
    let _alone = alone();
    within(60, || {
        let (pool, hold) = held_up();
        let mut futures: Vec<_> = (0..DEEP).map(|_| late(&pool, 1)).collect();
        let (tx, rx) = mpsc::channel();
        let mut next: Option<TaskFuture<()>> = None;
        while let Some(future) = futures.pop() {
            let (tx, next_one, number) = (tx.clone(), next.take(), futures.len());
            future.on_done(move |_| {
                if let Some(next) = next_one {
                    let outcome = match number % 4 {
                        0 => next.result(),
                        1 => futures::executor::block_on(next),
                        2 => next.shared().result(),
                        _ => as_completed([next]).next().unwrap().result(),
                    };
                    assert!(matches!(outcome, Err(TaskError::TimedOut(_))));
                }
                tx.send(number).unwrap();
            });
            next = Some(future);
        }
        drop((tx, hold));
        assert!(next.unwrap().result().is_err());
        assert_eq!(rx.iter().collect::<Vec<_>>(), (0..DEEP).rev().collect::<Vec<_>>());
    });
}
