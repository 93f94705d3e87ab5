//! What a reader of the code found before a user did.

use super::{build, checkpoint::Checkpoint, within};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

fn same(n: u64) -> u64 {
    n
}

fn doze(millis: u64) -> u64 {
    thread::sleep(Duration::from_millis(millis));
    millis
}

#[test]
fn a_map_that_was_given_up_neither_keeps_the_pool_open_nor_stands_before_others() {
    within(|| {
        let slow_to_start = |(): ()| {
            thread::sleep(Duration::from_millis(50));
            panic!("never ready");
        };
        let pool = build(ProcessPool::builder().workers(1).initializer(slow_to_start, ()));
        let outcomes = pool.map(same, 0..100_000).timeout(Duration::from_millis(10));
        drop(outcomes);
        let behind = pool.submit(same, 1);
        assert!(matches!(behind.result(), Err(TaskError::Panicked(_))));
        pool.shutdown(Shutdown::Finish);
    });
}

#[test]
fn a_deadline_with_retries_passes_during_a_shutdown_that_cancels() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        let options = pool.options().timeout(Duration::from_millis(100)).retries(3);
        let stuck = options.submit(doze, 1_000_000);
        while !stuck.is_running() {
            thread::yield_now();
        }
        pool.shutdown(Shutdown::Cancel);
        assert!(stuck.result().is_err());
    });
}

#[test]
fn a_callback_of_a_task_that_no_worker_could_run_may_wait_for_another() {
    within(|| {
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .initializer(|(): ()| panic!("never"), ()),
        );
        let (tx, rx) = mpsc::channel();
        let again = pool.clone();
        pool.submit(same, 1).on_done(move |outcome| {
            assert!(outcome.is_err());
            tx.send(again.submit(same, 2).result().is_err()).unwrap();
        });
        assert!(rx.recv().unwrap());
    });
}

#[test]
fn warm_up_fails_for_everybody_who_waits_and_every_time() {
    within(|| {
        let pool = build(
            ProcessPool::builder()
                .workers(2)
                .initializer(|(): ()| panic!("never"), ()),
        );
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..3 {
                        assert!(pool.warm_up().unwrap_err().to_string().contains("never"));
                    }
                });
            }
        });
    });
}

#[test]
fn an_idle_timeout_without_end_ends_nothing() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1).idle_timeout(Duration::MAX));
        for n in 0..3 {
            assert_eq!(pool.submit(same, n).result().unwrap(), n);
            thread::sleep(Duration::from_millis(120));
        }
    });
}

#[test]
fn a_call_beside_a_future_that_was_stopped_runs_to_its_end() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        let (checkpoint, beside) = (Checkpoint::new(), Checkpoint::new());
        let _other = pool.submit_async(super::pass_async, (beside.address(), 1));
        let stopped = pool.submit_async(super::pass_async, (checkpoint.address(), 1));
        checkpoint.wait_for(1);
        beside.wait_for(1);
        let call = pool.submit(doze, 1_500);
        while !call.is_running() {
            thread::yield_now();
        }
        assert!(stopped.kill());
        assert_eq!(call.result().unwrap(), 1_500);
        beside.open();
    });
}

#[test]
fn accepted_tasks_may_submit_more_from_their_callbacks_while_the_pool_finishes() {
    within(|| {
        for _ in 0..50 {
            let pool = build(ProcessPool::builder().workers(1));
            let (tx, rx) = mpsc::channel();
            let again = pool.clone();
            let first = pool.submit(same, 1);
            first.on_done(move |_| {
                thread::yield_now();
                tx.send(again.submit(same, 2)).unwrap();
            });
            pool.shutdown(Shutdown::Finish);
            assert_eq!(rx.recv().unwrap().result().unwrap(), 2);
        }
    });
}

#[test]
fn a_panicking_destructor_of_a_future_spares_its_neighbours() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the future's own");
        }
    }
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        let beside = Checkpoint::new();
        let neighbour = pool.submit_async(super::pass_async, (beside.address(), 1));
        beside.wait_for(1);
        let explosive = pool.submit_async(
            |(): ()| {
                let bomb = Bomb;
                async move {
                    std::future::pending::<()>().await;
                    drop(bomb);
                }
            },
            (),
        );
        while !explosive.is_running() {
            thread::yield_now();
        }
        assert!(explosive.kill());
        beside.open();
        neighbour.result().unwrap();
        assert_eq!(pool.stats().workers_restarted, 0);
    });
}

#[test]
fn the_attempts_of_a_future_do_not_overlap() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        let beside = Checkpoint::new();
        let neighbour = pool.submit_async(super::pass_async, (beside.address(), 1));
        beside.wait_for(1);
        let start = Instant::now();
        let tried = pool
            .options()
            .timeout(Duration::from_millis(20))
            .retries(3)
            .submit_async(|(): ()| std::future::pending::<()>(), ());
        assert!(tried.result().unwrap_err().is_timed_out());
        assert!(start.elapsed() >= Duration::from_millis(80));
        beside.open();
        neighbour.result().unwrap();
    });
}
