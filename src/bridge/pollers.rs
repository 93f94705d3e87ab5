//! Async tasks that are to be polled, and the *pollers* that do it: futures of ours that the runtime polls as it polls
//! any other (rules 1 to 4 of `README.md`).

use super::{runtimes::Runtime, shared::Shared};
use crate::{
    future::host,
    lifecycle::Stage,
    runtime,
    sync::{Arc, Mutex},
    task::{Home, Task},
};
use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A poller gives the runtime its turn after so many tasks, as it would get it between tasks of its own.
const TASKS_PER_TURN: u64 = 32;

pub(super) struct Pollers {
    state: Mutex<State>,
    /// The runtime is one thread: while it polls a poller it can poll no other, so none is called.
    one_thread: bool,
    /// So many pollers are under way to the queue at once, if there are tasks for them, and so many may park.
    most: usize,
}

struct State {
    tasks: VecDeque<Task>,
    /// Pollers that the runtime has been asked to poll and that have not come yet.
    called: usize,
    /// Pollers without work, and how to call them. When there are enough of these, others end.
    parked: Vec<(usize, Waker)>,
    /// Pollers are told apart by numbers.
    next_number: usize,
    /// How often the runtime has polled one of them, and how many it is polling now.
    turns: u64,
    in_turn: usize,
    closed: bool,
}

/// What it takes to get a poller to the queue. Done without the lock: wakers and spawners are foreign code.
#[must_use]
pub(super) enum Call {
    /// One is on its way, or there is nothing to do.
    Nobody,
    Wake(Waker),
    Spawn(usize),
}

/// How a turn ends.
enum Leave {
    /// Something is left to do, and nobody else comes for it.
    Again(Waker),
    /// Until it is called.
    Park,
    /// There are enough others.
    End,
}

impl Pollers {
    /// Tokio's workers keep what they were asked to poll last to themselves, and give away only what was before it. So one
    /// poller on its way would wait for the worker that called it, and the others would stand by idle.
    const MOST_ON_WORKERS: usize = 2;

    pub(super) fn new(runtime: &Runtime) -> Self {
        Self {
            one_thread: runtime.is_one_thread(),
            most: if runtime.has_threads() {
                Self::MOST_ON_WORKERS
            } else {
                1
            },
            state: Mutex::new(State {
                tasks: VecDeque::new(),
                called: 0,
                parked: Vec::new(),
                next_number: 0,
                turns: 0,
                in_turn: 0,
                closed: false,
            }),
        }
    }

    pub(super) fn push(&self, task: Task) -> Call {
        let mut state = self.state.lock();
        state.tasks.push_back(task);
        state.call_if_needed(self.most)
    }

    /// Takes any task.
    pub(super) fn take_any(&self) -> Option<Task> {
        self.state.lock().tasks.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().tasks.is_empty()
    }

    pub(super) fn turns(&self) -> u64 {
        self.state.lock().turns
    }

    /// Whether the runtime has polled a poller since there were so many turns, or is polling one.
    pub(super) fn are_alive_since(&self, turns: u64) -> bool {
        let state = self.state.lock();
        state.in_turn > 0 || state.turns != turns
    }

    /// Has the runtime poll a parked poller, work or not.
    pub(super) fn ping(&self) -> Call {
        let mut state = self.state.lock();
        if state.called == 0 && !state.parked.is_empty() {
            state.call()
        } else {
            Call::Nobody
        }
    }

    /// No task will come: the pollers end, and the last one lets the runtime go. There has to be one if `needs_one`.
    pub(super) fn close(&self, needs_one: bool) -> Vec<Call> {
        let mut state = self.state.lock();
        state.closed = true;
        let mut calls = Vec::new();
        while !state.parked.is_empty() || needs_one && state.called + state.in_turn == 0 {
            calls.push(state.call());
        }
        calls
    }

    /// A poller is being polled.
    fn arrived(&self, number: usize) {
        let mut state = self.state.lock();
        state.turns += 1;
        state.in_turn += 1;
        // Runtimes may poll without being asked: then it is parked still.
        if let Some(at) = state.parked.iter().position(|(parked, _)| *parked == number) {
            state.parked.swap_remove(at);
            state.called += 1;
        }
        // On one thread it counts as called until it leaves.
        if !self.one_thread {
            state.called -= 1;
        }
    }

    /// The next task. It may block its thread (in a blocking section), so another poller has to be on its way to
    /// what is left.
    fn next(&self) -> Option<(Task, Call)> {
        let mut state = self.state.lock();
        let task = state.tasks.pop_front()?;
        Some((task, state.call_if_needed(self.most)))
    }

    fn leave(&self, number: usize, waker: Waker, parks: impl FnOnce() -> bool) -> Leave {
        let mut state = self.state.lock();
        state.in_turn -= 1;
        if self.one_thread {
            state.called -= 1;
        }
        if state.closed {
            return Leave::End;
        }
        if !state.tasks.is_empty() && state.called == 0 {
            state.called += 1;
            return Leave::Again(waker);
        }
        if state.parked.len() >= self.most || !parks() {
            return Leave::End;
        }
        state.parked.push((number, waker));
        Leave::Park
    }
}

impl State {
    fn call_if_needed(&mut self, most: usize) -> Call {
        if self.called >= self.tasks.len().min(most) {
            return Call::Nobody;
        }
        self.call()
    }

    fn call(&mut self) -> Call {
        self.called += 1;
        if let Some((_, waker)) = self.parked.pop() {
            return Call::Wake(waker);
        }
        self.next_number += 1;
        Call::Spawn(self.next_number)
    }
}

impl Shared {
    /// Does what a call takes.
    pub(super) fn answer(&self, call: Call) {
        match call {
            Call::Nobody => {}
            Call::Wake(waker) => crate::panic::contain(|| waker.wake()),
            Call::Spawn(number) => {
                if let Some(shared) = self.me() {
                    self.runtime.spawn(Poller {
                        home: shared.clone(),
                        shared,
                        number,
                        ended: false,
                    });
                }
            }
        }
    }
}

/// Polls tasks of a bridge when the runtime polls it.
struct Poller {
    shared: Arc<Shared>,
    /// The same, as its tasks know it.
    home: Arc<dyn Home>,
    number: usize,
    ended: bool,
}

impl Poller {
    fn run_tasks(&self) {
        let shared = &self.shared;
        let _entered = shared.runtime.complete();
        // Counted together: until the turn is over, one of them runs.
        let mut dealt_with = 0;
        while dealt_with < TASKS_PER_TURN && !runtime::wants_a_turn() {
            let Some((task, call)) = shared.pollers.next() else {
                break;
            };
            shared.answer(call);
            shared.run(task, &self.home);
            dealt_with += 1;
        }
        if dealt_with > 0 {
            shared.went_out(dealt_with);
        }
    }

    /// Whether a poller without work waits for more. On a runtime that does not tell its end there is nothing to wait for,
    /// and the runtime may be waiting with its end for us; unless a suspended task needs it.
    fn parks(&self) -> bool {
        self.shared.runtime.tells_its_end() || self.shared.lifecycle.has_suspended()
    }
}

impl Future for Poller {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.shared.pollers.arrived(this.number);
        host::run_inside(this.shared.ledger.id(), || this.run_tasks());
        let shared = &this.shared;
        match shared
            .pollers
            .leave(this.number, cx.waker().clone(), || this.parks())
        {
            Leave::Again(waker) => {
                waker.wake();
                Poll::Pending
            }
            Leave::Park => Poll::Pending,
            Leave::End => {
                if shared.lifecycle.stage() == Stage::Closed {
                    shared.runtime.let_go();
                }
                this.ended = true;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody but the runtime drops a poller, and only when it ends itself, or has ended.
            self.shared.runtime_is_gone();
        }
    }
}

impl fmt::Debug for Pollers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Pollers");
        match self.state.try_lock() {
            Some(state) => debug
                .field("tasks", &state.tasks.len())
                .field("called", &state.called)
                .field("parked", &state.parked.len())
                .field("turns", &state.turns),
            None => debug.field("state", &"<locked>"),
        };
        debug.finish_non_exhaustive()
    }
}
