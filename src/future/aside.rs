//! Threads for callbacks of tasks that were settled by a thread which supervises others (rule 11).
//!
//! One *runner* for the whole program runs them one after another. While a callback blocks in a wait of this
//! crate, another runner takes over: what it waits for may be behind it in the queue. So it does from one that takes long:
//! it may wait for that in a way of its own.

use super::{
    callbacks::Job,
    host::{self, Host, Waits},
};
use crate::{
    ledger::Ledger,
    panic,
    sync::{
        Arc,
        global::{Condvar, Mutex},
    },
    timer::{self, Armed, Deadline},
};
use std::{
    cell::Cell,
    collections::VecDeque,
    io,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

/// How long a runner without a job stays: deadlines pass in bursts, and a program that sets none any more has no
/// thread of ours.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A callback that takes longer than this has its runner's place taken, if others wait.
const PATIENCE: Duration = Duration::from_millis(100);

/// The queue and its runners. If there are jobs, a runner is active.
struct Aside {
    state: Mutex<State>,
    /// An idle runner was called.
    called: Condvar,
    start: fn(&'static Self) -> io::Result<()>,
}

struct State {
    jobs: VecDeque<Job>,
    /// Runners that go on: they have a job and are not blocked in it, or will look for one next.
    active: usize,
    /// Runners that sleep until they are called; one, or none.
    idle: usize,
    /// Runners that were called and sleep still. They count as active.
    called: usize,
    /// Active runners that have a job, each with the number of that job.
    working: Vec<(RunnerId, u64)>,
    /// Jobs that have been taken.
    taken: u64,
    /// Set while jobs wait: the time at which one that is being run has taken too long.
    watch: Option<Armed>,
}

/// Tells runners apart.
type RunnerId = thread::ThreadId;

static ASIDE: Aside = Aside::new(start);

thread_local! {
    /// How many times over this thread is telling what it has taken in.
    static TELLING: Cell<u32> = const { Cell::new(0) };
}

/// Tells who waits what this thread has taken in from elsewhere. What it would take to know more is taken in by this thread, too:
/// so nothing that is told may wait for that.
#[cfg(all(feature = "cluster", unix))]
pub(crate) fn while_telling(tell: impl FnOnce()) {
    struct Told;
    impl Drop for Told {
        fn drop(&mut self) {
            TELLING.set(TELLING.get() - 1);
        }
    }
    TELLING.set(TELLING.get() + 1);
    let _told = Told;
    tell();
}

/// Whether this thread is doing so.
pub(crate) fn is_telling() -> bool {
    TELLING.get() > 0
}

/// Runs `job` on a runner; gives it back if none is active and the system starts no thread.
pub(crate) fn run(job: Job) -> Result<(), Job> {
    ASIDE.run(job)
}

fn start(aside: &'static Aside) -> io::Result<()> {
    let thread = thread::Builder::new().name("callbacks".into());
    thread.spawn(move || live(aside)).map(drop)
}

/// The life of a runner.
fn live(aside: &'static Aside) {
    let runner = Rc::new(Runner::new(aside));
    host::install(runner.clone());
    let mut had_a_job = false;
    while let Some(job) = aside.next(runner.id, had_a_job) {
        had_a_job = true;
        panic::contain(job);
        // A `block_on` may have given up a future without polling it to its end.
        (&*runner as &dyn Host).task_is_over();
    }
    host::uninstall();
}

impl Aside {
    const fn new(start: fn(&'static Self) -> io::Result<()>) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                active: 0,
                idle: 0,
                called: 0,
                working: Vec::new(),
                taken: 0,
                watch: None,
            }),
            called: Condvar::new(),
            start,
        }
    }

    fn run(&'static self, job: Job) -> Result<(), Job> {
        let mut state = self.state.lock();
        if self.staff(&mut state).is_err() {
            return Err(job);
        }
        state.jobs.push_back(job);
        self.watch(&mut state);
        Ok(())
    }

    /// Has somebody look whether the jobs that are being run now take too long for those that wait.
    fn watch(&'static self, state: &mut State) {
        if state.watch.is_none() && !state.working.is_empty() && !state.jobs.is_empty() {
            let watch = Arc::new(Watch {
                aside: self,
                taken: state.taken,
            });
            // The timer does not keep it, so the state does, inside what it is armed with.
            state.watch = Some(timer::arm_owned(&watch, PATIENCE));
        }
    }

    /// Counts runners out whose job is one of the first `taken` and still not done, and puts another in their place.
    fn take_over(&'static self, taken: u64) {
        let mut state = self.state.lock();
        state.watch = None;
        if state.jobs.is_empty() {
            return;
        }
        let late: Vec<_> = state.working.extract_if(.., |(_, job)| *job <= taken).collect();
        state.active -= late.len();
        if self.staff(&mut state).is_err() {
            state.active += late.len();
            state.working.extend(late);
        }
        self.watch(&mut state);
    }

    /// Makes sure that a runner is active.
    fn staff(&'static self, state: &mut State) -> io::Result<()> {
        if state.active > 0 {
            return Ok(());
        }
        if state.idle > 0 {
            state.idle -= 1;
            state.called += 1;
            self.called.notify_one();
        } else {
            (self.start)(self)?;
        }
        state.active += 1;
        Ok(())
    }

    /// An active runner blocks. It must not if there are jobs and nobody can take them.
    fn block(&'static self, runner: RunnerId) -> io::Result<()> {
        let mut state = self.state.lock();
        let Some(job) = state.stop_working(runner) else {
            return Ok(());
        };
        state.active -= 1;
        if state.jobs.is_empty() {
            return Ok(());
        }
        let staffed = self.staff(&mut state);
        if staffed.is_err() {
            state.active += 1;
            state.working.push((runner, job));
        }
        staffed
    }

    /// A blocked runner goes on. If another has taken over, there are two until one of them is done.
    fn unblock(&'static self, runner: RunnerId) {
        let mut state = self.state.lock();
        state.active += 1;
        let taken = state.taken;
        state.working.push((runner, taken));
        self.watch(&mut state);
    }

    /// The next job of a runner. `None` if it is not needed any more: it is not active then.
    fn next(&'static self, runner: RunnerId, had_a_job: bool) -> Option<Job> {
        let mut state = self.state.lock();
        if had_a_job && state.stop_working(runner).is_none() {
            // It was late, and is back.
            state.active += 1;
        }
        loop {
            if state.active == 1
                && let Some(job) = state.jobs.pop_front()
            {
                state.taken += 1;
                let taken = state.taken;
                state.working.push((runner, taken));
                self.watch(&mut state);
                return Some(job);
            }
            state.active -= 1;
            if state.idle > 0 {
                return None;
            }
            state.idle += 1;
            let until = Instant::now() + KEEP_ALIVE;
            // Whoever looks first answers a call; the one it was meant for then sleeps on in its place.
            while state.called == 0 {
                if self.called.wait_until(&mut state, until).timed_out() && state.called == 0 {
                    state.idle -= 1;
                    return None;
                }
            }
            state.called -= 1;
        }
    }
}

impl State {
    /// The runner's job is over, or does not count as being run. `None` if it did not: another has taken over.
    fn stop_working(&mut self, runner: RunnerId) -> Option<u64> {
        let at = self.working.iter().position(|(of, _)| *of == runner)?;
        Some(self.working.swap_remove(at).1)
    }
}

/// Passes when the jobs that were being run have had their time.
struct Watch {
    aside: &'static Aside,
    taken: u64,
}

impl Deadline for Watch {
    fn passed(self: Arc<Self>) {
        self.aside.take_over(self.taken);
    }
}

/// A runner's thread, seen from the futures that are waited for on it.
struct Runner {
    aside: &'static Aside,
    id: RunnerId,
    waits: Waits,
}

impl Runner {
    fn new(aside: &'static Aside) -> Self {
        Self {
            aside,
            id: thread::current().id(),
            waits: Waits::default(),
        }
    }
}

impl Host for Runner {
    fn ledger(&self) -> Option<&Ledger> {
        None
    }

    fn may_help(&self) -> bool {
        false
    }

    fn waits(&self) -> &Waits {
        &self.waits
    }

    fn leave_place(&self) {
        if let Err(error) = self.aside.block(self.id) {
            panic!(
                "a callback waits while callbacks of other tasks are queued behind it, and no thread could be \
                 started to run those, so going on could be a deadlock: {error}. Wait in fewer callbacks at \
                 once, or allow the program more threads (`ulimit -u`, the cgroup's `pids.max`)"
            );
        }
    }

    fn come_back(&self) {
        self.aside.unblock(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
    };

    const LONG: Duration = Duration::from_secs(60);

    fn aside(start: fn(&'static Aside) -> io::Result<()>) -> &'static Aside {
        Box::leak(Box::new(Aside::new(start)))
    }

    fn no_thread(_: &'static Aside) -> io::Result<()> {
        Err(io::Error::other("too many threads"))
    }

    fn add(aside: &'static Aside, job: impl FnOnce() + Send + 'static) {
        assert!(aside.run(Box::new(job)).is_ok(), "a runner is there");
    }

    /// Waits until there is nothing to do; says how many runners stay for a while.
    ///
    /// None of them may be blocked by now and go on later, unless it is the only one.
    fn at_rest(aside: &Aside) -> usize {
        let start = Instant::now();
        loop {
            let state = aside.state.lock();
            if state.active == 0 && state.jobs.is_empty() && state.idle > 0 {
                return state.idle;
            }
            drop(state);
            assert!(start.elapsed() < LONG, "hangs");
            thread::yield_now();
        }
    }

    #[test]
    fn a_job_that_nobody_can_run_is_given_back() {
        let (tx, rx) = mpsc::channel();
        let job = aside(no_thread).run(Box::new(move || tx.send(7).unwrap())).err();
        job.unwrap()();
        assert_eq!(rx.recv().unwrap(), 7);
    }

    #[test]
    fn a_runner_that_waits_is_replaced_and_one_runner_stays() {
        const JOBS: usize = 20;
        let aside = aside(start);
        let (done, order) = mpsc::channel();
        let (open, gate) = mpsc::channel::<()>();
        add(aside, move || gate.recv().unwrap());
        // Each waits for the one behind it.
        let mut to_the_one_before = None;
        for number in 0..JOBS {
            let (done, (tx, rx)) = (done.clone(), mpsc::channel());
            let before = to_the_one_before.replace(tx);
            add(aside, move || {
                if number < JOBS - 1 {
                    host::blocking(|| rx.recv_timeout(LONG).unwrap());
                }
                done.send(number).unwrap();
                if let Some(before) = before {
                    before.send(()).unwrap();
                }
            });
        }
        open.send(()).unwrap();
        let order: Vec<_> = (0..JOBS).map(|_| order.recv_timeout(LONG).unwrap()).collect();
        assert_eq!(order, (0..JOBS).rev().collect::<Vec<_>>());
        assert_eq!(at_rest(aside), 1);
    }

    #[test]
    fn a_runner_that_blocks_in_its_own_way_is_replaced_too() {
        let aside = aside(start);
        let (tx, rx) = mpsc::channel();
        let mut to_the_one_before: Option<mpsc::Sender<()>> = None;
        for _ in 0..4 {
            let (here, there) = mpsc::channel();
            let (before, done) = (to_the_one_before.replace(here), tx.clone());
            add(aside, move || {
                if let Some(before) = before {
                    before.send(()).unwrap();
                }
                done.send(there.recv_timeout(LONG)).unwrap();
            });
        }
        let last = to_the_one_before.take().unwrap();
        add(aside, move || last.send(()).unwrap());
        for _ in 0..4 {
            assert_eq!(rx.recv_timeout(LONG).unwrap(), Ok(()));
        }
        at_rest(aside);
    }

    #[test]
    fn what_comes_while_the_only_runner_waits_runs_at_once() {
        let aside = aside(start);
        let (tx, rx) = mpsc::channel();
        add(aside, move || {
            let (inner, there) = mpsc::channel();
            let answer = host::blocking(|| {
                add(aside, move || inner.send(1).unwrap());
                there.recv_timeout(LONG).unwrap()
            });
            tx.send(answer).unwrap();
        });
        assert_eq!(rx.recv_timeout(LONG).unwrap(), 1);
        assert_eq!(at_rest(aside), 1);
    }

    #[test]
    fn a_wait_that_could_be_a_deadlock_panics_with_the_reason() {
        fn one_thread(aside: &'static Aside) -> io::Result<()> {
            static STARTED: AtomicBool = AtomicBool::new(false);
            if STARTED.swap(true, Ordering::SeqCst) {
                no_thread(aside)
            } else {
                start(aside)
            }
        }

        let aside = aside(one_thread);
        let (tx, rx) = mpsc::channel();
        let (open, gate) = mpsc::channel::<()>();
        let tell = tx.clone();
        add(aside, move || {
            gate.recv().unwrap();
            for wait in [|| host::blocking(|| ()), || host::polled(true)] {
                let panic = catch_unwind(AssertUnwindSafe(wait)).unwrap_err();
                tell.send(panic::message(&*panic).to_owned()).unwrap();
            }
        });
        let tell = tx.clone();
        add(aside, move || tell.send("the second".into()).unwrap());
        open.send(()).unwrap();
        for _ in 0..2 {
            let reason = rx.recv_timeout(LONG).unwrap();
            assert!(
                reason.contains("a deadlock: too many threads. Wait in fewer"),
                "{reason}"
            );
        }
        assert_eq!(rx.recv_timeout(LONG).unwrap(), "the second");

        // Nothing is queued: it may wait, and what comes meanwhile is not accepted.
        add(aside, move || {
            let refused = host::blocking(|| aside.run(Box::new(|| ())).is_err());
            tx.send(if refused { "refused" } else { "queued" }.into())
                .unwrap();
        });
        assert_eq!(rx.recv_timeout(LONG).unwrap(), "refused");
        assert_eq!(at_rest(aside), 1);
    }

    #[test]
    fn a_runner_outlives_panics_and_waits_that_were_given_up() {
        let aside = aside(start);
        let (tx, rx) = mpsc::channel();
        let jobs: [fn(); 3] = [
            || panic!("in a callback"),
            || host::blocking(|| panic!("in a wait")),
            || host::polled(true),
        ];
        for job in jobs {
            let tx = tx.clone();
            add(aside, move || {
                tx.send(thread::current().id()).unwrap();
                job();
            });
            assert_eq!(at_rest(aside), 1);
        }
        let threads: Vec<_> = rx.try_iter().collect();
        assert!(threads.len() == 3 && threads.iter().all(|thread| *thread == threads[0]));
    }
}
