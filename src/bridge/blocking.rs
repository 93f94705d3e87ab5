//! The threads beside the runtime, for calls that block (rules 6 to 9 of `README.md`).

use super::shared::Shared;
use crate::{
    future::host::{self, Host, Waits},
    ledger::Ledger,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    },
    sys::stack,
    task::{Home, Task},
};
use std::{
    collections::VecDeque,
    fmt, io,
    rc::Rc,
    time::{Duration, Instant},
};

/// How long a thread without a task stays.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// So many threads are called or started at once; each that arrives and finds more waiting goes on with that. A burst of
/// short calls is over before it has a thread for each.
const MOST_ON_THE_WAY: usize = 4;

pub(super) struct Blocking {
    pub(super) max: usize,
    pub(super) stack_size: usize,
    state: Mutex<State>,
    /// A call was laid out for a thread that sleeps, or the bridge is closed.
    called: Condvar,
    /// How many tasks wait; read without the lock by a thread that looks for one.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    /// Threads that run a task and are not in a wait of this crate: at most `max`, except while one that has come back
    /// from a wait finishes its task.
    running: usize,
    /// Threads that look for a task, for a moment.
    looking: usize,
    /// Threads that sleep and that nobody has called.
    asleep: usize,
    /// Calls that no thread has heard yet.
    calls: usize,
    /// Threads that are being started.
    starting: usize,
    alive: usize,
    closed: bool,
    named: usize,
}

/// What it takes to get a thread to the queue. Done without the lock.
#[must_use]
pub(super) enum Help {
    /// Enough are on their way, or as many run as may.
    None,
    /// One that sleeps was called.
    Called,
    Start,
}

impl State {
    fn on_the_way(&self) -> usize {
        self.looking + self.calls + self.starting
    }

    /// Called whenever a task comes in or a place becomes free, except by a thread that then looks itself.
    fn get_help(&mut self, max: usize) -> Help {
        let on_the_way = self.on_the_way();
        if self.closed {
            // What comes in now is refused.
            Help::None
        } else if on_the_way >= self.tasks.len().min(MOST_ON_THE_WAY) || self.running + on_the_way >= max {
            Help::None
        } else if self.asleep > 0 {
            self.asleep -= 1;
            self.calls += 1;
            Help::Called
        } else {
            self.starting += 1;
            self.alive += 1;
            Help::Start
        }
    }

    /// A thread is counted no more.
    fn leave(&mut self) -> Leaving {
        self.alive -= 1;
        Leaving {
            is_last: self.closed && self.alive == 0,
        }
    }

    /// Whether nobody will come for what waits.
    fn is_forsaken(&self) -> bool {
        self.running + self.on_the_way() == 0
    }
}

impl Blocking {
    pub(super) fn new(max: usize, stack_size: usize) -> Self {
        Self {
            max,
            stack_size,
            state: Mutex::default(),
            called: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    pub(super) fn push(&self, task: Task) -> Help {
        let mut state = self.state.lock();
        state.tasks.push_back(task);
        self.waiting.store(state.tasks.len(), Relaxed);
        state.get_help(self.max)
    }

    pub(super) fn take_any(&self) -> Option<Task> {
        let mut state = self.state.lock();
        let task = state.tasks.pop_front();
        self.waiting.store(state.tasks.len(), Relaxed);
        task
    }

    pub(super) fn alive(&self) -> usize {
        self.state.lock().alive
    }

    /// `None` if that cannot be said without waiting.
    pub(super) fn seen_alive(&self) -> Option<usize> {
        self.state.try_lock().map(|state| state.alive)
    }

    /// The threads shall leave. False if there are none.
    pub(super) fn close(&self) -> bool {
        let mut state = self.state.lock();
        state.closed = true;
        self.called.notify_all();
        state.alive > 0
    }

    /// Waits for a task, as long as it is worth staying. Then the thread is to leave.
    fn next(&self, after: After) -> Result<(Task, Help), Leaving> {
        let mut state = self.state.lock();
        match after {
            After::Start => state.starting -= 1,
            After::Task => state.running -= 1,
        }
        let mut has_looked = false;
        loop {
            if state.running < self.max
                && let Some(task) = state.tasks.pop_front()
            {
                self.waiting.store(state.tasks.len(), Relaxed);
                state.running += 1;
                return Ok((task, state.get_help(self.max)));
            }
            if state.closed {
                return Err(state.leave());
            }
            if !has_looked && state.looking == 0 {
                state.looking += 1;
                drop(state);
                host::spin(|| self.waiting.load(Relaxed) > 0);
                state = self.state.lock();
                state.looking -= 1;
                has_looked = true;
                continue;
            }
            let until = Instant::now() + KEEP_ALIVE;
            state.asleep += 1;
            while state.calls == 0 && !state.closed {
                if self.called.wait_until(&mut state, until).timed_out() {
                    break;
                }
            }
            if state.calls > 0 {
                state.calls -= 1;
            } else {
                state.asleep -= 1;
                let is_wanted = state.running < self.max && !state.tasks.is_empty();
                if !state.closed && !is_wanted {
                    return Err(state.leave());
                }
            }
            has_looked = false;
        }
    }

    /// A thread that runs a task is about to block.
    fn leave_place(&self) -> Help {
        let mut state = self.state.lock();
        state.running -= 1;
        state.get_help(self.max)
    }

    fn come_back(&self) {
        self.state.lock().running += 1;
    }

    /// A thread could not be started.
    fn not_started(&self) -> NotStarted {
        let mut state = self.state.lock();
        state.starting -= 1;
        NotStarted {
            is_forsaken: state.is_forsaken(),
            leaving: state.leave(),
        }
    }
}

/// Where a thread comes from when it looks for a task. It counts as that until then, so it is missed by nobody.
#[derive(Clone, Copy)]
enum After {
    Start,
    Task,
}

struct Leaving {
    /// It is the last thread of a closed bridge.
    is_last: bool,
}

struct NotStarted {
    /// Nobody will come for what waits.
    is_forsaken: bool,
    leaving: Leaving,
}

impl Shared {
    /// Does what it takes to get a thread to the queue.
    ///
    /// # Errors
    ///
    /// Fails if the system starts no thread and nobody else will come.
    pub(super) fn send_for(&self, help: Help) -> Result<(), io::Error> {
        match help {
            Help::None => Ok(()),
            Help::Called => {
                self.blocking.called.notify_one();
                Ok(())
            }
            Help::Start => self.start_thread().or_else(|error| {
                let met = self.blocking.not_started();
                if met.leaving.is_last {
                    self.end_elsewhere();
                }
                if met.is_forsaken { Err(error) } else { Ok(()) }
            }),
        }
    }

    fn start_thread(&self) -> io::Result<()> {
        let number = {
            let mut state = self.blocking.state.lock();
            state.named += 1;
            state.named - 1
        };
        let shared = self.me().ok_or_else(|| io::Error::other("the bridge is gone"))?;
        let thread = thread::Builder::new()
            .name(format!("{}-blocking-{number}", self.config.name))
            .stack_size(self.blocking.stack_size);
        self.lifecycle.start_thread(thread, move || live(&shared))
    }
}

/// The life of a thread.
fn live(shared: &Arc<Shared>) {
    let thread = Rc::new(BlockingThread {
        shared: shared.clone(),
        waits: Waits::default(),
        stack_base: stack::pointer(),
    });
    host::install(thread.clone());
    let home: Arc<dyn Home> = shared.clone();
    let leaving = {
        let _entered = shared.runtime.enter();
        let mut after = After::Start;
        loop {
            match shared.blocking.next(after) {
                Ok((task, help)) => {
                    // Whoever else waits is not lost if no thread is started: this one comes back.
                    let _ = shared.send_for(help);
                    shared.run(task, &home);
                    (&*thread as &dyn Host).task_is_over();
                    shared.went_out(1);
                    after = After::Task;
                }
                Err(leaving) => break leaving,
            }
        }
    };
    host::uninstall();
    if leaving.is_last {
        shared.end_here();
    }
}

/// A thread beside the runtime, seen from the inside.
struct BlockingThread {
    shared: Arc<Shared>,
    waits: Waits,
    /// Where this thread's stack begins, roughly.
    stack_base: usize,
}

impl Host for BlockingThread {
    fn ledger(&self) -> Option<&Ledger> {
        Some(&self.shared.ledger)
    }

    fn may_help(&self) -> bool {
        // Half of the stack is left to the task that would run on it.
        self.stack_base.abs_diff(stack::pointer()) < self.shared.blocking.stack_size / 2
    }

    fn waits(&self) -> &Waits {
        &self.waits
    }

    fn leave_place(&self) {
        let help = self.shared.blocking.leave_place();
        if let Err(error) = self.shared.send_for(help) {
            self.shared.blocking.come_back();
            panic!(
                "a blocking call waits inside the bridge `{}`, and no thread could be started to take its place, so \
                 going on could be a deadlock: {error}. {} threads of the bridge exist. Wait in fewer calls at once, \
                 or allow the program more threads (`ulimit -u`, the cgroup's `pids.max`)",
                self.shared.config.name,
                self.shared.blocking.alive(),
            );
        }
    }

    fn come_back(&self) {
        self.shared.blocking.come_back();
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Blocking");
        debug.field("max", &self.max);
        match self.state.try_lock() {
            Some(state) => debug
                .field("tasks", &state.tasks.len())
                .field("running", &state.running)
                .field("looking", &state.looking)
                .field("asleep", &state.asleep)
                .field("calls", &state.calls)
                .field("starting", &state.starting)
                .field("alive", &state.alive),
            None => debug.field("state", &"<locked>"),
        };
        debug.finish_non_exhaustive()
    }
}
