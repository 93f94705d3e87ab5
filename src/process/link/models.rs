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
            thread::spawn(move || (0..2).filter(|_| slot.claim().is_some()).count() as u32)
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
    no_wake_up_is_lost(Wish::Urgent, Wish::Urgent);
    no_wake_up_is_lost(Wish::All, Wish::Urgent);
}

#[test]
fn who_waits_for_room_sees_it_or_is_woken_for_it() {
    no_wake_up_is_lost(Wish::All, Wish::All);
}

#[test]
fn a_bell_is_rung_once() {
    loom::model(|| {
        let bell = Arc::new(Bell::new());
        bell.set(Wish::Urgent);
        let other = {
            let bell = bell.clone();
            thread::spawn(move || bell.take(Wish::Urgent))
        };
        let here = bell.take(Wish::Urgent);
        assert!(here ^ other.join().unwrap());
        // Who waits for work is not woken for room.
        bell.set(Wish::Urgent);
        assert!(!bell.take(Wish::All));
    });
}

#[test]
fn what_was_written_before_a_claim_is_seen_by_it() {
    loom::model(|| {
        let shared = Arc::new((Slot::new(0), AtomicU32::new(0)));
        let worker = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.claim().is_none() || shared.1.load(Relaxed) == 1)
        };
        shared.1.store(1, Relaxed);
        shared.0.fill(1);
        assert!(worker.join().unwrap());
    });
}

/// The worker answers an item, claims the next one and looks at the bell; between the two stands no fence but the claim.
#[test]
fn an_answer_is_seen_or_rung_for_once_the_next_item_is_claimed() {
    loom::model(|| {
        let shared = Arc::new((Slot::new(2), Bell::new(), AtomicU32::new(0)));
        let worker = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.2.store(1, Release);
                let claimed = shared.0.claim().is_some();
                shared.1.take_ordered(Wish::All) || !claimed
            })
        };
        shared.1.set(Wish::All);
        shared.0.touch();
        let seen = shared.2.load(Acquire) == 1;
        let rung = worker.join().unwrap();
        assert!(
            seen || rung,
            "the answer is not heard of until the item has ended"
        );
    });
}
