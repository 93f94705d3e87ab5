//! What happens at the end of a program: each test runs itself once more as a program of its own.

use super::within;
use concurrent_futures::{Executor, Shutdown, TaskError, ThreadPool};
use std::{
    env,
    process::{Command, Output, exit},
    thread,
    time::Duration,
};

const MARK: &str = "CONFORMANCE_CHILD";

/// True in the program that a test started.
fn is_child() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs the calling test once more, as a program that behaves as its child part says.
fn run_again() -> Output {
    let test = thread::current().name().unwrap().to_owned();
    let program = env::current_exe().unwrap();
    let mut child = Command::new(program);
    child
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(MARK, "1");
    within(move || child.output().unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_program_that_leaves_a_scope_has_finished_the_tasks_in_it() {
    if is_child() {
        let pool = ThreadPool::with_workers(2);
        for n in 0..8 {
            drop(pool.spawn(move || println!("task {n} ran")));
        }
        drop(pool);
        println!("leaving");
        exit(0);
    }
    let output = run_again();
    assert!(output.status.success(), "{output:?}");
    let text = said(&output);
    let leaving = text.find("leaving").unwrap();
    for n in 0..8 {
        assert!(text.find(&format!("task {n} ran")).unwrap() < leaving, "{text}");
    }
}

#[test]
fn a_program_may_end_right_after_a_shutdown_has_begun() {
    if is_child() {
        for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
            let pool = ThreadPool::with_workers(1);
            drop(pool.spawn(|| thread::sleep(Duration::from_secs(600))));
            drop(pool.spawn(|| ()));
            pool.begin_shutdown(how);
            std::mem::forget(pool);
        }
        println!("leaving");
        exit(7);
    }
    let output = run_again();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(said(&output).contains("leaving"));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn who_submits_while_the_program_ends_is_told() {
    struct AtTheEnd(ThreadPool);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            let refused = self.0.spawn(|| 1).result();
            println!("refused: {}", matches!(refused, Err(TaskError::ShutDown)));
        }
    }
    thread_local!(static LATE: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) });
    if is_child() {
        let pool = ThreadPool::with_workers(1);
        pool.shutdown(Shutdown::Finish);
        thread::spawn(move || LATE.set(Some(AtTheEnd(pool))))
            .join()
            .unwrap();
        exit(0);
    }
    let output = run_again();
    assert!(
        output.status.success() && said(&output).contains("refused: true"),
        "{output:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_stack_that_overflows_ends_the_program_and_says_so() {
    fn deep(left: usize) -> usize {
        let room = std::hint::black_box([left; 128]);
        if left == 0 {
            0
        } else {
            room[7] + deep(left - 1) - room[9] + 1
        }
    }
    if is_child() {
        let pool = ThreadPool::builder()
            .workers(1)
            .stack_size(1024 * 1024)
            .build()
            .unwrap();
        println!("{:?}", pool.spawn(|| deep(1_000_000)).result());
        exit(0);
    }
    let output = run_again();
    assert!(!output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("overflow"),
        "{output:?}"
    );
}
