use crate::{
    panic::{self, Caught, Site},
    sync::{Arc, Mutex},
};
use std::{any::Any, fmt};

/// A panic in a task: its message, and where known its place, backtrace and payload.
///
/// The place and the backtrace are noted by a panic hook that the first executor chains in front of the
/// program's own. A program that replaces the hook later loses them, never the message. A backtrace is there
/// if `RUST_BACKTRACE` (or `RUST_LIB_BACKTRACE`) asks for one.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{TaskError, ThreadPool};
///
/// let pool = ThreadPool::with_workers(1);
/// let Err(TaskError::Panicked(panic)) = pool.spawn(|| -> () { panic!("boom") }).result() else {
///     unreachable!()
/// };
/// assert_eq!(panic.message(), "boom");
/// assert!(panic.location().is_some());
/// ```
#[derive(Clone)]
pub struct TaskPanic(Arc<Inner>);

struct Inner {
    message: String,
    location: Option<String>,
    backtrace: Option<String>,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl TaskPanic {
    pub(crate) fn new(caught: Caught) -> Self {
        Self::with_message(panic::message(&*caught.payload).to_owned(), caught)
    }

    /// A panic outside a task's own work, in `what` ("the initializer of a worker").
    pub(crate) fn in_(what: &str, caught: Caught) -> Self {
        Self::with_message(
            format!("{what} panicked: {}", panic::message(&*caught.payload)),
            caught,
        )
    }

    /// What stands in the place of a panic where nothing unwound.
    pub(crate) fn described(message: String) -> Self {
        let payload = Box::new(message.clone());
        Self::with_message(message, Caught { payload, site: None })
    }

    /// A panic that was raised in another process.
    pub(crate) fn from_elsewhere(
        message: String,
        location: Option<String>,
        backtrace: Option<String>,
    ) -> Self {
        Self(Arc::new(Inner {
            message,
            location,
            backtrace,
            payload: Mutex::new(None),
        }))
    }

    /// The panic as it was caught, for who raises it once more. As [`take_payload`](Self::take_payload), it is there once.
    pub(crate) fn into_caught(self) -> Option<Caught> {
        let site = self.0.location.clone().map(|location| Site {
            location,
            backtrace: self.0.backtrace.clone(),
        });
        self.take_payload().map(|payload| Caught { payload, site })
    }

    fn with_message(message: String, caught: Caught) -> Self {
        let (location, backtrace) = match caught.site {
            Some(site) => (Some(site.location), site.backtrace),
            None => (None, None),
        };
        Self(Arc::new(Inner {
            message,
            location,
            backtrace,
            payload: Mutex::new(Some(caught.payload)),
        }))
    }

    /// The panic's message; a fixed text if the payload is not text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// `file:line:column` of the panic, as long as the crate's panic hook is installed.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The backtrace, if the environment asks for backtraces.
    pub fn backtrace(&self) -> Option<&str> {
        self.0.backtrace.as_deref()
    }

    /// Takes the payload, for [`std::panic::resume_unwind`]. There is one for all clones, and none if the
    /// panic was raised in another process.
    pub fn take_payload(&self) -> Option<Box<dyn Any + Send>> {
        self.0.payload.lock().take()
    }
}

impl fmt::Display for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task panicked: {}", self.message())?;
        match self.location() {
            Some(location) => write!(f, " ({location})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPanic")
            .field("message", &self.message())
            .field("location", &self.location())
            .field("backtrace", &self.backtrace().map(|_| "captured"))
            .finish_non_exhaustive()
    }
}
