//! Death outside of tasks: idle, right behind an answer, while it gets ready and while it leaves.

use crate::{
    bomb::{WAYS, Way},
    checkpoint::{Address, Checkpoint},
    harness::{
        Log, alone, assert_books_are_closed, assert_works, eventually, no_zombies, signal,
        wait_until_stopped, write_down,
    },
};
use concurrent_futures::{BuildError, Executor, ProcessPool, Shutdown, TaskError};
use std::{
    cell::Cell,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

fn pid((): ()) -> u32 {
    std::process::id()
}

fn count((number, log): (u64, String)) -> u64 {
    write_down(log, number);
    number
}

/// Those that end a process from a thread of their own; a panic there is nobody's concern.
const FROM_ASIDE: [Way; 6] = [
    Way::Kill,
    Way::Segv,
    Way::Abort,
    Way::Exit0,
    Way::Exit1,
    Way::Panic,
];

#[test]
fn death_right_behind_an_answer_costs_nothing() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        for way in FROM_ASIDE {
            for round in 0..3 {
                let label = format!("{way:?}, round {round}");
                let gate = Checkpoint::new();
                let log = Log::new();
                let lights_the_fuse = |(gate, way): (Address, Way)| {
                    thread::spawn(move || {
                        gate.pass(u64::from(std::process::id()));
                        way.go_off();
                    });
                    std::process::id()
                };
                let doomed = pool
                    .submit(lights_the_fuse, (gate.address(), way))
                    .result()
                    .expect(&label);
                gate.wait_for(1);
                gate.open();
                if round > 0 && way != Way::Panic {
                    eventually("it is gone", || !pool.worker_pids().contains(&doomed));
                }
                // In round 0 they may start on it just before it dies: that costs them an attempt.
                let again = u32::from(round == 0) * 50;
                let tasks: Vec<_> = (0..20)
                    .map(|n| pool.options().retries(again).submit(count, (n, log.path())))
                    .collect();
                for (n, task) in (0..).zip(tasks) {
                    assert_eq!(task.result().expect(&label), n, "{label}");
                }
                if round > 0 {
                    log.assert_once(0..20, &label);
                }
                assert_works(&pool, &label);
                if way != Way::Panic {
                    // Else the next fuse might be lit in a process that goes off before it can say so.
                    eventually("it is gone", || !pool.worker_pids().contains(&doomed));
                }
                no_zombies(&label);
            }
        }
        assert_books_are_closed(&pool, "at the end");
    });
}

#[test]
fn death_while_idle_costs_nothing() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        for signal_number in [
            libc::SIGKILL,
            libc::SIGSEGV,
            libc::SIGABRT,
            libc::SIGTERM,
            libc::SIGBUS,
        ] {
            let label = format!("signal {signal_number}");
            pool.warm_up().expect(&label);
            let before = pool.worker_pids();
            assert_eq!(before.len(), 2, "{label}");
            for pid in &before {
                signal(*pid, signal_number);
            }
            eventually("they are gone", || {
                pool.worker_pids().iter().all(|pid| !before.contains(pid))
            });
            let log = Log::new();
            let outcomes: Vec<_> = pool.map(count, (0..50).map(|n| (n, log.path()))).collect();
            assert!(
                outcomes
                    .into_iter()
                    .map(|outcome| outcome.expect(&label))
                    .eq(0..50),
                "{label}"
            );
            log.assert_once(0..50, &label);
            assert_works(&pool, &label);
            no_zombies(&label);
        }
    });
}

/// What is sent to a worker that cannot take it has not started, whatever becomes of the worker.
#[test]
fn what_a_dead_worker_had_not_started_runs_elsewhere() {
    alone(|| {
        for ender in [libc::SIGKILL, libc::SIGCONT] {
            for mapped in [false, true] {
                let label = format!("signal {ender}, mapped: {mapped}");
                let pool = ProcessPool::with_workers(1);
                let log = Log::new();
                let stopped = pool.submit(pid, ()).result().expect(&label);
                signal(stopped, libc::SIGSTOP);
                wait_until_stopped(stopped);
                if mapped {
                    let mut map = pool.map(count, (0..40).map(|n| (n, log.path())));
                    assert!(map.by_ref().collect_first(stopped, ender).eq(0..40), "{label}");
                } else {
                    let tasks: Vec<_> = (0..40).map(|n| pool.submit(count, (n, log.path()))).collect();
                    signal(stopped, ender);
                    for (n, task) in (0..).zip(tasks) {
                        assert_eq!(task.result().expect(&label), n, "{label}");
                    }
                }
                log.assert_once(0..40, &label);
                assert_works(&pool, &label);
                assert_books_are_closed(&pool, &label);
            }
        }
    });
}

/// Signals the worker once the map has read ahead, which it does when it is first asked.
trait CollectFirst: Iterator<Item = Result<u64, TaskError>> {
    fn collect_first(self, pid: u32, number: i32) -> impl Iterator<Item = u64>;
}

impl<I: Iterator<Item = Result<u64, TaskError>>> CollectFirst for I {
    fn collect_first(self, pid: u32, number: i32) -> impl Iterator<Item = u64> {
        let sender = thread::spawn(move || signal(pid, number));
        let values: Vec<u64> = self.map(|outcome| outcome.expect("it ran")).collect();
        sender.join().expect("it sent");
        values.into_iter()
    }
}

/// An argument of an initializer: how many starts fail, and how.
type Trouble = (String, u64, Way);

fn initialize((log, failures, way): Trouble) {
    write_down(&log, 0);
    let starts = fs::read_to_string(&log).expect("it is there").lines().count() as u64;
    if starts <= failures {
        way.go_off();
    }
}

#[test]
fn an_initializer_that_ends_its_worker_is_tried_again() {
    alone(|| {
        for way in WAYS.into_iter().filter(|way| *way != Way::Stop) {
            let label = format!("{way:?}");
            let log = Log::new();
            let ran = Log::new();
            let pool = ProcessPool::builder()
                .workers(1)
                .initializer(initialize, (log.path(), 2, way))
                .build()
                .expect(&label);
            let tasks: Vec<_> = (0..5).map(|n| pool.submit(count, (n, ran.path()))).collect();
            for (n, task) in (0..).zip(tasks) {
                assert_eq!(task.result().expect(&label), n, "{label}");
            }
            ran.assert_once(0..5, &label);
            assert_eq!(log.counts()[&0], 3, "{label}: starts");
            no_zombies(&label);
            assert_books_are_closed(&pool, &label);
        }
    });
}

fn assert_reason(way: Way, error: &TaskError, label: &str) {
    match (way, error) {
        (Way::Panic, TaskError::Panicked(panic)) => assert_eq!(panic.message(), "boom", "{label}"),
        (_, TaskError::WorkerDied(death)) => {
            assert_eq!((death.signal(), death.code()), way.fate(), "{label}");
        }
        _ => panic!("{label}: another error: {error:?}"),
    }
}

#[test]
fn an_initializer_that_always_ends_its_worker_is_given_up() {
    alone(|| {
        for way in WAYS.into_iter().filter(|way| *way != Way::Stop) {
            for workers in [1, 2] {
                let label = format!("{way:?}, {workers} workers");
                let log = Log::new();
                let pool = ProcessPool::builder()
                    .workers(workers)
                    .initializer(initialize, (log.path(), u64::MAX, way))
                    .build()
                    .expect(&label);
                for round in 1..3 {
                    let label = format!("{label}, round {round}");
                    let tasks: Vec<_> = (0..4).map(|n| pool.submit(|n: u64| n, n)).collect();
                    for task in tasks {
                        assert_reason(way, &task.result().expect_err(&label), &label);
                    }
                    let outcome = pool.map(|n: u64| n, [1]).next().expect("one item");
                    assert_reason(way, &outcome.expect_err(&label), &label);
                    match pool.warm_up() {
                        Err(BuildError::NotReady(error)) => assert_reason(way, &error, &label),
                        other => panic!("{label}: {other:?}"),
                    }
                }
                let starts = log.counts()[&0];
                // Three for each of two rounds of three, and those that were on their way.
                assert!((18..60).contains(&starts), "{label}: {starts} starts");
                eventually("the starts are over", || pool.worker_pids().is_empty());
                no_zombies(&label);
                pool.shutdown(Shutdown::Finish);
                assert_books_are_closed(&pool, &label);
            }
        }
    });
}

/// The first start succeeds, the next three fail, and then all is well.
fn fails_in_between(log: String) {
    write_down(&log, 0);
    let starts = fs::read_to_string(&log).expect("it is there").lines().count();
    assert!(!(2..5).contains(&starts), "start {starts}");
}

#[test]
fn the_death_of_the_last_worker_is_made_up_for_after_starts_have_failed() {
    alone(|| {
        for is_idle in [false, true] {
            let label = format!("idle: {is_idle}");
            let (log, gate) = (Log::new(), Checkpoint::new());
            let pool = ProcessPool::builder()
                .workers(2)
                .initializer(fails_in_between, log.path())
                .build()
                .expect(&label);
            let only = pool.submit(pid, ()).result().expect(&label);
            let held = pool.submit(|gate: Address| gate.pass(1), gate.address());
            gate.wait_for(1);
            // Each asks for another worker, which fails, and is sent to the one there is, which is busy.
            let mut behind = Vec::new();
            eventually(&label, || {
                if pool.worker_pids() == [only] && log.counts()[&0] < 4 {
                    behind.push(pool.submit(|n: u64| n, 2));
                }
                log.counts()[&0] == 4 && pool.worker_pids() == [only]
            });
            if is_idle {
                gate.open();
                held.result().expect(&label);
            } else {
                signal(only, libc::SIGKILL);
                assert!(matches!(held.result(), Err(TaskError::WorkerDied(_))), "{label}");
            }
            for task in behind {
                assert_eq!(task.result().expect(&label), 2, "{label}");
            }
            if is_idle {
                signal(only, libc::SIGKILL);
                eventually(&label, || pool.worker_pids().is_empty());
            }
            assert_works(&pool, &label);
            assert_eq!(pool.map(|n: u64| n, [5]).next().expect("one").expect(&label), 5);
        }
    });
}

#[test]
fn an_initializer_that_stops_its_worker_holds_up_nothing() {
    alone(|| {
        let stopping = |label: &str| {
            let log = Log::new();
            let pool = ProcessPool::builder()
                .workers(1)
                .initializer(initialize, (log.path(), 1, Way::Stop))
                .build()
                .expect(label);
            let task = pool.submit(|n: u64| n, 7);
            eventually(label, || pool.worker_pids().len() == 1);
            let pid = pool.worker_pids()[0];
            wait_until_stopped(pid);
            (log, pool, task, pid)
        };
        let label = "killed from outside";
        let (_log, pool, task, pid) = stopping(label);
        signal(pid, libc::SIGKILL);
        assert_eq!(task.result().expect(label), 7);
        assert_works(&pool, label);

        let label = "continued";
        let (_log, pool, task, pid) = stopping(label);
        signal(pid, libc::SIGCONT);
        assert_eq!(task.result().expect(label), 7);
        assert_works(&pool, label);

        let label = "the task is killed";
        let (_log, pool, task, pid) = stopping(label);
        assert!(task.kill());
        assert!(matches!(task.result(), Err(TaskError::Cancelled)));
        signal(pid, libc::SIGCONT);
        assert_works(&pool, label);

        for how in [Shutdown::Kill, Shutdown::Cancel] {
            let label = format!("{how:?}");
            let (_log, pool, task, _) = stopping(&label);
            pool.shutdown(how);
            assert!(matches!(task.result(), Err(TaskError::Cancelled)), "{label}");
        }
        let label = "Finish";
        let (_log, pool, task, _) = stopping(label);
        pool.shutdown(Shutdown::Finish);
        assert_eq!(task.result().expect("another worker runs it"), 7);
    });
}

static AT_EXIT: AtomicU8 = AtomicU8::new(u8::MAX);

extern "C" fn at_exit() {
    let number = AT_EXIT.load(Ordering::Relaxed);
    if let Some(way) = WAYS.into_iter().find(|way| *way as u8 == number) {
        way.go_off();
    }
}

#[allow(unsafe_code)]
fn goes_off_at_exit((way, number, log): (Way, u64, String)) -> u64 {
    write_down(log, number);
    AT_EXIT.store(way as u8, Ordering::Relaxed);
    // SAFETY: the function stays for the life of the process.
    unsafe { libc::atexit(at_exit) };
    number
}

#[test]
fn death_while_leaving_costs_nothing() {
    alone(|| {
        for way in WAYS {
            let label = format!("{way:?}");
            let log = Log::new();
            let pool = ProcessPool::builder()
                .workers(2)
                .max_tasks_per_worker(3)
                .build()
                .expect(&label);
            let tasks: Vec<_> = (0..10)
                .map(|n| pool.submit(goes_off_at_exit, (way, n, log.path())))
                .collect();
            for (n, task) in (0..).zip(tasks) {
                assert_eq!(task.result().expect(&label), n, "{label}");
            }
            let items = (10..30).map(|n| (way, n, log.path()));
            let outcomes = pool.options().chunk_size(7).map(goes_off_at_exit, items);
            assert!(
                outcomes.map(|outcome| outcome.expect(&label)).eq(10..30),
                "{label}"
            );
            log.assert_once(0..30, &label);
            let begun = Instant::now();
            pool.shutdown(Shutdown::Finish);
            assert!(
                begun.elapsed() < Duration::from_secs(8),
                "{label}: {:?}",
                begun.elapsed()
            );
            no_zombies(&label);
            assert_books_are_closed(&pool, &label);
        }
    });
}

/// A destructor of a thread's local data runs when the process exits by itself.
struct AtThreadEnd(Cell<Option<Way>>);

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        if let Some(way) = self.0.get() {
            way.go_off();
        }
    }
}

thread_local! {
    static AT_THREAD_END: AtThreadEnd = const { AtThreadEnd(Cell::new(None)) };
}

#[test]
fn destructors_that_end_the_worker_cost_nothing() {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    alone(|| {
        let _one = ONE_AT_A_TIME.lock().expect("nobody fails holding it");
        for way in WAYS {
            let label = format!("{way:?}");
            let pool = ProcessPool::builder()
                .workers(1)
                .max_tasks_per_worker(1)
                .build()
                .expect(&label);
            for n in 0..3 {
                let work = |(way, n): (Way, u64)| {
                    AT_THREAD_END.with(|end| end.0.set(Some(way)));
                    n
                };
                assert_eq!(pool.submit(work, (way, n)).result().expect(&label), n, "{label}");
            }
            no_zombies(&label);
        }
    });
}
