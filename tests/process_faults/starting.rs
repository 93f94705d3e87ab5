//! Workers that cannot start, and limits that end them.

use crate::harness::{alone, assert_books_are_closed, assert_works, death, no_zombies};
use concurrent_futures::{BuildError, Executor, ProcessPool, TaskError};
use std::{env, fs};

fn reason(error: &TaskError, label: &str) -> String {
    match error {
        TaskError::WorkerDied(death) => {
            assert_eq!(
                (death.pid(), death.signal(), death.code()),
                (0, None, None),
                "{label}"
            );
            error.to_string()
        }
        other => panic!("{label}: another error: {other:?}"),
    }
}

#[test]
fn a_folder_that_is_not_there_is_the_reason_and_is_looked_for_again() {
    alone(|| {
        let folder = env::temp_dir().join(format!("process-faults-folder-{}", std::process::id()));
        let pool = ProcessPool::builder()
            .workers(2)
            .current_dir(&folder)
            .build()
            .expect("a pool");
        for round in 0..3 {
            let label = format!("round {round}");
            let tasks: Vec<_> = (0..20).map(|n| pool.submit(|n: u64| n, n)).collect();
            for task in tasks {
                let text = reason(&task.result().expect_err(&label), &label);
                assert!(text.contains("No such file or directory"), "{label}: {text}");
            }
            let outcomes: Vec<_> = pool.map(|n: u64| n, 0..20).collect();
            assert_eq!(outcomes.len(), 20, "{label}");
            assert!(outcomes.iter().all(Result::is_err), "{label}");
            assert!(matches!(pool.warm_up(), Err(BuildError::NotReady(_))), "{label}");
            assert_eq!(pool.worker_pids(), [], "{label}");
            assert_books_are_closed(&pool, &label);
            no_zombies(&label);
        }
        fs::create_dir(&folder).expect("a folder");
        assert_works(&pool, "now it is there");
        pool.warm_up().expect("now it is there");
        fs::remove_dir(&folder).expect("the folder");
        assert_works(&pool, "workers that are there stay");
    });
}

#[test]
fn a_variable_that_cannot_be_is_the_reason() {
    alone(|| {
        let pool = ProcessPool::builder()
            .workers(1)
            .env("A\0B", "1")
            .build()
            .expect("a pool");
        for label in ["first", "second"] {
            let text = reason(&pool.submit(|n: u64| n, 1).result().expect_err(label), label);
            assert!(text.contains("nul"), "{label}: {text}");
        }
    });
}

#[allow(unsafe_code)]
fn set_limit(resource: libc::__rlimit_resource_t, to: impl FnOnce(u64) -> u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the place is valid.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut limit) }, 0);
    let before = limit.rlim_cur;
    limit.rlim_cur = to(before);
    // SAFETY: the place is valid.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
    before
}

#[test]
fn without_descriptors_a_start_fails_and_is_tried_again() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        let most = fs::read_dir("/proc/self/fd")
            .expect("it can be read")
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok())
            .max()
            .expect("there are some");
        // From none that are free to almost enough.
        for free in 0..6 {
            let label = format!("{free} descriptors free");
            let before = set_limit(libc::RLIMIT_NOFILE, |_| most + free);
            let outcomes: Vec<_> = (0..10).map(|n| pool.submit(|n: u64| n, n).result()).collect();
            set_limit(libc::RLIMIT_NOFILE, |_| before);
            for outcome in outcomes {
                if let Err(error) = outcome {
                    let TaskError::WorkerDied(_) = &error else {
                        panic!("{label}: another error: {error:?}");
                    };
                }
            }
            assert_works(&pool, &label);
            for pid in pool.worker_pids() {
                crate::harness::signal(pid, libc::SIGKILL);
            }
            crate::harness::eventually(&label, || pool.worker_pids().is_empty());
        }
    });
}

#[test]
fn a_task_that_wants_too_much_memory_dies_alone() {
    alone(|| {
        let pool = ProcessPool::builder()
            .workers(2)
            .memory_limit(1 << 30)
            .build()
            .expect("a pool");
        for round in 0..3 {
            let label = format!("round {round}");
            let others: Vec<_> = (0..10)
                .map(|n| pool.submit(|n: u64| vec![n; 10_000], n))
                .collect();
            let greedy = pool.submit(
                |size: u64| {
                    let bytes = vec![1_u8; usize::try_from(size).expect("64 bits")];
                    bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>()
                },
                2 << 30,
            );
            assert_eq!(
                death(greedy.result(), &label),
                (Some(libc::SIGABRT), None),
                "{label}"
            );
            for (n, other) in (0..).zip(others) {
                assert_eq!(other.result().expect(&label), vec![n; 10_000], "{label}");
            }
            assert_works(&pool, &label);
            no_zombies(&label);
        }
        assert_books_are_closed(&pool, "at the end");
    });
}

#[test]
fn with_a_limit_too_low_to_live_tasks_still_end() {
    alone(|| {
        let pool = ProcessPool::builder()
            .workers(2)
            .memory_limit(1 << 20)
            .build()
            .expect("a pool");
        for label in ["first", "second"] {
            let tasks: Vec<_> = (0..5).map(|n| pool.submit(|n: u64| n, n)).collect();
            for task in tasks {
                // What is mapped already stays, so a small task may still have all it needs.
                let outcome = task.result();
                assert!(
                    matches!(outcome, Ok(_) | Err(TaskError::WorkerDied(_))),
                    "{label}: {outcome:?}"
                );
            }
        }
        assert_books_are_closed(&pool, "at the end");
    });
}
