//! Programs of submissions, cancellations, waits, callbacks and shutdowns.

use crate::{
    Gate, config,
    watchdog::{assert_books_are_closed, watched, within},
};
use concurrent_futures::{Executor, Inline, Shutdown, TaskError, TaskFuture, TaskHandle, ThreadPool};
use proptest::prelude::*;
use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    Returns,
    Panics,
    /// Waits for the gate first.
    Gated,
    Suspends,
    /// Never ends by itself.
    Endless,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Submit(Work),
    /// The number says which of the tasks there are.
    Cancel(usize),
    Kill(usize),
    DropFuture(usize),
    /// Takes the outcome if it is there.
    Look(usize),
    /// Opens the gate if need be, and takes the outcome.
    Result(usize),
    AddCallback(usize),
    OpenGate,
    Shutdown(Shutdown),
}

fn way() -> impl Strategy<Value = Shutdown> {
    prop_oneof![
        Just(Shutdown::Finish),
        Just(Shutdown::Cancel),
        Just(Shutdown::Kill)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let work = prop_oneof![
        4 => Just(Work::Returns),
        2 => Just(Work::Panics),
        3 => Just(Work::Gated),
        2 => Just(Work::Suspends),
        1 => Just(Work::Endless),
    ];
    prop_oneof![
        12 => work.prop_map(Step::Submit),
        4 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::Kill),
        2 => any::<usize>().prop_map(Step::DropFuture),
        2 => any::<usize>().prop_map(Step::Look),
        1 => any::<usize>().prop_map(Step::Result),
        4 => any::<usize>().prop_map(Step::AddCallback),
        1 => Just(Step::OpenGate),
        1 => way().prop_map(Step::Shutdown),
    ]
}

/// A task, and what the model knows of it.
#[allow(clippy::struct_excessive_bools)] // independent facts
struct Tracked {
    work: Work,
    handle: TaskHandle,
    future: Option<TaskFuture<usize>>,
    runs: Arc<AtomicUsize>,
    callbacks: Vec<Arc<AtomicUsize>>,
    /// Submitted after a shutdown had begun.
    refused: bool,
    /// `cancel` or `kill` was answered with `true`, and it had not started.
    cancelled: bool,
    killed: bool,
    /// `cancel` was answered with `false`: it will run, or has.
    will_run: bool,
    outcomes: usize,
}

/// What the verbs of both backends are called with.
trait Backend: Executor + Debug {
    const RUNS_AT_ONCE: bool;
    fn call(&self, work: impl FnOnce() -> usize + Send + 'static) -> TaskFuture<usize>;
    fn run(&self, future: impl Future<Output = usize> + Send + 'static) -> TaskFuture<usize>;
}

impl Backend for ThreadPool {
    const RUNS_AT_ONCE: bool = true;
    fn call(&self, work: impl FnOnce() -> usize + Send + 'static) -> TaskFuture<usize> {
        self.spawn(work)
    }
    fn run(&self, future: impl Future<Output = usize> + Send + 'static) -> TaskFuture<usize> {
        self.spawn_async(future)
    }
}

impl Backend for Inline {
    const RUNS_AT_ONCE: bool = false;
    fn call(&self, work: impl FnOnce() -> usize + Send + 'static) -> TaskFuture<usize> {
        self.spawn(work)
    }
    fn run(&self, future: impl Future<Output = usize> + Send + 'static) -> TaskFuture<usize> {
        self.spawn_async(future)
    }
}

/// Is woken at once, and polled a second time.
async fn suspend_once() {
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

struct Program<B> {
    executor: B,
    gate: Gate,
    tasks: Vec<Tracked>,
    strictest: Option<Shutdown>,
}

impl<B: Backend> Program<B> {
    fn submit(&mut self, work: Work) {
        if work == Work::Endless && !B::RUNS_AT_ONCE {
            return;
        }
        let (number, runs) = (self.tasks.len(), Arc::new(AtomicUsize::new(0)));
        let (there, gate) = (runs.clone(), self.gate.clone());
        let start = move || {
            there.fetch_add(1, SeqCst);
            match work {
                Work::Panics => panic!("task {number}"),
                Work::Gated => gate.wait(),
                Work::Returns | Work::Suspends | Work::Endless => {}
            }
            number
        };
        let future = match work {
            Work::Suspends => self.executor.run(async move {
                suspend_once().await;
                start()
            }),
            Work::Endless => self.executor.run(async move {
                start();
                std::future::pending().await
            }),
            Work::Returns | Work::Panics | Work::Gated => self.executor.call(start),
        };
        self.tasks.push(Tracked {
            work,
            handle: future.handle(),
            future: Some(future),
            runs,
            callbacks: Vec::new(),
            refused: self.strictest.is_some(),
            cancelled: false,
            killed: false,
            will_run: false,
            outcomes: 0,
        });
    }

    fn step(&mut self, step: Step) {
        if let Step::Submit(work) = step {
            return self.submit(work);
        }
        let count = self.tasks.len();
        let task = |number: usize| number.checked_rem(count);
        match step {
            Step::Cancel(number) => {
                if let Some(number) = task(number) {
                    let task = &mut self.tasks[number];
                    // What a kill or a shutdown has ended meanwhile may have run before that.
                    let ended = task.handle.is_done();
                    let given_up = matches!(self.strictest, Some(Shutdown::Cancel | Shutdown::Kill));
                    if task.handle.cancel() {
                        assert!(task.handle.is_done() && task.handle.is_cancelled());
                        task.cancelled |= !ended && !given_up;
                    } else {
                        task.will_run = true;
                    }
                }
            }
            Step::Kill(number) => {
                if let Some(number) = task(number) {
                    let task = &mut self.tasks[number];
                    task.killed |= task.handle.kill();
                }
            }
            Step::DropFuture(number) => {
                if let Some(number) = task(number) {
                    self.tasks[number].future = None;
                }
            }
            Step::Look(number) => self.take(task(number), Duration::ZERO),
            Step::Result(number) => {
                let endless = task(number).is_some_and(|number| self.tasks[number].work == Work::Endless);
                if !endless {
                    self.gate.open();
                    self.take(task(number), Duration::MAX);
                }
            }
            Step::AddCallback(number) => {
                let Some(task) = task(number).map(|number| &mut self.tasks[number]) else {
                    return;
                };
                if let Some(future) = &task.future {
                    let called = Arc::new(AtomicUsize::new(0));
                    task.callbacks.push(called.clone());
                    future.on_done(move |_| {
                        called.fetch_add(1, SeqCst);
                    });
                }
            }
            Step::OpenGate => self.gate.open(),
            Step::Shutdown(how) => {
                self.executor.begin_shutdown(how);
                self.strictest = Some(stricter(self.strictest, how));
            }
            Step::Submit(_) => unreachable!("handled above"),
        }
    }

    fn take(&mut self, number: Option<usize>, limit: Duration) {
        let Some(number) = number else { return };
        if let Some(mut future) = self.tasks[number].future.take() {
            match future.result_timeout(limit) {
                Some(outcome) => self.check(number, outcome),
                None => self.tasks[number].future = Some(future),
            }
        }
    }

    /// What the model allows as an outcome of this task.
    fn check(&mut self, number: usize, outcome: Result<usize, TaskError>) {
        let strictest = self.strictest;
        let task = &mut self.tasks[number];
        task.outcomes += 1;
        assert_eq!(task.outcomes, 1, "it resolved twice");
        assert!(task.handle.is_done());
        let runs = task.runs.load(SeqCst);
        match outcome {
            Ok(value) => {
                assert_eq!((value, runs), (number, 1));
                assert!(matches!(task.work, Work::Returns | Work::Gated | Work::Suspends));
                assert!(!task.cancelled && !task.killed && !task.refused);
            }
            Err(TaskError::Panicked(panic)) => {
                assert_eq!((task.work, runs), (Work::Panics, 1));
                assert_eq!(panic.message(), format!("task {number}"));
                assert!(!task.cancelled && !task.killed && !task.refused);
            }
            Err(TaskError::ShutDown) => assert!(task.refused && runs == 0),
            Err(TaskError::Cancelled) => {
                assert!(!task.refused);
                let given_up = matches!(strictest, Some(Shutdown::Cancel | Shutdown::Kill));
                assert!(task.cancelled || task.killed || given_up, "nobody cancelled it");
                let is_async = matches!(task.work, Work::Suspends | Work::Endless);
                assert!(runs == 0 || is_async && !task.cancelled, "it ran all the same");
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn end(mut self, last: Shutdown) {
        self.gate.open();
        let is_endless = |task: &Tracked| task.work == Work::Endless;
        let last = if self.tasks.iter().any(is_endless) {
            Shutdown::Kill
        } else {
            last
        };
        self.strictest = Some(stricter(self.strictest, last));
        self.executor.shutdown(last);
        for number in 0..self.tasks.len() {
            let task = &self.tasks[number];
            assert!(task.handle.is_done() && !task.handle.is_running());
            assert!(task.runs.load(SeqCst) <= 1);
            assert!(
                !task.cancelled || task.runs.load(SeqCst) == 0,
                "a cancelled task ran"
            );
            let is_async = matches!(task.work, Work::Suspends | Work::Endless);
            if self.strictest == Some(Shutdown::Finish) && !(task.refused || task.cancelled || task.killed) {
                assert_eq!(task.runs.load(SeqCst), 1, "an accepted task did not run");
            }
            if task.will_run && !task.refused && !is_async {
                assert_eq!(task.runs.load(SeqCst), 1, "not cancelled, and not run either");
            }
            // The pool is closed, so nothing is waited for.
            self.take(Some(number), Duration::ZERO);
            assert!(
                self.tasks[number].future.is_none(),
                "task {number} has no outcome"
            );
            for called in &self.tasks[number].callbacks {
                assert_eq!(called.load(SeqCst), 1);
            }
        }
        let stats = self.executor.stats();
        assert_eq!(stats.submitted, self.tasks.len() as u64);
        assert_books_are_closed(&self.executor);
    }
}

fn stricter(one: Option<Shutdown>, other: Shutdown) -> Shutdown {
    let rank = |how| {
        [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill]
            .iter()
            .position(|one| *one == how)
    };
    match one {
        Some(one) if rank(one) > rank(other) => one,
        _ => other,
    }
}

fn run<B: Backend>(executor: B, steps: Vec<Step>, last: Shutdown) {
    let mut program = Program {
        executor: watched(executor),
        gate: Gate::default(),
        tasks: Vec::new(),
        strictest: None,
    };
    if !B::RUNS_AT_ONCE {
        program.gate.open();
    }
    // Opens the gate even where a check fails: the pool waits for its tasks.
    struct Opened(Gate);
    impl Drop for Opened {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    let _opened = Opened(program.gate.clone());
    for step in steps {
        program.step(step);
    }
    program.end(last);
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn any_program_on_threads_keeps_the_promises(
        workers in 1..=4_usize,
        steps in prop::collection::vec(step(), 0..60),
        last in way(),
    ) {
        within(move || run(ThreadPool::with_workers(workers), steps, last));
    }

    #[test]
    fn any_program_on_the_callers_thread_keeps_the_promises(
        steps in prop::collection::vec(step(), 0..60),
        last in way(),
    ) {
        within(move || run(Inline::new(), steps, last));
    }
}
