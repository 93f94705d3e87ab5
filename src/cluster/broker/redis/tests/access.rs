//! Who may do what, and how much of it.

use super::{super::super::BlobKey, *};
use crate::ClusterError;

/// What a client needs, and a worker: the rules of `docs/guide`.
const PATTERNS: [&str; 2] = ["~{cf:pool}:*", "~{cf:pool:*"];
const BOTH: &str = "+ping +info +time +eval +evalsha +expire +rpush +rename +llen +lindex +unlink +hset +hdel +xadd +xdel +xread +xtrim +xpending";
const CLIENT: &str = "+hget +hgetall +hsetnx +xlen";
const WORKER: &str = "+exists +xreadgroup +xgroup|create +xgroup|delconsumer +xclaim +xautoclaim +xack";

fn let_in(server: &LocalServer, user: &str, rules: &[&str]) {
    let password = format!(">{SECRET}");
    let mut words = vec!["ACL", "SETUSER", user, "reset", "on", &password];
    words.extend(PATTERNS);
    words.extend(rules.iter().flat_map(|rules| rules.split(' ')));
    server.ask(&words);
}

fn as_user(server: &LocalServer, pool: &str, user: &str, password: &str) -> RedisBroker {
    let socket = server.address().to_string();
    let url = format!("{socket}?user={user}&pass={password}");
    let broker = RedisBroker::new(Address::parse(&url, false, None).unwrap(), pool, "b01d").unwrap();
    text(&broker);
    broker
}

#[track_caller]
fn refused<T>(answer: Result<T, Fault>) {
    let fault = answer.map(drop).unwrap_err();
    let text = text(&fault);
    assert!(
        matches!(fault, Fault::Refused(_)) && (text.contains("NOPERM") || text.contains("can't run")),
        "{text}"
    );
}

#[test]
fn clients_and_workers_need_no_more_rights_than_the_guide_gives_them() {
    let server = LocalServer::start().unwrap();
    let_in(&server, "client", &[BOTH, CLIENT]);
    let_in(&server, "worker", &[BOTH, WORKER]);
    let client_side = as_user(&server, "pool", "client", SECRET);
    let worker_side = as_user(&server, "pool", "worker", SECRET);
    client_side.check().unwrap();
    worker_side.check().unwrap();
    let (mut asks, mut works) = (client_side.open().unwrap(), worker_side.open().unwrap());
    let (me, other) = (client("me"), worker("w1"));

    asks.now().unwrap();
    asks.enlist(&me).unwrap();
    let stored = places(submit(&mut *asks, &me, None, &[1, 2, 3]));
    submit(&mut *asks, &me, Some("gpu"), &[4]);
    asks.renew(&me).unwrap();
    let blob = BlobKey("k".into());
    asks.put(&blob, b"x").unwrap();

    works.now().unwrap();
    let tasks = works.fetch(&other, &["gpu".into()], 3, LONG).unwrap();
    assert_eq!(tasks.len(), 3);
    assert!(works.fetch(&other, &[], 1, LONG).unwrap().len() == 1);
    works.reclaim(&other, &["gpu".into()], LONG, 1).unwrap();
    works.beat(&other, b"r", &[tasks[0].place.clone()]).unwrap();
    assert!(works.get(&blob).unwrap().is_some());
    assert_eq!(works.living(std::slice::from_ref(&me)).unwrap(), [true]);
    assert_eq!(
        works.finish(&other, &[ended(&tasks[0], &me, "x")]).unwrap(),
        [true]
    );
    let back = Returned {
        place: tasks[1].place.clone(),
        client: me.clone(),
        body: b"y".into(),
        notice: b"z".into(),
    };
    works.hand_back(&other, &[back]).unwrap();
    works.tell(&[(me.clone(), b"n".into())]).unwrap();
    works.put(&blob, b"y").unwrap();

    let came = asks.results(&me, Position::default(), LONG).unwrap();
    assert_eq!(came.len(), 3);
    asks.results(&me, came[0].position, LONG).unwrap();
    let place = Place {
        label: None,
        position: stored[1],
    };
    let request = b"stop".to_vec();
    assert_eq!(
        asks.recall(&[Recall { place, request }]).unwrap(),
        [Recalled::Told]
    );
    assert_eq!(works.hear(&other, LONG).unwrap().len(), 1);
    assert_eq!(asks.workers().unwrap().len(), 1);
    asks.remove(&[blob]).unwrap();
    works.remove(&[BlobKey("k".into())]).unwrap();
    asks.leave(&me).unwrap();
    works.retire(&other).unwrap();

    refused(asks.fetch(&other, &[], 1, NOW));
    refused(asks.fetch(&other, &["gpu".into()], 1, NOW));
    refused(asks.finish(&other, &[ended(&tasks[2], &me, "x")]));
    refused(works.enlist(&me));
    refused(works.submit(&me, None, 1, &[]));
    let elsewhere = |user: &str| as_user(&server, "pool2", user, SECRET).open().unwrap();
    refused(elsewhere("client").enlist(&me));
    refused(elsewhere("client").workers());
    refused(elsewhere("worker").fetch(&other, &[], 1, NOW));
    refused(elsewhere("worker").beat(&other, b"r", &[]));
}

#[test]
fn a_server_that_lets_nobody_in_says_so_without_the_password() {
    let server = LocalServer::start().unwrap();
    let_in(&server, "client", &[BOTH, CLIENT]);
    for (user, password) in [("client", "wrong-s3cr3t-Pa55"), ("nobody", SECRET)] {
        let error = as_user(&server, "pool", user, password).check().unwrap_err();
        assert!(matches!(&error, ClusterError::Refused { .. }), "{error:?}");
        let text = text(&error) + &error.to_string();
        assert!(text.contains("WRONGPASS") && !text.contains(password), "{text}");
    }
    let_in(&server, "client", &["+evalsha"]);
    as_user(&server, "pool", "client", SECRET).check().unwrap();
    server.ask(&["ACL", "SETUSER", "default", "off"]);
    let error = broker(server.address()).check().unwrap_err();
    assert!(
        matches!(&error, ClusterError::Refused { reason, .. } if reason.contains("NOAUTH")),
        "{error:?}"
    );
}

#[test]
fn a_server_that_may_throw_tasks_away_is_not_used() {
    let server = LocalServer::start_for_test(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let error = broker(server.address()).check().unwrap_err();
    assert!(
        matches!(&error, ClusterError::Unsuitable { reason, .. } if reason.contains("noeviction")),
        "{error:?}"
    );
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    broker(server.address()).check().unwrap();
}

#[test]
fn a_full_server_takes_no_tasks_and_goes_on_with_those_that_it_has() {
    let server = LocalServer::start_for_test(&["--maxmemory", "24mb"]);
    let mut session = broker(server.address()).open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    session.enlist(&me).unwrap();
    let body = vec![7; 200_000];
    let mut last = 0;
    let full = loop {
        let batch = [last + 1, last + 2].map(|number| Outgoing { number, body: &body });
        match session.submit(&me, None, 1000, &batch) {
            Ok(stored) => assert_eq!(places(stored).len(), 2),
            Err(fault) => break fault,
        }
        last += 2;
    };
    assert!(matches!(&full, Fault::Full(_)), "{full:?}");
    assert!(last > 4);
    assert_eq!(
        session.renew(&me).unwrap(),
        Some(last),
        "nothing of the last batch is stored"
    );
    // Far below what it has.
    server.ask(&["CONFIG", "SET", "maxmemory", "3mb"]);
    assert!(matches!(session.enlist(&client("next")), Err(Fault::Full(_))));
    assert!(matches!(
        session.put(&BlobKey("k".into()), &body),
        Err(Fault::Full(_))
    ));
    assert_eq!(
        server.ask(&["DBSIZE"]),
        redis::Value::Int(2),
        "nor anything of the blob"
    );

    let tasks = session.fetch(&other, &[], 1000, NOW).unwrap();
    assert_eq!(tasks.len() as u64, last);
    session.beat(&other, b"r", &[tasks[0].place.clone()]).unwrap();
    session.tell(&[(me.clone(), b"n".into())]).unwrap();
    let back = Returned {
        place: tasks[0].place.clone(),
        client: me.clone(),
        body: body.clone(),
        notice: b"m".into(),
    };
    session.hand_back(&other, &[back]).unwrap();
    let ends: Vec<_> = tasks[1..].iter().map(|task| ended(task, &me, "x")).collect();
    assert_eq!(session.finish(&other, &ends).unwrap(), vec![true; ends.len()]);
    assert_eq!(results(&mut *session, &me).len(), ends.len() + 2);
    server.ask(&["CONFIG", "SET", "maxmemory", "24mb"]);
    let batch = [last + 1].map(|number| Outgoing { number, body: &body });
    assert_eq!(
        places(session.submit(&me, None, 1000, &batch).unwrap()).len(),
        1,
        "there is room again"
    );
}
