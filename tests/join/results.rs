//! What comes back, and what is counted.

use crate::{event, fib, heard, on_pools, watched, within};
use concurrent_futures::{Executor, ThreadPool};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn both_results_come_back_in_order() {
    on_pools(|pool| {
        assert_eq!(pool.join(|| "first", || 2), ("first", 2));
        let inside = pool.clone();
        let results = pool
            .spawn(move || inside.join(|| vec![1], || "second".to_owned()))
            .result();
        assert_eq!(results.unwrap(), (vec![1], "second".to_owned()));
    });
}

#[test]
fn halves_borrow_and_change_what_they_borrow() {
    on_pools(|pool| {
        let mut numbers = [1, 2, 3, 4];
        let (left, right) = numbers.split_at_mut(2);
        pool.join(
            || left.iter_mut().for_each(|n| *n *= 10),
            || right.iter_mut().for_each(|n| *n *= 100),
        );
        assert_eq!(numbers, [10, 20, 300, 400]);
    });
}

#[test]
fn a_recursion_gives_what_it_gives_alone() {
    on_pools(|pool| assert_eq!(fib(pool, 20), 6765));
}

fn sort(pool: &ThreadPool, items: &mut [u32]) {
    if items.len() <= 1 {
        return;
    }
    let (mut middle, last) = (0, items.len() - 1);
    items.swap(last / 2, last);
    for at in 0..last {
        if items[at] < items[last] {
            items.swap(at, middle);
            middle += 1;
        }
    }
    items.swap(middle, last);
    let (left, right) = items.split_at_mut(middle);
    pool.join(|| sort(pool, left), || sort(pool, &mut right[1..]));
}

#[test]
fn a_borrowed_slice_is_sorted_in_place() {
    on_pools(|pool| {
        let mut state = 1_u32;
        let mut items: Vec<u32> = (0..20_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state
            })
            .collect();
        let mut expected = items.clone();
        expected.sort_unstable();
        sort(pool, &mut items);
        assert!(items == expected);
    });
}

#[test]
fn ten_thousand_joins_deep_on_either_side() {
    fn left(pool: &ThreadPool, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let (below, one) = pool.join(|| left(pool, depth - 1), || 1);
        below + one
    }
    fn right(pool: &ThreadPool, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let (one, below) = pool.join(|| 1, || right(pool, depth - 1));
        below + one
    }
    on_pools(|pool| {
        assert_eq!(left(pool, 10_000), 10_000);
        assert_eq!(right(pool, 10_000), 10_000);
    });
}

#[test]
fn the_halves_run_at_the_same_time_if_somebody_has_nothing_to_do() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(2));
        for _ in 0..100 {
            let ((to_b, from_a), (to_a, from_b)) = (event(), event());
            pool.join(
                move || {
                    to_b.send(()).unwrap();
                    heard(&from_b);
                },
                move || {
                    heard(&from_a);
                    to_a.send(()).unwrap();
                },
            );
        }
    });
}

#[test]
fn halves_are_not_counted_as_tasks() {
    on_pools(|pool| {
        let inside = pool.clone();
        assert_eq!(pool.spawn(move || fib(&inside, 12)).result().unwrap(), 144);
        let stats = pool.stats();
        assert_eq!((stats.submitted, stats.succeeded), (1, 1), "{stats:?}");
        // From outside it is one task.
        assert_eq!(fib(pool, 12), 144);
        let stats = pool.stats();
        assert_eq!((stats.submitted, stats.succeeded), (2, 2), "{stats:?}");
    });
}

#[test]
fn many_callers_from_outside_do_not_disturb_each_other() {
    on_pools(|pool| {
        let sum = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for n in 0..1_000 {
                        let (one, two) = pool.join(|| n, || n + 1);
                        sum.fetch_add(one + two, SeqCst);
                    }
                    assert_eq!(fib(pool, 15), 610);
                });
            }
        });
        assert_eq!(sum.into_inner(), 4 * 1_000_000);
    });
}
