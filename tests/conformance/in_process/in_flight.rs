//! Bounds on what is in flight, with work that captures, and beside a bound on what waits.

use super::{watched, within};
use crate::conformance::{checkpoint::Checkpoint, work::pass_async};
use concurrent_futures::{Executor, Inline, Shutdown, ThreadPool};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// Counts how many are in it at once.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Crowd {
    fn enter(&self) {
        self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
        thread::yield_now();
    }

    fn leave(&self) {
        self.now.fetch_sub(1, SeqCst);
    }

    fn visit(&self, n: u64) -> u64 {
        self.enter();
        self.leave();
        n
    }
}

macro_rules! inherent_verbs_keep_the_bound {
    ($executor:expr) => {
        for bound in 1..4 {
            let executor = watched($executor);
            let options = executor.options().max_in_flight(bound).buffer_size(50);
            let crowd = Arc::new(Crowd::default());
            let expected: Vec<u64> = (0..200).collect();
            let visitors = crowd.clone();
            let outcomes = options.map(move |n| visitors.visit(n), 0..200);
            assert_eq!(outcomes.map(Result::unwrap).collect::<Vec<_>>(), expected);
            let visitors = crowd.clone();
            let outcomes = options.map_async(
                move |n| {
                    let visitors = visitors.clone();
                    async move { visitors.visit(n) }
                },
                0..200,
            );
            assert_eq!(outcomes.map(Result::unwrap).collect::<Vec<_>>(), expected);
            let options = options.with(crowd.clone());
            let outcomes = options.map(|crowd, n| crowd.visit(n), 0..200);
            assert_eq!(outcomes.map(Result::unwrap).collect::<Vec<_>>(), expected);
            let outcomes = options.map_async(|crowd, n| async move { crowd.visit(n) }, 0..200);
            assert_eq!(outcomes.map(Result::unwrap).collect::<Vec<_>>(), expected);
            let most = crowd.most.load(SeqCst);
            assert!(most <= bound, "{most} at once, and {bound} are allowed");
        }
    };
}

#[test]
fn work_that_captures_keeps_the_bound() {
    within(|| {
        inherent_verbs_keep_the_bound!(ThreadPool::with_workers(4));
        inherent_verbs_keep_the_bound!(Inline::new());
    });
}

#[test]
fn work_that_goes_on_after_its_deadline_keeps_its_place() {
    within(|| {
        let pool = watched(ThreadPool::with_workers(4));
        let crowd = Arc::new(Crowd::default());
        let visitors = crowd.clone();
        let stubborn = move |_: u64| {
            visitors.enter();
            while !concurrent_futures::cancel_requested() {}
            thread::sleep(Duration::from_millis(5));
            visitors.leave();
        };
        let options = pool.options().max_in_flight(2).timeout(Duration::from_millis(1));
        let outcomes = options.map(stubborn, 0..20);
        assert!(outcomes.map(Result::unwrap_err).all(|error| error.is_timed_out()));
        pool.shutdown(Shutdown::Finish);
        assert_eq!(crowd.most.load(SeqCst), 2);
    });
}

#[test]
fn a_bound_on_what_waits_and_one_on_what_is_in_flight_go_together() {
    within(|| {
        for max_pending in [1, 2, 10] {
            for max_in_flight in [1, 3, 5] {
                let pool = ThreadPool::builder().workers(2).max_pending(max_pending);
                let pool = watched(pool.build().unwrap());
                let options = pool.options().max_in_flight(max_in_flight);
                let others = thread::scope(|scope| {
                    let others = scope.spawn(|| (0..50).map(|n| pool.spawn(move || n)).collect::<Vec<_>>());
                    let asynchronous = options.map_async(|n: u64| async move { n }, 0..100);
                    let blocking = options.map(|n: u64| n, 0..100);
                    let deadlines = options.options().timeout(Duration::from_secs(600));
                    let deadlines = deadlines.map(|n: u64| n, 0..100);
                    assert!(asynchronous.map(Result::unwrap).eq(0..100));
                    assert!(blocking.map(Result::unwrap).eq(0..100));
                    assert!(deadlines.map(Result::unwrap).eq(0..100));
                    others.join().unwrap()
                });
                assert!(others.into_iter().map(|other| other.result().unwrap()).eq(0..50));
            }
        }
    });
}

#[test]
fn what_waits_for_a_place_takes_up_room_among_what_waits() {
    within(|| {
        let pool = watched(ThreadPool::builder().workers(2).max_pending(4).build().unwrap());
        let checkpoint = Checkpoint::new();
        let options = pool.options().max_in_flight(1);
        let items = (0..20).map(|n| (checkpoint.address(), n));
        let outcomes = options.map_async(pass_async, items);
        checkpoint.wait_for(1);
        // No more is read ahead than may wait, and one of them is in flight.
        assert_eq!(pool.stats().queued, 3);
        // A second worker is idle, so this is run although items wait.
        pool.spawn(|| ()).result().unwrap();
        assert_eq!((checkpoint.seen().len(), pool.stats().queued), (1, 3));
        checkpoint.open();
        assert!(outcomes.map(Result::unwrap).eq(0..20));
    });
}
