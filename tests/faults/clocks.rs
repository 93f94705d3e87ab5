//! Clocks that jump, or say different things to parent and worker.

use crate::{harness::alone_in, rounds};
use concurrent_futures::{Executor, ProcessPool, TaskError};
use std::{
    env, fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Nobody can make the wall clock of the machine jump for a test. What does not look at it does not see it jump.
#[test]
fn nothing_asks_for_the_time_of_day() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 100, "{found:?}");
    let mut askers: Vec<_> = found
        .iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
        .filter(|path| fs::read_to_string(path).expect("a text").contains("SystemTime"))
        .map(|path| path.strip_prefix(&root).expect("it is below").to_owned())
        .collect();
    askers.sort();
    // A name that nobody else has, where memory needs one.
    assert_eq!(askers, [PathBuf::from("sys/memory.rs")]);
}

/// What the children of a process see differs from what it sees itself; a worker of such a process is such a child.
#[allow(unsafe_code)]
fn shift_clocks_of_children() -> io::Result<()> {
    // SAFETY: the call takes a number.
    if unsafe { libc::unshare(libc::CLONE_NEWTIME) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Eleven days.
    fs::write(
        "/proc/self/timens_offsets",
        "monotonic 1000000 0\nboottime 1000000 0\n",
    )
}

#[allow(unsafe_code)]
fn now(_: u64) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the place is valid.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec
}

/// Who is not root may do so in a user namespace of its own, where there are some.
#[allow(unsafe_code)]
fn as_owner_of_a_namespace(command: &mut Command) {
    // SAFETY: one system call, which may be made between fork and exec and touches no memory. What it fails with is met again by
    // who needs it.
    unsafe {
        command.pre_exec(|| {
            if libc::geteuid() != 0 {
                libc::unshare(libc::CLONE_NEWUSER);
            }
            Ok(())
        });
    }
}

#[test]
fn a_worker_may_have_another_clock_than_its_parent() {
    let own = env::current_exe().expect("this executable");
    alone_in(&own, as_owner_of_a_namespace, || {
        let shifted = shift_clocks_of_children();
        let pool = ProcessPool::with_workers(2);
        let there = pool.submit(now, 0).result().expect("it runs");
        match shifted {
            Ok(()) => assert!(there - now(0) > 900_000, "{there}"),
            Err(error) => println!("NOTE no namespace for clocks here: {error}"),
        }
        rounds::round(&pool, "another clock");
        let limit = Duration::from_millis(50);
        let endless = |(): ()| -> u64 {
            loop {
                std::thread::park();
            }
        };
        let late = pool.options().timeout(limit).submit(endless, ()).result();
        assert!(
            matches!(late, Err(TaskError::TimedOut(of)) if of == limit),
            "{late:?}"
        );
        let rate = ProcessPool::builder()
            .workers(1)
            .rate_limit(5, Duration::from_millis(20))
            .build()
            .expect("a pool");
        assert_eq!(
            rate.map(|n: u64| n, 0..15)
                .map(|n| n.expect("it runs"))
                .sum::<u64>(),
            105
        );
    });
}
