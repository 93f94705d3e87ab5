//! The example `fetch` as a program: its tables, its complaints and its exit code, and what it leaves behind.
#![cfg(all(unix, feature = "tokio"))]

mod example_binary;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
};

fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| example_binary::binary("fetch"))
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).stdin(Stdio::null());
    command
}

/// Ends when the program and all that it has started have let go of stdout and stderr.
fn fetch(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A line of a table.
#[derive(Debug, PartialEq)]
struct Row {
    way: String,
    succeeded: usize,
    failed: usize,
    at_once: usize,
}

/// The tables, one after the other.
fn tables(output: &Output) -> Vec<Vec<Row>> {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    let mut tables: Vec<Vec<Row>> = Vec::new();
    for line in stdout(output).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["way", ..] => tables.push(Vec::new()),
            [
                way,
                seconds,
                "s",
                speed_up,
                succeeded,
                failed,
                at_once,
                ref memory @ ..,
            ] => {
                assert!(seconds.parse::<f64>().unwrap() > 0.0, "{line}");
                assert!(speed_up.parse::<f64>().unwrap() >= 0.0, "{line}");
                assert!(matches!(memory, ["n/a"]) || matches!(memory, [_, "MB"]), "{line}");
                tables.last_mut().unwrap().push(Row {
                    way: way.into(),
                    succeeded: succeeded.parse().unwrap(),
                    failed: failed.parse().unwrap(),
                    at_once: at_once.parse().unwrap(),
                });
            }
            _ => {}
        }
    }
    tables
}

fn ways(table: &[Row]) -> Vec<&str> {
    table.iter().map(|row| row.way.as_str()).collect()
}

#[test]
fn every_way_comes_to_the_same_end() {
    let tables = tables(&fetch(&["--requests", "30", "--latency", "5"]));
    let [table] = &tables[..] else {
        panic!("{tables:?}")
    };
    let all = ["serial", "threads", "bridge-blocking", "bridge-async", "joinset"];
    assert_eq!(ways(table), all);
    for row in table {
        assert_eq!((row.succeeded, row.failed), (28, 2), "{row:?}");
    }
    assert_eq!(table[0].at_once, 1);
    assert!(table[1].at_once <= 5, "{table:?}");
}

#[test]
fn the_async_ways_have_all_open_at_the_same_time() {
    let tables = tables(&fetch(&["--requests", "600", "--latency", "5"]));
    let [table, together] = &tables[..] else {
        panic!("{tables:?}")
    };
    assert_eq!(
        ways(table),
        ["threads", "bridge-blocking", "bridge-async", "joinset"]
    );
    assert!(table[0].at_once <= 512, "{table:?}");
    assert!(table[1].at_once <= 512, "{table:?}");
    assert_eq!(ways(together), ["bridge-async", "joinset"]);
    for row in together {
        assert_eq!(
            (row.succeeded, row.failed, row.at_once),
            (560, 40, 600),
            "{row:?}"
        );
    }
}

#[test]
fn one_way_alone() {
    for way in ["serial", "threads", "bridge-blocking", "bridge-async", "joinset"] {
        let tables = tables(&fetch(&["--only", way, "--requests", "14", "--latency", "0"]));
        assert_eq!(tables.len(), 1, "{tables:?}");
        assert_eq!(ways(&tables[0]), [way]);
        assert_eq!(
            (tables[0][0].succeeded, tables[0][0].failed),
            (13, 1),
            "{tables:?}"
        );
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let wrong: [&[&str]; 9] = [
        &["--requests", "0"],
        &["--requests", "20001"],
        &["--requests", "many"],
        &["--latency", "-1"],
        &["--latency", "5001"],
        &["--only", "magic"],
        &["--only", "serial", "--requests", "101"],
        &["--bogus"],
        &["--requests"],
    ];
    for args in wrong {
        let output = fetch(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let complaint = stderr(&output);
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(
            complaint.starts_with("fetch: ") && complaint.ends_with("; see --help\n"),
            "{complaint}"
        );
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let output = fetch(&["stray"]);
    assert_eq!(output.status.code(), Some(2));

    let output = fetch(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let ways = "--only serial|threads|bridge-blocking|bridge-async|joinset";
    assert!(stdout(&output).contains(ways), "{}", stdout(&output));
}

#[test]
fn where_files_are_few_there_are_fewer_downloads_and_it_says_so() {
    let output = Command::new("sh")
        .args(["-c", r#"ulimit -n 200 && exec "$0" --requests 300 --latency 0"#])
        .arg(binary())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        stderr(&output).contains("downloads: 136 instead of 300"),
        "{}",
        stderr(&output)
    );
    for table in tables(&output) {
        for row in table {
            assert_eq!(row.succeeded + row.failed, 136, "{row:?}");
        }
    }
}

#[test]
fn readers_that_leave_early_are_no_problem() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(&["--requests", "3", "--latency", "0"]);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

/// A server as the example starts it.
fn server(args: &[&str]) -> (Child, u16) {
    let mut command = command(&[&["--serve"], args].concat());
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::with_capacity(1, process.stdout.as_mut().unwrap())
        .read_line(&mut port)
        .unwrap();
    (process, port.trim().parse().unwrap())
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_server_serves_until_its_stdin_is_closed() {
    let (mut process, port) = server(&["--latency", "0"]);
    let page = get(port, "/28");
    assert!(
        page.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
        "{page}"
    );
    let page = get(port, "/7");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.ends_with("page 7\n"), "{page}");
    assert!(get(port, "/nothing").starts_with("HTTP/1.1 404 "));

    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
    let mut most_at_once = String::new();
    process.stdout.unwrap().read_to_string(&mut most_at_once).unwrap();
    assert_eq!(most_at_once, "1\n");

    // Also if somebody waits for an answer that will never come.
    let (mut process, port) = server(&["--crowd", "2"]);
    let waiting = std::thread::spawn(move || get(port, "/1"));
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
    drop(waiting);
}

#[test]
fn the_server_holds_everybody_until_the_crowd_is_there() {
    let (process, port) = server(&["--latency", "0", "--crowd", "3"]);
    let pages: Vec<_> = (0..2)
        .map(|_| std::thread::spawn(move || get(port, "/1")))
        .collect();
    assert!(!pages[0].is_finished() && !pages[1].is_finished());
    assert!(get(port, "/1").ends_with("page 1\n"));
    for page in pages {
        assert!(page.join().unwrap().ends_with("page 1\n"));
    }
    let output = process.wait_with_output().unwrap();
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("3\n", Some(0)));
}

/// The processes of this program. It is a copy of its own in each test, so they are of that test.
#[cfg(target_os = "linux")]
fn processes(program: &Path) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap();
    let own = all.filter_map(Result::ok).filter(|entry| {
        std::fs::read_link(entry.path().join("exe")).is_ok_and(|executable| executable == program)
    });
    own.map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
#[cfg(target_os = "linux")]
fn no_server_is_left_behind() {
    let folder = tempfile::TempDir::new().unwrap();
    let program = folder.path().canonicalize().unwrap().join("fetch");
    std::fs::copy(binary(), &program).unwrap();
    let start = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(args).stdin(Stdio::null());
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };

    // It ended by itself.
    let output = start(&["--requests", "3", "--latency", "0"])
        .wait_with_output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(processes(&program), [""; 0]);

    // It was killed in the middle of a download that takes 5 s: nobody was there to end the server.
    let mut child = start(&["--only", "serial", "--latency", "5000"]);
    while processes(&program).len() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    // What had stdout and stderr open has ended or is about to: the system closes files before it buries a process.
    while !processes(&program).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
