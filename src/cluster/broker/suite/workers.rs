//! What workers fetch, and what becomes of it.

use super::*;
use std::thread;

pub(in super::super) fn each_task_is_delivered_to_one_worker(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1, 2]);
    let deliveries = fetch(&mut *session, "w", &[]);
    assert_eq!(super::places(&deliveries), places);
    assert_eq!(
        deliveries
            .iter()
            .map(|delivery| delivery.times)
            .collect::<Vec<_>>(),
        [1, 1]
    );
    assert!(fetch(&mut *session, "v", &[]).is_empty());
    assert!(fetch(&mut *session, "w", &[]).is_empty());
    let next = submit(&mut *session, None, &[3]);
    assert_eq!(super::places(&fetch(&mut *session, "v", &[])), next);
}

pub(in super::super) fn no_more_than_most_are_delivered(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1, 2, 3]);
    submit(&mut *session, Some("gpu"), &[4, 5, 6]);
    let mut seen = Vec::new();
    for expected in [4, 2, 0] {
        let deliveries = session
            .fetch(&worker("w"), &owned(&["gpu"]), 4, Duration::ZERO)
            .unwrap();
        assert_eq!(deliveries.len(), expected);
        seen.extend(deliveries.into_iter().map(|delivery| delivery.body));
    }
    seen.sort();
    assert_eq!(seen, [1, 2, 3, 4, 5, 6].map(body));
    let taken = session
        .reclaim(&worker("v"), &owned(&["gpu"]), Duration::ZERO, 5)
        .unwrap();
    assert_eq!(taken.len(), 5);
}

pub(in super::super) fn a_label_reaches_only_those_who_ask_for_it(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, Some("gpu"), &[1]);
    submit(&mut *session, Some("large"), &[2]);
    let plain = submit(&mut *session, None, &[3]);
    assert_eq!(places(&fetch(&mut *session, "w", &["small"])), plain);
    let large = fetch(&mut *session, "w", &["small", "large"]);
    assert_eq!(large.len(), 1);
    assert_eq!(
        (&large[0].body, &large[0].place.label),
        (&body(2), &Some("large".to_owned()))
    );

    // Not by reclaiming, either.
    assert!(
        session
            .reclaim(&worker("v"), &owned(&["gpu"]), Duration::ZERO, 1)
            .unwrap()[0]
            .body
            == body(3)
    );
    let both = session
        .reclaim(&worker("v"), &owned(&["large"]), Duration::ZERO, 10)
        .unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(fetch(&mut *session, "w", &["gpu"])[0].body, body(1));
}

pub(in super::super) fn who_waits_for_a_task_is_woken(ground: &dyn Ground) {
    let mut session = session(ground);
    for (label, number) in [(None, 1), (Some("gpu"), 2)] {
        thread::scope(|threads| {
            let waiting = threads.spawn(|| {
                let mut session = ground.broker().open().unwrap();
                session
                    .fetch(&worker("w"), &owned(&["gpu", "large"]), 10, LONG)
                    .unwrap()
            });
            submit(&mut *session, label, &[number]);
            let deliveries = waiting.join().unwrap();
            assert_eq!(deliveries.len(), 1);
            assert_eq!(
                (&deliveries[0].body, deliveries[0].place.label.as_deref()),
                (&body(number), label)
            );
        });
    }
}

pub(in super::super) fn what_was_queued_before_the_first_worker_is_delivered(ground: &dyn Ground) {
    let mut session = session(ground);
    let mut places = submit(&mut *session, None, &[1, 2]);
    places.extend(submit(&mut *session, Some("gpu"), &[3]));
    // Each client removes what is recalled even if there was no worker ever.
    assert_eq!(recall(&mut *session, &places.remove(0)), Recalled::Removed);
    let deliveries = session.fetch(&worker("w"), &owned(&["gpu"]), 10, LONG).unwrap();
    assert!(!deliveries.is_empty());
    let more = fetch(&mut *session, "w", &["gpu"]);
    assert_eq!(deliveries.len() + more.len(), 2);
}

pub(in super::super) fn a_task_ends_once(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1]);
    let delivery = fetch(&mut *session, "w", &[]).remove(0);
    // Within one call, too.
    let twice = [ended(&delivery, b"first"), ended(&delivery, b"second")];
    assert_eq!(session.finish(&worker("w"), &twice), Ok(vec![true, false]));
    assert!(!finish(&mut *session, "w", ended(&delivery, b"third")));
    assert_eq!(results(&mut *session), [b"first"]);
    assert!(reclaim(&mut *session, "v", Duration::ZERO).is_empty());
    assert_eq!(session.finish(&worker("w"), &[]), Ok(Vec::new()));
}

pub(in super::super) fn a_task_ends_without_a_result(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1]);
    let delivery = fetch(&mut *session, "w", &[]).remove(0);
    let mut quietly = ended(&delivery, b"");
    quietly.result = None;
    assert!(finish(&mut *session, "w", quietly));
    assert!(results(&mut *session).is_empty());
    assert!(reclaim(&mut *session, "v", Duration::ZERO).is_empty());
}

pub(in super::super) fn what_ends_for_nobody_is_removed(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1, 2]);
    let deliveries = fetch(&mut *session, "w", &[]);
    session.leave(&client("c")).unwrap();
    assert!(!finish(&mut *session, "w", ended(&deliveries[0], b"done")));
    let mut quietly = ended(&deliveries[1], b"");
    quietly.result = None;
    assert!(!finish(&mut *session, "w", quietly));
    assert!(reclaim(&mut *session, "v", Duration::ZERO).is_empty());

    // Nor does the result wait for who comes under this name later.
    session.enlist(&client("c")).unwrap();
    assert!(results(&mut *session).is_empty());
}

pub(in super::super) fn notices_reach_those_who_are_there(ground: &dyn Ground) {
    let mut session = session(ground);
    let notices = [("c", "one"), ("stranger", "two"), ("c", "three")];
    let notices = notices.map(|(name, notice)| (client(name), notice.as_bytes().to_vec()));
    session.tell(&notices).unwrap();
    session.tell(&[]).unwrap();
    assert_eq!(results(&mut *session), [b"one".to_vec(), b"three".to_vec()]);
    session.enlist(&client("stranger")).unwrap();
    assert_eq!(
        session.results(&client("stranger"), Position::default(), Duration::ZERO),
        Ok(Vec::new())
    );
}

pub(in super::super) fn requests_are_heard_once(ground: &dyn Ground) {
    let mut session = session(ground);
    let places = submit(&mut *session, None, &[1, 2]);
    assert_eq!(fetch(&mut *session, "w", &[]).len(), 2);
    for (place, request) in places.iter().zip([b"a", b"b"]) {
        let recall = Recall {
            place: place.clone(),
            request: request.to_vec(),
        };
        assert_eq!(session.recall(&[recall]), Ok(vec![Recalled::Told]));
    }
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let more = session.hear(&worker("w"), LONG).unwrap();
        assert!(!more.is_empty(), "only {heard:?}");
        heard.extend(more);
    }
    assert_eq!(heard, [b"a", b"b"]);
    assert_eq!(session.hear(&worker("w"), Duration::ZERO), Ok(Vec::new()));
    assert_eq!(session.hear(&worker("v"), Duration::ZERO), Ok(Vec::new()));
}

pub(in super::super) fn who_is_asked_hears_it(ground: &dyn Ground) {
    let mut session = session(ground);
    let requests = [("w", "one"), ("v", "two"), ("w", "three")];
    let requests = requests.map(|(name, request)| (worker(name), request.as_bytes().to_vec()));
    session.ask(&requests).unwrap();
    session.ask(&[]).unwrap();
    for (name, expected) in [("w", vec!["one", "three"]), ("v", vec!["two"])] {
        let mut heard = Vec::new();
        while heard.len() < expected.len() {
            let more = session.hear(&worker(name), LONG).unwrap();
            assert!(!more.is_empty(), "only {heard:?}");
            heard.extend(more);
        }
        assert_eq!(
            heard,
            expected
                .iter()
                .map(|request| request.as_bytes())
                .collect::<Vec<_>>()
        );
    }
}

pub(in super::super) fn who_waits_for_requests_is_woken(ground: &dyn Ground) {
    let mut session = session(ground);
    let place = submit(&mut *session, None, &[1]).remove(0);
    assert_eq!(fetch(&mut *session, "w", &[]).len(), 1);
    thread::scope(|threads| {
        let waiting = threads.spawn(|| {
            let mut session = ground.broker().open().unwrap();
            session.hear(&worker("w"), LONG).unwrap()
        });
        assert_eq!(recall(&mut *session, &place), Recalled::Told);
        assert_eq!(waiting.join().unwrap(), [b"stop"]);
    });
}

pub(in super::super) fn a_worker_is_shown_as_it_describes_itself(ground: &dyn Ground) {
    let mut session = session(ground);
    let record: Vec<u8> = (0..=u8::MAX).collect();
    assert!(session.workers().unwrap().is_empty());
    session.beat(&worker("w"), b"old", &[]).unwrap();
    session.beat(&worker("w"), &record, &[]).unwrap();
    session.beat(&worker("v"), b"", &[]).unwrap();
    let mut shown = session.workers().unwrap();
    shown.sort_by(|a, b| a.worker.cmp(&b.worker));
    assert!(shown.iter().all(|shown| shown.silent_for < LONG));
    let shown: Vec<_> = shown
        .into_iter()
        .map(|shown| (shown.worker, shown.record))
        .collect();
    assert_eq!(shown, [(worker("v"), Vec::new()), (worker("w"), record)]);
}
