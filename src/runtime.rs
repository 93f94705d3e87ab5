//! What the crate knows of the runtime that a thread is in: entering one for work that finds none, and blocking
//! without freezing it (feature `tokio`).

#[cfg(feature = "tokio")]
mod imp {
    use crate::panic;
    use std::{
        sync::{
            OnceLock,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        task::{Context, Poll, Waker},
    };
    use tokio::{
        runtime::{Builder, EnterGuard, Handle, Id, Runtime, RuntimeFlavor},
        task::{block_in_place, coop},
    };

    /// A runtime is entered for as long as this lives.
    pub(crate) type Entered<'a> = EnterGuard<'a>;

    /// One thread drives timers and sockets; the work itself is run by its executor.
    fn shared() -> Option<&'static Runtime> {
        static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
        RUNTIME
            .get_or_init(|| {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(1).thread_name("tokio").enable_all();
                builder.build().ok()
            })
            .as_ref()
    }

    /// Makes `tokio::time::sleep` and the like work on this thread until the guard is dropped. Nothing where a runtime is
    /// entered already, and where the system starts no thread for one: then the work panics with tokio's own words.
    pub(crate) fn enter() -> Option<Entered<'static>> {
        if Handle::try_current().is_ok() {
            return None;
        }
        shared().map(Runtime::enter)
    }

    /// Which runtime an executor's futures are polled by.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Driver {
        /// Tokio, with threads of its own: one that blocks is replaced.
        TokioThreads,
        /// Tokio on the thread that runs it.
        TokioThread(Id),
        /// One that this crate knows nothing of.
        Foreign,
    }

    impl Driver {
        pub(crate) fn of(handle: &Handle) -> Self {
            match handle.runtime_flavor() {
                RuntimeFlavor::CurrentThread => Self::TokioThread(handle.id()),
                _ => Self::TokioThreads,
            }
        }

        /// Whether this runtime stands still for as long as the calling thread blocks. The thread may be `polling` a
        /// future for an executor on it, and it may be `replaceable`: a worker whose place another thread takes.
        pub(crate) fn waits_for_this_thread(self, polling: bool, replaceable: bool) -> bool {
            match self {
                // Only a thread that polls blocks others, and `blocking` below hands its place to another.
                Self::TokioThreads => false,
                Self::TokioThread(id) => {
                    Handle::try_current().is_ok_and(|here| here.id() == id) && !may_block()
                }
                Self::Foreign => !replaceable && (polling || futures::executor::enter().is_err()),
            }
        }
    }

    /// Whether the calling thread is in a runtime, be it only that it may use its timers.
    pub(crate) fn is_entered() -> bool {
        Handle::try_current().is_ok() || futures::executor::enter().is_err()
    }

    /// Whether the calling thread is polling a future for a runtime, as far as that can be told.
    pub(crate) fn is_polling() -> bool {
        is_limited() || futures::executor::enter().is_err()
    }

    /// Whether a current-thread runtime lets the calling thread, which has entered it, block.
    fn may_block() -> bool {
        // Without a limit it may still be a future that asked for none: only tokio itself can tell, by a panic.
        !is_limited() && panic::catch_unreported(|_silence| block_in_place(|| ())).is_ok()
    }

    /// Whether tokio limits what this thread does in one go: it does so to futures that it polls, and lifts the limit
    /// in blocking sections.
    fn is_limited() -> bool {
        /// What tokio allows a future per poll is 128; no limit is "no end".
        const MORE_THAN_ANY_LIMIT: usize = 256;
        if Handle::try_current().is_err() {
            return false;
        }
        let mut context = Context::from_waker(Waker::noop());
        let mut taken = Vec::new();
        while taken.len() < MORE_THAN_ANY_LIMIT {
            match coop::poll_proceed(&mut context) {
                Poll::Ready(one) => taken.push(one),
                Poll::Pending => break,
            }
        }
        let limited = taken.len() < MORE_THAN_ANY_LIMIT;
        // Each gives back what was left before it: the first one last.
        while taken.pop().is_some() {}
        limited
    }

    /// Runs `wait`, which blocks; a multi-thread runtime whose worker this thread is goes on elsewhere.
    pub(crate) fn blocking<R>(wait: impl FnOnce() -> R) -> R {
        if !Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread) {
            return wait();
        }
        let _place = WaitingInAsync::enter();
        let mut wait = Some(wait);
        // Nothing happens where the thread may block anyhow. It refuses inside a `LocalSet`, whose thread nobody can
        // replace: there the wait blocks like any other call.
        let waited = panic::catch_unreported(|silence| {
            block_in_place(|| {
                drop(silence);
                wait.take().map(|wait| panic::catch(wait))
            })
        });
        match (waited, wait) {
            (Ok(Some(Ok(value))), _) => value,
            (Ok(Some(Err(caught))), _) => std::panic::resume_unwind(caught.payload),
            (_, Some(wait)) => wait(),
            (_, None) => unreachable!("a wait that was begun has come back"),
        }
    }

    /// One of the waits in async code. Each takes a thread of those that a runtime has for blocking sections; when these
    /// are used up, the next wait would be a deadlock that nobody sees.
    struct WaitingInAsync;

    impl WaitingInAsync {
        /// Fewer than the threads that tokio has for blocking sections unless told otherwise: 512.
        const MOST: usize = 500;

        fn enter() -> Option<Self> {
            if !is_limited() {
                return None;
            }
            let waiting = WAITING_IN_ASYNC.fetch_add(1, Relaxed);
            let place = Self;
            assert!(
                waiting < Self::MOST,
                "{waiting} tasks block in async code to wait for other tasks, and each of them keeps a thread; one more \
                 could be a deadlock. `.await` the futures instead"
            );
            Some(place)
        }
    }

    impl Drop for WaitingInAsync {
        fn drop(&mut self) {
            WAITING_IN_ASYNC.fetch_sub(1, Relaxed);
        }
    }

    static WAITING_IN_ASYNC: AtomicUsize = AtomicUsize::new(0);

    /// Asks whether the future that is being polled may go on, or has had its share for now (it is woken at once then).
    pub(crate) fn proceed(cx: &mut Context<'_>) -> Poll<Share> {
        coop::poll_proceed(cx).map(Share)
    }

    /// A part of what a future may do before others get their turn; given back unless it is used.
    pub(crate) struct Share(coop::RestoreOnPending);

    impl Share {
        pub(crate) fn used(self) {
            self.0.made_progress();
        }
    }

    /// Whether the future that is being polled has been polled long enough for now, by tokio's measure.
    pub(crate) fn wants_a_turn() -> bool {
        !coop::has_budget_remaining()
    }
}

#[cfg(not(feature = "tokio"))]
mod imp {
    use std::task::{Context, Poll};

    /// There is no runtime in this build: nobody has one of these.
    pub(crate) struct Entered<'a>(
        #[allow(dead_code)] std::convert::Infallible,
        std::marker::PhantomData<&'a ()>,
    );

    pub(crate) fn enter() -> Option<Entered<'static>> {
        None
    }

    /// Which runtime an executor's futures are polled by.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Driver {
        /// One that this crate knows nothing of.
        Foreign,
    }

    impl Driver {
        /// Whether this runtime stands still for as long as the calling thread blocks. The thread may be `polling` a
        /// future for an executor on it, and it may be `replaceable`: a worker whose place another thread takes.
        pub(crate) fn waits_for_this_thread(self, polling: bool, replaceable: bool) -> bool {
            !replaceable && (polling || is_polling())
        }
    }

    /// Whether the calling thread is in a runtime.
    pub(crate) fn is_entered() -> bool {
        is_polling()
    }

    /// Whether the calling thread is polling a future for a runtime, as far as that can be told.
    pub(crate) fn is_polling() -> bool {
        futures::executor::enter().is_err()
    }

    /// Runs `wait`, which blocks.
    pub(crate) fn blocking<R>(wait: impl FnOnce() -> R) -> R {
        wait()
    }

    /// Nobody limits what a future may do.
    pub(crate) fn proceed(_: &mut Context<'_>) -> Poll<Share> {
        Poll::Ready(Share)
    }

    pub(crate) struct Share;

    impl Share {
        #[allow(clippy::unused_self)]
        pub(crate) fn used(self) {}
    }

    /// Whether the future that is being polled has been polled long enough for now.
    pub(crate) fn wants_a_turn() -> bool {
        false
    }
}

pub(crate) use imp::{Driver, Entered, blocking, enter, is_entered, is_polling, proceed, wants_a_turn};
