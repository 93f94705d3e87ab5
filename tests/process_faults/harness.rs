//! A process for each test, and what has to be true of it at the end.

use concurrent_futures::{Executor, ProcessPool, TaskError};
use std::{
    any::type_name,
    collections::BTreeMap,
    env, fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Far more than any test needs on a slow and busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What is looked for again and again comes within this time, or never.
const SOON: Duration = Duration::from_secs(20);

const ALONE: &str = "CONCURRENT_FUTURES_TEST_ALONE";

/// Runs the body of the test that calls this in a process of its own, under a watchdog. At its end there must be no
/// child left, dead or alive, no descriptor and no shared memory that was not there before.
///
/// The body is a closure in the test's function: that is how the test's name is known.
pub(crate) fn alone<F: FnOnce() + Send + 'static>(body: F) {
    if is_alone() {
        return clean(body);
    }
    let name = type_name::<F>().trim_end_matches("::{{closure}}");
    let (_crate, name) = name.split_once("::").expect("a test in a module");
    let output = Command::new(env::current_exe().expect("this executable"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("it can be started once more");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} alone: {}\n{said}\n{}",
        output.status,
        complained
            .get(complained.len().saturating_sub(20_000)..)
            .unwrap_or(&complained)
    );
    for line in said.lines().filter(|line| line.starts_with("NOTE")) {
        println!("{line}");
    }
}

/// Whether this process is one that runs a single test.
pub(crate) fn is_alone() -> bool {
    env::var_os(ALONE).is_some()
}

fn clean(body: impl FnOnce() + Send + 'static) {
    let before = descriptors();
    within(body);
    eventually("no child is left", || children().is_empty());
    eventually("no descriptor is left", || descriptors() == before);
    eventually("no shared memory is left", || links_mapped() == 0);
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
            if let Ok(seconds) = env::var("CONCURRENT_FUTURES_TEST_LINGER") {
                thread::sleep(Duration::from_secs(seconds.parse().unwrap_or(0)));
            }
            std::process::exit(101);
        }
    }
}

/// Looks again and again, for what nobody tells of.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < SOON,
            "never: {what}; children {:?}, descriptors {:?}, links {}",
            children(),
            descriptors(),
            links_mapped()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// The children of this process and the letters of their states.
pub(crate) fn children() -> Vec<(u32, char)> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Some((state, parent)) = state_of(pid) else {
            continue;
        };
        if parent == own {
            found.push((pid, state));
        }
    }
    found
}

fn state_of(pid: u32) -> Option<(char, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut words = behind_name.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.to_owned()))
}

pub(crate) fn no_zombies(label: &str) {
    eventually(&format!("{label}: no zombies"), || {
        children().iter().all(|(_, state)| *state != 'Z')
    });
}

/// Waits until the process does not run any more because it was stopped.
pub(crate) fn wait_until_stopped(pid: u32) {
    eventually("it is stopped", || {
        state_of(pid).is_some_and(|(state, _)| state == 'T')
    });
}

/// What `/proc/self/fd` shows, by kind.
fn descriptors() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        // This look itself.
        .filter(|target| !target.ends_with("fd"))
        .collect();
    found.sort();
    found
}

fn links_mapped() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines()
        .filter(|line| line.contains("memfd:concurrent-futures"))
        .count()
}

/// A signal to a process.
#[allow(unsafe_code)]
pub(crate) fn signal(pid: u32, signal: i32) {
    let pid = libc::pid_t::try_from(pid).expect("a process id");
    assert!(pid > 1);
    // SAFETY: no memory is passed.
    unsafe { libc::kill(pid, signal) };
}

/// Who ran, in whatever process: a file to which each writes one line.
pub(crate) struct Log(PathBuf);

impl Log {
    pub(crate) fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = env::temp_dir().join(format!("process-faults-{}-{number}", std::process::id()));
        fs::write(&path, "").expect("a temporary file");
        Self(path)
    }

    pub(crate) fn path(&self) -> String {
        self.0.to_str().expect("a plain path").to_owned()
    }

    /// How often each number was written.
    pub(crate) fn counts(&self) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for line in fs::read_to_string(&self.0).expect("it is there").lines() {
            *counts.entry(line.parse().expect("a number")).or_default() += 1;
        }
        counts
    }

    /// Each of these numbers was written once, and no other.
    pub(crate) fn assert_once(&self, numbers: impl IntoIterator<Item = u64>, label: &str) {
        let expected: BTreeMap<u64, usize> = numbers.into_iter().map(|number| (number, 1)).collect();
        assert_eq!(self.counts(), expected, "{label}: how often each ran");
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Adds a line; at once, so that others who do the same do not come between.
pub(crate) fn write_down(path: impl AsRef<Path>, number: u64) {
    let mut file = fs::File::options()
        .append(true)
        .open(path)
        .expect("the log is there");
    file.write_all(format!("{number}\n").as_bytes())
        .expect("a line is written");
}

/// Everything that was handed over has ended in one of the three ways.
pub(crate) fn assert_books_are_closed(pool: &ProcessPool, label: &str) {
    let stats = pool.stats();
    assert_eq!(
        (stats.submitted, stats.queued, stats.running),
        (stats.succeeded + stats.failed + stats.cancelled, 0, 0),
        "{label}: {stats:?}"
    );
}

/// The pool does what it is for.
pub(crate) fn assert_works(pool: &ProcessPool, label: &str) {
    match pool.submit(|n: u64| n + 1, 41).result() {
        Ok(sum) => assert_eq!(sum, 42, "{label}"),
        Err(error) => panic!("{label}: the next task failed: {error}; {pool:?}"),
    }
}

/// The signal and the code of a worker's death.
pub(crate) fn death<R>(outcome: Result<R, TaskError>, label: &str) -> (Option<i32>, Option<i32>) {
    match outcome {
        Err(TaskError::WorkerDied(death)) => (death.signal(), death.code()),
        Err(other) => panic!("{label}: another error: {other:?}"),
        Ok(_) => panic!("{label}: a value"),
    }
}

/// Numbers that look like chance and are the same each time (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("it is below a usize")
    }
}
