//! Worker processes that die with programs: nobody is left in the worker who could clean up.

use crate::{
    alone::alone,
    backends::shell,
    family::Family,
    harness::{eventually, signal},
};
use concurrent_futures::{
    Executor, ProcessPool, Shutdown, TaskError,
    subprocess::{self, Command, Error, Output},
};

/// Several programs at once in one worker.
fn several(
    pool: &ProcessPool,
    families: &[Family],
) -> Vec<concurrent_futures::TaskFuture<Result<Output, Error>>> {
    let running = families
        .iter()
        .map(|family| pool.submit_async(subprocess::run_async, family.command()))
        .collect();
    for family in families {
        family.wait();
    }
    running
}

fn families() -> Vec<Family> {
    (0..5).map(|_| Family::new()).collect()
}

#[test]
fn a_worker_that_is_killed_takes_all_its_programs_along() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        let families = families();
        let running = several(&pool, &families);
        let called = Family::new();
        // A call as well, which holds up the futures' worker.
        let call = pool.submit(subprocess::run, called.command());
        called.wait();
        pool.worker_pids()
            .into_iter()
            .for_each(|pid| signal(pid, libc::SIGKILL));
        for task in running.into_iter().chain([call]) {
            assert!(matches!(task.result(), Err(TaskError::WorkerDied(_))));
        }
        families
            .iter()
            .chain([&called])
            .for_each(|family| family.wait_until_gone("with its worker"));
        // The pool goes on.
        assert_eq!(
            pool.submit(subprocess::run, shell("echo on"))
                .result()
                .unwrap()
                .unwrap()
                .stdout(),
            b"on\n"
        );
    });
}

/// A future that is stopped beside others is dropped in its worker, which lives on.
#[test]
fn one_future_of_many_is_killed_alone() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        let families = families();
        let running = several(&pool, &families);
        let worker = pool.worker_pids();
        running[2].kill();
        families[2].wait_until_gone("killed");
        assert!(
            families
                .iter()
                .enumerate()
                .all(|(n, family)| { n == 2 || family.wait().into_iter().all(crate::family::is_alive) })
        );
        assert_eq!(pool.worker_pids(), worker);
        pool.shutdown(Shutdown::Kill);
        families
            .iter()
            .for_each(|family| family.wait_until_gone("shut down"));
    });
}

/// Programs that threads of the worker run, behind the back of any task.
#[test]
fn programs_of_a_workers_own_threads_die_with_it() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        let families = families();
        let commands: Vec<Command> = families.iter().map(Family::command).collect();
        let behind = |commands: Vec<Command>| {
            for command in commands {
                std::thread::spawn(|| subprocess::run(command));
            }
        };
        pool.submit(behind, commands).result().unwrap();
        for family in &families {
            family.wait();
        }
        // The worker leaves in peace, and by itself leaves them behind.
        drop(pool);
        families
            .iter()
            .for_each(|family| family.wait_until_gone("behind the back"));
    });
}

/// More than there are places for on the board: the programs themselves die all the same.
#[cfg(target_os = "linux")]
#[test]
fn more_programs_than_are_written_down_die_themselves() {
    alone(|| {
        let pool = ProcessPool::builder()
            .workers(1)
            .async_concurrency(100)
            .build()
            .unwrap();
        let folder = tempfile::TempDir::new().unwrap();
        let command =
            || shell("echo $$ > $$.new; mv $$.new $$.pid; exec sleep 1000").current_dir(folder.path());
        let running: Vec<_> = (0..80)
            .map(|_| pool.submit_async(subprocess::run_async, command()))
            .collect();
        let pids = || -> Vec<u32> {
            let entries = std::fs::read_dir(folder.path()).unwrap().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names
                .filter_map(|name| name.strip_suffix(".pid")?.parse().ok())
                .collect()
        };
        eventually("all are there", || pids().len() == 80);
        pool.worker_pids()
            .into_iter()
            .for_each(|pid| signal(pid, libc::SIGKILL));
        for task in running {
            assert!(task.result().is_err());
        }
        pids()
            .into_iter()
            .for_each(|pid| crate::family::wait_until_gone(pid, "with its worker"));
    });
}

/// A place is free again when its program has ended.
#[test]
fn a_worker_writes_down_one_program_after_another() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        for outcome in pool.map(subprocess::run, (0..100).map(|n| shell(&format!("echo {n}")))) {
            outcome.unwrap().unwrap();
        }
        let family = Family::new();
        let running = pool.submit(subprocess::run, family.command());
        family.wait();
        running.kill();
        family.wait_until_gone("behind a hundred others");
    });
}
