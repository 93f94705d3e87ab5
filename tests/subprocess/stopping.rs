//! Whatever stops a task stops its program, and everything in the program's group, on every backend.

use crate::{
    alone::alone,
    backends::{all, concurrent, shell},
    family::Family,
    harness::eventually,
};
use concurrent_futures::{
    AnyExecutor, CancelToken, Executor, Shutdown, TaskError, TaskFuture, ThreadPool,
    subprocess::{self, Command, Error, Output},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

type Running = TaskFuture<Result<Output, Error>>;

/// Runs the family on every backend, as a call and as a future, and has it stopped.
fn stopped_by(label: &str, stop: impl Fn(AnyExecutor, Running, &Family)) {
    for backend in concurrent() {
        for as_future in [false, true] {
            let label = format!("{label} on {backend}, as a future: {as_future}");
            let family = Family::new();
            let executor = AnyExecutor::with_workers(backend, 1);
            let running = if as_future {
                executor.submit_async(subprocess::run_async, family.command())
            } else {
                executor.submit(subprocess::run, family.command())
            };
            family.wait();
            stop(executor, running, &family);
            family.wait_until_gone(&label);
        }
    }
}

/// Runs families on every backend, as calls and as futures, with a limit that is long enough for them to be complete.
fn stopped_at_a_limit(run: impl Fn(&AnyExecutor, bool, Command, Duration)) {
    for backend in all() {
        for as_future in [false, true] {
            let executor = AnyExecutor::with_workers(backend, 1);
            let mut limit = Duration::from_millis(200);
            loop {
                let family = Family::new();
                run(&executor, as_future, family.command(), limit);
                if family.is_complete() {
                    family.wait_until_gone(&format!("{backend}, as a future: {as_future}"));
                    break;
                }
                limit *= 2;
            }
        }
    }
}

#[test]
fn its_own_limit_stops_a_program_with_its_group() {
    alone(|| {
        stopped_at_a_limit(|executor, as_future, command, limit| {
            let command = command.timeout(limit);
            let running = if as_future {
                executor.submit_async(subprocess::run_async, command)
            } else {
                executor.submit(subprocess::run, command)
            };
            let outcome = running.result().unwrap();
            assert!(matches!(outcome, Err(Error::TimedOut { .. })), "{outcome:?}");
        });
    });
}

#[test]
fn the_deadline_of_a_task_stops_its_program_with_its_group() {
    alone(|| {
        stopped_at_a_limit(|executor, as_future, command, limit| {
            let options = executor.options().timeout(limit);
            let running = if as_future {
                options.submit_async(subprocess::run_async, command)
            } else {
                options.submit(subprocess::run, command)
            };
            assert!(running.result().unwrap_err().is_timed_out(), "{executor:?}");
        });
    });
}

#[test]
fn cancelling_a_running_task_stops_its_program_with_its_group() {
    alone(|| {
        stopped_by("cancel", |executor, running, _| {
            assert!(!running.cancel());
            let outcome = running.result().unwrap();
            assert!(
                matches!(outcome, Err(Error::Cancelled { .. })),
                "{outcome:?} on {executor:?}"
            );
            let error = outcome.unwrap_err();
            assert_eq!(error.output().unwrap().code(), None);
            assert!(error.to_string().contains("asked to stop"), "{error}");
        });
    });
}

#[test]
fn killing_a_task_kills_its_program_with_its_group() {
    alone(|| {
        stopped_by("kill", |_, running, _| {
            running.kill();
            assert_killed(running.result());
        });
    });
}

#[test]
fn a_shutdown_that_cancels_stops_programs() {
    alone(|| {
        stopped_by("shutdown", |executor, running, family| {
            executor.shutdown(Shutdown::Cancel);
            family.wait_until_gone("after the shutdown");
            assert!(matches!(running.result().unwrap(), Err(Error::Cancelled { .. })));
        });
    });
}

#[test]
fn a_shutdown_that_kills_kills_programs() {
    alone(|| {
        stopped_by("shutdown", |executor, running, _| {
            executor.shutdown(Shutdown::Kill);
            assert_killed(running.result());
        });
    });
}

/// A call on a thread cannot be killed: it is asked to stop, and does.
fn assert_killed(outcome: Result<Result<Output, Error>, TaskError>) {
    assert!(
        matches!(
            outcome,
            Err(TaskError::Cancelled) | Ok(Err(Error::Cancelled { .. }))
        ),
        "{outcome:?}"
    );
}

#[test]
fn a_failing_group_stops_the_programs_of_its_members() {
    alone(|| {
        for backend in concurrent() {
            let family = Family::new();
            let executor = AnyExecutor::with_workers(backend, 2);
            let group = executor.group();
            group.submit(subprocess::run, family.command());
            let [parent, _] = family.wait();
            let fails = |pid: u32| -> Result<Output, Error> { panic!("{pid} is there") };
            group.submit(fails, parent);
            assert!(group.join().unwrap_err().is_panicked(), "{backend}");
            family.wait_until_gone(backend.name());
        }
    });
}

#[test]
fn a_map_that_is_dropped_stops_its_programs() {
    alone(|| {
        for backend in concurrent() {
            let families = [Family::new(), Family::new()];
            let executor = AnyExecutor::with_workers(backend, 2);
            let map = executor.map(subprocess::run, families.each_ref().map(Family::command));
            for family in &families {
                family.wait();
            }
            drop(map);
            families
                .iter()
                .for_each(|family| family.wait_until_gone(backend.name()));
        }
    });
}

#[test]
fn what_is_cancelled_before_it_runs_starts_no_program() {
    alone(|| {
        let pool = ThreadPool::with_workers(1);
        for as_future in [false, true] {
            let task = pool.spawn(move || {
                while !CancelToken::current().is_requested() {
                    std::thread::yield_now();
                }
                let command = Command::new("no-such-program");
                if as_future {
                    futures::executor::block_on(subprocess::run_async(command))
                } else {
                    subprocess::run(command)
                }
            });
            eventually("it runs", || task.is_running());
            assert!(!task.cancel());
            assert!(matches!(task.result().unwrap(), Err(Error::Cancelled { .. })));
        }
    });
}

/// What ends by itself is not to blame for a request that comes behind it.
#[test]
fn a_program_that_has_ended_is_not_stopped_any_more() {
    alone(|| {
        let pool = ThreadPool::with_workers(1);
        let folder = tempfile::TempDir::new().unwrap();
        // What it leaves behind keeps its output open, and says when the program itself has ended.
        let script = "P=$$; (while kill -0 $P 2>/dev/null; do read -r _ _ S _ < /proc/$P/stat || break; \
                      test $S = Z && break; done; touch ended; while test -d .; do echo x; sleep 0.01; done) & echo $! >&2";
        let running = pool.submit(subprocess::run, shell(script).current_dir(folder.path()));
        eventually("it has ended", || folder.path().join("ended").exists());
        running.cancel();
        let output = running.result().unwrap().unwrap();
        assert_eq!(output.code(), Some(0));
        crate::harness::signal(
            output.stderr_text().unwrap().trim().parse().unwrap(),
            libc::SIGKILL,
        );
    });
}

#[test]
fn a_panic_beside_a_program_leaves_nothing_of_it() {
    alone(|| {
        let family = Family::new();
        let future = subprocess::run_async(family.command());
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            futures::executor::block_on(async {
                let mut future = Box::pin(future);
                assert!(futures::poll!(&mut future).is_pending());
                family.wait();
                panic!("with a program beside");
            });
        }));
        assert!(outcome.is_err());
        family.wait_until_gone("after the panic");
    });
}
