//! Every place in the life of a task, every way to end, every way to come there.

use crate::{
    bomb::{Bomb, PLACES, Place, WAYS, Way, carry},
    checkpoint::Checkpoint,
    harness::{
        Log, alone, assert_books_are_closed, assert_works, death, no_zombies, signal, wait_until_stopped,
    },
};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError, TaskFuture};
use std::{sync::mpsc, time::Duration};

/// What becomes of a worker that is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ender {
    Killed,
    KilledFromOutside,
    Continued,
}

const ENDERS: [Ender; 3] = [Ender::Killed, Ender::KilledFromOutside, Ender::Continued];

/// A deadly task, and others before and after it.
fn submitted(pool: &ProcessPool, place: Place, way: Way, from_callback: bool, ender: Ender, label: &str) {
    let log = Log::new();
    let gate = Checkpoint::new();
    if way != Way::Stop {
        gate.open();
    }
    let mut others: Vec<TaskFuture<Bomb>> = (0..6)
        .map(|n| pool.submit(carry, Bomb::dud(n, &log.path())))
        .collect();
    let bomb = Bomb::new(100, &log.path(), place, way).gated(gate.address());
    let deadly = if from_callback {
        let (tx, rx) = mpsc::channel();
        let first = pool.submit(carry, Bomb::dud(50, &log.path()));
        let there = pool.clone();
        first.on_done(move |_| tx.send(there.submit(carry, bomb)).expect("the test waits"));
        others.push(first);
        rx.recv().expect("the callback runs")
    } else {
        pool.submit(carry, bomb)
    };
    others.extend((6..12).map(|n| pool.submit(carry, Bomb::dud(n, &log.path()))));
    if way == Way::Stop {
        let pid = u32::try_from(gate.wait_for(1)[0]).expect("a process id");
        gate.open();
        wait_until_stopped(pid);
    }
    let mut expected = vec![100];
    for other in others {
        match other.result() {
            Ok(bomb) => expected.push(bomb.0.number),
            Err(error) => panic!("{label}: another task failed: {error}; {pool:?}"),
        }
    }
    if way == Way::Stop {
        assert!(deadly.is_running(), "{label}");
        end_stopped(deadly, &gate, ender, label);
    } else {
        way.assert_cost(deadly.result(), label);
    }
    log.assert_once(expected, label);
    assert_works(pool, label);
    no_zombies(label);
    assert_books_are_closed(pool, label);
}

fn end_stopped(deadly: TaskFuture<Bomb>, gate: &Checkpoint, ender: Ender, label: &str) {
    let pid = u32::try_from(gate.seen()[0]).expect("a process id");
    match ender {
        Ender::Killed => {
            assert!(deadly.kill(), "{label}");
            assert!(matches!(deadly.result(), Err(TaskError::Cancelled)), "{label}");
        }
        Ender::KilledFromOutside => {
            signal(pid, libc::SIGKILL);
            assert_eq!(death(deadly.result(), label), (Some(9), None), "{label}");
        }
        Ender::Continued => {
            signal(pid, libc::SIGCONT);
            assert_eq!(deadly.result().expect(label).0.number, 100, "{label}");
        }
    }
}

/// The second item of the second chunk is deadly.
fn mapped(pool: &ProcessPool, place: Place, way: Way, ender: Ender, label: &str) {
    const DEADLY: u64 = 5;
    let log = Log::new();
    let gate = Checkpoint::new();
    let items: Vec<Bomb> = (0..16)
        .map(|n| match n {
            DEADLY => Bomb::new(n, &log.path(), place, way).gated(gate.address()),
            n => Bomb::dud(n, &log.path()),
        })
        .collect();
    if way != Way::Stop {
        gate.open();
    }
    let mut outcomes = pool.options().chunk_size(4).map(carry, items);
    let mut all: Vec<_> = outcomes.by_ref().take(5).collect();
    if way == Way::Stop {
        let pid = u32::try_from(gate.wait_for(1)[0]).expect("a process id");
        gate.open();
        wait_until_stopped(pid);
        signal(
            pid,
            if ender == Ender::Continued {
                libc::SIGCONT
            } else {
                libc::SIGKILL
            },
        );
    }
    all.extend(outcomes);
    assert_eq!(all.len(), 16, "{label}");
    for (n, outcome) in (0..).zip(all) {
        if n != DEADLY || way == Way::Stop && ender == Ender::Continued {
            let value = outcome.unwrap_or_else(|error| panic!("{label}: item {n} failed: {error}; {pool:?}"));
            assert_eq!(value.0.number, n, "{label}");
        } else if way == Way::Stop {
            assert_eq!(death(outcome, label), (Some(9), None), "{label}");
        } else {
            way.assert_cost(outcome, label);
        }
    }
    log.assert_once(0..16, label);
    assert_works(pool, label);
    no_zombies(label);
    assert_books_are_closed(pool, label);
}

fn all_in(place: Place) {
    let pool = ProcessPool::with_workers(2);
    for way in WAYS {
        let enders = if way == Way::Stop {
            &ENDERS[..]
        } else {
            &ENDERS[..1]
        };
        for ender in enders {
            for from_callback in [false, true] {
                let label = format!("{place:?}, {way:?}, {ender:?}, from a callback: {from_callback}");
                submitted(&pool, place, way, from_callback, *ender, &label);
            }
            mapped(
                &pool,
                place,
                way,
                *ender,
                &format!("{place:?}, {way:?}, {ender:?}, of a map"),
            );
        }
    }
}

#[test]
fn death_while_the_argument_is_decoded_costs_one_task() {
    alone(|| all_in(Place::Decode));
}

#[test]
fn death_while_it_runs_costs_one_task() {
    alone(|| all_in(Place::Run));
}

#[test]
fn death_while_the_result_is_encoded_costs_one_task() {
    alone(|| all_in(Place::Encode));
}

/// What waits behind a long task gets a new worker in the place of one that died, although nobody submits any more.
fn beside_a_long_task(way: Way) {
    let label = format!("{way:?}");
    let pool = ProcessPool::builder()
        .workers(2)
        .max_tasks_per_worker(3)
        .build()
        .expect(&label);
    let log = Log::new();
    let (held, fuse) = (Checkpoint::new(), Checkpoint::new());
    let endless = pool.submit(|gate: crate::checkpoint::Address| gate.pass(1), held.address());
    held.wait_for(1);
    let deadly = pool.submit(
        carry,
        Bomb::new(100, &log.path(), Place::Run, way).gated(fuse.address()),
    );
    fuse.wait_for(1);
    let waiting: Vec<_> = (0..20)
        .map(|n| pool.submit(carry, Bomb::dud(n, &log.path())))
        .collect();
    fuse.open();
    way.assert_cost(deadly.result(), &label);
    for (n, task) in (0..).zip(waiting) {
        assert_eq!(task.result().expect(&label).0.number, n, "{label}");
    }
    assert!(!endless.is_done(), "{label}");
    held.open();
    endless.result().expect(&label);
    log.assert_once((0..20).chain([100]), &label);
}

#[test]
fn what_waits_behind_a_long_task_gets_another_worker() {
    alone(|| {
        for way in WAYS.into_iter().filter(|way| *way != Way::Stop) {
            beside_a_long_task(way);
        }
    });
}

/// Two run, the others wait; then the end begins.
fn during(place: Place, way: Way, how: Shutdown) {
    let label = format!("{place:?}, {way:?}, during {how:?}");
    let pool = ProcessPool::with_workers(2);
    let log = Log::new();
    let gate = Checkpoint::new();
    let deadly = pool.submit(
        carry,
        Bomb::new(100, &log.path(), place, way).gated(gate.address()),
    );
    let bystander = pool.submit(
        |(bomb, gate): (Bomb, crate::checkpoint::Address)| {
            gate.pass(1);
            bomb
        },
        (Bomb::dud(1, &log.path()), gate.address()),
    );
    gate.wait_for(2);
    let waiting: Vec<_> = (10..16)
        .map(|n| pool.submit(carry, Bomb::dud(n, &log.path())))
        .collect();
    pool.begin_shutdown(how);
    gate.open();
    pool.shutdown(how);
    let is_kill = how == Shutdown::Kill;
    if is_kill {
        assert!(matches!(deadly.result(), Err(TaskError::Cancelled)), "{label}");
        assert!(matches!(bystander.result(), Err(TaskError::Cancelled)), "{label}");
    } else {
        if way == Way::Stop {
            assert_eq!(death(deadly.result(), &label), (Some(9), None), "{label}");
        } else {
            way.assert_cost(deadly.result(), &label);
        }
        assert_eq!(bystander.result().expect(&label).0.number, 1, "{label}");
    }
    for (n, waiting) in (10..).zip(waiting) {
        let outcome = waiting.result();
        if how == Shutdown::Finish {
            assert_eq!(outcome.expect(&label).0.number, n, "{label}");
        } else {
            assert!(
                matches!(outcome, Err(TaskError::Cancelled)),
                "{label}: {outcome:?}"
            );
        }
    }
    let ran: &[u64] = if how == Shutdown::Finish {
        &[10, 11, 12, 13, 14, 15]
    } else {
        &[]
    };
    log.assert_once([1, 100].into_iter().chain(ran.iter().copied()), &label);
    assert!(
        matches!(pool.submit(|n: u64| n, 1).result(), Err(TaskError::ShutDown)),
        "{label}"
    );
    assert_eq!(pool.worker_pids(), [], "{label}");
    assert_books_are_closed(&pool, &label);
    no_zombies(&label);
}

fn everywhere_in_every_way(how: Shutdown) {
    for place in PLACES {
        for way in WAYS {
            during(place, way, how);
        }
    }
}

#[test]
fn death_while_the_pool_finishes_costs_one_task() {
    alone(|| {
        everywhere_in_every_way(Shutdown::Finish);
    });
}

#[test]
fn death_while_the_pool_is_cancelled_costs_one_task() {
    alone(|| {
        everywhere_in_every_way(Shutdown::Cancel);
    });
}

#[test]
fn death_while_the_pool_is_killed_costs_nothing_more() {
    alone(|| {
        everywhere_in_every_way(Shutdown::Kill);
    });
}

#[test]
fn a_deadline_ends_what_is_stopped() {
    alone(|| {
        for place in PLACES {
            let label = format!("{place:?}");
            let pool = ProcessPool::with_workers(2);
            let log = Log::new();
            let limit = Duration::from_millis(100);
            let bomb = Bomb::new(1, &log.path(), place, Way::Stop);
            let stuck = pool.options().timeout(limit).submit(carry, bomb);
            assert!(
                matches!(stuck.result(), Err(TaskError::TimedOut(of)) if of == limit),
                "{label}"
            );
            assert_works(&pool, &label);
            let items = [
                Bomb::dud(2, &log.path()),
                Bomb::new(3, &log.path(), place, Way::Stop),
            ];
            let mut outcomes = pool.options().timeout(Duration::from_secs(1)).map(carry, items);
            assert!(outcomes.next().is_some_and(|outcome| outcome.is_ok()), "{label}");
            assert!(
                matches!(outcomes.next(), Some(Err(TaskError::TimedOut(_)))),
                "{label}"
            );
            log.assert_once(1..4, &label);
            assert_books_are_closed(&pool, &label);
        }
    });
}
