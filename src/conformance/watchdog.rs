//! No test may hang, and none may leave an executor whose books do not add up.

use crate::{Executor, Shutdown, backend::Ledger};
use std::{
    any::Any,
    cell::RefCell,
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

/// Far more than any test needs on a slow and busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// And for debug output.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);

trait Watched: Send {
    fn describe(&self) -> String;
    fn end(self: Box<Self>);
    fn give_up(&self);
}

struct Whole<E>(E);

impl<E: Executor + Debug> Watched for Whole<E> {
    fn describe(&self) -> String {
        format!("{:?}\n{}", self.0, self.0.dump())
    }

    /// After the test: whatever it left is ended, and then every task is accounted for.
    fn end(self: Box<Self>) {
        self.0.shutdown(Shutdown::Kill);
        assert_books_are_closed(&self.0);
    }

    fn give_up(&self) {
        self.0.begin_shutdown(Shutdown::Kill);
    }
}

struct Books(Ledger);

impl Watched for Books {
    fn describe(&self) -> String {
        format!("{:?}", self.0)
    }

    fn end(self: Box<Self>) {}

    fn give_up(&self) {}
}

type Registry = Arc<Mutex<Vec<Box<dyn Watched>>>>;

thread_local! {
    static REGISTRY: RefCell<Option<Registry>> = const { RefCell::new(None) };
}

fn register(watched: Box<dyn Watched>) {
    REGISTRY.with_borrow(|registry| {
        if let Some(registry) = registry {
            registry.lock().unwrap().push(watched);
        }
    });
}

/// Shows the executor if the test hangs, and ends it after the test. Keeps a handle, so the last one is not
/// dropped before the end of the test.
pub fn watched<E: Executor + Debug>(executor: E) -> E {
    register(Box::new(Whole(executor.clone())));
    executor
}

/// Shows the counters of the executor if the test hangs; for tests that drop the last handle themselves.
pub fn loosely_watched<E: Executor>(executor: E) -> E {
    register(Box::new(Books(executor.ledger().clone())));
    executor
}

/// All that was submitted has ended in one of the three ways.
pub fn assert_books_are_closed<E: Executor>(executor: &E) {
    let stats = executor.stats();
    assert_eq!(
        stats.submitted,
        stats.succeeded + stats.failed + stats.cancelled,
        "{stats:?}"
    );
    assert_eq!((stats.queued, stats.running), (0, 0), "{stats:?}");
}

/// How a body did not come to its end.
pub(super) enum Trouble {
    Panics(Box<dyn Any + Send>),
    /// Shows the executors that it used.
    Hangs(String),
}

/// Runs a body on a thread of its own. One that hangs is left behind.
pub(super) fn watch<R: Send + 'static>(
    name: String,
    limit: Duration,
    body: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Trouble> {
    let registry = Registry::default();
    let inner = registry.clone();
    let (ended, outcome) = mpsc::channel();
    let body = thread::Builder::new().name(name).spawn(move || {
        REGISTRY.set(Some(inner.clone()));
        let outcome: Result<R, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(|| {
            let value = body();
            while let Some(last) = { inner.lock().unwrap().pop() } {
                last.end();
            }
            value
        }));
        let _ = ended.send(outcome);
    });
    let body = body.expect("a thread for the test");
    match outcome.recv_timeout(limit) {
        Ok(Ok(value)) => {
            body.join().expect("panics of the test are caught");
            Ok(value)
        }
        Ok(Err(panic)) => {
            give_up(&registry);
            Err(Trouble::Panics(panic))
        }
        Err(_) => Err(Trouble::Hangs(give_up(&registry))),
    }
}

/// Shows what executors a test has left, and has them end, so that what they run disturbs the next tests less.
fn give_up(registry: &Registry) -> String {
    let Ok(mut watched) = registry.try_lock() else {
        return "<being ended>".into();
    };
    let watched = std::mem::take(&mut *watched);
    let (show, shown) = mpsc::channel();
    // On a thread of its own, because an executor that does not work may neither show itself nor end.
    thread::spawn(move || {
        let all: Vec<_> = watched.iter().map(|one| one.describe()).collect();
        let _ = show.send(all.join("\n"));
        watched.iter().for_each(|one| one.give_up());
    });
    shown
        .recv_timeout(SHOWN_WITHIN)
        .unwrap_or("<cannot be shown>".into())
}

/// Runs the body of a test on a thread of its own, and fails if it hangs.
pub fn within<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let name = thread::current().name().unwrap_or("test").to_owned();
    match watch(name, LIMIT, body) {
        Ok(value) => value,
        Err(Trouble::Panics(panic)) => resume_unwind(panic),
        Err(Trouble::Hangs(executors)) => panic!("hangs for {LIMIT:?}; executors:\n{executors}"),
    }
}
