use crate::{error::TaskError, future::TaskFuture};

/// What comes as an item of a [`Progress`](super::Progress): an outcome, a future that is done, or a pair with one.
pub trait Ended {
    #[doc(hidden)]
    fn end(&self) -> End;
}

/// How an item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Well,
    Failed,
    /// Nobody wanted it any more: no success, and no failure.
    Cancelled,
    /// It is no item, but says that there will be no more.
    Early,
}

impl<R> Ended for Result<R, TaskError> {
    #[inline]
    fn end(&self) -> End {
        match self {
            Ok(_) => End::Well,
            Err(TaskError::WaitTimedOut) => End::Early,
            Err(error) if error.is_cancellation() => End::Cancelled,
            Err(_) => End::Failed,
        }
    }
}

impl<R: Send + 'static> Ended for TaskFuture<R> {
    fn end(&self) -> End {
        if self.is_cancelled() {
            End::Cancelled
        } else if self.handle().succeeded() {
            End::Well
        } else {
            End::Failed
        }
    }
}

impl<K, R: Send + 'static> Ended for (K, TaskFuture<R>) {
    fn end(&self) -> End {
        self.1.end()
    }
}
