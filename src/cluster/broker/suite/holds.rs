//! Who holds a task, and who has lost it.

use super::{super::Returned, *};

fn returned(delivery: &Delivery) -> Returned {
    Returned {
        place: delivery.place.clone(),
        client: client("c"),
        body: delivery.body.clone(),
        notice: b"it moved".to_vec(),
    }
}

pub(in super::super) fn a_hold_is_lost_to_who_reclaims(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1]);
    let labelled = submit(&mut *session, Some("gpu"), &[2]);
    assert_eq!(fetch(&mut *session, "w", &["gpu"]).len(), 2);
    let in_hand: Vec<_> = places.iter().chain(&labelled).cloned().collect();
    assert_eq!(session.beat(&worker("w"), b"", &in_hand), Ok(Vec::new()));
    assert_eq!(session.beat(&worker("v"), b"", &in_hand), Ok(in_hand.clone()));
    // Asking for it has not given it to anybody.
    assert_eq!(session.beat(&worker("w"), b"", &in_hand), Ok(Vec::new()));

    let taken = reclaim(&mut *session, "v", Duration::ZERO);
    assert_eq!(super::places(&taken), places);
    assert_eq!(taken[0].body, body(1));
    assert_eq!(session.beat(&worker("w"), b"", &in_hand), Ok(places.clone()));
    assert_eq!(session.beat(&worker("v"), b"", &places), Ok(Vec::new()));

    // A client that wants it back asks who has it now.
    assert_eq!(recall(&mut *session, &places[0]), Recalled::Told);
    assert_eq!(session.hear(&worker("w"), Duration::ZERO), Ok(Vec::new()));
    assert_eq!(session.hear(&worker("v"), LONG).unwrap().len(), 1);
}

pub(in super::super) fn what_is_held_is_not_reclaimed_before_its_time(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1]);
    assert_eq!(fetch(&mut *session, "w", &[]).len(), 1);
    assert!(reclaim(&mut *session, "v", AN_HOUR).is_empty());
    assert_eq!(session.beat(&worker("w"), b"", &places), Ok(Vec::new()));
    // What nobody has had is fetched, not reclaimed.
    submit(&mut *session, None, &[2]);
    assert_eq!(
        super::places(&reclaim(&mut *session, "v", Duration::ZERO)),
        places
    );
    assert_eq!(fetch(&mut *session, "v", &[]).len(), 1);
}

pub(in super::super) fn deliveries_are_counted(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1]);
    assert_eq!(fetch(&mut *session, "a", &[])[0].times, 1);
    // Renewing a hold is none.
    assert_eq!(session.beat(&worker("a"), b"", &places), Ok(Vec::new()));
    for (name, times) in [("b", 2), ("a", 3), ("b", 4)] {
        let taken = reclaim(&mut *session, name, Duration::ZERO);
        assert_eq!((super::places(&taken), taken[0].times), (places.clone(), times));
    }
}

pub(in super::super) fn who_lost_the_hold_cannot_finish(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1]);
    let first = fetch(&mut *session, "w", &[]).remove(0);
    let second = reclaim(&mut *session, "v", Duration::ZERO).remove(0);
    assert!(!finish(&mut *session, "w", ended(&first, b"too late")));
    assert!(results(&mut *session).is_empty());
    assert!(finish(&mut *session, "v", ended(&second, b"in time")));
    assert!(!finish(&mut *session, "w", ended(&first, b"too late")));
    assert_eq!(results(&mut *session), [b"in time"]);
}

pub(in super::super) fn what_is_handed_back_is_new(ground: &dyn Ground) {
    let mut session = session(ground);
    let old = submit(&mut *session, Some("gpu"), &[1]).remove(0);
    assert_eq!(fetch(&mut *session, "w", &["gpu"]).len(), 1);
    let again = session
        .reclaim(&worker("v"), &owned(&["gpu"]), Duration::ZERO, 1)
        .unwrap()
        .remove(0);
    assert_eq!(again.times, 2);
    session.hand_back(&worker("v"), &[returned(&again)]).unwrap();

    let arrivals = session
        .results(&client("c"), Position::default(), Duration::ZERO)
        .unwrap();
    assert_eq!((arrivals.len(), &arrivals[0].body[..]), (1, &b"it moved"[..]));
    let moved = Place {
        label: Some("gpu".to_owned()),
        position: arrivals[0].moved.expect("where it lies now"),
    };
    assert_ne!(moved, old);
    assert!(!finish(&mut *session, "v", ended(&again, b"too late")));
    assert_eq!(recall(&mut *session, &old), Recalled::Gone);

    // The worker that had it may have it again.
    let new = fetch(&mut *session, "v", &["gpu"]).remove(0);
    assert_eq!((&new.place, new.times, &new.body), (&moved, 1, &again.body));
    session.hand_back(&worker("v"), &[returned(&new)]).unwrap();
    let after = arrivals[0].position;
    let arrivals = session.results(&client("c"), after, Duration::ZERO).unwrap();
    let place = Place {
        position: arrivals[0].moved.expect("where it lies now"),
        ..moved
    };
    assert_eq!(recall(&mut *session, &place), Recalled::Removed);
    assert!(fetch(&mut *session, "v", &["gpu"]).is_empty());
}

pub(in super::super) fn who_lost_the_hold_cannot_hand_back(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1]);
    let first = fetch(&mut *session, "w", &[]).remove(0);
    assert_eq!(reclaim(&mut *session, "v", Duration::ZERO).len(), 1);
    session.hand_back(&worker("w"), &[returned(&first)]).unwrap();
    session.hand_back(&worker("w"), &[]).unwrap();
    assert!(results(&mut *session).is_empty());
    assert!(fetch(&mut *session, "w", &[]).is_empty());
    assert_eq!(session.beat(&worker("v"), b"", &places), Ok(Vec::new()));
}

pub(in super::super) fn what_is_handed_back_for_nobody_is_removed(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1]);
    let delivery = fetch(&mut *session, "w", &[]).remove(0);
    session.leave(&client("c")).unwrap();
    session.hand_back(&worker("w"), &[returned(&delivery)]).unwrap();
    assert!(fetch(&mut *session, "w", &[]).is_empty());
    assert!(reclaim(&mut *session, "v", Duration::ZERO).is_empty());
    assert!(results(&mut *session).is_empty());
}

pub(in super::super) fn a_worker_that_retires_leaves_what_it_has_to_others(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1, 2]);
    for name in ["w", "idle"] {
        session.beat(&worker(name), b"", &[]).unwrap();
    }
    let deliveries = fetch(&mut *session, "w", &[]);
    assert!(fetch(&mut *session, "idle", &[]).is_empty());
    assert!(finish(&mut *session, "w", ended(&deliveries[0], b"done")));
    for name in ["w", "idle", "never seen"] {
        session.retire(&worker(&name.replace(' ', ""))).unwrap();
    }
    assert!(session.workers().unwrap().is_empty());
    assert!(fetch(&mut *session, "v", &[]).is_empty(), "it was delivered once");
    assert_eq!(
        super::places(&reclaim(&mut *session, "v", Duration::ZERO)),
        places[1..]
    );
}
