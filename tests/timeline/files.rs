use crate::{example_binary, xml};
use serde_json::Value;
use std::{fs, process::Command};

/// Runs an example that knows nothing of recordings, and reads what it has left behind.
fn traced(file: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(example_binary::binary("quickstart"))
        .current_dir(&folder)
        .env("CONCURRENT_FUTURES_TRACE", file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::read_to_string(folder.path().join(file)).unwrap()
}

#[cfg(unix)]
#[test]
fn a_program_is_recorded_because_its_environment_says_so() {
    let json: Value = serde_json::from_str(&traced("trace.json")).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let ran = |name: &str| {
        events
            .iter()
            .any(|event| event["ph"] == "X" && event["name"] == name)
    };
    assert!(ran("collatz_steps") && ran("submit"));
    // All of its executors.
    for executor in ["ThreadPool `worker`", "Inline", "Checked"] {
        assert!(
            events.iter().any(|event| event["args"]["executor"] == executor),
            "{executor}"
        );
    }
}

#[cfg(unix)]
#[test]
fn the_name_of_the_file_says_which_picture() {
    let svg = traced("trace.svg");
    assert!(xml::elements(&svg).unwrap().len() > 10 && svg.contains("collatz_steps"));
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_is_told_and_harms_nobody() {
    let output = Command::new(example_binary::binary("quickstart"))
        .env("CONCURRENT_FUTURES_TRACE", "/nowhere/at/all.json")
        .output()
        .unwrap();
    assert!(output.status.success());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        words.contains("/nowhere/at/all.json could not be written"),
        "{words}"
    );
}

/// Without the variable, nothing is written.
#[test]
fn a_program_is_left_alone_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(example_binary::binary("quickstart"))
        .current_dir(&folder)
        .env_remove("CONCURRENT_FUTURES_TRACE")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn workers_leave_the_file_to_their_parent() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(example_binary::binary("swap"))
        .current_dir(&folder)
        .env("CONCURRENT_FUTURES_BACKEND", "processes")
        .env("CONCURRENT_FUTURES_TRACE", "trace.json")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let json: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("trace.json")).unwrap()).unwrap();
    let is_process = |event: &Value| {
        event["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("process_name"))
    };
    let events = json["traceEvents"].as_array().unwrap();
    assert!(
        events.iter().filter(|event| is_process(event)).count() > 1,
        "no worker is in it"
    );
}
