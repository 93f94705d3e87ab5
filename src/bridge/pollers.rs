//! Async tasks that are to be polled, and the *pollers* that do it: futures of ours that the runtime polls as it polls
//! any other (rules 1 to 5 of `README.md`).

use super::shared::Shared;
use crate::{
    future::host,
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
const TASKS_PER_TURN: usize = 32;

pub(super) struct Pollers {
    state: Mutex<State>,
}

struct State {
    tasks: VecDeque<Task>,
    /// Pollers that the runtime has been asked to poll and that have not come yet.
    called: usize,
    /// A poller without work, and how to call it. All others without work end.
    parked: Option<(usize, Waker)>,
    /// Pollers are told apart by numbers.
    next_number: usize,
    /// How often the runtime has polled one of them.
    turns: u64,
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
    Again,
    /// Until it is called.
    Park,
    /// There are enough others.
    End,
}

impl Pollers {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                tasks: VecDeque::new(),
                called: 0,
                parked: None,
                next_number: 0,
                turns: 0,
                closed: false,
            }),
        }
    }

    /// The first poller: it waits for work, and while it does, its destruction tells that the runtime is gone.
    pub(super) fn first(&self) -> Call {
        self.state.lock().call()
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

    /// How many tasks wait; `None` if that cannot be said without waiting.
    pub(super) fn len(&self) -> Option<usize> {
        self.state.try_lock().map(|state| state.tasks.len())
    }

    pub(super) fn turns(&self) -> u64 {
        self.state.lock().turns
    }

    /// Has the runtime poll one of the pollers, work or not.
    pub(super) fn ping(&self) -> Call {
        let mut state = self.state.lock();
        if state.called == 0 && state.parked.is_some() {
            state.call()
        } else {
            Call::Nobody
        }
    }

    /// No task will come: the last poller ends, once it is woken.
    pub(super) fn close(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.closed = true;
        let (_, waker) = state.parked.take()?;
        state.called += 1;
        Some(waker)
    }

    /// A poller is being polled.
    fn arrived(&self, number: usize) {
        let mut state = self.state.lock();
        state.turns += 1;
        // Runtimes may poll without being asked: then it is parked still.
        if state.parked.as_ref().is_some_and(|(parked, _)| *parked == number) {
            state.parked = None;
        } else {
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

    fn leave(&self, number: usize, waker: &Waker) -> Leave {
        let mut state = self.state.lock();
        if state.closed {
            return Leave::End;
        }
        if !state.tasks.is_empty() && state.called == 0 {
            state.called += 1;
            return Leave::Again;
        }
        if state.parked.is_some() {
            return Leave::End;
        }
        state.parked = Some((number, waker.clone()));
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
        for _ in 0..TASKS_PER_TURN {
            let Some((task, call)) = shared.pollers.next() else {
                return;
            };
            shared.answer(call);
            shared.run(task, &self.home);
            shared.task_went_out();
            if runtime::wants_a_turn() {
                return;
            }
        }
    }
}

impl Future for Poller {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.shared.pollers.arrived(this.number);
        host::run_inside(this.shared.ledger.id(), || this.run_tasks());
        match this.shared.pollers.leave(this.number, cx.waker()) {
            Leave::Again => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Leave::Park => Poll::Pending,
            Leave::End => {
                this.ended = true;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody but the runtime drops a poller, and only when it ends itself.
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
        debug.finish()
    }
}
