//! What is left when the data is gone.

use super::{
    super::{BlobKey, Fault, Returned},
    *,
};
use std::{thread, time::Instant};

pub(in super::super) fn wiped_it_knows_nobody(ground: &dyn Ground) {
    let mut session = session(ground);
    let queued = submit(&mut *session, Some("gpu"), &[1]);
    submit(&mut *session, None, &[2]);
    let held = fetch(&mut *session, "w", &[]);
    session.beat(&worker("w"), b"", &[]).unwrap();
    session.put(&BlobKey("c:1".to_owned()), b"long").unwrap();
    ground.wipe();

    assert_eq!(session.renew(&client("c")), Ok(None));
    assert_eq!(
        try_submit(&mut *session, None, UNBOUNDED, &[3]),
        Submitted::Unknown
    );
    assert_eq!(session.living(&[client("c")]), Ok(vec![false]));
    assert!(session.workers().unwrap().is_empty());
    assert_eq!(session.get(&BlobKey("c:1".to_owned())), Ok(None));
    assert_eq!(recall(&mut *session, &queued[0]), Recalled::Gone);
    assert_eq!(recall(&mut *session, &held[0].place), Recalled::Gone);
    assert!(!finish(&mut *session, "w", ended(&held[0], b"done")));
    let lost = places(&held);
    assert_eq!(session.beat(&worker("w"), b"", &lost), Ok(lost.clone()));
    let returned = Returned {
        place: lost[0].clone(),
        client: client("c"),
        body: body(2),
        notice: b"it moved".to_vec(),
    };
    session.hand_back(&worker("w"), &[returned]).unwrap();
    assert!(reclaim(&mut *session, "v", Duration::ZERO).is_empty());
    assert!(fetch(&mut *session, "v", &["gpu"]).is_empty());
    assert!(results(&mut *session).is_empty());
    assert_eq!(session.hear(&worker("w"), Duration::ZERO), Ok(Vec::new()));
    session.retire(&worker("w")).unwrap();
    session.leave(&client("c")).unwrap();
}

pub(in super::super) fn wiped_it_goes_on_with_the_same_sessions(ground: &dyn Ground) {
    let mut session = session(ground);
    let mut of_worker = ground.broker().open().unwrap();
    submit(&mut *session, Some("gpu"), &[1]);
    assert_eq!(fetch(&mut *of_worker, "w", &["gpu"]).len(), 1);
    ground.wipe();
    session.enlist(&client("c")).unwrap();
    submit(&mut *session, Some("gpu"), &[1, 2]);
    let deliveries = fetch(&mut *of_worker, "w", &["gpu"]);
    assert_eq!(
        deliveries
            .iter()
            .map(|delivery| delivery.times)
            .collect::<Vec<_>>(),
        [1, 1]
    );
    assert!(finish(&mut *of_worker, "w", ended(&deliveries[1], b"done")));
    assert_eq!(results(&mut *session), [b"done"]);
    assert_eq!(recall(&mut *session, &deliveries[0].place), Recalled::Told);
    assert_eq!(of_worker.hear(&worker("w"), LONG).unwrap().len(), 1);
}

pub(in super::super) fn who_waits_while_it_is_wiped_is_woken_by_what_comes(ground: &dyn Ground) {
    let mut session = session(ground);
    assert!(fetch(&mut *session, "w", &["gpu"]).is_empty());
    thread::scope(|threads| {
        let fetching = threads.spawn(|| {
            let mut session = ground.broker().open().unwrap();
            let ends = Instant::now() + LONG;
            // An engine may send who waits away when its queue goes.
            while Instant::now() < ends {
                let some = session.fetch(&worker("w"), &owned(&["gpu"]), 1, LONG).unwrap();
                if !some.is_empty() {
                    return some;
                }
            }
            Vec::new()
        });
        let reading = threads.spawn(|| {
            let mut session = ground.broker().open().unwrap();
            session.results(&client("c"), Position::default(), LONG).unwrap()
        });
        ground.wipe();
        session.enlist(&client("c")).unwrap();
        submit(&mut *session, Some("gpu"), &[1]);
        let delivery = fetching.join().unwrap().remove(0);
        assert!(finish(&mut *session, "w", ended(&delivery, b"done")));
        assert_eq!(reading.join().unwrap()[0].body, b"done");
    });
}

pub(in super::super) fn after_a_restart_new_sessions_work(ground: &dyn Ground) {
    let mut old = session(ground);
    submit(&mut *old, None, &[1]);
    assert_eq!(fetch(&mut *old, "w", &[]).len(), 1);
    ground.restart();
    assert!(matches!(old.now(), Err(Fault::Away(_))));
    assert!(
        matches!(old.renew(&client("c")), Err(Fault::Away(_))),
        "once broken, always broken"
    );

    let mut session = ground.broker().open().unwrap();
    session.enlist(&client("d")).unwrap();
    let submitted = submit_for(&mut *session, "d", None, UNBOUNDED, &[1]);
    assert!(matches!(submitted, Submitted::Stored(positions) if positions.iter().flatten().count() == 1));
    assert_eq!(fetch(&mut *session, "w", &[]).len(), 1);
}
