//! Loom models of who sleeps and who wakes (rules 4 and 5): every interleaving, with at most three preemptions. A wake-up that is
//! lost shows as threads that all wait, which loom reports.
//!
//! A counter stands for the queues: pushing adds one, taking takes one away.

use super::idle::Idle;
use crate::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use loom::thread;

struct Pool {
    idle: Idle,
    queue: AtomicUsize,
}

impl Pool {
    fn new(seats: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(seats),
            queue: AtomicUsize::new(0),
        })
    }

    /// What bringing work is in the pool: the push itself orders nothing.
    fn submit(&self) {
        self.queue.fetch_add(1, Relaxed);
        self.idle.notify();
    }

    fn take(&self) -> bool {
        let one_less = |queued: usize| queued.checked_sub(1);
        self.queue.fetch_update(Relaxed, Relaxed, one_less).is_ok()
    }

    fn has_work(&self) -> bool {
        self.queue.load(Relaxed) > 0
    }

    /// What a worker does until it has run so many tasks, as in `Worker::work`; the search is one look.
    fn work(&self, seat: usize, tasks: usize) {
        let mut searching = false;
        let mut done = 0;
        while done < tasks {
            if self.take() {
                if searching {
                    self.idle.found(|| self.has_work());
                    searching = false;
                }
                done += 1;
                continue;
            }
            if searching || self.idle.begin_search() {
                if self.has_work() {
                    searching = true;
                    continue;
                }
                self.idle.give_up();
            }
            self.idle.sleep(seat, || self.has_work());
            searching = true;
        }
        if searching {
            self.idle.give_up();
        }
    }
}

#[test]
fn who_goes_to_sleep_does_not_miss_what_is_brought() {
    loom::model(|| {
        let pool = Pool::new(1);
        let worker = thread::spawn({
            let pool = pool.clone();
            move || pool.work(0, 1)
        });
        pool.submit();
        worker.join().unwrap();
        assert!(!pool.has_work());
    });
}

#[test]
fn two_that_bring_something_wake_one_who_finds_both() {
    loom::model(|| {
        let pool = Pool::new(1);
        let bring = |pool: &Arc<Pool>| {
            let pool = pool.clone();
            thread::spawn(move || pool.submit())
        };
        let others = [bring(&pool), bring(&pool)];
        pool.work(0, 2);
        for other in others {
            other.join().unwrap();
        }
        assert!(!pool.has_work());
    });
}

/// Who brings the second one may leave it to a worker that searches, and that then finds the first: it has to see to it that
/// the other worker takes the second.
#[test]
fn who_searches_and_finds_something_else_passes_the_rest_on() {
    loom::model(|| {
        let pool = Pool::new(2);
        let worker = thread::spawn({
            let pool = pool.clone();
            move || pool.work(0, 1)
        });
        let other = thread::spawn({
            let pool = pool.clone();
            move || pool.work(1, 1)
        });
        pool.submit();
        pool.submit();
        worker.join().unwrap();
        other.join().unwrap();
        assert!(!pool.has_work());
    });
}
