//! The example `pipeline` as a program: its totals, its memory, its complaints and its exit code.
#![cfg(unix)]

mod example_binary;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

fn pipeline(args: &[&str]) -> Output {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let binary = BINARY.get_or_init(|| example_binary::binary("pipeline"));
    let mut command = Command::new(binary);
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What it prints in the end.
#[derive(Debug)]
struct Totals {
    items: u64,
    failed: u64,
    bytes: u64,
    under_way: u64,
    checksum: String,
    /// At 10 %, at 100 % and at the peak, in megabytes, of this process and of each worker; `None` where the system does
    /// not tell.
    memory: Vec<[Option<f64>; 3]>,
}

fn totals(output: &Output) -> Totals {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    let text = stdout(output);
    let words_of = |name: &str| -> Vec<String> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("no {name:?} in {text}"));
        line.split_whitespace().map(Into::into).collect()
    };
    let number = |name: &str, word: usize| words_of(name)[word].parse().unwrap();
    let processes = text
        .lines()
        .filter_map(|line| line.strip_prefix("this process").or(line.strip_prefix("worker ")));
    let memory = processes.map(|line| {
        let columns: Vec<_> = line.split_whitespace().filter(|word| *word != "MB").collect();
        let [early, late, peak] = *columns.last_chunk().unwrap();
        [early, late, peak].map(|column| column.parse().ok())
    });
    Totals {
        items: number("items", 0),
        failed: number("items", 3),
        bytes: number("written", 0),
        under_way: number("under way", 0),
        checksum: words_of("checksum").concat(),
        memory: memory.collect(),
    }
}

#[test]
fn all_records_are_written_in_order_whatever_the_buffers_and_workers() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("lines");
    let mut files: Vec<Vec<u8>> = Vec::new();
    for (buffer, workers) in [("1", "1"), ("64", "3"), ("100000", "2")] {
        let args = ["--items", "20000", "--buffer", buffer, "--workers", workers];
        let output_args = ["--output", output.to_str().unwrap()];
        let totals = totals(&pipeline(&[&args[..], &output_args].concat()));
        assert_eq!((totals.items, totals.failed, totals.bytes), (20_000, 0, 320_000));
        assert!(
            totals.under_way <= 2 * buffer.parse::<u64>().unwrap(),
            "{totals:?}"
        );
        assert_eq!(totals.memory.len(), 1 + workers.parse::<usize>().unwrap());
        files.push(fs::read(&output).unwrap());
    }
    let numbers = files[0].chunks(16).map(|line| line[..8].try_into().unwrap());
    assert!(numbers.map(u64::from_le_bytes).eq(0..20_000));
    assert!(files.iter().all(|file| *file == files[0]));
}

#[test]
fn a_record_that_fails_or_kills_its_process_is_counted_and_costs_nobody_else() {
    let output = pipeline(&["--items", "100001", "--poison", "777"]);
    let complaints = stderr(&output);
    let lines: Vec<&str> = complaints.lines().collect();
    let [death, missing] = lines[..] else {
        panic!("{complaints}")
    };
    assert!(death.starts_with("pipeline: worker process ") && death.contains("SIGABRT"));
    assert_eq!(missing, "pipeline: record 99999 has no reading");
    let totals = totals(&output);
    assert_eq!((totals.items, totals.failed), (100_001, 2));
    assert_eq!(totals.bytes, (totals.items - 2) * 16);
    assert!(totals.checksum.starts_with("0x"));
}

/// More than the memory of a process varies by itself, and less than what half a million records need.
#[cfg(target_os = "linux")]
const MARGIN: f64 = 16.0;

#[test]
#[cfg(target_os = "linux")]
fn ten_times_the_records_need_no_more_memory() {
    let run = |args: &[&str]| {
        let totals = totals(&pipeline(&[args, &["--workers", "2"]].concat()));
        assert_eq!(totals.memory.len(), 3);
        totals
    };
    let peak = |totals: &Totals, process: usize| totals.memory[process][2].unwrap();
    let (few, many) = (run(&["--items", "50000"]), run(&["--items", "500000"]));
    for process in 0..3 {
        let [early, late, _] = many.memory[process];
        assert!((late.unwrap() - early.unwrap()).abs() < MARGIN, "{many:?}");
        assert!(
            peak(&many, process) < peak(&few, process) + MARGIN,
            "{few:?}\n{many:?}"
        );
    }
    // That the difference would be seen: with buffers that hold all of them, there is one.
    let hoarded = run(&["--items", "500000", "--buffer", "500000"]);
    assert!(peak(&hoarded, 0) > peak(&few, 0) + MARGIN, "{few:?}\n{hoarded:?}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let wrong: [&[&str]; 8] = [
        &["--items", "0"],
        &["--items", "many"],
        &["--buffer", "0"],
        &["--workers", "0"],
        &["--workers", "1025"],
        &["--bogus"],
        &["--items"],
        &["stray"],
    ];
    for args in wrong {
        let output = pipeline(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let complaint = stderr(&output);
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(
            complaint.starts_with("pipeline: ") && complaint.ends_with("; see --help\n"),
            "{complaint}"
        );
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let output = pipeline(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stdout(&output).contains("Usage: pipeline "),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_file_that_cannot_be_written_ends_it_with_the_reason() {
    let nowhere = Path::new("no such folder").join("lines");
    let output = pipeline(&["--items", "10", "--output", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).starts_with("pipeline: no such folder/lines: "));

    // It can be opened, and has no room.
    #[cfg(target_os = "linux")]
    {
        let output = pipeline(&["--items", "1000000", "--output", "/dev/full"]);
        assert_eq!(output.status.code(), Some(1));
        let complaint = stderr(&output);
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(complaint.starts_with("pipeline: /dev/full: "), "{complaint}");
    }
}
