//! Worker processes that the system does not let be.

use crate::{
    harness::{alone, eventually, kill_workers},
    refusals::{Call, Refusals},
    rounds,
};
use concurrent_futures::{BuildError, Executor, ProcessPool, TaskError};

/// Starts fail with the system's own words while such calls do, and succeed afterwards; also when workers had been there before.
fn fails_and_recovers(call: Call, errors: &[(i32, &str)]) {
    let Some(refusals) = Refusals::of(call) else {
        // Without it the rounds have to pass at least.
        return rounds::round(&ProcessPool::with_workers(2), "nothing is refused");
    };
    let pool = ProcessPool::with_workers(2);
    for (error, words) in errors {
        let label = format!("{call:?} fails with {words:?}");
        refusals.while_refused(*error, || {
            let tasks: Vec<_> = (0..10).map(|n| pool.submit(|n: u64| n, n)).collect();
            for task in tasks {
                assert_is_reason(&task.result().expect_err(&label), words, &label);
            }
            let outcomes: Vec<_> = pool.map(|n: u64| n, 0..10).collect();
            assert_eq!(outcomes.len(), 10, "{label}");
            for outcome in outcomes {
                assert_is_reason(&outcome.expect_err(&label), words, &label);
            }
            match pool.warm_up() {
                Err(BuildError::NotReady(error)) => assert_is_reason(&error, words, &label),
                other => panic!("{label}: {other:?}"),
            }
        });
        assert_eq!(pool.worker_pids(), [], "{label}");
        eventually(&label, || {
            let stats = pool.ledger().stats();
            (stats.queued, stats.running) == (0, 0)
        });
        rounds::round(&pool, &label);
        kill_workers(&pool);
    }
}

fn assert_is_reason(error: &TaskError, words: &str, label: &str) {
    let TaskError::WorkerDied(death) = error else {
        panic!("{label}: another error: {error:?}");
    };
    assert_eq!((death.signal(), death.code()), (None, None), "{label}");
    assert!(error.to_string().contains(words), "{label}: {error}");
}

const NO_MORE: (i32, &str) = (libc::EAGAIN, "Resource temporarily unavailable");
const NO_MEMORY: (i32, &str) = (libc::ENOMEM, "Cannot allocate memory");
const NO_DESCRIPTORS: (i32, &str) = (libc::EMFILE, "Too many open files");
const NOT_ALLOWED: (i32, &str) = (libc::EPERM, "Operation not permitted");

#[test]
fn without_new_processes_what_waits_fails_and_later_work_runs() {
    alone(|| fails_and_recovers(Call::NewProcess, &[NO_MORE, NO_MEMORY]));
}

#[test]
fn without_exec_what_waits_fails_and_later_work_runs() {
    let errors = [
        (libc::EACCES, "Permission denied"),
        (libc::ETXTBSY, "Text file busy"),
        NO_MEMORY,
    ];
    alone(move || fails_and_recovers(Call::Exec, &errors));
}

#[test]
fn without_memory_to_share_what_waits_fails_and_later_work_runs() {
    let errors = [
        NO_DESCRIPTORS,
        NOT_ALLOWED,
        (libc::ENOSYS, "Function not implemented"),
    ];
    alone(move || fails_and_recovers(Call::Number(libc::SYS_memfd_create), &errors));
}

#[test]
fn with_memory_that_cannot_be_made_long_enough_what_waits_fails_and_later_work_runs() {
    let errors = [(libc::ENOSPC, "No space left on device")];
    alone(move || fails_and_recovers(Call::Number(libc::SYS_ftruncate), &errors));
}

#[test]
fn with_memory_that_cannot_be_mapped_what_waits_fails_and_later_work_runs() {
    alone(|| fails_and_recovers(Call::SharedMapping, &[NO_MEMORY, NOT_ALLOWED]));
}

#[test]
fn without_sockets_what_waits_fails_and_later_work_runs() {
    alone(|| fails_and_recovers(Call::Number(libc::SYS_socketpair), &[NO_DESCRIPTORS, NOT_ALLOWED]));
}

#[test]
fn with_workers_there_a_start_that_fails_holds_up_nothing() {
    alone(|| {
        let refusals = Refusals::of(Call::NewProcess);
        let pool = ProcessPool::with_workers(3);
        // One worker.
        assert_eq!(pool.submit(|n: u64| n, 1).result().expect("it runs"), 1);
        let Some(refusals) = refusals else {
            return rounds::round(&pool, "nothing is refused");
        };
        refusals.while_refused(libc::EAGAIN, || {
            let tasks: Vec<_> = (0..500).map(|n| pool.submit(|n: u64| n + 1, n)).collect();
            for (n, task) in (1..).zip(tasks) {
                assert_eq!(task.result().expect("the worker that is there runs it"), n);
            }
            // Until it has been tried.
            while pool.warm_up().is_ok() {}
            rounds::round(&pool, "with one worker");
        });
    });
}

#[test]
fn without_descriptors_for_deaths_they_are_seen_by_looking() {
    alone(|| {
        let refusals = Refusals::of(Call::Number(libc::SYS_pidfd_open));
        let pool = ProcessPool::with_workers(2);
        let work = || {
            for round in 0..3 {
                let died = pool
                    .submit(|code: i32| -> u64 { std::process::exit(code) }, 3)
                    .result();
                let Err(TaskError::WorkerDied(death)) = died else {
                    panic!("round {round}: {died:?}");
                };
                assert_eq!(death.code(), Some(3), "round {round}");
                rounds::round(&pool, &format!("round {round}"));
            }
        };
        match refusals {
            Some(refusals) => refusals.while_refused(libc::EMFILE, work),
            None => work(),
        }
        kill_workers(&pool);
        rounds::round(&pool, "afterwards");
    });
}
