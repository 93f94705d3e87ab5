//! The server loses its data, or goes.

use super::*;
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Instant,
};

#[test]
fn after_a_wipe_all_goes_on_with_nothing() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut session = broker.open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    session.enlist(&me).unwrap();
    submit(&mut *session, &me, None, &[1, 2]);
    let tasks = session.fetch(&other, &["gpu".into()], 2, LONG).unwrap();
    let held: Vec<_> = tasks.iter().map(|task| task.place.clone()).collect();
    server.wipe();

    assert_eq!(session.renew(&me).unwrap(), None);
    assert_eq!(submit(&mut *session, &me, None, &[3]), Submitted::Unknown);
    assert!(results(&mut *session, &me).is_empty());
    let recall = Recall {
        place: held[0].clone(),
        request: Vec::new(),
    };
    assert_eq!(session.recall(&[recall]).unwrap(), [Recalled::Gone]);
    assert_eq!(session.beat(&other, b"r", &held).unwrap(), held);
    assert_eq!(
        session.finish(&other, &[ended(&tasks[0], &me, "x")]).unwrap(),
        [false]
    );
    let back = Returned {
        place: held[1].clone(),
        client: me.clone(),
        body: Vec::new(),
        notice: Vec::new(),
    };
    session.hand_back(&other, &[back]).unwrap();
    session.tell(&[(me.clone(), Vec::new())]).unwrap();
    assert!(
        session
            .reclaim(&other, &["gpu".into()], NOW, 9)
            .unwrap()
            .is_empty()
    );
    assert_eq!(session.workers().unwrap().len(), 1, "it has beaten since");
    session.retire(&other).unwrap();
    assert_eq!(server.ask(&["DBSIZE"]), redis::Value::Int(0));

    assert!(session.fetch(&other, &[], 1, NOW).unwrap().is_empty());
    server.wipe();
    assert!(session.fetch(&other, &["gpu".into()], 1, NOW).unwrap().is_empty());
    session.enlist(&me).unwrap();
    submit(&mut *session, &me, None, &[1]);
    assert_eq!(bodies(&session.fetch(&other, &[], 1, LONG).unwrap()), ["1"]);
}

#[test]
fn who_waits_while_the_data_goes_gets_what_comes_then() {
    let server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let me = client("me");
    for labels in [vec![], vec!["gpu".to_owned()]] {
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let mut session = broker.open().unwrap();
                let end = Instant::now() + LONG;
                while Instant::now() < end {
                    let tasks = session.fetch(&worker("w1"), &labels, 4, LONG).unwrap();
                    if !tasks.is_empty() {
                        return tasks;
                    }
                }
                Vec::new()
            });
            let mut session = broker.open().unwrap();
            blocked(&server, 1);
            server.wipe();
            session.enlist(&me).unwrap();
            submit(&mut *session, &me, None, &[1]);
            assert_eq!(bodies(&waits.join().unwrap()), ["1"]);
        });
        server.wipe();
    }
}

/// Waits until so many sessions wait for something.
fn blocked(server: &LocalServer, count: usize) {
    let end = Instant::now() + LONG;
    let expected = format!("blocked_clients:{count}\r");
    loop {
        let redis::Value::BulkString(info) = server.ask(&["INFO", "clients"]) else {
            panic!()
        };
        if String::from_utf8(info)
            .unwrap()
            .lines()
            .any(|line| line == expected.trim_end())
        {
            return;
        }
        assert!(Instant::now() < end, "nobody waits");
        thread::yield_now();
    }
}

#[test]
fn a_server_that_dies_is_away_for_who_waits_and_for_who_asks() {
    let mut server = LocalServer::start().unwrap();
    let broker = broker(server.address());
    let mut idle = broker.open().unwrap();
    thread::scope(|scope| {
        let fetches = scope.spawn(|| broker.open().unwrap().fetch(&worker("w"), &[], 1, LONG));
        let reads = scope.spawn(|| {
            broker
                .open()
                .unwrap()
                .results(&client("me"), Position::default(), LONG)
        });
        let hears = scope.spawn(|| broker.open().unwrap().hear(&worker("w"), LONG));
        blocked(&server, 3);
        server.kill();
        assert!(matches!(fetches.join().unwrap(), Err(Fault::Away(_))));
        assert!(matches!(reads.join().unwrap(), Err(Fault::Away(_))));
        assert!(matches!(hears.join().unwrap(), Err(Fault::Away(_))));
    });
    assert!(matches!(idle.now(), Err(Fault::Away(_))));
    assert!(matches!(broker.open().map(drop), Err(Fault::Away(_))));
    assert!(matches!(
        broker.check(),
        Err(crate::ClusterError::Unreachable { .. })
    ));
    server.restart();
    assert!(
        matches!(idle.now(), Err(Fault::Away(_))),
        "what is broken stays so"
    );
    broker.open().unwrap().now().unwrap();
}

#[test]
fn a_server_that_is_silent_is_away_after_some_seconds() {
    let server = LocalServer::start().unwrap();
    let mut session = broker(server.address()).open().unwrap();
    server.pause();
    let silent = session.fetch(&worker("w"), &[], 1, Duration::from_millis(10));
    server.resume();
    assert!(matches!(silent, Err(Fault::Away(_))), "{silent:?}");
    // Its late answer is not taken for that of the next question.
    assert!(matches!(session.now(), Err(Fault::Away(_))));
}

#[test]
fn a_server_that_has_forgotten_the_steps_is_told_them_again() {
    let server = LocalServer::start().unwrap();
    let mut session = broker(server.address()).open().unwrap();
    let (me, other) = (client("me"), worker("w1"));
    let forget = || server.ask(&["SCRIPT", "FLUSH"]);
    session.enlist(&me).unwrap();
    forget();
    submit(&mut *session, &me, None, &[1]);
    forget();
    let tasks = session.fetch(&other, &[], 1, LONG).unwrap();
    let held = [tasks[0].place.clone()];
    assert!(session.beat(&other, b"r", &held).unwrap().is_empty());
    forget();
    assert!(session.beat(&other, b"r", &held).unwrap().is_empty());
    assert_eq!(session.workers().unwrap().len(), 1);
    forget();
    assert_eq!(
        session.finish(&other, &[ended(&tasks[0], &me, "x")]).unwrap(),
        [true]
    );
}

#[test]
fn what_does_not_speak_the_protocol_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 100]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let fault = at(&format!("redis://:{SECRET}@127.0.0.1:{port}"))
            .open()
            .map(drop)
            .unwrap_err();
        assert!(
            matches!(&fault, Fault::Refused(reason) if reason.contains("protocol")),
            "{}",
            text(&fault)
        );
    });
}

#[test]
fn a_server_that_quotes_the_password_is_not_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 100]).unwrap();
            let answer =
                format!("-ERR unknown command `AUTH`, with args beginning with: `{SECRET}`\r\n+PONG\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let error = at(&format!("redis://:{SECRET}@127.0.0.1:{port}"))
            .check()
            .unwrap_err();
        assert!(text(&error).contains("unknown command"), "{error}");
        assert!(matches!(&error, crate::ClusterError::Refused { .. }), "{error}");
    });
}
