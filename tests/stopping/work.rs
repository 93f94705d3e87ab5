//! Work that leaves a trace: marks in a folder, because it may run in another process.

use concurrent_futures::{CancelToken, cancel_requested};
use futures::{
    channel::oneshot,
    executor::block_on,
    future::{Either, select},
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    future::poll_fn,
    panic::resume_unwind,
    path::PathBuf,
    pin::pin,
    task::Poll,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Far longer than any effect takes on a slow and busy machine.
const LIMIT: Duration = Duration::from_secs(10);

/// What a task is like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Act {
    /// Stops when it sees that it is asked to; a future does so without an await. It returns when it is let go, so that who
    /// stops it is done by then.
    Looks,
    /// Goes on until it is let go, whatever it is asked; a future then comes to its first await.
    Ignores,
    /// A future that waits until it is let go, and looks then whether it is asked.
    Suspended,
    /// Waits until it is asked to stop, or let go. It returns when it is let go.
    Awaits,
    /// Goes on until it is let go, without an await, and returns.
    Blocks,
    /// Returns at once.
    Quick,
    /// Fails when it is let go.
    Fails,
}

/// The argument of the work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    folder: PathBuf,
    act: Act,
}

const STARTED: &str = "started";
/// Saw that it is asked to stop, and stops.
const OBEYED: &str = "obeyed";
/// Saw that it is asked to stop, and goes on.
const SAW: &str = "saw";
const ENDED: &str = "ended";
/// Is about to be suspended, on this thread.
const WAITS: &str = "waits";
/// Its future is gone before its end.
const DROPPED: &str = "dropped";
/// From the test: it may go on to its end.
const GO: &str = "go";

pub(crate) fn call(job: Job) -> u64 {
    job.start();
    match job.act {
        Act::Awaits => block_on(job.asked()),
        _ => job.work(),
    }
    job.mark(ENDED);
    7
}

pub(crate) async fn future(job: Job) -> u64 {
    let mut unfinished = Unfinished(job, false);
    let job = &unfinished.0;
    job.start();
    match job.act {
        Act::Suspended => {
            job.let_go().await;
            if cancel_requested() {
                job.mark(OBEYED);
            }
        }
        Act::Awaits => job.asked().await,
        Act::Ignores => {
            job.work();
            yield_once().await;
        }
        _ => job.work(),
    }
    unfinished.0.mark(ENDED);
    unfinished.1 = true;
    7
}

/// Marks a future that is dropped before its end.
struct Unfinished(Job, bool);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.1 {
            self.0.mark(DROPPED);
        }
    }
}

impl Job {
    fn mark(&self, name: &str) {
        mark(&self.folder, name);
    }

    fn start(&self) {
        self.mark(STARTED);
    }

    /// Also at the end of a test that failed, when its folder is gone.
    fn may_go(&self) -> bool {
        self.folder.join(GO).exists() || !self.folder.exists()
    }

    /// What takes long, without an await.
    fn work(&self) {
        if self.act == Act::Quick {
            return;
        }
        let mark = if self.act == Act::Looks { OBEYED } else { SAW };
        let mut saw = false;
        loop {
            // In this order: who lets it go has asked it before, if at all.
            let may_go = self.may_go();
            if !saw && cancel_requested() {
                saw = true;
                self.mark(mark);
            }
            if may_go {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        if self.act == Act::Fails {
            // As a panic, without its message on stderr.
            resume_unwind(Box::new("it was told to fail"));
        }
    }

    /// Waits for the request and for being let go.
    async fn asked(&self) {
        let token = CancelToken::current();
        let let_go = pin!(self.let_go());
        if let Either::Left(((), let_go)) = select(token.requested(), let_go).await {
            self.mark(OBEYED);
            let_go.await;
        }
    }

    /// Returns when it is let go. Nothing wakes it before.
    async fn let_go(&self) {
        let (tell, told) = oneshot::channel();
        let job = self.clone();
        thread::spawn(move || {
            while !job.may_go() {
                thread::sleep(Duration::from_millis(1));
            }
            let _ = tell.send(());
        });
        self.note_thread();
        let _ = told.await;
    }

    /// The last that a future does before it is suspended.
    fn note_thread(&self) {
        #[cfg(target_os = "linux")]
        let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
        #[cfg(not(target_os = "linux"))]
        let thread = String::new();
        write(&self.folder, WAITS, thread);
    }
}

/// The content is there as soon as the name is.
fn mark(folder: &std::path::Path, name: &str) {
    write(folder, name, std::process::id().to_string());
}

fn write(folder: &std::path::Path, name: &str, content: String) {
    let unnamed = folder.join(format!("{name}.new"));
    if fs::write(&unnamed, content).is_ok() {
        let _ = fs::rename(unnamed, folder.join(name));
    }
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The test's end: where one task leaves its trace.
pub(crate) struct Trace(TempDir);

impl Trace {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    pub(crate) fn job(&self, act: Act) -> Job {
        let folder = self.0.path().to_path_buf();
        Job { folder, act }
    }

    fn has(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }

    pub(crate) fn let_go(&self) {
        mark(self.0.path(), GO);
    }

    pub(crate) fn has_started(&self) -> bool {
        self.has(STARTED)
    }

    pub(crate) fn has_obeyed(&self) -> bool {
        self.has(OBEYED)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has(ENDED)
    }

    pub(crate) fn was_dropped(&self) -> bool {
        self.has(DROPPED)
    }

    /// The thread that polled the future, and now has nothing else to do, sleeps.
    pub(crate) fn wait_until_its_thread_sleeps(&self) {
        assert!(within_limit(|| self.has(WAITS)), "it does not get there");
        let thread = fs::read_to_string(self.0.path().join(WAITS)).expect("it was noted");
        let stat = format!("/proc/self/task/{thread}/stat");
        if cfg!(target_os = "linux") {
            let sleeps = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
            assert!(within_limit(sleeps), "it does not sleep");
        } else {
            // As good as it gets where a thread cannot be asked.
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where it runs or ran.
    pub(crate) fn process(&self) -> Option<u32> {
        let process = fs::read_to_string(self.0.path().join(STARTED)).ok()?;
        process.parse().ok()
    }

    /// Whether the process in which it ran is gone.
    pub(crate) fn is_killed(&self) -> bool {
        self.process()
            .filter(|process| *process != std::process::id())
            .is_some_and(|process| !is_alive(process))
    }

    /// Whether nothing will come any more.
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended() || self.was_dropped() || self.is_killed()
    }

    pub(crate) fn wait_until_started(&self) {
        assert!(within_limit(|| self.has_started()), "it never starts");
    }

    /// Waits until something of what the task was told shows. That it does not is seen by who looks afterwards.
    pub(crate) fn wait_for_effect(&self) {
        within_limit(|| self.has(SAW) || self.has_obeyed() || self.is_over());
    }

    /// As [`wait_for_effect`](Self::wait_for_effect), for the end.
    pub(crate) fn wait_for_end(&self) {
        within_limit(|| self.is_over());
    }
}

/// Waits until it is so; false if that does not come.
pub(crate) fn within_limit(mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > LIMIT {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let process = i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process).is_ok())
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    true
}
