//! A process for each test, and what has to be true of it at the end.

use concurrent_futures::{Cluster, ClusterBuilder, Executor, Watchdog};
use std::{
    any::type_name,
    collections::BTreeMap,
    env, fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    process::Command,
    sync::{Condvar, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

/// Far more than any test needs on a slow and busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// What is looked for again and again comes within this time, or never.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// They print how things stand before the test is given up.
static WATCHDOGS: Mutex<Vec<Watchdog>> = Mutex::new(Vec::new());

const ALONE: &str = "CONCURRENT_FUTURES_TEST_ALONE";

/// Each test has a server, workers and their processes: more tests at once are slower, not faster.
static PLACES: (Mutex<usize>, Condvar) = (Mutex::new(2), Condvar::new());

struct Seat;

impl Seat {
    fn take() -> Self {
        let mut free = PLACES.0.lock().unwrap();
        while *free == 0 {
            free = PLACES.1.wait(free).unwrap();
        }
        *free -= 1;
        Self
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        *PLACES.0.lock().unwrap() += 1;
        PLACES.1.notify_one();
    }
}

/// Runs the body of the test that calls this in a process of its own, under a watchdog. At its end there must be no child left,
/// dead or alive, no thread of the cluster and no descriptor that was not there before.
///
/// The body is a closure in the test's function: that is how the test's name is known.
pub(crate) fn alone<F: FnOnce() + Send + 'static>(body: F) {
    alone_for(LIMIT, body);
}

/// The same for a test that may take so long.
pub(crate) fn alone_for<F: FnOnce() + Send + 'static>(limit: Duration, body: F) {
    if env::var_os(ALONE).is_some() {
        return clean(limit, body);
    }
    let _seat = Seat::take();
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
    for note in said
        .lines()
        .filter_map(|line| line.find("NOTE").map(|at| &line[at..]))
    {
        println!("{note}");
    }
}

fn clean(limit: Duration, body: impl FnOnce() + Send + 'static) {
    let before = descriptors();
    within(limit, body);
    WATCHDOGS.lock().unwrap().clear();
    eventually("no child is left", || children().is_empty());
    eventually("no thread of the cluster is left", || {
        threads().iter().all(|name| !name.starts_with("cluster"))
    });
    eventually("no descriptor is left", || descriptors() == before);
}

fn within(limit: Duration, body: impl FnOnce() + Send + 'static) {
    let (ended, outcome) = mpsc::channel();
    thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(body));
        let _ = ended.send(outcome);
    });
    match outcome.recv_timeout(limit) {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => {
            let children = children();
            // How things stand has been said by the watchdogs.
            eprintln!("hangs for {limit:?}; children: {children:?}");
            // Servers do not end with who has started them.
            children.iter().for_each(|pid| signal(*pid, libc::SIGKILL));
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
            "never: {what}; children {:?}, threads {:?}, descriptors {:?}",
            children(),
            threads(),
            descriptors()
        );
        thread::sleep(Duration::from_millis(2));
    }
}

/// The children of a process, dead ones included.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| state_of(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}

fn children() -> Vec<u32> {
    children_of(std::process::id())
}

/// The letter of its state, and its parent.
fn state_of(pid: u32) -> Option<(char, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut words = behind_name.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.to_owned()))
}

pub(crate) fn is_stopped(pid: u32) -> bool {
    state_of(pid).is_some_and(|(state, _)| state == 'T')
}

/// Neither running nor dead and unburied.
pub(crate) fn is_gone(pid: u32) -> bool {
    state_of(pid).is_none_or(|(state, _)| state == 'Z')
}

/// The names of all threads but the first, which has that of the program.
fn threads() -> Vec<String> {
    let first = std::process::id().to_string();
    let all = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    all.filter(|entry| entry.file_name().to_str() != Some(&first))
        .filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect()
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

/// A signal to a process.
#[allow(unsafe_code)]
pub(crate) fn signal(pid: u32, signal: i32) {
    let pid = libc::pid_t::try_from(pid).expect("a process id");
    assert!(pid > 1);
    // SAFETY: no memory is passed.
    unsafe { libc::kill(pid, signal) };
}

/// Who ran, on whatever worker: a file to which each adds a line.
pub(crate) struct Log(PathBuf);

impl Log {
    pub(crate) fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = env::temp_dir().join(format!("cluster-test-{}-{number}", std::process::id()));
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

    /// Waits until so many different numbers are there.
    pub(crate) fn wait_for(&self, numbers: usize) {
        eventually("so many have run", || self.counts().len() >= numbers);
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

/// Waits, in a task, for a file that the test makes when the task may go on.
pub(crate) fn wait_for_file(path: &str) {
    while !Path::new(path).exists() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// What tells tasks to go on: a file that is not there yet.
pub(crate) struct Gate(PathBuf);

impl Gate {
    pub(crate) fn new() -> Self {
        let log = Log::new();
        Self(log.0.with_extension("gate"))
    }

    pub(crate) fn path(&self) -> String {
        self.0.to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn open(&self) {
        fs::write(&self.0, "").expect("a temporary file");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A cluster whose own workers are there.
pub(crate) fn ready(builder: ClusterBuilder, slots: usize) -> Cluster {
    let cluster = builder.build().expect("a cluster");
    assert!(cluster.wait_for_slots(slots, SOON), "{cluster:?}");
    WATCHDOGS.lock().unwrap().push(cluster.watchdog(LIMIT / 2));
    cluster
}

/// Everything that was handed over has ended in one of the three ways.
pub(crate) fn assert_books_are_closed(cluster: &Cluster, label: &str) {
    let stats = cluster.stats();
    assert_eq!(
        (stats.submitted, stats.queued, stats.running),
        (stats.succeeded + stats.failed + stats.cancelled, 0, 0),
        "{label}: {stats:?}"
    );
}

/// The cluster does what it is for.
pub(crate) fn assert_works(cluster: &Cluster, label: &str) {
    match cluster.submit(|n: u64| n + 1, 41).result() {
        Ok(sum) => assert_eq!(sum, 42, "{label}"),
        Err(error) => panic!("{label}: the next task failed: {error}; {cluster:?}"),
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
