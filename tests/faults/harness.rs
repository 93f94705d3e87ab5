//! A process for each test, because what is taken away from one cannot always be given back.

use std::{
    any::type_name,
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Far more than any test needs on a slow and busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// What is looked for again and again comes within this time, or never.
const SOON: Duration = Duration::from_secs(30);

const ALONE: &str = "CONCURRENT_FUTURES_TEST_ALONE";

/// Runs the body of the test that calls this in a process of its own. At its end there must be no child left.
pub(crate) fn alone<F: FnOnce() + Send + 'static>(body: F) {
    let own = env::current_exe().expect("this executable");
    alone_in(&own, |_| {}, body);
}

/// The same in a process of this executable, which may be a copy of it, that is `prepared` before it starts.
///
/// The body is a closure in the test's function: that is how the test's name is known.
pub(crate) fn alone_in<F: FnOnce() + Send + 'static>(
    executable: &Path,
    prepare: impl FnOnce(&mut Command),
    body: F,
) {
    if env::var_os(ALONE).is_some() {
        within(body);
        return eventually("no child is left", || children().is_empty());
    }
    let name = type_name::<F>().trim_end_matches("::{{closure}}");
    let (_crate, name) = name.split_once("::").expect("a test in a module");
    let mut command = Command::new(executable);
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1");
    prepare(&mut command);
    let output = command.output().expect("it can be started once more");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} alone: {}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    for line in said.lines().filter(|line| line.starts_with("NOTE")) {
        println!("{line}");
    }
}

fn within(body: impl FnOnce() + Send + 'static) {
    let (ended, outcome) = mpsc::channel();
    thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(body));
        let _ = ended.send(outcome);
    });
    match outcome.recv_timeout(LIMIT) {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => {
            eprintln!("hangs for {LIMIT:?}; children: {:?}", children());
            std::process::exit(101);
        }
    }
}

/// Looks again and again, for what nobody tells of.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "never: {what}; children {:?}", children());
        thread::sleep(Duration::from_millis(1));
    }
}

/// The children of this process, dead ones included.
fn children() -> Vec<u32> {
    let own = std::process::id().to_string();
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind_name = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
        behind_name.split(' ').nth(1) == Some(&own)
    };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(is_child)
        .collect()
}

/// Kills the workers, so that others have to be started.
pub(crate) fn kill_workers(pool: &concurrent_futures::ProcessPool) {
    for pid in pool.worker_pids() {
        let pid = libc::pid_t::try_from(pid).expect("a process id");
        assert!(pid > 1);
        #[allow(unsafe_code)]
        // SAFETY: no memory is passed.
        unsafe {
            libc::kill(pid, libc::SIGKILL)
        };
    }
    eventually("the workers are gone", || pool.worker_pids().is_empty());
}
