//! Item iterators, callbacks and destructors that block or panic.

use crate::within;
use concurrent_futures::{Inline, TaskError, ThreadPool};
use std::{
    panic::AssertUnwindSafe, panic::catch_unwind, sync::Arc, sync::Mutex, sync::atomic::AtomicBool,
    sync::atomic::Ordering, sync::mpsc, thread, time::Duration,
};

#[test]
fn an_endless_iterator_can_be_mapped() {
    within(60, || {
        let pool = ThreadPool::with_workers(2);
        let first: Vec<u64> = pool.map(|n| n * 2, 0..).take(5).map(Result::unwrap).collect();
        assert_eq!(first, [0, 2, 4, 6, 8]);
        let first: Vec<u64> = Inline::new()
            .map(|n| n * 2, 0..)
            .take(5)
            .map(Result::unwrap)
            .collect();
        assert_eq!(first, [0, 2, 4, 6, 8]);
    });
}

#[test]
fn a_pull_that_takes_long_sends_what_there_is() {
    // The item iterator waits for the effect of the item before it: whoever keeps items back deadlocks.
    within(60, || {
        for ready in [1, 2, 3, 5, 17, 100, 1000] {
            let pool = ThreadPool::with_workers(2);
            let (tx, rx) = mpsc::channel();
            let items = (0..ready).chain(std::iter::from_fn(move || {
                let seen: usize = rx.recv().unwrap();
                (seen == ready - 1).then_some(ready)
            }));
            let fuse = Mutex::new(Some(tx));
            let outcomes: Vec<_> = pool
                .map(
                    move |n| {
                        if n == ready - 1 {
                            fuse.lock().unwrap().as_ref().unwrap().send(n).unwrap();
                            fuse.lock().unwrap().as_ref().unwrap().send(usize::MAX).unwrap();
                        }
                        n
                    },
                    items,
                )
                .map(Result::unwrap)
                .collect();
            assert_eq!(outcomes, (0..=ready).collect::<Vec<_>>());
        }
    });
}

#[test]
fn panics_in_foreign_code_cost_nothing_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(thread::panicking(), "in a destructor");
        }
    }
    within(60, || {
        let pool = ThreadPool::with_workers(1);
        // A callback: others still run, the outcome is untouched.
        let (release, gate) = mpsc::channel::<()>();
        let future = pool.spawn(move || gate.recv().is_ok());
        let called = Arc::new(AtomicBool::new(false));
        future.on_done(|_| panic!("in a callback"));
        let flag = called.clone();
        future.on_done(move |_| flag.store(true, Ordering::Relaxed));
        release.send(()).unwrap();
        assert!(future.result().unwrap());
        assert!(called.load(Ordering::Relaxed));
        // A destructor of an argument, of a captured value that is cancelled, of a result nobody wants.
        assert!(matches!(
            pool.submit(|bomb: Bomb| drop(bomb), Bomb).result(),
            Err(TaskError::Panicked(_))
        ));
        let (release, gate) = mpsc::channel::<()>();
        let busy = pool.spawn(move || gate.recv().is_ok());
        let captured = Bomb;
        let queued = pool.spawn(move || std::mem::forget(captured));
        assert!(queued.cancel());
        assert!(matches!(queued.result(), Err(TaskError::Cancelled)));
        drop(pool.spawn(|| Bomb));
        drop(pool.spawn_async(async { Bomb }));
        release.send(()).unwrap();
        assert!(busy.result().unwrap());
        // The item iterator: raised in the caller, after the outcomes before it.
        let items = (0..5).map(|n| if n == 3 { panic!("in the items") } else { n });
        let mut outcomes = pool.map(|n| n, items);
        for n in 0..3 {
            assert_eq!(outcomes.next().unwrap().unwrap(), n);
        }
        assert!(catch_unwind(AssertUnwindSafe(|| outcomes.next())).is_err());
        assert!(outcomes.next().is_none());
        // The only worker lives.
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn a_slow_item_iterator_keeps_no_outcome_back_and_still_feeds_all_workers() {
    within(60, || {
        let pool = ThreadPool::with_workers(2);
        // Every pull takes longer than a quick one ever does.
        let pulled = std::cell::Cell::new(0);
        let slow = (0..).inspect(|_| {
            pulled.set(pulled.get() + 1);
            thread::sleep(Duration::from_millis(6));
        });
        let mut outcomes = pool.map(|n| n, slow);
        assert_eq!(outcomes.next().unwrap().unwrap(), 0);
        assert!(
            pulled.get() < 1_000,
            "{} slow items were pulled before the first outcome",
            pulled.get()
        );
        drop(outcomes);
        // Two items that can only end together: the second is pulled although the first has no outcome yet.
        let both = Arc::new(std::sync::Barrier::new(2));
        let slow = (0..6).inspect(|_| thread::sleep(Duration::from_millis(6)));
        assert_eq!(
            pool.map(move |n| (both.wait(), n).1, slow)
                .map(Result::unwrap)
                .sum::<i32>(),
            15
        );
    });
}
