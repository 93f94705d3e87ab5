//! Poison, deadlines, stopped workers at the end of the pool.

use crate::{
    bomb::{Bomb, PLACES, WAYS, Way, carry},
    checkpoint::{Address, Checkpoint},
    harness::{
        Log, alone, assert_books_are_closed, assert_works, death, signal, wait_until_stopped, write_down,
    },
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError};
use std::{
    thread,
    time::{Duration, Instant},
};

fn deadly() -> impl Iterator<Item = Way> {
    WAYS.into_iter()
        .filter(|way| !matches!(way, Way::Stop | Way::Panic))
}

#[test]
fn poison_is_given_up_after_its_retries() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        for way in deadly() {
            for place in PLACES {
                let label = format!("{place:?}, {way:?}");
                let log = Log::new();
                let poison = pool
                    .options()
                    .retries(2)
                    .submit(carry, Bomb::new(1, &log.path(), place, way));
                way.assert_cost(poison.result(), &label);
                assert_eq!(log.counts()[&1], 3, "{label}: attempts");
                assert_works(&pool, &label);
            }
            let label = format!("{way:?}, of a map");
            let log = Log::new();
            let items: Vec<_> = (0..9)
                .map(|n| match n {
                    4 => Bomb::new(n, &log.path(), PLACES[1], way),
                    n => Bomb::dud(n, &log.path()),
                })
                .collect();
            let outcomes: Vec<_> = pool.options().retries(2).map(carry, items).collect();
            for (n, outcome) in (0..).zip(outcomes) {
                match n {
                    4 => way.assert_cost(outcome, &label),
                    n => assert_eq!(outcome.expect(&label).0.number, n, "{label}"),
                }
            }
            for (number, count) in log.counts() {
                assert_eq!(
                    count,
                    if number == 4 { 3 } else { 1 },
                    "{label}: attempts of {number}"
                );
            }
        }
        let label = "a panic is an outcome";
        let log = Log::new();
        let bomb = Bomb::new(1, &log.path(), PLACES[1], Way::Panic);
        Way::Panic.assert_cost(pool.options().retries(2).submit(carry, bomb).result(), label);
        log.assert_once([1], label);
        assert_books_are_closed(&pool, "at the end");
    });
}

fn hang_at((number, hangs, log): (u64, u64, String)) -> u64 {
    write_down(log, number);
    if number == hangs {
        loop {
            thread::park();
        }
    }
    number
}

#[test]
fn a_deadline_ends_one_item_of_a_map() {
    alone(|| {
        for workers in [1, 2] {
            for hangs in [0, 7, 19] {
                let label = format!("{workers} workers, item {hangs}");
                let pool = ProcessPool::with_workers(workers);
                let log = Log::new();
                let items = (0..20).map(|n| (n, hangs, log.path()));
                // Long enough for all others on any machine.
                let limit = Duration::from_secs(1);
                let outcomes: Vec<_> = pool.options().timeout(limit).map(hang_at, items).collect();
                for (n, outcome) in (0..).zip(outcomes) {
                    match outcome {
                        Err(TaskError::TimedOut(of)) => assert_eq!((n, of), (hangs, limit), "{label}"),
                        outcome => assert_eq!(outcome.expect(&label), n, "{label}"),
                    }
                }
                log.assert_once(0..20, &label);
                assert_works(&pool, &label);
                assert_books_are_closed(&pool, &label);
            }
        }
    });
}

fn stay((gate, number): (Address, u64)) {
    gate.announce(number);
    loop {
        thread::park();
    }
}

#[test]
fn what_waits_behind_a_task_that_is_killed_runs() {
    alone(|| {
        let pool = ProcessPool::with_workers(1);
        // Short tasks first, so that much is sent ahead.
        let warm: Vec<_> = pool.map(|n: u64| n, 0..5_000).collect();
        assert!(warm.iter().all(Result::is_ok));
        for round in 0..10 {
            let label = format!("round {round}");
            let gate = Checkpoint::new();
            let log = Log::new();
            let stuck = if round % 2 == 0 {
                pool.submit(stay, (gate.address(), round))
            } else {
                pool.options()
                    .timeout(Duration::from_millis(100))
                    .submit(stay, (gate.address(), round))
            };
            let behind: Vec<_> = (0..100)
                .map(|n| pool.submit(hang_at, (n, u64::MAX, log.path())))
                .collect();
            gate.wait_for(1);
            if round % 2 == 0 {
                assert!(stuck.kill(), "{label}");
                assert!(matches!(stuck.result(), Err(TaskError::Cancelled)), "{label}");
            } else {
                assert!(matches!(stuck.result(), Err(TaskError::TimedOut(_))), "{label}");
            }
            for (n, task) in (0..).zip(behind) {
                assert_eq!(task.result().expect(&label), n, "{label}");
            }
            log.assert_once(0..100, &label);
        }
        assert_books_are_closed(&pool, "at the end");
    });
}

#[test]
fn a_pool_with_a_stopped_worker_ends_within_seconds() {
    alone(|| {
        for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
            for is_busy in [false, true] {
                let label = format!("{how:?}, busy: {is_busy}");
                let gate = Checkpoint::new();
                let pool = ProcessPool::with_workers(2);
                pool.warm_up().expect(&label);
                let busy = is_busy.then(|| pool.submit(stay, (gate.address(), 1)));
                if is_busy {
                    gate.wait_for(1);
                }
                for pid in pool.worker_pids() {
                    signal(pid, libc::SIGSTOP);
                    wait_until_stopped(pid);
                }
                let begun = Instant::now();
                pool.shutdown(how);
                assert!(
                    begun.elapsed() < Duration::from_secs(6),
                    "{label}: {:?}",
                    begun.elapsed()
                );
                match busy.map(|task| task.result()) {
                    None => {}
                    Some(Err(TaskError::Cancelled)) => assert_eq!(how, Shutdown::Kill, "{label}"),
                    Some(outcome) => assert_eq!(death(outcome, &label), (Some(9), None), "{label}"),
                }
                assert_books_are_closed(&pool, &label);
            }
        }
    });
}

#[test]
fn dropping_a_pool_with_stopped_workers_ends_them() {
    alone(|| {
        let pool = ProcessPool::with_workers(2);
        pool.warm_up().expect("it starts");
        for pid in pool.worker_pids() {
            signal(pid, libc::SIGSTOP);
        }
        drop(pool);
    });
}
