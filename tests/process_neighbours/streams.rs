//! Standard input, output and error; the environment, the arguments and the folder.

use crate::{
    cases::{command, parent},
    within,
};
use concurrent_futures::{Executor, ProcessPool};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    process::{Command, Stdio},
};

const MARKER: &str = "CONCURRENT_FUTURES_PROCESS_WORKER";

#[test]
fn standard_input_is_the_parents_alone() {
    within(60, || {
        let (mut command, _) = command(parent());
        command.arg("input").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"a\nb").unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let [task, program, own] = lines[..] else {
            panic!("{text}")
        };
        assert_eq!(task, "0 \"\"");
        assert!(
            program.contains("stdout: \"\"") && program.contains("unix_wait_status(0)"),
            "{program}"
        );
        assert_eq!(own, "\"a\\nb\"");
    });
}

/// The parts of a text, each with how often it is there.
fn count<'a>(parts: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    parts.for_each(|part| *counts.entry(part).or_default() += 1);
    counts
}

#[test]
fn what_tasks_print_arrives_complete() {
    within(60, || {
        let (mut command, _) = command(parent());
        let output = command.arg("printing").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let (out, err) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        let expected = |name: &str| {
            (0..1_000)
                .map(|n| format!("{name} {n}."))
                .collect::<BTreeSet<_>>()
        };
        for (text, name) in [(&out, "out"), (&err, "err")] {
            let lines = count(text.lines().filter(|line| *line != "end"));
            assert!(lines.values().all(|times| *times == 1), "a line came twice");
            let lines: BTreeSet<_> = lines.into_keys().map(str::to_owned).collect();
            assert_eq!(lines, expected(name));
        }
        assert!(out.ends_with("end\n"));
    });
}

/// Text without the end of a line is kept in a worker's memory until it leaves: it is printed then.
#[test]
fn a_worker_that_leaves_prints_what_it_has_kept() {
    within(60, || {
        let (mut command, _) = command(parent());
        let output = command.arg("unfinished lines").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let parts = count(text.split_inclusive(']'));
        assert!(parts.values().all(|times| *times == 1));
        let expected: BTreeSet<_> = (0..1_000).map(|n| format!("[{n}]")).collect();
        assert_eq!(
            parts.into_keys().map(str::to_owned).collect::<BTreeSet<_>>(),
            expected
        );
    });
}

#[test]
fn nobody_sees_the_marker() {
    within(60, || {
        let pool = ProcessPool::with_workers(1);
        let inside = |(): ()| -> Vec<OsString> { env::vars_os().map(|(name, _)| name).collect() };
        let names = pool.submit(inside, ()).result().unwrap();
        assert!(
            names.contains(&"PATH".into()) && !names.contains(&MARKER.into()),
            "{names:?}"
        );
        let below = |(): ()| String::from_utf8(Command::new("env").output().unwrap().stdout).unwrap();
        let text = pool.submit(below, ()).result().unwrap();
        assert!(text.contains("PATH=") && !text.contains(MARKER), "{text}");
        assert!(env::var_os(MARKER).is_none());
    });
}

#[test]
fn variables_and_folder_are_as_the_builder_says() {
    within(60, || {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let pool = ProcessPool::builder()
            .workers(1)
            .env("NEIGHBOUR_A", "first")
            .env("NEIGHBOUR_A", "a=b c")
            .env("NEIGHBOUR_B", "x")
            .env_remove("NEIGHBOUR_B")
            .env_remove("PATH")
            .env(MARKER, "not a marker")
            .current_dir(&folder)
            .build()
            .unwrap();
        let look = |(): ()| {
            let all = [
                "NEIGHBOUR_A",
                "NEIGHBOUR_B",
                "PATH",
                "CONCURRENT_FUTURES_PROCESS_WORKER",
            ];
            (all.map(|name| env::var(name).ok()), env::current_dir().unwrap())
        };
        let (values, there) = pool.submit(look, ()).result().unwrap();
        assert_eq!(values, [Some("a=b c".to_owned()), None, None, None]);
        assert_eq!(there, folder);
        assert_ne!(env::current_dir().unwrap(), folder);
        assert!(env::var_os("NEIGHBOUR_A").is_none() && env::var_os("PATH").is_some());
    });
}

#[test]
fn a_folder_that_is_not_there_is_the_reason_why_nothing_starts() {
    within(60, || {
        let pool = ProcessPool::builder()
            .workers(1)
            .current_dir("/not/there")
            .build()
            .unwrap();
        let error = pool.submit(|n: u32| n, 1).result().unwrap_err().to_string();
        assert!(error.contains("no worker process could be started"), "{error}");
        assert!(error.contains("No such file"), "{error}");
    });
}

#[test]
fn the_arguments_are_the_parents() {
    within(60, || {
        let pool = ProcessPool::with_workers(1);
        let inside = |(): ()| -> Vec<OsString> { env::args_os().collect() };
        assert_eq!(
            pool.submit(inside, ()).result().unwrap(),
            env::args_os().collect::<Vec<_>>()
        );
        assert_eq!(
            pool.submit(|(): ()| env::current_exe().unwrap(), ())
                .result()
                .unwrap(),
            env::current_exe().unwrap()
        );
    });
}

#[test]
fn odd_arguments_are_the_parents_too() {
    use std::os::unix::{ffi::OsStrExt, process::CommandExt};
    within(60, || {
        let (mut command, _) = command(parent());
        command
            .arg0("not its name")
            .arg("arguments")
            .args(["", "a b\n", "--", "\u{fe}"]);
        let output = command.arg(OsStr::from_bytes(b"\xff\xfe")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (own, inside) = text.split_once('\n').unwrap();
        assert!(
            own.starts_with("[\"not its name\", \"arguments\", \"\", ") && own.contains("xFF"),
            "{own}"
        );
        assert_eq!(inside.trim_end(), own);
    });
}

#[test]
fn a_pipe_that_nobody_reads_is_an_error_in_a_task_and_the_end_of_a_program() {
    use std::os::unix::process::ExitStatusExt;
    within(60, || {
        let pool = ProcessPool::with_workers(1);
        let write = |(): ()| {
            let (reader, mut writer) = io::pipe().unwrap();
            drop(reader);
            let error = writer.write(b"x").unwrap_err();
            (error.raw_os_error(), std::process::id())
        };
        let (error, pid) = pool.submit(write, ()).result().unwrap();
        assert_eq!(error, Some(libc::EPIPE));
        // It lives.
        assert_eq!(
            pool.submit(|(): ()| std::process::id(), ()).result().unwrap(),
            pid
        );
        let below = |(): ()| {
            let status = Command::new("sh").args(["-c", "kill -PIPE $$; exit 3"]).status();
            status.unwrap().signal()
        };
        assert_eq!(pool.submit(below, ()).result().unwrap(), Some(libc::SIGPIPE));
    });
}

#[test]
fn a_stack_overflow_says_so_and_is_the_death_of_one_worker() {
    within(60, || {
        for arguments in [&["overflow"][..], &["overflow", "on a thread"]] {
            let (mut command, _) = command(parent());
            let output = command.args(arguments).output().unwrap();
            let (out, err) = (
                String::from_utf8(output.stdout).unwrap(),
                String::from_utf8(output.stderr).unwrap(),
            );
            assert!(out.contains("was killed by signal 6"), "{out}");
            assert!(out.ends_with("\n7\n"), "the next task: {out}");
            assert!(err.contains("has overflowed its stack"), "{err}");
        }
    });
}

/// A task that becomes another program, or closes what is not its own: nobody hears of the worker until it ends.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_hung_up_keeps_no_processor_busy() {
    within(60, || {
        let (mut command, _) = command(parent());
        let output = command.arg("hung up").output().unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let [death, seven, used, next] = lines[..] else {
            panic!("{output:?}")
        };
        assert!(death.contains("exited with code 0"), "{death}");
        assert_eq!((seven, next), ("7", "2"));
        assert!(
            used.parse::<u64>().unwrap() < 500,
            "{used} ms for waiting two seconds"
        );
    });
}
