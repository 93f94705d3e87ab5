//! Groups whose members have deadlines.

use super::{Counted, Gate, on_every_bridge, settle};
use std::{
    future::{IntoFuture, pending},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

#[test]
fn a_member_that_passes_its_deadline_fails_the_group_and_is_gone_with_it() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        for round in 0..30 {
            let alive = Arc::new(AtomicUsize::new(0));
            let group = bridge.options().timeout(Duration::from_millis(5)).group::<()>();
            for _ in 0..20 {
                let counted = Counted::new(&alive);
                group.spawn_async(async move {
                    let _counted = counted;
                    pending::<()>().await;
                });
            }
            let outcome = if round % 2 == 0 {
                group.join()
            } else {
                futures::executor::block_on(group.into_future())
            };
            assert_eq!(alive.load(SeqCst), 0, "round {round}");
            assert!(outcome.unwrap_err().is_timed_out());
        }
    });
}

#[test]
fn a_member_that_is_being_polled_at_its_deadline_is_waited_for() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        let gate = Gate::new();
        let group = bridge.options().timeout(Duration::from_millis(5)).group();
        let (counted, pass) = (Counted::new(&alive), gate.pass());
        group.spawn_async(async move {
            let _counted = counted;
            pass.block();
        });
        let (ended, ends) = mpsc::channel();
        let left = alive.clone();
        let joining = thread::spawn(move || {
            let outcome = group.join();
            ended.send(left.load(SeqCst)).unwrap();
            outcome
        });
        thread::sleep(Duration::from_millis(50));
        assert!(ends.try_recv().is_err(), "it has ended while a member runs");
        gate.open();
        assert_eq!(ends.recv().unwrap(), 0);
        assert!(joining.join().unwrap().unwrap_err().is_timed_out());
    });
}

#[test]
fn a_group_has_not_ended_while_a_member_that_passed_its_deadline_is_not_dropped() {
    on_every_bridge(|kind| {
        let bridge = kind.bridge(1, 1);
        let alive = Arc::new(AtomicUsize::new(0));
        let gate = Gate::new();
        let group = bridge.options().timeout(Duration::from_millis(50)).group::<()>();
        let counted = Counted::new(&alive);
        group.spawn_async(async move {
            let _counted = counted;
            pending::<()>().await;
        });
        settle(&bridge);
        // Nobody polls, so nobody cleans up behind the deadline.
        let busy = super::occupy(&bridge, gate.pass());
        let left = alive.clone();
        let joining = thread::spawn(move || (group.join(), left.load(SeqCst)));
        thread::sleep(Duration::from_millis(100));
        gate.open();
        let (outcome, outlived) = joining.join().unwrap();
        assert!(outcome.unwrap_err().is_timed_out());
        assert_eq!(outlived, 0, "a member outlived its group");
        busy.result().unwrap();
    });
}
