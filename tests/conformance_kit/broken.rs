//! A backend on plain threads that is sound, and has one flaw where it is given one.

use concurrent_futures::{
    Executor, Shutdown,
    backend::{Closed, Latch, Ledger, Task},
    conformance::{Report, Subject, Suite},
};
use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// What a backend does wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Flaw {
    Nothing,
    /// It drops every third task.
    Forgets,
    RunsNothing,
    /// It goes on as if nobody had asked it to shut down.
    IsDeaf,
    TakesTheNewest,
    /// It has one thread, and says that it has as many as were asked for.
    Boasts,
}

/// That of all backends made now. One subject for all, because the suite is compiled for each.
static FLAW: Mutex<Flaw> = Mutex::new(Flaw::Nothing);

/// What a suite says of a backend with this flaw.
pub(crate) fn report_on(flaw: Flaw, suite: &Suite) -> Report {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    *FLAW.lock().unwrap() = flaw;
    suite.report::<Broken>()
}

struct Broken;

impl Subject for Broken {
    type Executor = Pool;

    fn make(workers: usize) -> Pool {
        Pool::with_workers(workers)
    }
}

/// A handle. Those of the threads do not count: they have no second part.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Shared>, Option<Arc<()>>);

struct Shared {
    flaw: Flaw,
    line: Mutex<Line>,
    news: Condvar,
    ledger: Ledger,
    latch: Latch,
    workers: usize,
    staying: AtomicUsize,
    accepted: AtomicUsize,
}

#[derive(Default)]
struct Line {
    tasks: VecDeque<Task>,
    /// The strictest way in which it was shut down.
    end: Option<Shutdown>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.flaw, self.ledger)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.1.take().and_then(Arc::into_inner).is_some() {
            self.end(Shutdown::Finish);
        }
    }
}

impl Pool {
    fn with_workers(workers: usize) -> Self {
        assert!(workers > 0, "a pool needs a worker");
        let flaw = *FLAW.lock().unwrap();
        let threads = if flaw == Flaw::Boasts { 1 } else { workers };
        let shared = Arc::new(Shared {
            flaw,
            line: Mutex::default(),
            news: Condvar::new(),
            ledger: Ledger::new(),
            latch: Latch::new(),
            workers,
            staying: AtomicUsize::new(threads),
            accepted: AtomicUsize::new(0),
        });
        for _ in 0..threads {
            let pool = Self(shared.clone(), None);
            thread::spawn(move || pool.work());
        }
        Self(shared, Some(Arc::default()))
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            if let Some(rest) = task.run(&self.0.ledger) {
                self.queue(rest);
            }
        }
        if self.0.staying.fetch_sub(1, SeqCst) == 1 {
            self.0.latch.open();
        }
    }

    fn next(&self) -> Option<Task> {
        let line = self.0.line.lock().unwrap();
        let waits = |line: &mut Line| {
            line.end.is_none() && (line.tasks.is_empty() || self.0.flaw == Flaw::RunsNothing)
        };
        let mut line = self.0.news.wait_while(line, waits).unwrap();
        if self.0.flaw == Flaw::TakesTheNewest {
            line.tasks.pop_back()
        } else {
            line.tasks.pop_front()
        }
    }

    fn queue(&self, task: Task) {
        let mut line = self.0.line.lock().unwrap();
        if line.end.is_some_and(|how| how != Shutdown::Finish) {
            drop(line);
            task.cancel_queued();
            return;
        }
        line.tasks.push_back(task);
        drop(line);
        self.0.news.notify_one();
    }

    fn end(&self, how: Shutdown) {
        self.0.ledger.refuse_from_now_on();
        let mut line = self.0.line.lock().unwrap();
        let mut queued = VecDeque::new();
        if how == Shutdown::Finish {
            line.end.get_or_insert(how);
        } else {
            line.end = Some(how);
            queued = std::mem::take(&mut line.tasks);
        }
        drop(line);
        if how != Shutdown::Finish {
            self.0.ledger.request_stop();
        }
        queued.into_iter().for_each(|task| drop(task.cancel_queued()));
        self.0.news.notify_all();
    }
}

impl Executor for Pool {
    fn execute(&self, task: Task) {
        let number = self.0.accepted.fetch_add(1, SeqCst) + 1;
        let is_refused = self.0.line.lock().unwrap().end.is_some() && !self.is_inside();
        let is_forgotten = self.0.flaw == Flaw::Forgets && number.is_multiple_of(3);
        if !is_refused && !is_forgotten {
            self.queue(task);
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    fn workers(&self) -> usize {
        self.0.workers
    }

    fn begin_shutdown(&self, how: Shutdown) {
        if self.0.flaw == Flaw::IsDeaf {
            self.0.latch.open();
        } else {
            self.end(how);
        }
    }

    fn closed(&self) -> Closed {
        self.0.latch.closed()
    }
}
