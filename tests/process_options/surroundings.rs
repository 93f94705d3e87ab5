//! `env`, `env_remove`, `current_dir` and `stack_size`: what a worker finds around it.

use super::{MEGABYTE, build, death, pid, within};
use concurrent_futures::{Executor, ProcessPool};
use std::{env, ffi::OsString, hint::black_box, os::unix::ffi::OsStringExt, path::PathBuf, process::Command};

fn variable(name: String) -> Option<OsString> {
    env::var_os(name)
}

#[test]
fn workers_have_the_environment_they_are_given() {
    within(|| {
        let odd = OsString::from_vec(b"a=b\xff\n".to_vec());
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .env("OPTIONS_TEST_SET", "replaced")
                .env("OPTIONS_TEST_SET", "set")
                .env("OPTIONS_TEST_EMPTY", "")
                .env("OPTIONS_TEST_ODD", odd.clone())
                .env("OPTIONS_TEST_TAKEN_BACK", "set")
                .env_remove("OPTIONS_TEST_TAKEN_BACK")
                .env_remove("CARGO_MANIFEST_DIR"),
        );
        let has = |name: &str| pool.submit(variable, name.to_owned()).result().unwrap();
        assert_eq!(has("OPTIONS_TEST_SET"), Some("set".into()));
        assert_eq!(has("OPTIONS_TEST_EMPTY"), Some("".into()));
        assert_eq!(has("OPTIONS_TEST_ODD"), Some(odd));
        assert_eq!(has("OPTIONS_TEST_TAKEN_BACK"), None);
        assert_eq!(has("CARGO_MANIFEST_DIR"), None);
        // The rest is inherited, and nothing of it happens here.
        assert_eq!(has("PATH"), env::var_os("PATH"));
        assert_eq!(env::var_os("OPTIONS_TEST_SET"), None);
    });
}

#[test]
fn neither_a_worker_nor_what_it_starts_is_marked_as_a_worker() {
    within(|| {
        fn marked(_: u64) -> (usize, String) {
            let is_mark = |name: &OsString| name.to_string_lossy().starts_with("CONCURRENT_FUTURES_PROCESS");
            let here = env::vars_os().filter(|(name, _)| is_mark(name)).count();
            let output = Command::new("env").output().unwrap().stdout;
            (here, String::from_utf8_lossy(&output).into_owned())
        }
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .env("OPTIONS_TEST_PASSED_ON", "yes"),
        );
        let (here, there) = pool.submit(marked, 0).result().unwrap();
        assert_eq!(here, 0);
        assert!(there.contains("OPTIONS_TEST_PASSED_ON=yes"), "{there}");
        assert!(!there.contains("CONCURRENT_FUTURES_PROCESS"), "{there}");
    });
}

#[test]
fn workers_start_in_their_folder() {
    within(|| {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let pool = build(ProcessPool::builder().workers(1).current_dir(&path));
        let here = |_: u64| -> PathBuf { env::current_dir().unwrap() };
        assert_eq!(pool.submit(here, 0).result().unwrap(), path);
        assert_ne!(here(0), path);
    });
}

#[test]
fn a_folder_that_is_not_there_is_the_reason_that_is_given() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1).current_dir("/nowhere/at/all"));
        let dead = death(pool.submit(pid, 0).result());
        assert_eq!((dead.pid(), dead.signal(), dead.code()), (0, None, None));
        assert!(dead.to_string().contains("No such file"), "{dead}");
        assert!(pool.warm_up().unwrap_err().to_string().contains("No such file"));
    });
}

/// Uses about a kilobyte of stack for each level.
fn descend(levels: u64) -> u64 {
    let frame = black_box([levels; 128]);
    if levels == 0 {
        0
    } else {
        descend(levels - 1) + frame[0] / levels
    }
}

#[test]
fn recursion_is_as_deep_as_the_stack_is_large() {
    within(|| {
        let with_stack = |megabytes: u64| {
            let bytes = usize::try_from(megabytes * MEGABYTE).unwrap();
            build(ProcessPool::builder().workers(1).stack_size(bytes))
        };
        let (small, large) = (with_stack(1), with_stack(256));
        let dead = death(small.submit(descend, 20_000).result());
        assert_eq!(dead.signal(), Some(libc::SIGABRT), "{dead}");
        assert_eq!(small.submit(descend, 100).result().unwrap(), 100);
        assert_eq!(large.submit(descend, 20_000).result().unwrap(), 20_000);
        // A map's items and a future run on the same stack.
        assert!(
            large
                .map(descend, [20_000, 20_001])
                .map(Result::unwrap)
                .eq([20_000, 20_001])
        );
        let future = large.submit_async(|levels| async move { descend(levels) }, 20_000);
        assert_eq!(future.result().unwrap(), 20_000);
    });
}
