//! Commands, outputs and errors are data: they cross, compare, and keep their secrets.

use crate::{alone::alone, backends::shell};
use concurrent_futures::{
    Checked, Executor,
    subprocess::{Command, Error, Output, Sink, run},
};
use std::{ffi::OsString, os::unix::ffi::OsStringExt, time::Duration};

fn odd() -> OsString {
    OsString::from_vec(b"not \xff UTF-8".to_vec())
}

fn full() -> Command {
    Command::new(odd())
        .arg("one")
        .args([odd(), "three".into()])
        .env("SECRET_NAME", "hidden value")
        .env(odd(), odd())
        .env_remove("GONE")
        .current_dir(odd())
        .stdin("hidden input")
        .stdout(Sink::Discard)
        .stderr(Sink::Inherit)
        .timeout(Duration::from_millis(1500))
        .grace(Duration::from_secs(2))
        .max_output(17)
        .check(false)
}

#[test]
fn a_command_crosses_as_it_is() {
    let command = full();
    assert_eq!(
        Checked::new()
            .submit(|command: Command| command, command.clone())
            .result()
            .unwrap(),
        command
    );
    let text = serde_json::to_string(&command).unwrap();
    assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
    assert_ne!(command.clone().arg("more"), command);
}

#[test]
fn outcomes_cross_as_they_are() {
    alone(|| {
        let outcomes: Vec<Result<Output, Error>> = vec![
            run(shell(r"printf '\377'; echo err >&2")),
            run(shell("exit 9")),
            run(shell("kill -9 $$")),
            run(shell("sleep 1000").timeout(Duration::from_millis(10))),
            run(shell("yes").max_output(10)),
            run(Command::new("no-such-program")),
            run(shell("true").current_dir("/no/such/folder")),
            run(Command::new("/")),
            run(shell(r"printf '\377'"))
                .unwrap()
                .text()
                .map(|_| unreachable!()),
        ];
        for outcome in outcomes {
            let there = |outcome: Result<Output, Error>| outcome;
            assert_eq!(
                Checked::new().submit(there, outcome.clone()).result().unwrap(),
                outcome
            );
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(
                serde_json::from_str::<Result<Output, Error>>(&text).unwrap(),
                outcome
            );
            if let Err(error) = outcome {
                assert!(error.to_string().contains(error.program()), "{error}");
            }
        }
    });
}

#[test]
fn debug_shows_names_and_lengths_and_no_secrets() {
    let shown = format!("{:?} {:#?}", full(), full());
    assert!(
        shown.contains("SECRET_NAME") && shown.contains("GONE") && shown.contains("12 bytes"),
        "{shown}"
    );
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn debug_of_long_output_is_short() {
    alone(|| {
        let shown = format!("{:?}", run(shell("yes | head -c 100000")).unwrap());
        assert!(
            shown.contains(r"y\ny") && shown.contains("(100000 bytes)"),
            "{shown}"
        );
        assert!(shown.len() < 1000, "{shown}");
    });
}

#[test]
fn the_last_word_on_a_variable_counts() {
    let command = |command: Command| command.env("A", "1");
    assert_eq!(
        command(Command::new("x").env("A", "0")),
        command(Command::new("x"))
    );
    assert_eq!(
        command(Command::new("x").env_remove("A")),
        command(Command::new("x"))
    );
    assert_ne!(
        command(Command::new("x")).env_remove("A"),
        command(Command::new("x"))
    );
    // As with `std`: what was set before is forgotten.
    assert_eq!(
        Command::new("x").env("A", "0").env_clear(),
        Command::new("x").env_clear()
    );
}
