//! What the fake does beyond the seam: its troubles come as they were ordered.

use super::{
    super::{
        BlobKey, Broker, ClientId, Fault, Outgoing, Position, Session, Submitted, WorkerId, suite::Ground,
    },
    FakeBroker,
};
use std::{thread, time::Duration};

fn client() -> ClientId {
    ClientId("c".to_owned())
}

fn worker(name: &str) -> WorkerId {
    WorkerId(name.to_owned())
}

fn submit(session: &mut dyn Session, number: u64) -> Result<Submitted, Fault> {
    session.submit(
        &client(),
        None,
        100,
        &[Outgoing {
            number,
            body: b"task",
        }],
    )
}

fn fetch(session: &mut dyn Session, name: &str) -> usize {
    session
        .fetch(&worker(name), &[], 10, Duration::ZERO)
        .unwrap()
        .len()
}

fn enlisted(fake: &FakeBroker) -> Box<dyn Session> {
    let mut session = fake.open().unwrap();
    session.enlist(&client()).unwrap();
    session
}

fn is_away<T>(answer: Result<T, Fault>) -> bool {
    matches!(answer, Err(Fault::Away(_)))
}

#[test]
fn what_fails_before_has_not_happened_and_what_fails_after_has() {
    let fake = FakeBroker::new();
    let mut session = enlisted(&fake);
    fake.fail_before(1);
    submit(&mut *session, 1).unwrap();
    assert!(is_away(submit(&mut *session, 2)));
    assert_eq!(fake.queued(None), 1);
    assert!(is_away(submit(&mut *session, 2)), "the session is broken");

    let mut session = fake.open().unwrap();
    fake.fail_after(0);
    assert!(is_away(submit(&mut *session, 2)));
    assert_eq!(fake.queued(None), 2);
}

#[test]
fn random_failures_are_those_of_the_seed() {
    let failures = |seed| {
        let fake = FakeBroker::new();
        fake.fail_at_random(seed, 3);
        let fails: Vec<bool> = (0..200).map(|_| fake.open().unwrap().now().is_err()).collect();
        fake.fail_no_more();
        assert!(fake.open().unwrap().now().is_ok());
        fails
    };
    assert_eq!(failures(7), failures(7));
    assert_ne!(failures(7), failures(8));
    let failed = failures(7).iter().filter(|failed| **failed).count();
    assert!((20..150).contains(&failed), "{failed} of 200");
}

#[test]
fn nothing_works_while_it_is_away_and_old_sessions_never_again() {
    let fake = FakeBroker::new();
    let mut session = enlisted(&fake);
    fake.away(true);
    assert!(is_away(session.now()));
    assert!(fake.open().is_err());
    fake.away(false);
    assert!(is_away(session.now()));
    assert_eq!(
        fake.open().unwrap().renew(&client()),
        Ok(Some(0)),
        "its data is there"
    );
}

#[test]
fn wiped_it_has_nothing_and_rolled_back_what_it_had() {
    let fake = FakeBroker::new();
    let mut session = enlisted(&fake);
    submit(&mut *session, 1).unwrap();
    let before = fake.snapshot();
    submit(&mut *session, 2).unwrap();
    let Ok(Submitted::Stored(places)) = submit(&mut *session, 3) else {
        panic!("it has room");
    };
    fake.roll_back(&before);
    assert!(is_away(session.now()));
    let mut session = fake.open().unwrap();
    assert_eq!(session.renew(&client()), Ok(Some(1)));
    assert_eq!(fake.queued(None), 1);
    let Ok(Submitted::Stored(again)) = submit(&mut *session, 2) else {
        panic!("it has room");
    };
    assert!(again > places, "no place is given out twice");

    fake.wipe();
    assert!(fake.is_empty());
    assert_eq!(session.renew(&client()), Ok(None), "the session lives on");
}

#[test]
fn full_it_stores_nothing_and_finishes_what_it_has() {
    let fake = FakeBroker::new();
    let mut session = enlisted(&fake);
    fake.full(true);
    assert!(matches!(submit(&mut *session, 1), Err(Fault::Full(_))));
    let blob = BlobKey("b".to_owned());
    assert!(matches!(session.put(&blob, b"long"), Err(Fault::Full(_))));
    fake.full(false);
    assert!(submit(&mut *session, 1).is_ok(), "the session goes on");
    session.put(&blob, b"long").unwrap();
    assert_eq!((fake.queued(None), fake.blobs()), (1, 1));
}

#[test]
fn a_repeated_delivery_takes_the_hold_away() {
    let fake = FakeBroker::new();
    let mut session = enlisted(&fake);
    submit(&mut *session, 1).unwrap();
    assert_eq!(fetch(&mut *session, "a"), 1);
    assert_eq!(fetch(&mut *session, "b"), 0);
    fake.repeat();
    let repeated = session.fetch(&worker("b"), &[], 10, Duration::ZERO).unwrap();
    assert_eq!((repeated.len(), repeated[0].times), (1, 2));
    let lost = session
        .beat(&worker("a"), b"", &[repeated[0].place.clone()])
        .unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!(fetch(&mut *session, "a"), 0, "once");
}

#[test]
fn leases_and_holds_end_with_its_time() {
    let fake = FakeBroker::new();
    let mut session = enlisted(&fake);
    let began = session.now().unwrap();
    submit(&mut *session, 1).unwrap();
    assert_eq!(fetch(&mut *session, "a"), 1);
    let (almost, idle) = (Duration::from_millis(14_999), Duration::from_secs(15));
    let taken = |session: &mut dyn Session| session.reclaim(&worker("b"), &[], idle, 10).unwrap().len();
    fake.advance(almost);
    assert_eq!(taken(&mut *session), 0);
    fake.advance(Duration::from_millis(1));
    assert_eq!(taken(&mut *session), 1);
    assert_eq!(session.now().unwrap() - began, 15_000_000);

    fake.advance(Duration::from_secs(44));
    assert_eq!(session.living(&[client()]), Ok(vec![true]));
    fake.advance(Duration::from_secs(1));
    assert_eq!(session.living(&[client()]), Ok(vec![false]));
    session.enlist(&client()).unwrap();
    fake.expire_lease(&client());
    assert_eq!(session.renew(&client()), Ok(None));
}

#[test]
fn a_patient_one_waits_for_what_comes() {
    let fake = FakeBroker::patient();
    let mut session = enlisted(&fake);
    thread::scope(|threads| {
        let waiting = threads.spawn(|| {
            let mut session = fake.open().unwrap();
            session
                .fetch(&worker("a"), &[], 10, Duration::from_secs(600))
                .unwrap()
        });
        submit(&mut *session, 1).unwrap();
        assert_eq!(waiting.join().unwrap().len(), 1);

        let waiting = threads.spawn(|| {
            let mut session = fake.open().unwrap();
            session.results(&client(), Position::default(), Duration::from_secs(600))
        });
        fake.away(true);
        // It was opened before or after: either way it does not wait for ten minutes.
        assert!(waiting.join().map_or(true, is_away));
    });
    assert_eq!(
        fake.left(),
        ["the task at 1000-0 of queue -, held by a", "the lease of c"]
    );
}

impl Ground for FakeBroker {
    fn broker(&self) -> &dyn Broker {
        self
    }

    fn wipe(&self) {
        Self::wipe(self);
    }

    fn restart(&self) {
        self.disconnect();
    }
}

mod seam {
    use super::super::{super::suite::hold_to_the_seam, FakeBroker};

    hold_to_the_seam!(FakeBroker::patient());
}
