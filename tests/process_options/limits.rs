//! `async_concurrency` and `max_pending`.

use super::{
    build, checkpoint::Checkpoint, pass, pass_async, pid, watchdog::assert_books_are_closed, within,
};
use concurrent_futures::{Executor, ProcessPool, TaskFuture};
use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

/// Futures of this process that are under way, and the most there were.
static UNDER_WAY: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

/// Gives way a few times, so that others could start, and says how many futures there were at most.
async fn most_at_once(_: u64) -> u64 {
    MOST.fetch_max(UNDER_WAY.fetch_add(1, SeqCst) + 1, SeqCst);
    let mut turns = 5;
    std::future::poll_fn(|context| {
        turns -= 1;
        context.waker().wake_by_ref();
        if turns == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    UNDER_WAY.fetch_sub(1, SeqCst);
    MOST.load(SeqCst)
}

fn concurrent(futures: usize) -> ProcessPool {
    build(ProcessPool::builder().workers(1).async_concurrency(futures))
}

#[test]
fn a_worker_runs_one_future_at_a_time_if_told_so() {
    within(|| {
        let most = concurrent(1).map_async(most_at_once, 0..100).map(Result::unwrap);
        assert_eq!(most.max(), Some(1));
    });
}

#[test]
fn as_many_futures_meet_in_one_worker_as_allowed() {
    within(|| {
        for limit in [2, 64, 900] {
            let checkpoint = Checkpoint::new();
            let pool = concurrent(limit);
            let numbers = (0_u64..).take(limit);
            let tasks: Vec<_> = numbers
                .map(|n| pool.submit_async(pass_async, (checkpoint.address(), n)))
                .collect();
            checkpoint.wait_for(limit);
            checkpoint.open();
            let mut pids: Vec<u32> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
            pids.dedup();
            assert_eq!(pids.len(), 1);
            let most = pool.map_async(most_at_once, 0..300).map(Result::unwrap);
            assert!(most.max() <= u64::try_from(limit).ok());
        }
    });
}

#[test]
fn a_hundred_futures_meet_in_one_worker() {
    within(|| {
        /// Waits until there are that many of them, but not for ever.
        async fn meet(all: u64) -> u64 {
            UNDER_WAY.fetch_add(1, SeqCst);
            let start = Instant::now();
            std::future::poll_fn(|context| {
                MOST.fetch_max(UNDER_WAY.load(SeqCst), SeqCst);
                if MOST.load(SeqCst) >= all || start.elapsed() > Duration::from_secs(2) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            UNDER_WAY.fetch_sub(1, SeqCst);
            MOST.load(SeqCst)
        }
        let met = concurrent(100).map_async(meet, [100; 100]).map(Result::unwrap);
        assert_eq!(met.max(), Some(100));
    });
}

#[test]
fn who_submits_too_much_waits_and_does_not_work() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = build(ProcessPool::builder().workers(1).max_pending(2));
        let mut tasks = vec![pool.submit(pass, (checkpoint.address(), 0))];
        checkpoint.wait_for(1);
        until_started(&tasks[0]);
        tasks.push(pool.submit(pid, 0));
        tasks.push(pool.submit(pid, 0));
        let released = Arc::new(AtomicBool::new(false));
        let (about, submitting) = mpsc::channel();
        let fourth = thread::spawn({
            let (pool, released) = (pool.clone(), released.clone());
            move || {
                about.send(()).unwrap();
                let task = pool.submit(pid, 0);
                assert!(released.load(SeqCst), "there was no room");
                task
            }
        });
        submitting.recv().unwrap();
        // A submission that does not wait has every chance to show it.
        (0..10_000).for_each(|_| thread::yield_now());
        assert_eq!(pool.stats().queued, 2);
        released.store(true, SeqCst);
        checkpoint.open();
        tasks.push(fourth.join().unwrap());
        assert!(
            tasks
                .into_iter()
                .all(|task| task.result().unwrap() != process::id())
        );
        assert_books_are_closed(&pool);
    });
}

fn until_started<R: Send + 'static>(task: &TaskFuture<R>) {
    super::until("it is running", || task.is_running());
}

#[test]
fn a_map_reads_no_further_ahead_than_tasks_may_wait() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2).max_pending(3));
        let read = Arc::new(AtomicU64::new(0));
        let count = read.clone();
        let items = (0_u64..).inspect(move |_| _ = count.fetch_add(1, SeqCst));
        let mut mapped = pool.map(|n: u64| n * 2, items);
        for (taken, n) in (1..).zip(0..50) {
            assert_eq!(mapped.next().unwrap().unwrap(), n * 2);
            let read = read.load(SeqCst);
            assert!(read <= taken + 3, "{read} items read, {taken} outcomes taken");
        }
    });
}

#[test]
fn callbacks_of_a_full_pool_may_submit() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1).max_pending(1));
        let (tell, told) = mpsc::channel();
        let again = pool.clone();
        pool.submit(pid, 0).on_done(move |_| {
            let tasks: Vec<_> = (0..4).map(|n| again.submit(|n: u64| n + 1, n)).collect();
            tell.send(tasks).unwrap();
        });
        let tasks = told.recv().unwrap();
        assert!(tasks.into_iter().map(|task| task.result().unwrap()).eq(1..=4));
    });
}
