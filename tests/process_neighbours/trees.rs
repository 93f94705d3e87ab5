//! Programs that tasks started: whether they end with their worker.
#![cfg(target_os = "linux")]

use crate::{
    checkpoint::{Address, Checkpoint},
    system::{self, CleanUp, LONG, until},
    within,
};
use concurrent_futures::{Executor, ProcessPool, Shutdown};
use std::{process::Command, time::Duration};

/// A pool whose worker, and all that it starts, is known by `mark`.
fn pool(mark: &str, kill_tree: bool) -> ProcessPool {
    ProcessPool::builder()
        .workers(1)
        .env(system::MARK, mark)
        .kill_tree(kill_tree)
        .build()
        .unwrap()
}

/// Starts a program, and one whose shell is gone: a grandchild.
#[allow(clippy::zombie_processes)]
fn start_programs() {
    Command::new("sleep").arg("1000").spawn().unwrap();
    let shell = Command::new("sh")
        .args(["-c", "sleep 1000 & exec 1>&- 2>&-"])
        .status();
    assert!(shell.unwrap().success());
}

/// Starts programs, says so, and never ends.
fn start_and_stay(gate: Address) {
    start_programs();
    gate.announce(1);
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// The processes of this mark that sleep: of the worker itself there may be none any more, or a new one.
fn sleepers(mark: &str) -> Vec<u32> {
    let is_sleep =
        |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
    system::marked(mark).into_iter().filter(is_sleep).collect()
}

fn two_sleep(mark: &str) {
    until("both programs run", LONG, || sleepers(mark).len() == 2);
}

/// Ends a worker that has started programs, in each way; `check` then looks at what became of them.
fn in_each_way(kill_tree: bool, check: impl Fn(&str)) {
    let mark = |way: &str| format!("{}-{kill_tree}-{way}", std::process::id());

    let killed = mark("killed");
    let _all = CleanUp(&killed);
    let (gate, workers) = (Checkpoint::new(), pool(&killed, kill_tree));
    let task = workers.submit(start_and_stay, gate.address());
    gate.wait_for(1);
    two_sleep(&killed);
    assert!(task.kill());
    check(&killed);
    // The pool goes on.
    assert_eq!(workers.submit(|n: u32| n, 7).result().unwrap(), 7);

    let late = mark("late");
    let _all = CleanUp(&late);
    let (gate, workers) = (Checkpoint::new(), pool(&late, kill_tree));
    let limited = workers.options().timeout(Duration::from_millis(500));
    let task = limited.submit(start_and_stay, gate.address());
    gate.wait_for(1);
    two_sleep(&late);
    assert!(task.result().unwrap_err().is_timed_out());
    check(&late);

    let shut_down = mark("shut down");
    let _all = CleanUp(&shut_down);
    let (gate, workers) = (Checkpoint::new(), pool(&shut_down, kill_tree));
    let _task = workers.submit(start_and_stay, gate.address());
    gate.wait_for(1);
    two_sleep(&shut_down);
    workers.shutdown(Shutdown::Kill);
    check(&shut_down);

    // These ended as they should, and left something.
    let left = mark("left");
    let _all = CleanUp(&left);
    let workers = pool(&left, kill_tree);
    workers.submit(|(): ()| start_programs(), ()).result().unwrap();
    two_sleep(&left);
    drop(workers);
    check(&left);

    let died = mark("died");
    let _all = CleanUp(&died);
    let workers = pool(&died, kill_tree);
    let ends = |(): ()| -> () {
        start_programs();
        std::process::exit(3)
    };
    let error = workers.submit(ends, ()).result().unwrap_err();
    assert!(error.to_string().contains("exited with code 3"), "{error}");
    check(&died);
}

#[test]
fn with_kill_tree_they_end_with_the_worker() {
    within(60, || {
        in_each_way(true, |mark| {
            until("the programs are gone", LONG, || sleepers(mark).is_empty());
        });
    });
}

#[test]
fn without_kill_tree_they_stay() {
    within(60, || {
        in_each_way(false, |mark| {
            two_sleep(mark);
            system::clean_up(mark);
        });
    });
}

#[test]
fn with_kill_tree_a_worker_leads_a_group_and_without_it_is_in_its_parents() {
    within(60, || {
        for kill_tree in [false, true] {
            let pool = pool("group", kill_tree);
            pool.warm_up().unwrap();
            let worker = pool.worker_pids()[0];
            let expected = if kill_tree {
                Some(worker)
            } else {
                system::group(std::process::id())
            };
            assert_eq!(system::group(worker), expected);
        }
    });
}
