//! Async tasks that are to be polled, and the *pollers* that do it: futures of ours that the runtime polls as it polls
//! any other (rules 1 to 4 of `README.md`).

use super::shared::Shared;
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
}

struct State {
    tasks: VecDeque<Task>,
    /// Pollers that the runtime has been asked to poll and that have not come yet.
    called: usize,
    /// A poller without work, and how to call it. All others without work end.
    parked: Option<(usize, Waker)>,
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
    pub(super) fn new(one_thread: bool) -> Self {
        Self {
            one_thread,
            state: Mutex::new(State {
                tasks: VecDeque::new(),
                called: 0,
                parked: None,
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
        state.call_if_needed()
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
        if state.called == 0 && state.parked.is_some() {
            state.call()
        } else {
            Call::Nobody
        }
    }

    /// No task will come: the last poller ends, and lets the runtime go.
    pub(super) fn close(&self, needs_one: bool) -> Call {
        let mut state = self.state.lock();
        state.closed = true;
        if state.parked.is_some() || needs_one && state.called + state.in_turn == 0 {
            state.call()
        } else {
            Call::Nobody
        }
    }

    /// A poller is being polled.
    fn arrived(&self, number: usize) {
        let mut state = self.state.lock();
        state.turns += 1;
        state.in_turn += 1;
        // Runtimes may poll without being asked: then it is parked still.
        if state.parked.as_ref().is_some_and(|(parked, _)| *parked == number) {
            state.parked = None;
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
        Some((task, state.call_if_needed()))
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
        if state.parked.is_some() || !parks() {
            return Leave::End;
        }
        state.parked = Some((number, waker));
        Leave::Park
    }
}

impl State {
    fn call_if_needed(&mut self) -> Call {
        if self.tasks.is_empty() || self.called > 0 {
            return Call::Nobody;
        }
        self.call()
    }

    fn call(&mut self) -> Call {
        self.called += 1;
        if let Some((_, waker)) = self.parked.take() {
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
                .field("parked", &state.parked.is_some())
                .field("turns", &state.turns),
            None => debug.field("state", &"<locked>"),
        };
        debug.finish_non_exhaustive()
    }
}
