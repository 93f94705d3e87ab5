//! Stealing, sleeping and waking under load: every task runs, and runs once.

use super::{pool, within};
use concurrent_futures::ThreadPool;
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Instant,
};

/// Ten times as much with `CONCURRENT_FUTURES_STRESS=10`.
fn scaled(count: usize) -> usize {
    let factor = std::env::var("CONCURRENT_FUTURES_STRESS")
        .ok()
        .and_then(|factor| factor.parse().ok());
    count * factor.unwrap_or(1)
}

#[test]
fn tasks_that_are_stolen_run_once() {
    within(|| {
        let pool = pool(4);
        let tasks = scaled(20_000);
        let runs: Arc<Vec<AtomicU32>> = Arc::new((0..tasks).map(|_| AtomicU32::new(0)).collect());
        let (inner, there) = (pool.clone(), runs.clone());
        // One worker makes them all, far more than a queue holds at first; the others steal.
        let made = pool.spawn(move || {
            let one = |n: usize| {
                let there = there.clone();
                inner.spawn(move || there[n].fetch_add(1, SeqCst))
            };
            (0..tasks).map(one).collect::<Vec<_>>()
        });
        assert!(
            made.result()
                .unwrap()
                .into_iter()
                .all(|future| future.result().is_ok())
        );
        assert!(runs.iter().all(|runs| runs.load(SeqCst) == 1));
    });
}

#[test]
fn naps_between_submissions_lose_no_wake_up() {
    within(|| {
        let pool = pool(7);
        let rounds = scaled(2_000);
        for round in 0..rounds {
            let together = Arc::new(AtomicUsize::new(0));
            let futures: Vec<_> = (0..3)
                .map(|_| {
                    let together = together.clone();
                    pool.spawn(move || together.fetch_add(1, SeqCst))
                })
                .collect();
            for future in futures {
                future.result().unwrap();
            }
            assert_eq!(together.load(SeqCst), 3);
            // A moment of zero to six microseconds, in which workers go to sleep or do not.
            let start = Instant::now();
            while start.elapsed().as_micros() < round as u128 % 7 {
                std::hint::spin_loop();
            }
        }
    });
}

#[test]
fn seven_workers_meet_at_a_barrier_again_and_again() {
    within(|| {
        let pool = pool(7);
        for _ in 0..scaled(200) {
            let barrier = Arc::new(Barrier::new(7));
            let futures: Vec<_> = (0..7)
                .map(|_| {
                    let barrier = barrier.clone();
                    pool.spawn(move || barrier.wait().is_leader())
                })
                .collect();
            let leaders = futures.into_iter().map(|future| future.result().unwrap());
            assert_eq!(leaders.filter(|leads| *leads).count(), 1);
        }
    });
}

#[test]
fn quicksort_sorts() {
    fn sort(pool: &ThreadPool, numbers: &mut [u64]) {
        if numbers.len() < 32 {
            numbers.sort_unstable();
            return;
        }
        let pivot = numbers[numbers.len() / 2];
        let middle = partition(numbers, pivot);
        let (left, right) = numbers.split_at_mut(middle);
        if left.is_empty() {
            right.sort_unstable();
            return;
        }
        pool.scope(|s| {
            s.spawn(|| sort(pool, left));
            sort(pool, right);
        });
    }
    /// Moves what is less than `pivot` to the front, and returns how many those are.
    fn partition(numbers: &mut [u64], pivot: u64) -> usize {
        let mut front = 0;
        for at in 0..numbers.len() {
            if numbers[at] < pivot {
                numbers.swap(front, at);
                front += 1;
            }
        }
        front
    }
    within(|| {
        let pool = pool(3);
        for count in [0, 1, 6_000, 12_000] {
            let mut numbers: Vec<u64> = (0..count)
                .map(|n: u64| n.wrapping_mul(2_654_435_761) % 10_007)
                .collect();
            let mut expected = numbers.clone();
            expected.sort_unstable();
            sort(&pool, &mut numbers);
            assert_eq!(numbers, expected);
        }
    });
}

#[test]
fn a_deep_tree_of_joins_has_the_right_number_of_leaves() {
    fn leaves(pool: &ThreadPool, depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let inner = pool.clone();
        let left = pool.spawn(move || leaves(&inner, depth - 1));
        leaves(pool, depth - 1) + left.result().unwrap()
    }
    within(|| {
        let pool = pool(8);
        let inner = pool.clone();
        assert_eq!(pool.spawn(move || leaves(&inner, 12)).result().unwrap(), 4_096);
    });
}

#[test]
fn joins_from_outside_by_the_thousand_get_through() {
    within(|| {
        let pool = pool(2);
        for n in 0..scaled(5_000) {
            let (left, right) = (pool.spawn(move || n), pool.spawn(move || n + 1));
            assert_eq!(left.result().unwrap() + right.result().unwrap(), 2 * n + 1);
        }
    });
}

#[test]
fn submissions_from_outside_are_served_while_workers_feed_themselves() {
    fn feed(pool: &ThreadPool, left: &Arc<AtomicUsize>) {
        if left.load(SeqCst) > 0 {
            let (inner, left) = (pool.clone(), left.clone());
            drop(pool.spawn(move || feed(&inner, &left)));
        }
    }
    within(|| {
        let pool = pool(2);
        let left = Arc::new(AtomicUsize::new(1));
        // The local queues are never empty from here on.
        for _ in 0..8 {
            feed(&pool, &left);
        }
        for n in 0..50 {
            assert_eq!(pool.spawn(move || n).result().unwrap(), n);
        }
        left.store(0, SeqCst);
    });
}

#[test]
fn items_that_map_again_need_no_lock_twice() {
    within(|| {
        let pool = pool(4);
        let inner = pool.clone();
        let sums = pool.map(
            move |n: u64| {
                let inner = inner.clone();
                inner.map(move |m| m * n, 0..50).map(Result::unwrap).sum::<u64>()
            },
            0..scaled(200) as u64,
        );
        for (n, sum) in (0..).zip(sums) {
            assert_eq!(sum.unwrap(), n * 1_225);
        }
    });
}

#[test]
fn a_future_that_wakes_itself_is_polled_once_per_wake() {
    within(|| {
        let pool = pool(2);
        for times in [0, 1, 2, 100] {
            let polls = Arc::new(AtomicUsize::new(0));
            let counted = polls.clone();
            let future = pool.spawn_async(std::future::poll_fn(move |cx| {
                let earlier = counted.fetch_add(1, SeqCst);
                if earlier == times {
                    return std::task::Poll::Ready(());
                }
                // Several wakes before the next poll are one.
                cx.waker().wake_by_ref();
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            }));
            future.result().unwrap();
            assert_eq!(polls.load(SeqCst), times + 1);
        }
    });
}

#[test]
fn workers_that_leave_idle_take_the_pool_with_them() {
    within(|| {
        for workers in [1, 5, 22] {
            let pool = ThreadPool::with_workers(workers);
            let name = thread::current().name().map(String::from);
            assert_ne!(
                pool.spawn(|| thread::current().name().map(String::from))
                    .result()
                    .unwrap(),
                name
            );
            drop(pool);
        }
    });
}
