//! Executors that run everything on the calling thread: for debugging, and to answer "would this run in another
//! process?" in a unit test.

use crate::{
    executor::{Closed, Executor, Latch, Readmit, Shutdown, verbs::in_process_verbs},
    future::core::AnyCell,
    ledger::{AtRest, Ledger},
    lifecycle::Suspended,
    sync::Arc,
    task::{Home, Task},
    timeline,
};
use std::sync::{
    Weak,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

/// Runs every task on the thread that submits it, before `submit` returns.
///
/// Nothing happens at the same time, so a program that misbehaves on threads can be stepped through. A `map`
/// runs each item when it is asked for. A deadline cannot stop the calling thread: the future resolves at the
/// deadline, the call returns when the work does.
///
/// # Examples
///
/// ```
/// use concurrent_futures::Inline;
///
/// let here = std::thread::current().id();
/// let there = Inline::new().spawn(|| std::thread::current().id()).result().unwrap();
/// assert_eq!(here, there);
/// ```
#[derive(Debug, Clone)]
pub struct Inline(Arc<Handle>);

/// The last one begins the end: what was submitted may keep `Here` for longer, for instance a future whose value nobody
/// has taken.
#[derive(Debug)]
struct Handle(Arc<Here>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.begin_shutdown(Shutdown::Finish);
    }
}

#[derive(Debug)]
struct Here {
    ledger: Ledger,
    /// Tasks that are running, on any thread.
    running: AtomicUsize,
    /// Futures that threads wait for, each where it was submitted.
    suspended: Suspended,
    is_killed: AtomicBool,
    latch: Latch,
    me: Weak<Self>,
}

impl Inline {
    /// An executor without workers.
    pub fn new() -> Self {
        Self::on("Inline", Ledger::new())
    }

    fn on(name: &str, ledger: Ledger) -> Self {
        ledger.is_of(name.to_owned());
        timeline::executor_opened(&ledger);
        Self(Arc::new(Handle(Arc::new_cyclic(|here: &Weak<Here>| {
            ledger.tell_at_rest(here.clone());
            Here {
                ledger,
                running: AtomicUsize::new(0),
                suspended: Suspended::default(),
                is_killed: AtomicBool::new(false),
                latch: Latch::new(),
                me: here.clone(),
            }
        }))))
    }

    fn here(&self) -> &Arc<Here> {
        &self.0.0
    }
}

impl Default for Inline {
    fn default() -> Self {
        Self::new()
    }
}

impl Here {
    fn run(&self, task: Task) {
        self.running.fetch_add(1, SeqCst);
        let home = self.me.upgrade().map(|here| here as Arc<dyn Home>);
        let mut next = Some(task);
        while let Some(task) = next {
            next = task.run_for(&self.ledger, home.as_ref());
        }
        self.running.fetch_sub(1, SeqCst);
        self.close_if_at_rest();
    }

    fn begin_shutdown(&self, how: Shutdown) {
        if how != Shutdown::Finish {
            self.ledger.raise_stop();
        }
        if how == Shutdown::Kill {
            self.is_killed.store(true, SeqCst);
            self.suspended.kill_all();
        }
        if how != Shutdown::Finish {
            self.ledger.tell_of_stop();
        }
        self.ledger.refuse_from_now_on();
        self.close_if_at_rest();
    }

    fn close_if_at_rest(&self) {
        // Either the last task sees the refusal, or who refuses sees that no task runs: both are `SeqCst`.
        if self.ledger.refuses() && self.running.load(SeqCst) == 0 && !self.ledger.is_held() {
            self.latch.open();
        }
    }
}

impl Home for Here {
    /// The thread that waits for it takes it.
    fn requeue(&self, task: Task) {
        self.run(task);
    }

    fn suspended(&self, task: Weak<dyn AnyCell>) -> u32 {
        let cell = task.upgrade();
        let key = self.suspended.add(task);
        // Either the end is seen here, or this task is seen by who kills.
        if self.is_killed.load(SeqCst)
            && let Some(cell) = cell
        {
            cell.kill();
        }
        key
    }

    fn ended(&self, key: u32) {
        self.suspended.remove(key);
    }
}

impl AtRest for Here {
    fn came_to_rest(&self) {
        self.close_if_at_rest();
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.latch.open();
    }
}

impl Executor for Inline {
    fn execute(&self, task: Task) {
        let here = self.here();
        here.running.fetch_add(1, SeqCst);
        if here.ledger.refuses() && !self.is_inside() {
            drop(task);
        } else {
            here.run(task);
        }
        here.running.fetch_sub(1, SeqCst);
        here.close_if_at_rest();
    }

    fn ledger(&self) -> &Ledger {
        &self.here().ledger
    }

    fn workers(&self) -> usize {
        1
    }

    fn begin_shutdown(&self, how: Shutdown) {
        self.here().begin_shutdown(how);
    }

    fn closed(&self) -> Closed {
        self.here().latch.closed()
    }

    fn read_ahead(&self) -> usize {
        0
    }

    fn readmit(&self) -> Readmit {
        let here = self.here().clone();
        Arc::new(move |task| here.run(task))
    }
}

in_process_verbs!(Inline, "Inline::new()");

/// As [`Inline`], with every argument, result and context sent through the wire format and back.
///
/// What works here works in another process, as far as data goes: it has no methods of its own, so all work is
/// portable, and what does not survive the crossing shows.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Checked, Executor, TaskError};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Session {
///     user: String,
///     #[serde(skip)]
///     token: Option<String>,
/// }
///
/// let session = Session { user: "ada".into(), token: Some("secret".into()) };
/// let has_token = Checked::new().submit(|session: Session| session.token.is_some(), session);
/// assert_eq!(has_token.result().unwrap(), false); // `skip` would have lost it on the way
/// ```
#[derive(Debug, Clone)]
pub struct Checked(Inline);

impl Checked {
    /// An executor without workers that checks what crosses.
    pub fn new() -> Self {
        Self(Inline::on("Checked", Ledger::checked()))
    }
}

impl Default for Checked {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor for Checked {
    fn execute(&self, task: Task) {
        self.0.execute(task);
    }

    fn ledger(&self) -> &Ledger {
        self.0.ledger()
    }

    fn workers(&self) -> usize {
        1
    }

    fn begin_shutdown(&self, how: Shutdown) {
        self.0.begin_shutdown(how);
    }

    fn closed(&self) -> Closed {
        self.0.closed()
    }

    fn read_ahead(&self) -> usize {
        0
    }

    fn readmit(&self) -> Readmit {
        self.0.readmit()
    }
}
