//! What else a client asks.

use super::{super::BlobKey, *};
use std::{thread, time::Instant};

pub(in super::super) fn enlisting_again_changes_nothing(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1, 2]);
    session.enlist(&client("c")).unwrap();
    assert_eq!(session.renew(&client("c")), Ok(Some(2)));
}

pub(in super::super) fn renewing_says_the_last_number(ground: &dyn Ground) {
    let mut session = session(ground);
    assert_eq!(session.renew(&client("c")), Ok(Some(0)));
    submit(&mut *session, None, &[3]);
    submit(&mut *session, Some("gpu"), &[7]);
    assert_eq!(session.renew(&client("c")), Ok(Some(7)));

    // That it has ended does not matter.
    let delivery = fetch(&mut *session, "w", &["gpu"]).remove(0);
    assert!(finish(&mut *session, "w", ended(&delivery, b"done")));
    assert_eq!(session.renew(&client("c")), Ok(Some(7)));
    assert_eq!(session.renew(&client("another")), Ok(None));
}

pub(in super::super) fn results_are_kept_until_they_are_acknowledged(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1, 2, 3]);
    for (delivery, result) in fetch(&mut *session, "w", &[]).iter().zip([b"a", b"b", b"c"]) {
        assert!(finish(&mut *session, "w", ended(delivery, result)));
    }
    let mut read = |after| session.results(&client("c"), after, Duration::ZERO).unwrap();
    let first = read(Position::default());
    assert_eq!(
        first.iter().map(|arrival| &arrival.body[..]).collect::<Vec<_>>(),
        [b"a", b"b", b"c"]
    );
    assert!(first.iter().all(|arrival| arrival.moved.is_none()));
    assert!(first.is_sorted_by(|a, b| a.position < b.position));
    assert_eq!(read(Position::default()), first, "nothing was acknowledged");
    assert_eq!(read(first[1].position), first[2..]);
    assert_eq!(read(Position::default()), first[2..], "the others are removed");
    assert_eq!(read(first[2].position), []);
    assert_eq!(read(Position::default()), []);
}

pub(in super::super) fn each_client_has_a_row_of_its_own(ground: &dyn Ground) {
    let mut session = session(ground);
    session.enlist(&client("d")).unwrap();
    session
        .tell(&[(client("d"), b"for d".to_vec()), (client("c"), b"for c".to_vec())])
        .unwrap();
    assert_eq!(results(&mut *session), [b"for c"]);
    let of_d = session
        .results(&client("d"), Position::default(), Duration::ZERO)
        .unwrap();
    assert_eq!(of_d.len(), 1);
    assert_eq!(of_d[0].body, b"for d");
}

pub(in super::super) fn who_waits_for_results_is_woken(ground: &dyn Ground) {
    let mut session = session(ground);
    thread::scope(|threads| {
        let waiting = threads.spawn(|| {
            let mut session = ground.broker().open().unwrap();
            session.results(&client("c"), Position::default(), LONG).unwrap()
        });
        session.tell(&[(client("c"), b"news".to_vec())]).unwrap();
        assert_eq!(waiting.join().unwrap()[0].body, b"news");
    });
}

pub(in super::super) fn who_waits_in_vain_comes_back(ground: &dyn Ground) {
    let mut session = session(ground);
    let began = Instant::now();
    for wait in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(2)] {
        assert_eq!(
            session.results(&client("c"), Position::default(), wait),
            Ok(Vec::new())
        );
        assert_eq!(
            session.fetch(&worker("w"), &owned(&["gpu"]), 1, wait),
            Ok(Vec::new())
        );
        assert_eq!(session.hear(&worker("w"), wait), Ok(Vec::new()));
    }
    assert!(began.elapsed() < LONG);
}

pub(in super::super) fn what_nobody_has_had_is_removed_when_recalled(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1, 2]);
    assert_eq!(recall(&mut *session, &places[0]), Recalled::Removed);
    assert_eq!(recall(&mut *session, &places[0]), Recalled::Gone);
    let left = fetch(&mut *session, "w", &[]);
    assert_eq!(super::places(&left), places[1..]);
    assert_eq!(session.hear(&worker("w"), Duration::ZERO), Ok(Vec::new()));
}

pub(in super::super) fn what_a_worker_has_is_asked_for_when_recalled(ground: &dyn Ground) {
    let mut session = session(ground);
    let place = submit(&mut *session, Some("gpu"), &[1]).remove(0);
    let delivery = fetch(&mut *session, "w", &["gpu"]).remove(0);
    assert_eq!(recall(&mut *session, &place), Recalled::Told);
    assert_eq!(session.hear(&worker("w"), LONG), Ok(vec![b"stop".to_vec()]));
    assert!(finish(
        &mut *session,
        "w",
        ended(&delivery, b"it is the worker's still")
    ));
}

pub(in super::super) fn what_is_gone_cannot_be_recalled(ground: &dyn Ground) {
    let mut session = session(ground);
    let place = submit(&mut *session, None, &[1]).remove(0);
    let delivery = fetch(&mut *session, "w", &[]).remove(0);
    assert!(finish(&mut *session, "w", ended(&delivery, b"done")));
    assert_eq!(recall(&mut *session, &place), Recalled::Gone);
    let nowhere = Place {
        label: Some("never".to_owned()),
        position: place.position,
    };
    assert_eq!(recall(&mut *session, &nowhere), Recalled::Gone);
}

pub(in super::super) fn a_recall_says_what_became_of_each(ground: &dyn Ground) {
    let mut session = session(ground);
    let held = submit(&mut *session, None, &[1]).remove(0);
    let of_worker = fetch(&mut *session, "w", &[]);
    assert_eq!(of_worker.len(), 1);
    let queued = submit(&mut *session, Some("gpu"), &[2]).remove(0);
    let nowhere = Place {
        label: Some("gpu".to_owned()),
        position: Position(1, 1),
    };
    let recalls = [(queued, "a"), (nowhere, "b"), (held, "c")].map(|(place, request)| Recall {
        place,
        request: request.as_bytes().to_vec(),
    });
    let expected = vec![Recalled::Removed, Recalled::Gone, Recalled::Told];
    assert_eq!(session.recall(&recalls), Ok(expected));
    assert_eq!(session.hear(&worker("w"), LONG), Ok(vec![b"c".to_vec()]));
    assert_eq!(session.recall(&[]), Ok(Vec::new()));
}

pub(in super::super) fn who_leaves_is_not_there(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1]);
    session.tell(&[(client("c"), b"unread".to_vec())]).unwrap();
    assert_eq!(session.living(&[client("c"), client("d")]), Ok(vec![true, false]));
    session.leave(&client("c")).unwrap();
    assert_eq!(session.living(&[client("c")]), Ok(vec![false]));
    assert_eq!(session.renew(&client("c")), Ok(None));
    assert!(results(&mut *session).is_empty());
    assert_eq!(
        try_submit(&mut *session, None, UNBOUNDED, &[2]),
        Submitted::Unknown
    );
    session.leave(&client("c")).unwrap();
}

pub(in super::super) fn payloads_lie_apart(ground: &dyn Ground) {
    let mut session = session(ground);
    let key = |name: &str| BlobKey(format!("c:{name}"));
    let long: Vec<u8> = (0..=u8::MAX).cycle().take(1024 * 1024).collect();
    assert_eq!(session.get(&key("1")), Ok(None));
    session.put(&key("1"), &long).unwrap();
    session.put(&key("2"), b"").unwrap();
    assert_eq!(session.get(&key("1")), Ok(Some(long)));
    assert_eq!(session.get(&key("2")), Ok(Some(Vec::new())));
    session.put(&key("2"), b"other").unwrap();
    session.remove(&[key("1"), key("3")]).unwrap();
    session.remove(&[]).unwrap();
    assert_eq!(session.get(&key("1")), Ok(None));
    assert_eq!(session.get(&key("2")), Ok(Some(b"other".to_vec())));
}

pub(in super::super) fn the_clock_goes_on(ground: &dyn Ground) {
    let mut session = session(ground);
    let first = session.now().unwrap();
    // Microseconds: somewhen between 2017 and 2128.
    assert!(
        (1_500_000_000_000_000..5_000_000_000_000_000).contains(&first),
        "{first}"
    );
    assert!(session.now().unwrap() >= first);
}
