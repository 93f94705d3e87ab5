//! Groups in groups in groups, which fail, are cancelled, run out of time, keep going and are dropped.

use crate::{
    config,
    watchdog::{assert_books_are_closed, watched, within},
};
use concurrent_futures::{
    Executor, Group, Inline, Shutdown, TaskError, ThreadPool,
    backend::{InProcess, NoContext},
    cancel_requested,
};
use futures::{FutureExt, executor::block_on, future::BoxFuture};
use proptest::prelude::*;
use std::{
    fmt::Debug,
    future::IntoFuture,
    panic::resume_unwind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

#[derive(Debug, Clone)]
enum Member {
    Returns,
    Panics,
    /// Goes on for a while, unless it is asked to stop.
    Looks,
    /// A future that is suspended some times.
    Suspends,
    /// As `Suspends`, and panics then.
    PanicsLater,
    /// Has a group of its own, and panics if that fails and it shall.
    Group {
        tree: Tree,
        passes_on: bool,
    },
    /// The same, as a future.
    AsyncGroup {
        tree: Tree,
        passes_on: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Join,
    JoinAll,
    /// In async code, or blocked on.
    Await,
    AwaitAll,
    Drop,
}

#[derive(Debug, Clone)]
struct Tree {
    keeps_going: bool,
    /// Zero or without end.
    deadline: Option<Duration>,
    /// Cancelled when so many were submitted.
    cancelled_at: Option<usize>,
    members: Vec<Member>,
    end: End,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        1 => Just(End::Join),
        3 => Just(End::JoinAll),
        1 => Just(End::Await),
        2 => Just(End::AwaitAll),
        1 => Just(End::Drop),
    ]
}

fn tree(member: impl Strategy<Value = Member>) -> impl Strategy<Value = Tree> {
    (
        any::<bool>(),
        prop_oneof![
            4 => Just(None),
            1 => Just(Some(Duration::ZERO)),
            1 => Just(Some(Duration::MAX)),
        ],
        prop_oneof![4 => Just(None), 1 => (0..4_usize).prop_map(Some)],
        prop::collection::vec(member, 0..=4),
        end(),
    )
        .prop_map(|(keeps_going, deadline, cancelled_at, members, end)| Tree {
            keeps_going,
            deadline,
            cancelled_at,
            members,
            end,
        })
}

fn forest() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        4 => Just(Member::Returns),
        1 => Just(Member::Panics),
        2 => Just(Member::Looks),
        2 => Just(Member::Suspends),
        1 => Just(Member::PanicsLater),
    ];
    let member = leaf.prop_recursive(3, 60, 4, |member| {
        let inner = (tree(member), any::<bool>(), any::<bool>());
        inner.prop_map(|(tree, passes_on, asynchronous)| {
            if asynchronous {
                Member::AsyncGroup { tree, passes_on }
            } else {
                Member::Group { tree, passes_on }
            }
        })
    });
    tree(member)
}

impl Member {
    fn may_panic(&self) -> bool {
        match self {
            Self::Returns | Self::Looks | Self::Suspends => false,
            Self::Panics | Self::PanicsLater => true,
            Self::Group { passes_on, .. } | Self::AsyncGroup { passes_on, .. } => *passes_on,
        }
    }
}

impl Tree {
    fn fails_by_itself(&self) -> bool {
        self.members.iter().any(Member::may_panic)
    }

    fn is_late(&self) -> bool {
        self.deadline == Some(Duration::ZERO)
    }

    /// What is submitted after a cancellation does not run.
    fn is_cancelled(&self) -> bool {
        self.cancelled_at.is_some_and(|at| at < self.members.len())
    }

    /// Whether members may be stopped.
    fn may_stop(&self) -> bool {
        self.is_late()
            || self.is_cancelled()
            || self.end == End::Drop
            || !self.keeps_going && self.fails_by_itself()
    }
}

type Members<B> = Group<usize, B, NoContext, InProcess>;

trait Backend: Executor + Debug {
    fn members(&self) -> Members<Self>;
}

impl Backend for ThreadPool {
    fn members(&self) -> Members<Self> {
        self.group()
    }
}

impl Backend for Inline {
    fn members(&self) -> Members<Self> {
        self.group()
    }
}

#[cfg(feature = "tokio")]
impl Backend for concurrent_futures::AsyncBridge {
    fn members(&self) -> Members<Self> {
        self.group()
    }
}

/// Lives as long as what a member holds.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

async fn suspend_often() {
    for _ in 0..20 {
        let mut suspended = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut suspended, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }
}

fn panics() -> usize {
    resume_unwind(Box::new("a member"))
}

/// What runs, and what was seen to be wrong.
struct World<B> {
    executor: B,
    alive: Arc<AtomicUsize>,
    wrong: Arc<Mutex<Vec<String>>>,
}

impl<B: Backend> Clone for World<B> {
    fn clone(&self) -> Self {
        Self {
            executor: self.executor.clone(),
            alive: self.alive.clone(),
            wrong: self.wrong.clone(),
        }
    }
}

impl<B: Backend> World<B> {
    fn submit(&self, group: &Members<B>, number: usize, member: &Member, alive: Alive, stopped: bool) {
        // All that a member holds counts, from its submission on.
        let held = (alive, Alive::new(&self.alive));
        match member.clone() {
            Member::Returns => group.spawn(move || {
                let _held = held;
                number
            }),
            Member::Panics => group.spawn(move || {
                let _held = held;
                panics()
            }),
            Member::Looks => group.spawn(move || {
                let _held = held;
                for _ in 0..200 {
                    if cancel_requested() {
                        break;
                    }
                    thread::yield_now();
                }
                number
            }),
            Member::Suspends => group.spawn_async(async move {
                let _held = held;
                suspend_often().await;
                number
            }),
            Member::PanicsLater => group.spawn_async(async move {
                let _held = held;
                suspend_often().await;
                panics()
            }),
            Member::Group { tree, passes_on } => {
                let world = self.clone();
                group.spawn(move || {
                    let _held = held;
                    let succeeded = world.run(&tree, stopped);
                    if passes_on && !succeeded { panics() } else { number }
                });
            }
            Member::AsyncGroup { tree, passes_on } => {
                let world = self.clone();
                group.spawn_async(async move {
                    let _held = held;
                    let succeeded = world.run_async(tree, stopped).await;
                    if passes_on && !succeeded { panics() } else { number }
                });
            }
        }
    }

    /// A group with all its members. `stopped`: those around it may stop them.
    fn start(&self, tree: &Tree, stopped: bool) -> (Members<B>, Arc<AtomicUsize>) {
        let mut group = self.executor.members();
        if tree.keeps_going {
            group = group.keep_going();
        }
        if let Some(limit) = tree.deadline {
            group = group.deadline(limit);
        }
        let alive = Arc::default();
        for (number, member) in tree.members.iter().enumerate() {
            if tree.cancelled_at == Some(number) {
                group.cancel();
            }
            let held = Alive::new(&alive);
            self.submit(&group, number, member, held, stopped || tree.may_stop());
        }
        (group, alive)
    }

    fn run(&self, tree: &Tree, stopped: bool) -> bool {
        let (group, alive) = self.start(tree, stopped);
        let succeeded = match tree.end {
            End::Join => self.check_values(tree, stopped, &group.join()),
            End::JoinAll => self.check_outcomes(tree, stopped, &group.join_all()),
            End::Await => self.check_values(tree, stopped, &block_on(group.into_future())),
            End::AwaitAll => self.check_outcomes(tree, stopped, &block_on(group.join_all_async())),
            End::Drop => {
                drop(group);
                true
            }
        };
        self.check_alive(tree, &alive);
        succeeded
    }

    fn run_async(&self, tree: Tree, stopped: bool) -> BoxFuture<'static, bool> {
        let world = self.clone();
        async move {
            let (group, alive) = world.start(&tree, stopped);
            let succeeded = match tree.end {
                End::Join | End::Await => {
                    let outcome = group.await;
                    world.check_values(&tree, stopped, &outcome)
                }
                End::JoinAll | End::AwaitAll => {
                    let outcomes = group.join_all_async().await;
                    world.check_outcomes(&tree, stopped, &outcomes)
                }
                End::Drop => {
                    drop(group);
                    // Async code does not wait.
                    return true;
                }
            };
            world.check_alive(&tree, &alive);
            succeeded
        }
        .boxed()
    }

    fn check(&self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.wrong.lock().unwrap().push(what());
        }
    }

    fn check_alive(&self, tree: &Tree, alive: &AtomicUsize) {
        let alive = alive.load(SeqCst);
        self.check(alive == 0, || format!("{alive} outlive their group: {tree:?}"));
    }

    fn check_values(&self, tree: &Tree, stopped: bool, outcome: &Result<Vec<usize>, TaskError>) -> bool {
        let is_right = match outcome {
            Ok(values) => values.iter().copied().eq(0..tree.members.len()) && !tree.is_cancelled(),
            Err(TaskError::Panicked(_)) => tree.fails_by_itself(),
            Err(TaskError::TimedOut(_)) => tree.is_late(),
            Err(TaskError::Cancelled) => stopped || tree.is_cancelled(),
            Err(_) => false,
        };
        self.check(is_right, || format!("{outcome:?} of {tree:?}"));
        outcome.is_ok()
    }

    fn check_outcomes(&self, tree: &Tree, stopped: bool, outcomes: &[Result<usize, TaskError>]) -> bool {
        let has_panicked = |one: &Result<_, _>| matches!(one, Err(TaskError::Panicked(_)));
        let failed = outcomes.iter().any(has_panicked);
        let may_cancel = stopped || tree.is_late() || tree.is_cancelled() || !tree.keeps_going && failed;
        let is_right = |(number, outcome): (usize, &Result<usize, TaskError>)| match outcome {
            Ok(value) => {
                *value == number && !matches!(tree.members[number], Member::Panics | Member::PanicsLater)
            }
            Err(TaskError::Panicked(_)) => tree.members[number].may_panic(),
            Err(TaskError::Cancelled) => may_cancel,
            Err(_) => false,
        };
        let are_right = outcomes.len() == tree.members.len() && outcomes.iter().enumerate().all(is_right);
        self.check(are_right, || format!("{outcomes:?} of {tree:?}"));
        outcomes.iter().all(Result::is_ok)
    }
}

fn grow<B: Backend>(executor: B, tree: &Tree) {
    let world = World {
        executor: watched(executor),
        alive: Arc::default(),
        wrong: Arc::default(),
    };
    world.run(tree, false);
    world.executor.shutdown(Shutdown::Finish);
    let wrong = std::mem::take(&mut *world.wrong.lock().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.alive.load(SeqCst), 0);
    assert_books_are_closed(&world.executor);
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn any_tree_of_groups_on_threads_ends_with_all_that_it_started(workers in 1..=3_usize, tree in forest()) {
        within(move || grow(ThreadPool::with_workers(workers), &tree));
    }

    #[test]
    fn any_tree_of_groups_on_the_callers_thread_ends_with_all_that_it_started(tree in forest()) {
        within(move || grow(Inline::new(), &tree));
    }
}

#[cfg(feature = "tokio")]
proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn any_tree_of_groups_on_a_bridge_ends_with_all_that_it_started(workers in 1..=2_usize, tree in forest()) {
        let builder = concurrent_futures::AsyncBridge::builder().workers(workers).max_blocking(workers);
        within(move || grow(builder.build().unwrap(), &tree));
    }
}
