//! A thousand deaths at random under load.

use crate::harness::{
    Log, Random, alone, assert_books_are_closed, assert_works, eventually, signal, write_down,
};
use concurrent_futures::{Executor, ProcessPool, TaskError};
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const DEATHS: usize = 1_000;

fn busy((number, log, micros): (u64, String, u64)) -> u64 {
    write_down(log, number);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
    number
}

fn kill_many(pool: &ProcessPool, random: &mut Random, is_over: &AtomicBool) -> usize {
    let mut killed = HashSet::new();
    while killed.len() < DEATHS && !is_over.load(Ordering::Relaxed) {
        let pids = pool.worker_pids();
        if pids.is_empty() {
            thread::yield_now();
            continue;
        }
        let victim = pids[random.below(pids.len())];
        if killed.insert(victim) {
            let how = [libc::SIGKILL, libc::SIGSEGV, libc::SIGABRT, libc::SIGTERM];
            if random.below(8) == 0 {
                signal(victim, libc::SIGSTOP);
                signal(victim, libc::SIGKILL);
            } else {
                signal(victim, how[random.below(how.len())]);
            }
        }
        // Not to synchronise anything: how long workers live shall vary.
        thread::sleep(Duration::from_micros(random.below(4_000) as u64));
    }
    is_over.store(true, Ordering::Relaxed);
    killed.len()
}

#[test]
fn a_thousand_deaths_under_load_cost_only_what_ran() {
    alone(|| {
        let pool = ProcessPool::with_workers(3);
        let log = Log::new();
        let is_over = Arc::new(AtomicBool::new(false));
        let killer = {
            let (pool, is_over) = (pool.clone(), is_over.clone());
            thread::spawn(move || kill_many(&pool, &mut Random(0x5eed), &is_over))
        };
        let mut random = Random(77);
        let mut outcomes: BTreeMap<u64, Result<u64, TaskError>> = BTreeMap::new();
        let mut waiting = VecDeque::new();
        let mut next = 0;
        while !is_over.load(Ordering::Relaxed) {
            if random.below(40) == 0 {
                let items: Vec<_> = (next..next + 30)
                    .map(|n| (n, log.path(), random.below(300) as u64))
                    .collect();
                let numbers = next..next + 30;
                next += 30;
                let chunk_size = 1 + random.below(10);
                let map = pool.options().chunk_size(chunk_size).map(busy, items);
                let ended: Vec<_> = map.collect();
                assert_eq!(ended.len(), 30);
                outcomes.extend(numbers.zip(ended));
            } else {
                waiting.push_back((
                    next,
                    pool.submit(busy, (next, log.path(), random.below(1_000) as u64)),
                ));
                next += 1;
            }
            while waiting.len() > 64 {
                let (number, task) = waiting.pop_front().expect("there are some");
                outcomes.insert(number, task.result());
            }
        }
        assert_eq!(killer.join().expect("no panic"), DEATHS);
        for (number, task) in waiting {
            outcomes.insert(number, task.result());
        }
        assert_works(&pool, "afterwards");
        let counts = log.counts();
        let mut lost = 0;
        for (number, outcome) in outcomes {
            let count = counts.get(&number).copied().unwrap_or(0);
            match outcome {
                Ok(value) => assert_eq!((value, count), (number, 1), "a value and how often it ran"),
                Err(TaskError::WorkerDied(death)) => {
                    lost += 1;
                    assert!(death.signal().is_some(), "{death}");
                    assert!(count <= 1, "task {number} was lost and ran {count} times");
                }
                Err(other) => panic!("task {number}: {other:?}"),
            }
        }
        println!("NOTE {DEATHS} deaths: {lost} of {next} tasks were lost");
        assert!(lost <= 2 * DEATHS, "{lost} tasks were lost with {DEATHS} workers");
        assert_books_are_closed(&pool, "afterwards");
        let outcomes: Vec<u64> = pool
            .map(|n: u64| n, 0..1_000)
            .map(|n| n.expect("it runs"))
            .collect();
        assert!(outcomes.into_iter().eq(0..1_000));
        eventually("no more workers than there may be", || {
            pool.worker_pids().len() <= 3
        });
    });
}
