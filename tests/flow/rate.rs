//! No more tasks start within any time than the rate allows.

use super::{Bounds, Shares, Subject, checkpoint::Checkpoint, on_all, on_those_that_share, work};
use concurrent_futures::{Executor, TaskFuture};
use std::time::{Duration, Instant};

mod outside {
    use super::*;
    on_all!(
        calls_keep_the_rate,
        async_work_keeps_the_rate,
        maps_keep_the_rate,
        attempts_keep_the_rate,
        a_worker_that_comes_late_keeps_the_rate,
        a_rate_and_a_bound_in_flight_go_together,
        a_rate_and_a_bound_on_what_waits_go_together,
    );
}

mod within_tasks {
    use super::*;
    on_those_that_share!(what_tasks_submit_keeps_the_rate);
}

const MOST: usize = 3;
const PER: Duration = Duration::from_millis(40);

fn executor<S: Subject>(workers: usize) -> S::Executor {
    S::start(Bounds {
        workers,
        rate: Some((MOST, PER)),
        ..Bounds::default()
    })
}

fn results<T>(tasks: impl IntoIterator<Item = TaskFuture<T>>) -> Vec<T>
where
    T: Send + 'static,
{
    tasks.into_iter().map(|task| task.result().unwrap()).collect()
}

/// What a backend started, by the clock of the work. A task that is held up between its start and its look at the clock makes
/// the way to the next ones look shorter than it is; so what looks too fast is tried again. `run` is given a fresh
/// executor, and takes no part in the rate otherwise.
fn keeps_the_rate<S: Subject>(workers: usize, count: usize, run: impl Fn(&S::Executor) -> Vec<u64>) {
    let mut seen = Vec::new();
    for _ in 0..5 {
        let executor = executor::<S>(workers);
        let begin = Instant::now();
        let mut starts = run(&executor);
        // This holds however late anybody looks at a clock.
        let periods = u32::try_from((count - 1) / MOST).unwrap();
        assert!(begin.elapsed() >= PER * periods, "{:?}", begin.elapsed());
        assert_eq!(starts.len(), count);
        starts.sort_unstable();
        let closest = starts.windows(MOST + 1).map(|some| some[MOST] - some[0]).min();
        let closest = Duration::from_nanos(closest.expect("there are more"));
        if closest + Duration::from_micros(100) >= PER {
            return;
        }
        seen.push(closest);
    }
    panic!(
        "{} started within {seen:?}, and {MOST} may within {PER:?}",
        MOST + 1
    );
}

fn calls_keep_the_rate<S: Subject>() {
    keeps_the_rate::<S>(4, 10, |executor| {
        results(
            (0..10)
                .map(|n| Executor::submit(executor, work::stamp, n))
                .collect::<Vec<_>>(),
        )
    });
}

fn async_work_keeps_the_rate<S: Subject>() {
    keeps_the_rate::<S>(2, 10, |executor| {
        let stamp = |_: u64| async { work::now() };
        results(
            (0..10)
                .map(|n| Executor::submit_async(executor, stamp, n))
                .collect::<Vec<_>>(),
        )
    });
}

fn maps_keep_the_rate<S: Subject>() {
    keeps_the_rate::<S>(2, 14, |executor| {
        let calls = Executor::map(executor, work::stamp, 0..7);
        let futures = Executor::map_async(executor, |_: u64| async { work::now() }, 0..7);
        calls.chain(futures).map(Result::unwrap).collect()
    });
}

fn attempts_keep_the_rate<S: Subject>() {
    keeps_the_rate::<S>(3, 12, |executor| {
        let checkpoint = Checkpoint::new();
        let options = Executor::options(executor).retries(2).retry_if(|_| true);
        let tasks = (0..4).map(|_| options.submit(work::stamp_and_fail, checkpoint.address()));
        results(tasks.collect::<Vec<_>>());
        checkpoint.seen()
    });
}

/// What was let through long ago starts when a worker comes to it; only then it counts.
fn a_worker_that_comes_late_keeps_the_rate<S: Subject>() {
    keeps_the_rate::<S>(1, 8, |executor| {
        let checkpoint = Checkpoint::new();
        let first = Executor::submit(executor, work::pass, (checkpoint.address(), 0));
        checkpoint.wait_for(1);
        let tasks: Vec<_> = (0..8)
            .map(|n| Executor::submit(executor, work::stamp, n))
            .collect();
        std::thread::sleep(3 * PER);
        checkpoint.open();
        first.result().unwrap();
        results(tasks)
    });
}

fn what_tasks_submit_keeps_the_rate<S: Shares>() {
    keeps_the_rate::<S>(2, 12, |executor| {
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let inner = executor.clone();
                let (send, receive) = std::sync::mpsc::channel();
                let task = S::call(executor, move || {
                    let starts = vec![work::now()];
                    let tasks: Vec<_> = (0..5).map(|n| Executor::submit(&inner, work::stamp, n)).collect();
                    send.send((starts, tasks)).unwrap();
                    0
                });
                (task, receive)
            })
            .collect();
        let mut all = Vec::new();
        for (task, receive) in tasks {
            task.result().unwrap();
            let (starts, tasks) = receive.recv().unwrap();
            all.extend(starts);
            all.extend(results(tasks));
        }
        all
    });
}

fn a_rate_and_a_bound_in_flight_go_together<S: Subject>() {
    keeps_the_rate::<S>(3, 14, |executor| {
        let options = Executor::options(executor).max_in_flight(2);
        let calls = options.map(work::stamp, 0..7);
        let futures = options.map_async(|_: u64| async { work::now() }, 0..7);
        calls.chain(futures).map(Result::unwrap).collect()
    });
}

fn a_rate_and_a_bound_on_what_waits_go_together<S: Subject>() {
    let executor = S::start(Bounds {
        workers: 2,
        max_pending: Some(2),
        rate: Some((2, Duration::from_millis(5))),
    });
    let there = executor.clone();
    let others = std::thread::spawn(move || {
        results(
            (0..10)
                .map(|n| Executor::submit(&there, work::same, n))
                .collect::<Vec<_>>(),
        )
    });
    assert!(
        Executor::map(&executor, work::same, 0..10)
            .map(Result::unwrap)
            .eq(0..10)
    );
    let options = Executor::options(&executor).max_in_flight(1);
    assert!(options.map(work::same, 0..10).map(Result::unwrap).eq(0..10));
    assert!(others.join().unwrap().into_iter().eq(0..10));
}
