//! Who may call it: everybody.

use crate::{fib, on_pools, watched, within};
use concurrent_futures::{Executor, Inline, ThreadPool};
use std::sync::mpsc;

fn name_of_thread() -> Option<String> {
    std::thread::current().name().map(String::from)
}

#[test]
fn an_outside_caller_runs_neither_half() {
    within(|| {
        let pool = watched(
            ThreadPool::builder()
                .workers(2)
                .name("of-the-pool")
                .build()
                .unwrap(),
        );
        for _ in 0..100 {
            let (one, two) = pool.join(name_of_thread, name_of_thread);
            assert!(one.unwrap().starts_with("of-the-pool"));
            assert!(two.unwrap().starts_with("of-the-pool"));
        }
    });
}

#[test]
fn a_worker_of_another_pool_is_outside() {
    on_pools(|pool| {
        let other = watched(ThreadPool::with_workers(1));
        let inner = pool.clone();
        assert_eq!(other.spawn(move || fib(&inner, 12)).result().unwrap(), 144);
        // Each waits inside a task of the other.
        let (here, there) = (pool.clone(), other.clone());
        let sum = other.join(|| here.join(|| there.join(|| 1, || 2), || 3), || 4);
        assert_eq!(sum, (((1, 2), 3), 4));
    });
}

#[test]
fn tasks_scopes_and_maps_call_it() {
    on_pools(|pool| {
        let inside = pool.clone();
        assert_eq!(pool.spawn(move || fib(&inside, 12)).result().unwrap(), 144);

        let mut results = [0; 4];
        pool.scope(|s| {
            for result in &mut results {
                s.spawn(move || *result = fib(pool, 12));
            }
        });
        assert_eq!(results, [144; 4]);
        let (in_scope, ()) = pool.join(
            || pool.scope(|s| s.spawn(|| fib(pool, 10)).result().unwrap()),
            || (),
        );
        assert_eq!(in_scope, 55);

        let inside = pool.clone();
        let sum: u64 = pool
            .map(move |n| fib(&inside, n), 0..16)
            .map(Result::unwrap)
            .sum();
        assert_eq!(sum, 1596);
    });
}

#[test]
fn futures_and_callbacks_call_it() {
    on_pools(|pool| {
        let inside = pool.clone();
        let polled = pool.spawn_async(async move {
            let before = fib(&inside, 10);
            inside.spawn(|| ()).await.unwrap();
            before + fib(&inside, 10)
        });
        assert_eq!(polled.result().unwrap(), 110);

        let (tell, told) = mpsc::channel();
        let inside = pool.clone();
        let task = pool.spawn(|| ());
        task.on_done(move |_| tell.send(fib(&inside, 12)).unwrap());
        task.result().unwrap();
        assert_eq!(told.recv().unwrap(), 144);
    });
}

#[test]
fn a_task_of_an_executor_without_workers_calls_it() {
    on_pools(|pool| {
        let inside = pool.clone();
        let inline = Inline::new();
        assert_eq!(inline.spawn(move || fib(&inside, 10)).result().unwrap(), 55);
        let inside = pool.clone();
        let nested = pool.spawn(move || Inline::new().spawn(move || fib(&inside, 10)).result().unwrap());
        assert_eq!(nested.result().unwrap(), 55);
    });
}

#[test]
fn a_bounded_pool_counts_an_outside_caller_s_join_as_one_task() {
    within(|| {
        let pool = watched(ThreadPool::builder().workers(1).max_pending(1).build().unwrap());
        let busy = pool.spawn(|| std::thread::sleep(std::time::Duration::from_millis(20)));
        let queued = pool.spawn(|| ());
        assert_eq!(fib(&pool, 12), 144);
        busy.result().unwrap();
        queued.result().unwrap();
        assert_eq!(pool.stats().submitted, 3);
    });
}
