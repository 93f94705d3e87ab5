//! Both words that parent and worker agree by, in every interleaving.

use super::{
    bell::{Bell, Wish},
    slot::Slot,
};
use crate::sync::{
    Arc,
    atomic::{
        AtomicU32,
        Ordering::{Acquire, Relaxed, Release},
    },
};
use loom::thread;

#[test]
fn an_item_is_started_or_taken_back() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(2));
        let worker = {
            let slot = slot.clone();
            thread::spawn(move || u32::from(slot.claim()) + u32::from(slot.claim()))
        };
        let (_, new, old) = slot.take_back(0);
        let claimed = worker.join().unwrap();
        assert_eq!(claimed + (old - new), 2);
        assert_eq!(slot.progress(), (claimed, claimed.max(new)));
    });
}

/// Something is added while the other side goes to sleep: it is seen, or the bell is.
fn no_wake_up_is_lost(wish: Wish, done: Wish) {
    loom::model(move || {
        let shared = Arc::new((Bell::new(), AtomicU32::new(0)));
        let adder = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(1, Release);
                shared.0.take(done)
            })
        };
        shared.0.set(wish);
        let seen = shared.1.load(Acquire) == 1;
        let rung = adder.join().unwrap();
        assert!(seen || rung, "it sleeps for ever");
    });
}

#[test]
fn who_goes_to_sleep_sees_work_or_is_woken_for_it() {
    no_wake_up_is_lost(Wish::Anything, Wish::Anything);
    no_wake_up_is_lost(Wish::Room, Wish::Anything);
}

#[test]
fn who_waits_for_room_sees_it_or_is_woken_for_it() {
    no_wake_up_is_lost(Wish::Room, Wish::Room);
}

#[test]
fn a_bell_is_rung_once() {
    loom::model(|| {
        let bell = Arc::new(Bell::new());
        bell.set(Wish::Anything);
        let other = {
            let bell = bell.clone();
            thread::spawn(move || bell.take(Wish::Anything))
        };
        let here = bell.take(Wish::Anything);
        assert!(here ^ other.join().unwrap());
        // Who waits for work is not woken for room.
        bell.set(Wish::Anything);
        assert!(!bell.take(Wish::Room));
    });
}

#[test]
fn what_was_written_before_a_claim_is_seen_by_it() {
    loom::model(|| {
        let shared = Arc::new((Slot::new(0), AtomicU32::new(0)));
        let worker = {
            let shared = shared.clone();
            thread::spawn(move || !shared.0.claim() || shared.1.load(Relaxed) == 1)
        };
        shared.1.store(1, Relaxed);
        shared.0.fill(1);
        assert!(worker.join().unwrap());
    });
}
