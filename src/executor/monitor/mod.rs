//! A live view of executors in the terminal.

mod picture;
mod rate;
mod screen;
#[cfg(test)]
mod tests;
mod units;
mod watched;
mod workers;

use super::Executor;
use crate::{
    ledger::Ledger,
    sync::{
        Arc,
        global::{
            Condvar, Mutex,
            atomic::{AtomicBool, Ordering::Relaxed},
        },
    },
    sys::{
        resident::resident_bytes_of,
        terminal::{self, SignalKey},
    },
};
use picture::Picture;
use screen::{Screen, Wish};
use std::{
    fmt, process,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use watched::Watched;

/// A frame shows what was there at most so long ago.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Who drops the monitor does not wait for longer than this.
const BETWEEN_KEYS: Duration = Duration::from_millis(40);

/// A live view in the terminal of what executors are doing, until it is dropped. Made by
/// [`Executor::monitor`].
///
/// It shows the workers, what each is in and for how long, what it waits for; how much is queued, runs, is suspended; how many tasks
/// per second come in, end and fail, with curves of the last minute; the memory of the program and of its worker processes
/// (on Linux); restarted workers, and tasks that wait for each other in a circle. All of it is what [`dump`](Executor::dump)
/// says: nobody is stopped or waited for. It costs one thread, which looks four times a second, and keeps no handle on an executor.
///
/// # The terminal
///
/// The view takes stderr, so that stdout can be piped on, and the alternate screen of the terminal: what was there before is there
/// again at the end. **Where stderr is no terminal, nothing is drawn**, and [`text`](Self::text) still works. The same goes for a
/// second monitor while there is one that draws ([`also`](Self::also) puts two executors into one), and for a program in the
/// background, until it comes to the foreground.
///
/// - **q** or **Esc** closes the view, and nothing else. Other keys typed meanwhile are lost.
/// - **Ctrl-C**, Ctrl-\ and Ctrl-Z do what they always do, after the terminal was put right. A program that handles the first and goes on
///   does so without the view; after Ctrl-Z and `fg` the view is back. (On Windows the first Ctrl-C closes the view, the second
///   is the program's.)
/// - What the program **prints** to the same terminal meanwhile is painted over within a second, and lost: send it to a file, and drop the
///   monitor before the last words. So is what panics of tasks say, which are their outcomes; what other panics say is there when the view is closed.
/// - A program that leaves without dropping the monitor (`exit`, a return from `main`) has the terminal put right as well, on Unix. One
///   that is killed by a signal from elsewhere leaves it as it is: the command `reset` helps.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{AsyncBridge, Executor, ThreadPool};
/// use std::sync::mpsc;
///
/// let pool = ThreadPool::with_workers(1);
/// # #[cfg(feature = "tokio")] {
/// let bridge = AsyncBridge::new();
/// let monitor = pool.monitor().also(&bridge);
///
/// let (release, gate) = mpsc::channel::<()>();
/// let (started, has_started) = mpsc::channel();
/// let stuck = pool.options().name("reads the gate").spawn(move || {
///     started.send(()).unwrap();
///     gate.recv().is_ok()
/// });
/// has_started.recv().unwrap();
/// assert!(monitor.text(80, 24).contains("reads the gate"));
/// # release.send(()).unwrap();
/// # assert!(stuck.result().unwrap());
/// # }
/// ```
#[must_use = "the view is closed when it is dropped"]
pub struct Monitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    began: Instant,
    executors: Mutex<Vec<Watched>>,
    /// The view is there for a user to see or to come back to.
    is_open: AtomicBool,
    is_over: Mutex<bool>,
    rang: Condvar,
}

impl Monitor {
    pub(super) fn of(ledger: Ledger) -> Self {
        let screen = Screen::claim();
        let shared = Arc::new(Shared {
            began: Instant::now(),
            executors: Mutex::new(vec![Watched::new(ledger, Duration::ZERO)]),
            is_open: AtomicBool::new(screen.is_some()),
            is_over: Mutex::new(false),
            rang: Condvar::new(),
        });
        let theirs = shared.clone();
        let thread = thread::Builder::new()
            .name("monitor".into())
            .spawn(move || theirs.show(screen))
            .unwrap_or_else(|error| panic!("no thread for the monitor could be started: {error}"));
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// Shows this executor as well, below those that are there.
    pub fn also(self, executor: &impl Executor) -> Self {
        let watched = Watched::new(executor.ledger().clone(), self.shared.began.elapsed());
        self.shared.executors.lock().push(watched);
        self
    }

    /// Whether there is a view: not where stderr is no terminal, and not any more when the user has closed it.
    pub fn is_open(&self) -> bool {
        self.shared.is_open.load(Relaxed)
    }

    /// What the view shows now, as lines of text without colours, in so many columns and rows. Works without a terminal, and
    /// when the view was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, Inline};
    ///
    /// let executor = Inline::new();
    /// let monitor = executor.monitor();
    /// assert_eq!(executor.submit(|n: u32| n + 1, 1).result().unwrap(), 2);
    /// assert!(monitor.text(80, 10).contains("succeeded 1"));
    /// ```
    pub fn text(&self, columns: u16, rows: u16) -> String {
        self.shared.look(false, |picture| picture.text(columns, rows))
    }
}

impl Shared {
    /// Looks at all executors, and shows that to `show`.
    fn look<R>(&self, has_keys: bool, show: impl FnOnce(&Picture<'_>) -> R) -> R {
        let mut executors = self.executors.lock();
        let up = self.began.elapsed();
        executors.iter_mut().for_each(|executor| executor.look(up));
        show(&Picture {
            up,
            memory: resident_bytes_of(process::id()),
            executors: executors.iter().map(|executor| &executor.seen).collect(),
            has_keys,
        })
    }

    /// The monitor's thread.
    fn show(&self, mut screen: Option<Screen>) {
        loop {
            let next = Instant::now() + BETWEEN_LOOKS;
            let drawn = self.look(true, |picture| {
                screen.as_ref().map_or(Ok(()), |screen| screen.draw(picture))
            });
            if drawn.is_err() {
                // The terminal is gone.
                screen = None;
            }
            if let Some(wish) = screen.as_ref().and_then(|screen| self.wish_until(screen, next)) {
                match wish {
                    Wish::Signal(SignalKey::Suspend) => {
                        screen.iter().for_each(Screen::leave);
                        terminal::pass_on(SignalKey::Suspend);
                    }
                    Wish::Signal(key) => {
                        screen = None;
                        terminal::pass_on(key);
                    }
                    Wish::Close => screen = None,
                }
            }
            self.is_open.store(screen.is_some(), Relaxed);
            if self.is_over_at(next) {
                return;
            }
        }
    }

    /// What the user wishes until then, if the monitor is not dropped before.
    fn wish_until(&self, screen: &Screen, until: Instant) -> Option<Wish> {
        while !*self.is_over.lock() {
            let left = until.checked_duration_since(Instant::now())?;
            // Without keys one can still look.
            if let Some(wish) = screen.wish_within(left.min(BETWEEN_KEYS)).ok()? {
                return Some(wish);
            }
        }
        None
    }

    fn is_over_at(&self, until: Instant) -> bool {
        let mut is_over = self.is_over.lock();
        while !*is_over && !self.rang.wait_until(&mut is_over, until).timed_out() {}
        *is_over
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        *self.shared.is_over.lock() = true;
        self.shared.rang.notify_all();
        if let Some(thread) = self.thread.take() {
            // If it panicked, it has put the terminal right, and has said why.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monitor(..)")
    }
}
