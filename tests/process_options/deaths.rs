//! Attempts that end with their worker: each is told of, and pays for nobody else.

use super::{Address, build, checkpoint::Checkpoint, death, is_alive, within};
use concurrent_futures::{Executor, ProcessPool, Shutdown, TaskError, WorkerDeath, attempt};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

const LONG: Duration = Duration::from_secs(600);

fn exit_with_the_attempt(_: u64) -> u64 {
    std::process::exit(i32::try_from(attempt()).unwrap())
}

fn die_once(number: u64) -> (u64, u32) {
    if attempt() == 1 {
        std::process::abort();
    }
    (number, attempt())
}

/// Says that it runs, and takes its worker along.
fn announce_and_die(at: Address) {
    at.announce(attempt().into());
    std::process::abort()
}

fn codes(death: &WorkerDeath) -> Vec<Option<i32>> {
    let earlier = death.earlier().iter().map(WorkerDeath::code);
    earlier.chain([death.code()]).collect()
}

#[test]
fn the_last_death_tells_of_those_before_it() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        for retries in 0..4_u32 {
            let options = pool.options().retries(retries).name("doomed");
            let outcomes = [
                options.submit(exit_with_the_attempt, 1).result(),
                options
                    .submit_async(|n| async move { exit_with_the_attempt(n) }, 1)
                    .result(),
                options.map(exit_with_the_attempt, [1]).next().unwrap(),
            ];
            for death in outcomes.map(death) {
                let attempts = 1..=i32::try_from(retries).unwrap() + 1;
                assert_eq!(codes(&death), attempts.map(Some).collect::<Vec<_>>());
                let text = death.to_string();
                let said = text.contains(&format!("at {retries} earlier attempts"));
                assert_eq!(said, retries > 0, "{text}");
                for one in death.earlier() {
                    assert!(
                        text.contains(&one.to_string()) && one.earlier().is_empty(),
                        "{text}"
                    );
                    assert!(one.pid() != death.pid() && one.work() == Some("doomed"), "{text}");
                }
            }
        }
    });
}

#[test]
fn deaths_and_panics_may_alternate() {
    fn die_or_panic(dies: Vec<bool>) {
        if dies[attempt() as usize - 1] {
            std::process::exit(i32::try_from(attempt()).unwrap());
        }
        panic!("attempt {}", attempt());
    }
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        let options = pool.options().retries(2).retry_if(|_| true);
        let last_dies = options.submit(die_or_panic, vec![true, false, true]);
        assert_eq!(codes(&death(last_dies.result())), [Some(1), Some(3)]);
        let last_panics = options.submit(die_or_panic, vec![true, true, false]);
        let text = last_panics.result().unwrap_err().to_string();
        assert!(text.contains("attempt 3"), "{text}");
        let only_deaths = pool
            .options()
            .retries(2)
            .submit(die_or_panic, vec![true, false, true]);
        assert!(only_deaths.result().unwrap_err().is_panicked());
        let only_panics = pool.options().retries(2).retry_if(TaskError::is_panicked);
        let first_dies = death(
            only_panics
                .submit(die_or_panic, vec![false, true, false])
                .result(),
        );
        assert_eq!(codes(&first_dies), [Some(2)]);
    });
}

#[test]
fn tasks_that_die_once_each_cost_one_attempt_each() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        let options = pool.options().retries(1);
        let futures: Vec<_> = (0..50).map(|n| options.submit(die_once, n)).collect();
        let items = options.map(die_once, 50..100);
        let singly = futures.into_iter().map(|future| future.result().unwrap());
        // What was sent ahead to a worker that died has not started: that is no attempt.
        assert!(
            singly
                .chain(items.map(Result::unwrap))
                .eq((0..100).map(|n| (n, 2)))
        );
        let stats = pool.stats();
        assert_eq!((stats.succeeded, stats.failed), (100, 0), "{stats:?}");
    });
}

#[test]
fn a_death_is_the_last_one_if_the_pool_is_killed_before_the_next_attempt() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(2));
        let checkpoint = Checkpoint::new();
        let options = pool.options().retries(2).backoff(LONG, LONG);
        let between = options.submit(announce_and_die, checkpoint.address());
        let asynchronous =
            options.submit_async(|at| async move { announce_and_die(at) }, checkpoint.address());
        checkpoint.wait_for(2);
        while (pool.stats().queued, pool.stats().running) != (2, 0) {
            thread::yield_now();
        }
        pool.shutdown(Shutdown::Kill);
        assert!(matches!(between.result(), Err(TaskError::Cancelled)));
        assert!(matches!(asynchronous.result(), Err(TaskError::Cancelled)));
        let stats = pool.stats();
        assert_eq!(
            (stats.submitted, stats.cancelled, stats.failed),
            (2, 2, 0),
            "{stats:?}"
        );
        assert_eq!(checkpoint.seen(), [1, 1]);
    });
}

#[test]
fn a_pool_that_is_killed_while_attempts_die_resolves_them_all() {
    within(|| {
        for how in [Shutdown::Finish, Shutdown::Cancel, Shutdown::Kill] {
            let pool = build(ProcessPool::builder().workers(2));
            let options = pool.options().retries(3).backoff(Duration::ZERO, Duration::ZERO);
            let futures: Vec<_> = (0..10)
                .map(|n| options.submit(exit_with_the_attempt, n))
                .collect();
            while pool.stats().workers_restarted == 0 {
                thread::yield_now();
            }
            pool.shutdown(how);
            for future in futures {
                match future.result() {
                    Err(TaskError::WorkerDied(death)) => {
                        assert!(how != Shutdown::Finish || death.earlier().len() == 3, "{death}");
                    }
                    Err(TaskError::Cancelled) => assert!(how != Shutdown::Finish),
                    outcome => panic!("{outcome:?}"),
                }
            }
        }
    });
}

#[test]
fn a_worker_that_cannot_start_is_no_attempt() {
    within(|| {
        let folder = tempfile::TempDir::new().unwrap();
        let gone = folder.path().join("gone");
        let pool = build(ProcessPool::builder().workers(1).current_dir(gone));
        let asked = Arc::<AtomicUsize>::default();
        let there = asked.clone();
        let options = pool
            .options()
            .retries(3)
            .retry_if(move |_| there.fetch_add(1, SeqCst) < 9);
        let death = death(options.submit(|n: u64| n, 1).result());
        assert!(
            death
                .to_string()
                .starts_with("no worker process could be started"),
            "{death}"
        );
        assert!(death.earlier().is_empty());
        assert_eq!(asked.load(SeqCst), 0);
        let pool = build(
            ProcessPool::builder()
                .workers(1)
                .initializer(|(): ()| panic!("never ready"), ()),
        );
        let unready = pool.options().retries(3).retry_if(|_| true).submit(|n: u64| n, 1);
        assert!(unready.result().unwrap_err().is_panicked());
    });
}

#[test]
fn a_call_that_is_stopped_at_its_deadline_has_left_before_the_next_attempt() {
    /// Marks that it is here, and never leaves by itself.
    fn stay(folder: String) -> u32 {
        if attempt() == 4 {
            return attempt();
        }
        let pid = std::process::id();
        let mark = std::path::Path::new(&folder).join("here");
        if let Ok(other) = std::fs::read_to_string(&mark) {
            assert!(!is_alive(other.parse().unwrap()), "{other} is still here");
        }
        std::fs::write(mark, pid.to_string()).unwrap();
        loop {
            thread::sleep(LONG);
        }
    }
    within(|| {
        let folder = tempfile::TempDir::new().unwrap();
        let pool = build(ProcessPool::builder().workers(2));
        pool.warm_up().unwrap();
        let options = pool.options().retries(3).timeout(Duration::from_millis(200));
        let stuck = options.submit(stay, folder.path().to_str().unwrap().to_owned());
        assert_eq!(stuck.result().unwrap(), 4);
    });
}
