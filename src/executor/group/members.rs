//! The tasks of a group, apart from how they are submitted.

use crate::{
    error::TaskError,
    future::{TaskFuture, TaskHandle, TaskId, WeakHandle, aside, core::Outcome, host, waiter::Report},
    ledger::ExecutorId,
    panic,
    running::{self, CancelToken, Requested},
    runtime,
    sync::{Arc, Mutex},
    task::Enter,
    timer::{self, Armed, Deadline},
};
use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

pub(super) struct Members<R: Send + 'static> {
    progress: Arc<Progress>,
    futures: Mutex<BTreeMap<TaskId, TaskFuture<R>>>,
    deadline: Option<Armed>,
    /// The request of the task that waits for the group: it goes on to the members.
    request: Mutex<Option<Requested>>,
    pub(super) detached: bool,
}

/// What members report to.
struct Progress(Mutex<State>);

#[derive(Default)]
struct State {
    /// In the order of submission; `None` is a task that came when the group had been ended.
    members: Vec<Option<Member>>,
    ended: usize,
    /// A failure cancels nobody.
    keeps_going: bool,
    /// What is submitted does not run any more.
    closed: bool,
    cause: Option<Cause>,
    limit: Option<Duration>,
    /// The deadline has passed.
    expired: bool,
    joiner: Option<Waker>,
}

struct Member {
    id: TaskId,
    /// Weak: the members report here, and would keep each other.
    handle: WeakHandle,
}

/// Why the group has no values.
#[derive(Debug, Clone, Copy)]
enum Cause {
    /// The number of the first task that failed or was cancelled.
    Member(usize),
    Deadline(Duration),
}

impl State {
    fn others(&self) -> Vec<WeakHandle> {
        self.members
            .iter()
            .flatten()
            .map(|member| member.handle.clone())
            .collect()
    }
}

fn stop_all(others: &[WeakHandle]) {
    for other in others.iter().filter_map(WeakHandle::upgrade) {
        other.stop();
    }
}

impl Report for Progress {
    fn ended(&self, number: usize) {
        let mut state = self.0.lock();
        state.ended += 1;
        let unsuccessful = state.members[number]
            .as_ref()
            .and_then(|member| member.handle.upgrade())
            .is_some_and(|member| !member.succeeded());
        if unsuccessful && state.cause.is_none() {
            state.cause = Some(Cause::Member(number));
        }
        let others = if unsuccessful && !state.closed && !state.keeps_going {
            state.closed = true;
            state.others()
        } else {
            Vec::new()
        };
        let joiner = state.joiner.take();
        drop(state);
        // Cancelling drops what others captured and reports here again: never under the lock.
        if aside::is_telling() {
            // Whether a task elsewhere has started may take a question, whose answer this thread is to take in.
            if let Err(job) = aside::run(Box::new(move || stop_all(&others))) {
                job();
            }
        } else {
            stop_all(&others);
        }
        if let Some(joiner) = joiner {
            panic::contain(|| joiner.wake());
        }
    }

    /// None outlives the group.
    fn waits_for_rest(&self) -> bool {
        true
    }
}

impl Deadline for Progress {
    fn passed(self: Arc<Self>) {
        let mut state = self.0.lock();
        state.closed = true;
        state.expired = true;
        let is_late = state.ended < state.members.len();
        if let (true, None, Some(limit)) = (is_late, state.cause, state.limit) {
            state.cause = Some(Cause::Deadline(limit));
        }
        let members = state.others();
        drop(state);
        // What is ended drops what it holds: nothing for the timer's thread.
        let job = Box::new(move || {
            for member in members.iter().filter_map(WeakHandle::upgrade) {
                member.kill();
            }
        });
        if let Err(job) = aside::run(job) {
            job();
        }
    }
}

impl Progress {
    /// Counts a task that is not submitted, because the group has been ended. False if it has not.
    fn add_none_if_closed(&self) -> bool {
        let mut state = self.0.lock();
        if state.closed {
            state.members.push(None);
            state.ended += 1;
            state.is_missed();
        }
        state.closed
    }
}

impl State {
    /// A task comes too late.
    fn is_missed(&mut self) {
        if let (true, None, Some(limit)) = (self.expired, self.cause, self.limit) {
            self.cause = Some(Cause::Deadline(limit));
        }
    }
}

impl Enter for Progress {
    fn enter(self: Arc<Self>, task: TaskHandle, report_to: &dyn Fn(Arc<dyn Report>, usize) -> bool) {
        let mut state = self.0.lock();
        let number = state.members.len();
        state.members.push(Some(Member {
            id: task.id(),
            handle: task.downgrade(),
        }));
        let closed_meanwhile = state.closed;
        if closed_meanwhile {
            state.is_missed();
        }
        drop(state);
        if !report_to(self.clone(), number) {
            self.ended(number);
        }
        if closed_meanwhile {
            // It has not been handed over, so it never runs.
            task.cancel();
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

impl<R: Send + 'static> Members<R> {
    pub(super) fn new() -> Self {
        Self {
            progress: Arc::new(Progress(Mutex::default())),
            futures: Mutex::default(),
            deadline: None,
            request: Mutex::new(None),
            detached: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.progress.0.lock().members.len()
    }

    pub(super) fn keep_going(&self) {
        self.progress.0.lock().keeps_going = true;
    }

    pub(super) fn set_deadline(&mut self, limit: Duration) {
        self.progress.0.lock().limit = Some(limit);
        self.deadline = Some(timer::arm(&self.progress, limit));
    }

    /// Keeps what `submit` returns, a task that has entered.
    pub(super) fn add(&self, submit: impl FnOnce() -> TaskFuture<R>) {
        if self.progress.add_none_if_closed() {
            return;
        }
        let future = submit();
        self.futures.lock().insert(future.id(), future);
    }

    /// Whom members report to, and where they enter.
    pub(super) fn progress(&self) -> Arc<dyn Enter> {
        self.progress.clone()
    }

    /// The executor of all members, if there are any.
    fn executor(&self) -> Option<ExecutorId> {
        self.futures.lock().values().next().map(TaskFuture::executor)
    }

    /// Everybody has ended, or the joiner's waker is kept.
    pub(super) fn poll_ended(&self, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let mut state = self.progress.0.lock();
        if state.ended == state.members.len() {
            return Poll::Ready(());
        }
        let replaced = state.joiner.replace(waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// As [`poll_ended`](Self::poll_ended), by a task that may be asked to stop meanwhile: then so are the members.
    pub(super) fn poll_joined(&self, waker: &Waker) -> Poll<()> {
        if self.poll_ended(waker).is_ready() {
            return Poll::Ready(());
        }
        // Taken out: it is polled without a lock.
        let mut request = self.request.lock().take();
        if request.is_none() && running::is_running() {
            request = Some(CancelToken::current().requested());
        }
        let is_raised = request
            .as_mut()
            .is_some_and(|request| Pin::new(request).poll(&mut Context::from_waker(waker)).is_ready());
        *self.request.lock() = request;
        if is_raised {
            self.stop();
        }
        self.poll_ended(waker)
    }

    /// Waits until all have ended.
    pub(super) fn join(&self) {
        if self.poll_ended(Waker::noop()).is_pending() {
            host::refuse_deadlock(self.executor(), host::AWAIT);
            host::block_on(None, || false, |waker| self.poll_joined(waker));
        }
    }

    /// The outcomes in the order of submission.
    pub(super) fn take_outcomes(&self) -> Vec<Outcome<R>> {
        let mut futures = std::mem::take(&mut *self.futures.lock());
        let state = self.progress.0.lock();
        let members = state
            .members
            .iter()
            .map(|member| member.as_ref().map(|member| member.id));
        let members: Vec<Option<TaskId>> = members.collect();
        drop(state);
        let outcome = |id: Option<TaskId>| {
            let future = id.and_then(|id| futures.remove(&id));
            future.map_or(Err(TaskError::Cancelled), TaskFuture::result)
        };
        members.into_iter().map(outcome).collect()
    }

    /// The values in the order of submission, or why there are none.
    pub(super) fn take_values(&self) -> Outcome<Vec<R>> {
        let cause = self.progress.0.lock().cause;
        let mut outcomes = self.take_outcomes().into_iter();
        match cause {
            Some(Cause::Deadline(limit)) => Err(TaskError::TimedOut(limit)),
            Some(Cause::Member(number)) => Err(outcomes
                .nth(number)
                .and_then(Result::err)
                .unwrap_or(TaskError::Cancelled)),
            None => outcomes.collect(),
        }
    }

    /// Nothing starts any more; what runs is stopped as far as that costs nobody else anything.
    pub(super) fn stop(&self) {
        let mut state = self.progress.0.lock();
        state.closed = true;
        let members = state.others();
        drop(state);
        for member in members.iter().filter_map(WeakHandle::upgrade) {
            member.stop();
        }
    }

    /// How many there are, have ended, and whether one has failed.
    pub(super) fn counts(&self) -> (usize, usize, bool) {
        let state = self.progress.0.lock();
        (state.members.len(), state.ended, state.cause.is_some())
    }
}

impl<R: Send + 'static> Drop for Members<R> {
    fn drop(&mut self) {
        if self.detached || self.poll_ended(Waker::noop()).is_ready() {
            return;
        }
        self.stop();
        // Async code cannot wait here; neither can the thread that has to run the members.
        let may_wait =
            !running::is_polling() && !runtime::is_polling() && !host::would_deadlock(self.executor());
        if may_wait {
            // A worker that cannot be replaced does not wait either.
            panic::contain(|| {
                host::block_on(None, || false, |waker| self.poll_ended(waker));
            });
        }
    }
}
