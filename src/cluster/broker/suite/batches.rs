//! What is submitted.

use super::*;

pub(in super::super) fn what_is_submitted_twice_is_stored_once(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1, 2]);
    let again = try_submit(&mut *session, None, UNBOUNDED, &[1, 2]);
    assert_eq!(again, Submitted::Stored(vec![None, None]));
    assert_eq!(fetch(&mut *session, "w", &[]).len(), 2);

    // Not even when it has ended.
    let again = try_submit(&mut *session, None, UNBOUNDED, &[2]);
    assert_eq!(again, Submitted::Stored(vec![None]));
    assert!(fetch(&mut *session, "w", &[]).is_empty());
}

pub(in super::super) fn a_batch_that_is_repeated_in_part_is_stored_in_part(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1, 2]);
    let Submitted::Stored(positions) = try_submit(&mut *session, None, UNBOUNDED, &[1, 2, 5, 9]) else {
        panic!("the client is not known");
    };
    let is_new: Vec<bool> = positions.iter().map(Option::is_some).collect();
    assert_eq!(is_new, [false, false, true, true]);
    let bodies: Vec<_> = fetch(&mut *session, "w", &[])
        .into_iter()
        .map(|task| task.body)
        .collect();
    assert_eq!(bodies, [1, 2, 5, 9].map(body));
}

pub(in super::super) fn an_unknown_client_stores_nothing(ground: &dyn Ground) {
    let mut session = session(ground);
    let submitted = submit_for(&mut *session, "stranger", None, UNBOUNDED, &[1]);
    assert_eq!(submitted, Submitted::Unknown);
    assert_eq!(session.renew(&client("stranger")), Ok(None));
    assert!(fetch(&mut *session, "w", &[]).is_empty());
}

pub(in super::super) fn no_more_than_most_are_stored(ground: &dyn Ground) {
    let mut session = session(ground);
    let stored = |submitted| match submitted {
        Submitted::Stored(positions) => positions.iter().flatten().count(),
        Submitted::Unknown => panic!("the client is not known"),
    };
    assert_eq!(stored(try_submit(&mut *session, None, 2, &[1, 2, 3])), 2);
    assert_eq!(stored(try_submit(&mut *session, None, 2, &[3])), 0);
    assert_eq!(session.renew(&client("c")), Ok(Some(2)));

    // What is being run lies in the queue until it has ended.
    let first = fetch(&mut *session, "w", &[]).remove(0);
    assert_eq!(stored(try_submit(&mut *session, None, 2, &[3])), 0);
    assert!(finish(&mut *session, "w", ended(&first, b"done")));
    assert_eq!(stored(try_submit(&mut *session, None, 2, &[3, 4])), 1);
}

pub(in super::super) fn what_is_passed_over_takes_no_room(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1, 2]);
    let submitted = try_submit(&mut *session, None, 3, &[1, 2, 3, 4]);
    let Submitted::Stored(positions) = submitted else {
        panic!("the client is not known");
    };
    assert_eq!(positions.len(), 3, "{positions:?}");
    assert!(positions[2].is_some());
}

pub(in super::super) fn each_label_has_room_of_its_own(ground: &dyn Ground) {
    let mut session = session(ground);
    submit(&mut *session, None, &[1]);
    for (label, number) in [("gpu", 2), ("large", 3)] {
        let submitted = try_submit(&mut *session, Some(label), 1, &[number]);
        assert!(matches!(submitted, Submitted::Stored(positions) if positions.len() == 1));
        let submitted = try_submit(&mut *session, Some(label), 1, &[number + 2]);
        assert_eq!(submitted, Submitted::Stored(Vec::new()));
    }
}

pub(in super::super) fn later_ones_lie_at_larger_positions(ground: &dyn Ground) {
    let mut session = session(ground);
    let mut positions: Vec<Position> = submit(&mut *session, None, &[1, 2, 3])
        .iter()
        .map(|place| place.position)
        .collect();
    positions.extend(
        submit(&mut *session, None, &[4])
            .iter()
            .map(|place| place.position),
    );
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    assert!(positions[0] > Position::default());
}

pub(in super::super) fn any_bytes_come_as_they_went(ground: &dyn Ground) {
    let mut session = session(ground);
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let long: Vec<u8> = all.iter().copied().cycle().take(300 * 1024).collect();
    for (number, bytes) in [(1, Vec::new()), (2, all), (3, long)] {
        let batch = [Outgoing { number, body: &bytes }];
        session.submit(&client("c"), None, UNBOUNDED, &batch).unwrap();
        let delivery = fetch(&mut *session, "w", &[]).remove(0);
        assert_eq!(delivery.body, bytes);
        assert!(finish(&mut *session, "w", ended(&delivery, &bytes)));
        assert_eq!(results(&mut *session).pop(), Some(bytes));
    }
}

pub(in super::super) fn many_at_once_are_dealt_with_at_once(ground: &dyn Ground) {
    let mut session = session(ground);
    let numbers: Vec<u64> = (1..=1000).collect();
    let places = submit(&mut *session, None, &numbers);
    let deliveries = fetch(&mut *session, "w", &[]);
    assert_eq!(super::places(&deliveries), places);
    assert_eq!(session.beat(&worker("w"), b"", &places), Ok(Vec::new()));
    let all: Vec<_> = deliveries
        .iter()
        .map(|delivery| ended(delivery, &delivery.body))
        .collect();
    assert_eq!(session.finish(&worker("w"), &all), Ok(vec![true; 1000]));
    let bodies: Vec<_> = numbers.iter().map(|number| body(*number)).collect();
    assert!(results(&mut *session) == bodies, "all of them, in their order");
}
