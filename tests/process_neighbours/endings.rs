//! However a program ends, nothing of it is left.
#![cfg(target_os = "linux")]

use crate::{
    cases::{Program, command, parent},
    system, within,
};
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::PathBuf,
    process::Stdio,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// So long may it take until all are gone.
const SOON: Duration = Duration::from_secs(1);

/// A program under a name that no other test runs, so that all who run it belong to this test.
struct Own {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Own {
    fn new() -> Self {
        // On the same file system, for a second name of the same file.
        let folder = tempfile::tempdir_in(parent().parent().unwrap()).unwrap();
        let path = folder.path().join("own");
        fs::hard_link(parent(), &path).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    fn start(&self, role: &[&str]) -> Program {
        let (mut command, mark) = command(&self.path);
        Program::spawn(command.args(role).process_group(0).stderr(Stdio::null()), mark)
    }

    /// All that is left of a program, by each way to find it.
    fn left(&self, program: &Program, printed: &BTreeSet<u32>) -> BTreeSet<u32> {
        let printed = printed.iter().copied().filter(|&pid| system::lives(pid));
        let mut left: BTreeSet<_> = printed.collect();
        left.extend(system::marked(&program.mark));
        left.extend(system::running(&self.path));
        left
    }

    /// Fails if something is left a second after the end; and a moment after it was gone, as a process in the middle of
    /// its exec is seen by none of the ways.
    fn assert_nothing_is_left(&self, program: &Program, printed: &BTreeSet<u32>) {
        let end = Instant::now();
        let mut clean = 0;
        while clean < 2 {
            let left = self.left(program, printed);
            clean = if left.is_empty() { clean + 1 } else { 0 };
            let states: Vec<_> = left.iter().map(|&pid| (pid, system::state(pid))).collect();
            assert!(left.is_empty() || end.elapsed() < SOON, "left: {states:?}");
            thread::sleep(Duration::from_millis(3));
        }
    }
}

/// Numbers from 0 to 1, always the same ones.
fn random(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::from_fn(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Some(f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX))
    })
}

#[test]
fn a_killed_parent_leaves_no_worker_whenever_it_is_killed() {
    within(120, || {
        let own = Own::new();
        let mut seen = 0;
        for (round, moment) in (0..100).zip(random(20_261_121)) {
            let mut program = own.start(&["many"]);
            let mut lines = program.take_lines();
            let (all_there, hear) = mpsc::channel();
            // Every worker holds the output, so reading it ends when the last of them does.
            let reader = thread::spawn(move || {
                let (mut pids, mut line) = (BTreeSet::new(), String::new());
                while lines.read_line(&mut line).is_ok_and(|count| count > 0) {
                    match line.trim().parse() {
                        Ok(pid) => drop(pids.insert(pid)),
                        Err(_) => drop(all_there.send(())),
                    }
                    line.clear();
                }
                pids
            });
            // Half of them while it still starts, half while workers come and go.
            if round % 2 == 0 {
                hear.recv_timeout(system::LONG).unwrap();
            }
            thread::sleep(Duration::from_millis(60).mul_f64(moment));
            seen += own.left(&program, &BTreeSet::new()).len();
            program.child.kill().unwrap();
            program.child.wait().unwrap();
            own.assert_nothing_is_left(&program, &BTreeSet::new());
            let pids = reader.join().unwrap();
            own.assert_nothing_is_left(&program, &pids);
        }
        assert!(seen > 300, "hardly anything was there to be left: {seen}");
    });
}

#[test]
fn a_parent_that_ends_leaves_no_worker_however_it_ends() {
    within(60, || {
        let own = Own::new();
        for (how, code, signal) in [
            ("exit", Some(0), None),
            ("abort", None, Some(libc::SIGABRT)),
            ("panic", Some(101), None),
            ("panic, nothing dropped", Some(101), None),
            ("return, nothing dropped", Some(0), None),
            ("_exit", Some(0), None),
        ] {
            let mut program = own.start(&["ends", how]);
            let mut pids = BTreeSet::new();
            // The parent, a worker that spins, two that are nested, one idle, one stopped, and the one that is kept.
            let mut all_there = false;
            while !all_there || pids.len() < 7 {
                match program.line().parse() {
                    Ok(pid) => drop(pids.insert(pid)),
                    Err(_) => all_there = true,
                }
            }
            assert_eq!(own.left(&program, &BTreeSet::new()), pids, "{how}");
            program.say("end");
            let status = program.child.wait().unwrap();
            assert_eq!((status.code(), status.signal()), (code, signal), "{how}");
            own.assert_nothing_is_left(&program, &pids);
            let mut rest = String::new();
            program.take_lines().read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "", "{how}");
        }
    });
}
