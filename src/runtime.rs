//! What the crate knows of the runtime that a thread is in: entering one for work that finds none, and blocking
//! without freezing it (feature `tokio`).

#[cfg(feature = "tokio")]
mod imp {
    use std::{
        future::pending,
        sync::{
            OnceLock,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        task::{Context, Poll, Waker},
        thread,
    };
    use tokio::{
        runtime::{Builder, EnterGuard, Handle, Id, RuntimeFlavor, worker_index},
        task::{block_in_place, coop},
    };

    /// A runtime is entered for as long as this lives.
    pub(crate) type Entered<'a> = EnterGuard<'a>;

    /// One thread drives timers and sockets; the work itself is run by its executor. `None` where the system has not enough
    /// for that; a runtime with workers would panic there.
    fn shared() -> Option<&'static Handle> {
        static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();
        HANDLE
            .get_or_init(|| {
                let runtime = Builder::new_current_thread().enable_all().build().ok()?;
                let handle = runtime.handle().clone();
                let driver = thread::Builder::new().name("tokio".into());
                driver.spawn(move || runtime.block_on(pending::<()>())).ok()?;
                Some(handle)
            })
            .as_ref()
    }

    /// Makes `tokio::time::sleep` and the like work on this thread until the guard is dropped. Nothing where a runtime is
    /// entered already, and where the system starts no thread for one: then the work panics with tokio's own words.
    pub(crate) fn enter() -> Option<Entered<'static>> {
        if Handle::try_current().is_ok() {
            return None;
        }
        shared().map(Handle::enter)
    }

    /// Which runtime an executor's futures are polled by.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Driver {
        /// Tokio, with threads of its own: one that blocks is replaced.
        TokioThreads(Id),
        /// Tokio on the thread that runs it.
        TokioThread(Id),
        /// One that this crate knows nothing of.
        Foreign,
    }

    impl Driver {
        pub(crate) fn of(handle: &Handle) -> Self {
            match handle.runtime_flavor() {
                RuntimeFlavor::CurrentThread => Self::TokioThread(handle.id()),
                _ => Self::TokioThreads(handle.id()),
            }
        }

        /// Whether this runtime stands still for as long as the calling thread blocks. The thread may be `polling` a
        /// future for an executor on it, and it may be `replaceable`: a worker whose place another thread takes.
        pub(crate) fn waits_for_this_thread(self, polling: bool, replaceable: bool) -> bool {
            match self {
                // `blocking` below hands the place of this thread to another, as long as the runtime has others.
                Self::TokioThreads(id) => {
                    is_in(id) && worker_index().is_some() && WAITING.load(Relaxed) >= MOST_WAITING
                }
                Self::TokioThread(id) => is_in(id) && worker_index().is_some(),
                Self::Foreign => !replaceable && (polling || futures::executor::enter().is_err()),
            }
        }
    }

    fn is_in(runtime: Id) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == runtime)
    }

    /// Whether the calling thread is in a runtime, be it only that it may use its timers.
    pub(crate) fn is_entered() -> bool {
        Handle::try_current().is_ok() || futures::executor::enter().is_err()
    }

    /// Whether the calling thread is polling a future for a runtime, as far as that can be told.
    pub(crate) fn is_polling() -> bool {
        worker_index().is_some() || is_limited() || futures::executor::enter().is_err()
    }

    /// Whether tokio limits what this thread does in one go: it does so to futures that it polls, and lifts the limit
    /// in blocking sections.
    fn is_limited() -> bool {
        /// More than tokio allows a future per poll, which is 128; no limit is "no end".
        const MORE_THAN_ANY_LIMIT: usize = 129;
        if Handle::try_current().is_err() {
            return false;
        }
        let mut context = Context::from_waker(Waker::noop());
        let mut taken = [const { None }; MORE_THAN_ANY_LIMIT];
        let mut limited = false;
        for share in &mut taken {
            match coop::poll_proceed(&mut context) {
                Poll::Ready(one) => *share = Some(one),
                Poll::Pending => {
                    limited = true;
                    break;
                }
            }
        }
        // Each gives back what was left before it: the first one last.
        taken.iter_mut().rev().for_each(|share| drop(share.take()));
        limited
    }

    /// So many waits of tokio's workers have handed their place to another thread. Those threads are the ones that a runtime
    /// has for blocking sections: 512, unless told otherwise.
    static WAITING: AtomicUsize = AtomicUsize::new(0);

    /// From here on a wait keeps its worker, and one that needs the runtime for that is refused.
    const MOST_WAITING: usize = 500;

    struct Waiting;

    impl Waiting {
        fn begin() -> Option<Self> {
            let began = WAITING.fetch_update(Relaxed, Relaxed, |waiting| {
                (waiting < MOST_WAITING).then_some(waiting + 1)
            });
            began.is_ok().then_some(Self)
        }
    }

    impl Drop for Waiting {
        fn drop(&mut self) {
            WAITING.fetch_sub(1, Relaxed);
        }
    }

    /// Runs `wait`, which blocks; a multi-thread runtime whose worker this thread is goes on elsewhere.
    pub(crate) fn blocking<R>(wait: impl FnOnce() -> R) -> R {
        let is_one_of_many = worker_index().is_some()
            && Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread);
        if is_one_of_many && let Some(_waiting) = Waiting::begin() {
            block_in_place(wait)
        } else {
            wait()
        }
    }

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
            match self {
                Self::Foreign => !replaceable && (polling || is_polling()),
            }
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
