//! A worker as it is started: this executable, which then runs no test.

use super::super::Settings;
use std::process::{Command, Output, Stdio};

fn worker(variables: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The one line that it says.
fn said(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty(), "a test has run");
    assert!(!text.contains("secret"), "{text}");
    text
}

#[test]
fn variables_that_make_no_sense_are_named() {
    for (variables, what) in [
        (&[(Settings::ADDRESS, "http://user:secret@there")][..], "address"),
        (
            &[(Settings::ADDRESS, "redis://user:secret@192.0.2.1")],
            "not be encrypted",
        ),
        (
            &[(Settings::ADDRESS, "unix:///x"), (Settings::SLOTS, "0")],
            Settings::SLOTS,
        ),
        (
            &[(Settings::ADDRESS, "unix:///x"), (Settings::POOL, "a pool")],
            "a pool",
        ),
    ] {
        let output = worker(variables);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn a_worker_that_finds_no_engine_gives_up_and_says_where_it_looked() {
    for address in ["unix:///nonexistent/socket", "redis://user:secret@127.0.0.1:1"] {
        let output = worker(&[(Settings::ADDRESS, address), (Settings::GIVE_UP, "1")]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(75), "{said}");
        assert!(
            said.contains("nonexistent") || said.contains("127.0.0.1:1"),
            "{said}"
        );
    }
}

#[test]
fn a_worker_of_a_pool_is_that_whatever_else_is_asked_for() {
    let output = worker(&[
        (Settings::ADDRESS, "unix:///nonexistent/socket"),
        ("CONCURRENT_FUTURES_PROCESS_WORKER", "1:1"),
    ]);
    assert_eq!(output.status.code(), Some(70));
    assert!(said(&output).contains("CONCURRENT_FUTURES_PROCESS_WORKER"));
}

#[test]
fn a_worker_does_not_outlive_who_started_it() {
    let output = worker(&[
        (Settings::ADDRESS, "unix:///nonexistent/socket"),
        // That is not the process that starts it.
        (Settings::PARENT, "4194304"),
    ]);
    assert_eq!(output.status.code(), Some(0));
}
