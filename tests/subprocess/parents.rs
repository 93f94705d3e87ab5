//! When this process dies.
#![cfg(target_os = "linux")]

use crate::{
    alone::alone,
    family::{Family, wait_until_gone},
};
use concurrent_futures::{ThreadPool, subprocess};
use std::{env, process::Command};

const PARENT: &str = "SUBPROCESS_TEST_PARENT";

/// Runs this very test in a process that is killed while it runs a program.
fn killed(run: impl FnOnce(subprocess::Command)) {
    let family = Family::new();
    if let Some(command) = env::var_os(PARENT) {
        return run(serde_json::from_str(command.to_str().unwrap()).unwrap());
    }
    let mut parent = Command::new(env::current_exe().unwrap())
        .args(env::args_os().skip(1))
        .env(PARENT, serde_json::to_string(&family.command()).unwrap())
        .spawn()
        .unwrap();
    let [program, child] = family.wait();
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until_gone(program, "with its parent");
    // As the docs say: what the program has started goes on, unless somebody lived to end it.
    crate::harness::signal(child, libc::SIGKILL);
    wait_until_gone(child, "killed by hand");
}

#[test]
fn a_program_dies_with_the_process_that_called_for_it() {
    alone(|| killed(|command| drop(subprocess::run(command))));
}

#[test]
fn a_program_dies_with_the_process_that_awaited_it() {
    alone(|| killed(|command| drop(futures::executor::block_on(subprocess::run_async(command)))));
}

/// The thread that polled first may end: the program is not started by it.
#[test]
fn a_program_outlives_the_thread_that_polled_its_future_first() {
    alone(|| {
        let mut future = Box::pin(subprocess::run_async(crate::backends::shell(
            "sleep 0.3; echo alive",
        )));
        let mut future = std::thread::spawn(move || {
            let polled = futures::executor::block_on(async { futures::poll!(&mut future) });
            assert!(polled.is_pending());
            future
        })
        .join()
        .unwrap();
        assert_eq!(
            futures::executor::block_on(&mut future).unwrap().stdout(),
            b"alive\n"
        );
    });
}

#[test]
fn a_program_outlives_the_pool_thread_that_ran_another_one() {
    alone(|| {
        let pool = ThreadPool::with_workers(2);
        let long = pool.spawn(|| subprocess::run(crate::backends::shell("sleep 0.3; echo alive")));
        assert!(
            pool.spawn(|| subprocess::run(crate::backends::shell("true")))
                .result()
                .unwrap()
                .is_ok()
        );
        assert_eq!(long.result().unwrap().unwrap().stdout(), b"alive\n");
    });
}
