//! `on_drop`: what becomes of tasks when the last handle goes.

use super::{
    checkpoint::{Address, Checkpoint},
    is_alive, loosely_watched, pass, pid, until, within,
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskFuture, cancel_requested};

fn dropping(how: Shutdown) -> ProcessPool {
    let builder = ProcessPool::builder().workers(1).on_drop(how);
    loosely_watched(builder.build().unwrap())
}

/// One task that runs and stands at the checkpoint, and three behind it.
fn one_runs_and_three_wait(pool: &ProcessPool, checkpoint: &Checkpoint) -> Vec<TaskFuture<u32>> {
    let mut tasks = vec![pool.submit(pass, (checkpoint.address(), 0))];
    checkpoint.wait_for(1);
    tasks.extend((1..4).map(|n| pool.submit(pid, n)));
    tasks
}

#[test]
fn finish_runs_everything() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = dropping(Shutdown::Finish);
        let tasks = one_runs_and_three_wait(&pool, &checkpoint);
        let pids = pool.worker_pids();
        checkpoint.open();
        drop(pool);
        assert!(!pids.into_iter().any(is_alive));
        for task in tasks {
            assert!(task.is_done());
            task.result().unwrap();
        }
    });
}

#[test]
fn finish_is_what_happens_unless_told_otherwise() {
    within(|| {
        let pool = loosely_watched(ProcessPool::with_workers(2));
        let tasks: Vec<_> = (0..20).map(|n| pool.submit(pid, n)).collect();
        drop(pool);
        assert!(
            tasks
                .into_iter()
                .all(|task| task.is_done() && task.result().is_ok())
        );
    });
}

#[test]
fn cancel_runs_nothing_new_and_asks_what_runs_to_stop() {
    within(|| {
        fn until_asked_to_stop(at: Address) -> u32 {
            at.announce(0);
            while !cancel_requested() {
                std::thread::yield_now();
            }
            std::process::id()
        }
        let checkpoint = Checkpoint::new();
        let pool = dropping(Shutdown::Cancel);
        let running = pool.submit(until_asked_to_stop, checkpoint.address());
        checkpoint.wait_for(1);
        let waiting: Vec<_> = (0..3).map(|n| pool.submit(pid, n)).collect();
        let pids = pool.worker_pids();
        drop(pool);
        assert_eq!([running.result().unwrap()], *pids);
        for task in waiting {
            assert!(task.result().unwrap_err().is_cancelled());
        }
        assert!(!pids.into_iter().any(is_alive));
    });
}

#[test]
fn kill_ends_what_runs() {
    within(|| {
        let checkpoint = Checkpoint::new();
        let pool = dropping(Shutdown::Kill);
        let tasks = one_runs_and_three_wait(&pool, &checkpoint);
        let pids = pool.worker_pids();
        // The checkpoint is closed, so the task cannot end by itself.
        drop(pool);
        for task in tasks {
            assert!(task.result().unwrap_err().is_cancelled());
        }
        assert!(!pids.into_iter().any(is_alive));
    });
}

#[test]
fn the_last_handle_may_go_in_a_callback_of_the_pool() {
    within(|| {
        for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
            let checkpoint = Checkpoint::new();
            let pool = dropping(how);
            let task = pool.submit(pass, (checkpoint.address(), 0));
            checkpoint.wait_for(1);
            let pids = pool.worker_pids();
            task.on_done(move |_| drop(pool));
            checkpoint.open();
            until("the worker has ended", || !pids.iter().any(|pid| is_alive(*pid)));
        }
    });
}
