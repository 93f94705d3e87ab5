//! No test may hang, and none may leave an executor whose books do not add up.

use concurrent_futures::{Executor, Shutdown, backend::Ledger};
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
const LIMIT: Duration = Duration::from_secs(60);

trait Watched: Send {
    fn describe(&self) -> String;
    fn end(self: Box<Self>);
}

struct Whole<E>(E);

impl<E: Executor + Debug> Watched for Whole<E> {
    fn describe(&self) -> String {
        format!("{:?}", self.0)
    }

    /// After the test: whatever it left is ended, and then every task is accounted for.
    fn end(self: Box<Self>) {
        self.0.shutdown(Shutdown::Kill);
        assert_books_are_closed(&self.0);
    }
}

struct Books(Ledger);

impl Watched for Books {
    fn describe(&self) -> String {
        format!("{:?}", self.0)
    }

    fn end(self: Box<Self>) {}
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
pub(crate) fn watched<E: Executor + Debug>(executor: E) -> E {
    register(Box::new(Whole(executor.clone())));
    executor
}

/// Shows the counters of the executor if the test hangs; for tests that drop the last handle themselves.
pub(crate) fn loosely_watched<E: Executor>(executor: E) -> E {
    register(Box::new(Books(executor.ledger().clone())));
    executor
}

/// All that was submitted has ended in one of the three ways.
pub(crate) fn assert_books_are_closed<E: Executor>(executor: &E) {
    let stats = executor.stats();
    assert_eq!(
        stats.submitted,
        stats.succeeded + stats.failed + stats.cancelled,
        "{stats:?}"
    );
    assert_eq!((stats.queued, stats.running), (0, 0), "{stats:?}");
}

/// Runs the body of a test on a thread of its own, and fails if it hangs.
pub(crate) fn within<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let registry = Registry::default();
    let inner = registry.clone();
    let (ended, outcome) = mpsc::channel();
    let name = thread::current().name().unwrap_or("test").to_owned();
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
    if let Ok(outcome) = outcome.recv_timeout(LIMIT) {
        body.join().expect("panics of the test are caught");
        return outcome.unwrap_or_else(|panic| resume_unwind(panic));
    }
    let executors = registry.try_lock().map_or_else(
        |_| "<being ended>".into(),
        |watched| {
            watched
                .iter()
                .map(|one| one.describe())
                .collect::<Vec<_>>()
                .join("\n")
        },
    );
    panic!("hangs for {LIMIT:?}; executors:\n{executors}");
}
