//! The columns: what is stopped there, and how it is made.

use super::work::{self, Act, Job, Trace};
use concurrent_futures::{
    AsyncBridge, Checked, Executor, Group, Inline, Map, Options, ProcessPool, TaskFuture, ThreadPool,
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Calls,
    Futures,
}

/// A kind of task on a backend.
pub(crate) trait Subject: 'static {
    type Executor: Executor;
    const KIND: Kind;
    /// Whether it runs in another process, which may be killed.
    const IN_PROCESSES: bool = false;
    /// Whether it runs before `submit` returns.
    const ON_CALLER: bool = false;

    /// With places for so many tasks of this kind at once.
    fn make(places: usize) -> Self::Executor;

    /// Whether such a task is a future at an await.
    fn suspends(act: Act) -> bool {
        Self::KIND == Kind::Futures && matches!(act, Act::Suspended | Act::Awaits)
    }
}

macro_rules! subjects {
    ($($name:ident: $executor:ty, $kind:ident, $made:expr $(, $constant:ident)*;)+) => {
        $(
            pub(crate) struct $name;

            impl Subject for $name {
                type Executor = $executor;
                const KIND: Kind = Kind::$kind;
                $(const $constant: bool = true;)*

                fn make(places: usize) -> $executor {
                    let make: fn(usize) -> $executor = $made;
                    make(places)
                }
            }
        )+
    };
}

subjects! {
    InlineCalls: Inline, Calls, |_| Inline::new(), ON_CALLER;
    InlineFutures: Inline, Futures, |_| Inline::new(), ON_CALLER;
    CheckedCalls: Checked, Calls, |_| Checked::new(), ON_CALLER;
    CheckedFutures: Checked, Futures, |_| Checked::new(), ON_CALLER;
    ThreadCalls: ThreadPool, Calls, ThreadPool::with_workers;
    ThreadFutures: ThreadPool, Futures, ThreadPool::with_workers;
    ProcessCalls: ProcessPool, Calls, ProcessPool::with_workers, IN_PROCESSES;
    ProcessFutures: ProcessPool, Futures, ProcessPool::with_workers, IN_PROCESSES;
    BridgeCalls: AsyncBridge, Calls, own_runtime;
    BridgeFutures: AsyncBridge, Futures, own_runtime;
    SpawnerCalls: AsyncBridge, Calls, own_threads;
    SpawnerFutures: AsyncBridge, Futures, own_threads;
}

fn own_runtime(places: usize) -> AsyncBridge {
    let builder = AsyncBridge::builder().workers(places).max_blocking(places);
    builder.build().expect("a bridge")
}

fn own_threads(places: usize) -> AsyncBridge {
    let builder = AsyncBridge::builder().max_blocking(places);
    builder
        .build_on_spawner(ThreadPool::with_workers(places))
        .expect("a bridge")
}

pub(crate) fn submit<S: Subject>(options: &Options<S::Executor>, job: Job) -> TaskFuture<u64> {
    match S::KIND {
        Kind::Calls => options.submit(work::call, job),
        Kind::Futures => options.submit_async(work::future, job),
    }
}

pub(crate) fn submit_to_group<S: Subject>(group: &Group<u64, S::Executor>, job: Job) {
    match S::KIND {
        Kind::Calls => group.submit(work::call, job),
        Kind::Futures => group.submit_async(work::future, job),
    }
}

pub(crate) fn map<S: Subject>(executor: &S::Executor, jobs: Vec<Job>) -> Map<std::vec::IntoIter<Job>, u64> {
    match S::KIND {
        Kind::Calls => Executor::map(executor, work::call, jobs),
        Kind::Futures => Executor::map_async(executor, work::future, jobs),
    }
}

/// Returns once a future on the only place is suspended: another one has had its turn since, or the thread that polls it
/// sleeps.
pub(crate) fn wait_until_suspended<S: Subject>(executor: &S::Executor, trace: &Trace, act: Act) {
    if !S::suspends(act) {
        return;
    }
    if S::ON_CALLER {
        trace.wait_until_its_thread_sleeps();
    } else {
        Executor::submit_async(executor, |()| async {}, ())
            .result()
            .expect("it is nothing");
    }
}

/// Keeps the only place of an executor until it is let go.
pub(crate) struct Blocker {
    trace: Trace,
    task: TaskFuture<u64>,
}

impl Blocker {
    pub(crate) fn submit<S: Subject>(executor: &S::Executor) -> Self {
        let trace = Trace::new();
        let task = submit::<S>(&Executor::options(executor), trace.job(Act::Blocks));
        Self { trace, task }
    }

    pub(crate) fn wait_until_started(&self) {
        self.trace.wait_until_started();
    }

    pub(crate) fn leave(self) {
        self.trace.let_go();
        // It may have been killed with the executor.
        let _ = self.task.result();
    }
}
