//! One server, and everything that is asked of it.

use super::*;

#[test]
fn tasks_go_there_and_results_come_back() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    assert_eq!(submit(&mut *session, &me, None, &[1]), Submitted::Unknown);
    assert_eq!(session.renew(&me).unwrap(), None);

    session.enlist(&me).unwrap();
    let stored = places(submit(&mut *session, &me, None, &[1, 2, 3]));
    session.enlist(&me).unwrap();
    assert_eq!(
        session.renew(&me).unwrap(),
        Some(3),
        "who enlists again keeps its number"
    );
    assert_eq!(
        submit(&mut *session, &me, None, &[2, 3]),
        Submitted::Stored(vec![None, None])
    );

    let tasks = session.fetch(&other, &[], 10, LONG).unwrap();
    assert_eq!(bodies(&tasks), ["1", "2", "3"]);
    assert_eq!(
        tasks.iter().map(|task| task.place.position).collect::<Vec<_>>(),
        stored
    );
    assert!(
        tasks
            .iter()
            .all(|task| task.times == 1 && task.place.label.is_none())
    );
    assert!(session.fetch(&other, &[], 10, NOW).unwrap().is_empty());

    let ends: Vec<_> = tasks[..2].iter().map(|task| ended(task, &me, "done")).collect();
    assert_eq!(session.finish(&other, &ends).unwrap(), [true, true]);
    assert_eq!(session.finish(&other, &ends).unwrap(), [false, false]);
    let came = session.results(&me, Position::default(), LONG).unwrap();
    assert_eq!(came.len(), 2);
    assert!(session.results(&me, came[1].position, NOW).unwrap().is_empty());
    assert!(results(&mut *session, &me).is_empty(), "what was seen is removed");

    let back = Returned {
        place: tasks[2].place.clone(),
        client: me.clone(),
        body: b"3 again".into(),
        notice: b"moved".into(),
    };
    session.hand_back(&other, &[back.clone(), back]).unwrap();
    let notice = session
        .results(&me, came[1].position, LONG)
        .unwrap()
        .pop()
        .unwrap();
    let again = session.fetch(&worker("w2"), &[], 10, LONG).unwrap();
    assert_eq!((bodies(&again), again[0].times), (vec!["3 again"], 1));
    assert_eq!(notice.moved, Some(again[0].place.position));

    session.leave(&me).unwrap();
    assert_eq!(
        session.living(&[me.clone(), client("nobody")]).unwrap(),
        [false, false]
    );
    assert_eq!(
        session
            .finish(&worker("w2"), &[ended(&again[0], &me, "late")])
            .unwrap(),
        [false]
    );
    assert_eq!(server.ask(&["XLEN", "{cf:pool:b01d:1}:q"]), redis::Value::Int(0));
    assert_eq!(
        server.ask(&["EXISTS", "{cf:pool:b01d:1}:r:me"]),
        redis::Value::Int(0)
    );
}

#[test]
fn all_keys_end_by_themselves_and_fit_one_pattern() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    session.enlist(&me).unwrap();
    let stored = places(submit(&mut *session, &me, Some("gpu"), &[1, 2]));
    let tasks = session.fetch(&other, &["gpu".into()], 1, NOW).unwrap();
    session
        .beat(&other, b"record", &[tasks[0].place.clone()])
        .unwrap();
    session.tell(&[(me.clone(), b"notice".into())]).unwrap();
    let place = Place {
        label: Some("gpu".into()),
        position: stored[0],
    };
    let request = b"stop".to_vec();
    assert_eq!(
        session.recall(&[Recall { place, request }]).unwrap(),
        [Recalled::Told]
    );
    session
        .put(&super::super::super::BlobKey("k:1".into()), b"blob")
        .unwrap();

    let redis::Value::Array(keys) = server.ask(&["KEYS", "*"]) else {
        panic!()
    };
    assert_eq!(keys.len(), 7, "{keys:?}");
    for key in keys {
        let redis::Value::BulkString(key) = key else {
            panic!()
        };
        let key = String::from_utf8(key).unwrap();
        assert!(key.starts_with("{cf:pool"), "{key}");
        let redis::Value::Int(seconds) = server.ask(&["TTL", &key]) else {
            panic!()
        };
        assert!(seconds > 0, "{key} stays for ever");
    }
}

#[test]
fn no_more_is_delivered_than_was_asked_for_from_however_many_queues() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    session.enlist(&me).unwrap();
    let labels = ["a".to_owned(), "b".to_owned()];
    submit(&mut *session, &me, None, &[1, 2, 3]);
    submit(&mut *session, &me, Some("b"), &[4, 5]);
    submit(&mut *session, &me, Some("a"), &[6]);
    submit(&mut *session, &me, Some("c"), &[7]);
    assert_eq!(
        bodies(&session.fetch(&other, &labels, 2, LONG).unwrap()),
        ["6", "4"]
    );
    let rest = session.fetch(&other, &labels, 2, LONG).unwrap();
    assert_eq!(bodies(&rest), ["5", "1"]);
    assert_eq!(rest[0].place.label.as_deref(), Some("b"));
    assert_eq!(rest[1].place.label, None);
    assert_eq!(
        bodies(&session.fetch(&other, &labels, 9, LONG).unwrap()),
        ["2", "3"]
    );
    assert!(session.fetch(&other, &labels, 9, NOW).unwrap().is_empty());
    assert_eq!(
        bodies(&session.fetch(&other, &["c".into()], 9, LONG).unwrap()),
        ["7"]
    );
}

#[test]
fn surplus_goes_to_who_reclaims_next_as_if_it_had_never_been_delivered() {
    let server = LocalServer::start().unwrap();
    let redis = broker(server.address());
    let link = redis.link().unwrap();
    let mut session = super::super::session::RedisSession::new(link, redis.shared.clone());
    let (me, other) = (client("me"), worker("w1"));
    session.enlist(&me).unwrap();
    submit(&mut session, &me, Some("a"), &[1]);
    let tasks = session.fetch(&other, &["a".into()], 1, NOW).unwrap();
    session.let_go(&other, &tasks).unwrap();
    let again = session
        .reclaim(&worker("w2"), &["a".into()], Duration::from_secs(15), 9)
        .unwrap();
    assert_eq!((bodies(&again), again[0].times), (vec!["1"], 1));
}

#[test]
fn a_waiting_fetch_hears_of_a_task_of_any_of_its_queues() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let me = client("me");
    session.enlist(&me).unwrap();
    for (number, label) in [(1, Some("a")), (2, None), (3, Some("b"))] {
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let labels = ["a".to_owned(), "b".to_owned()];
                broker
                    .open()
                    .unwrap()
                    .fetch(&worker("w1"), &labels, 4, LONG)
                    .unwrap()
            });
            submit(&mut *session, &me, label, &[number]);
            let tasks = waits.join().unwrap();
            assert_eq!(tasks.len(), 1);
            assert_eq!(tasks[0].place.label.as_deref(), label);
        });
    }
}

#[test]
fn what_is_held_is_extended_and_what_is_not_goes_to_others() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let (me, first, second) = (client("me"), worker("w1"), worker("w2"));
    session.enlist(&me).unwrap();
    // More than one step, and more than one look of the server.
    let numbers: Vec<u64> = (1..=1200).collect();
    places(submit(&mut *session, &me, None, &numbers));
    let tasks = session.fetch(&first, &[], 2000, LONG).unwrap();
    assert_eq!(tasks.len(), 1200);
    let held: Vec<Place> = tasks.iter().map(|task| task.place.clone()).collect();
    assert!(session.beat(&first, b"r", &held).unwrap().is_empty());
    assert!(session.reclaim(&second, &[], LONG, 10).unwrap().is_empty());
    // As if nobody had renewed the last ones for long.
    for place in &held[1190..] {
        let position = place.position.to_string();
        let queue = "{cf:pool:b01d:1}:q";
        server.ask(&[
            "XCLAIM", queue, "g", "w1", "0", &position, "IDLE", "600000", "JUSTID",
        ]);
    }
    let taken = session.reclaim(&second, &[], LONG, 7).unwrap();
    assert_eq!(taken.len(), 7);
    assert!(taken.iter().all(|task| task.times == 2));
    let lost = session.beat(&first, b"r", &held).unwrap();
    assert_eq!(
        lost,
        taken.iter().map(|task| task.place.clone()).collect::<Vec<_>>()
    );
    assert!(
        session.reclaim(&second, &[], LONG, 7).unwrap().is_empty(),
        "the rest was extended"
    );
    assert_eq!(
        session
            .finish(&first, &[ended(&taken[0], &me, "zombie")])
            .unwrap(),
        [false]
    );
    assert_eq!(
        session
            .finish(&second, &[ended(&taken[0], &me, "right")])
            .unwrap(),
        [true]
    );
    assert_eq!(results(&mut *session, &me), ["right"]);
}

#[test]
fn a_recall_removes_what_nobody_has_had_and_tells_who_has_the_rest() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    session.enlist(&me).unwrap();
    let stored = places(submit(&mut *session, &me, None, &[1, 2]));
    let recall = |position| Recall {
        place: Place {
            label: None,
            position,
        },
        request: b"stop".into(),
    };
    assert_eq!(
        session.recall(&[recall(stored[1])]).unwrap(),
        [Recalled::Removed],
        "there is no group yet"
    );
    session.fetch(&other, &[], 9, LONG).unwrap();
    let both = [recall(stored[0]), recall(stored[1])];
    assert_eq!(session.recall(&both).unwrap(), [Recalled::Told, Recalled::Gone]);
    assert_eq!(session.hear(&other, LONG).unwrap(), [b"stop".to_vec()]);
    assert!(session.hear(&other, NOW).unwrap().is_empty());
    session.recall(&both).unwrap();
    assert_eq!(session.hear(&other, NOW).unwrap().len(), 1);
}

#[test]
fn workers_are_seen_until_they_retire_or_are_silent() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let me = client("me");
    session.enlist(&me).unwrap();
    submit(&mut *session, &me, None, &[1, 2]);
    for name in ["w1", "w2"] {
        let task = session.fetch(&worker(name), &[], 1, NOW).unwrap().pop().unwrap();
        if name == "w2" {
            session.finish(&worker(name), &[ended(&task, &me, "x")]).unwrap();
        }
        session.beat(&worker(name), b"a:record\xff", &[]).unwrap();
    }
    server.ask(&["HSET", "{cf:pool}:w", "silent", "1:x"]);
    server.ask(&["HSET", "{cf:pool}:w", "odd", "x"]);
    let mut names: Vec<String> = session
        .workers()
        .unwrap()
        .into_iter()
        .map(|seen| seen.worker.0)
        .collect();
    names.sort();
    assert_eq!(names, ["w1", "w2"]);
    assert_eq!(server.ask(&["HLEN", "{cf:pool}:w"]), redis::Value::Int(2));
    assert!(
        session
            .workers()
            .unwrap()
            .iter()
            .all(|seen| seen.record == b"a:record\xff" && seen.silent_for < LONG)
    );

    let consumers = || match server.ask(&["XINFO", "CONSUMERS", "{cf:pool:b01d:1}:q", "g"]) {
        redis::Value::Array(all) => all.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(consumers(), 2);
    session.retire(&worker("w2")).unwrap();
    assert_eq!(consumers(), 1);
    session.retire(&worker("w1")).unwrap();
    assert_eq!(consumers(), 1, "its task would be lost with it");
    assert!(session.workers().unwrap().is_empty());
    assert_eq!(session.reclaim(&worker("w3"), &[], NOW, 1).unwrap().len(), 1);
}

#[test]
fn long_batches_are_cut() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    session.enlist(&me).unwrap();
    let body = vec![7; 3 * 1024 * 1024];
    let batch: Vec<_> = (1..=7).map(|number| Outgoing { number, body: &body }).collect();
    assert_eq!(places(session.submit(&me, None, 100, &batch).unwrap()).len(), 7);
    let tasks = session.fetch(&other, &[], 9, LONG).unwrap();
    assert!(tasks.len() == 7 && tasks.iter().all(|task| task.body == body));
    let more: Vec<_> = (8..=2000).map(|number| Outgoing { number, body: b"" }).collect();
    assert_eq!(
        places(session.submit(&me, None, 1000, &more).unwrap()).len(),
        993,
        "there is room for so many"
    );
    assert_eq!(session.renew(&me).unwrap(), Some(1000));
    let tasks = session.fetch(&other, &[], 2000, LONG).unwrap();
    let ends: Vec<_> = tasks.iter().map(|task| ended(task, &me, "x")).collect();
    assert_eq!(session.finish(&other, &ends).unwrap(), vec![true; 993]);
    let mut seen = (0, Position::default());
    while seen.0 < 993 {
        let came = session.results(&me, seen.1, LONG).unwrap();
        seen = (seen.0 + came.len(), came.last().unwrap().position);
    }
}
