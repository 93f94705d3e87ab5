use super::{early::OVERTAKES_BY, *};
use crate::cluster::broker::Position;

/// A desk of which a test moves the clock.
struct Test {
    desk: Desk<u64>,
    now: Instant,
}

fn place(number: u64) -> Place {
    Place {
        label: None,
        position: Position(number, 0),
    }
}

fn client() -> ClientId {
    ClientId("client".into())
}

fn label(number: u64) -> Label {
    Label {
        client: client(),
        number,
        is_async: false,
        times: 1,
    }
}

impl Test {
    fn new(slots: usize) -> Self {
        let now = Instant::now();
        let mut desk = Desk::new(slots);
        desk.clients.note(&[client()], &[true], now);
        Self { desk, now }
    }

    fn admit(&mut self, number: u64) -> bool {
        self.desk.admit(place(number), label(number), number, self.now)
    }

    fn start(&mut self, number: u64) -> bool {
        self.desk.started(&place(number), false, self.now)
    }

    fn end(&mut self, number: u64, took: Duration) {
        let report = Report::Incomplete { number };
        self.desk.ended(&place(number), Some(report), took);
    }

    /// Ends and finishes so many that took so long.
    fn run(&mut self, numbers: std::ops::Range<u64>, took: Duration) {
        for number in numbers {
            self.admit(number);
            self.end(number, took);
            self.desk.finished(&place(number));
        }
        self.desk
            .ends
            .take(usize::MAX, crate::cluster::worker::done::Which::All);
    }

    fn later(&mut self, by: Duration) {
        self.now += by;
    }

    fn capacity(&self) -> usize {
        self.desk.capacity(self.now)
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn as_much_is_in_hand_as_runs_within_twenty_milliseconds() {
    let mut test = Test::new(2);
    assert_eq!(test.capacity(), 4);
    test.run(0..100, MILLISECOND);
    assert_eq!(test.capacity(), 2 * 21);
    (1_000..1_010).for_each(|number| assert!(test.admit(number)));
    assert_eq!(test.capacity(), 2 * 21 - 10);
    // An end makes room before it is finished.
    test.end(1_000, MILLISECOND);
    assert_eq!(test.capacity(), 2 * 21 - 9);
}

#[test]
fn nothing_is_fetched_ahead_of_long_work() {
    let mut test = Test::new(2);
    test.run(0..100, 150 * MILLISECOND);
    assert_eq!(test.capacity(), 2);
    let mut test = Test::new(2);
    test.run(0..100, MILLISECOND);
    // One of the two processes is busy for long, as can be seen; for the other one it goes on.
    test.admit(1_000);
    test.start(1_000);
    test.later(101 * MILLISECOND);
    assert_eq!(test.capacity(), 21);
    test.admit(1_001);
    test.start(1_001);
    test.later(101 * MILLISECOND);
    assert_eq!(test.capacity(), 0);
}

#[test]
fn futures_have_a_limit_of_their_own() {
    let mut test = Test::new(1);
    for number in 0..64 {
        let label = Label {
            is_async: true,
            ..label(number)
        };
        assert_eq!(test.capacity(), 2);
        assert!(test.desk.admit(place(number), label, number, test.now));
    }
    assert_eq!(test.capacity(), 0);
    test.end(3, MILLISECOND);
    assert_eq!(test.capacity(), 2);
}

#[test]
fn what_waits_behind_long_work_is_handed_back_if_nothing_is_free() {
    let mut test = Test::new(2);
    (0..4).for_each(|number| assert!(test.admit(number)));
    test.start(0);
    test.later(300 * MILLISECOND);
    assert!(test.desk.overdue(test.now).is_empty());
    test.start(1);
    let mut overdue = test.desk.overdue(test.now);
    overdue.sort_unstable();
    assert_eq!(overdue, [2, 3]);
    test.admit(4);
    assert_eq!(test.desk.overdue(test.now).len(), 2);

    test.desk.hand_back(Returned {
        place: place(2),
        client: client(),
        body: Vec::new(),
        notice: Vec::new(),
    });
    assert_eq!(test.desk.overdue(test.now), [3]);
    assert!(test.desk.has_news());
    let returned = test.desk.take_returned();
    assert_eq!((returned.len(), test.desk.has_news()), (1, false));
    // It is held until the engine knows.
    assert!(test.desk.holds().contains(&place(2)));
    test.desk.finished(&place(2));
    assert!(!test.desk.holds().contains(&place(2)));
}

#[test]
fn a_start_is_told_when_asked_for_or_after_a_while() {
    let mut test = Test::new(2);
    test.admit(0);
    test.admit(1);
    assert!(test.desk.has_untold());
    assert!(test.desk.started(&place(0), true, test.now));
    assert!(!test.start(1) && !test.start(1));
    let numbers = |starts: Vec<Start<u64>>| starts.iter().map(|start| start.number).collect::<Vec<_>>();
    let told = test.desk.take_starts(test.now);
    assert_eq!(numbers(told), [0]);
    test.later(2 * MILLISECOND);
    let told = test.desk.take_starts(test.now);
    assert_eq!(numbers(told.clone()), [1]);
    assert!(test.desk.take_starts(test.now).is_empty() && !test.desk.has_untold());
    test.desk.starts_again(told);
    assert_eq!(numbers(test.desk.take_starts(test.now)), [1]);
}

#[test]
fn a_task_ends_once() {
    let mut test = Test::new(1);
    test.admit(0);
    test.end(0, MILLISECOND);
    test.end(0, MILLISECOND);
    let ends = test.desk.ends.take(10, crate::cluster::worker::done::Which::All);
    assert_eq!((ends.len(), test.desk.with_pool()), (1, 0));
    assert!(!test.desk.is_empty() && test.desk.holds() == [place(0)]);
    test.desk.ends.put_back(ends);
    let ends = test.desk.ends.take(10, crate::cluster::worker::done::Which::All);
    assert!(ends[0].is_again);
    test.desk.finished(&place(0));
    assert!(test.desk.is_empty());
}

#[test]
fn the_fourth_delivery_runs_alone_and_there_is_no_fifth_run() {
    assert_eq!([1, 3, 4, 5, 9].map(verdict), {
        use Verdict::{Alone, Fail, Run};
        [Run, Run, Alone, Fail, Fail]
    });
    let mut test = Test::new(2);
    test.admit(0);
    for number in [1, 2] {
        let label = Label {
            times: 4,
            ..label(number)
        };
        assert!(!test.desk.admit(place(number), label, number, test.now));
    }
    assert_eq!((test.capacity(), test.desk.next_alone(test.now)), (0, None));
    test.end(0, MILLISECOND);
    assert_eq!(test.desk.next_alone(test.now), None, "others are in hand");
    assert_eq!(test.desk.overdue(test.now), [2]);
    for number in [0, 2] {
        test.desk.finished(&place(number));
    }
    assert_eq!(test.desk.next_alone(test.now), Some(1));
    assert_eq!((test.capacity(), test.desk.next_alone(test.now)), (0, None));
    // What runs alone stays, however long it waits.
    test.later(300 * MILLISECOND);
    assert!(test.desk.overdue(test.now).is_empty());
    test.end(1, MILLISECOND);
    assert!(test.capacity() > 0);
}

#[test]
fn work_of_the_dead_is_given_up() {
    let mut test = Test::new(2);
    test.admit(0);
    let other = ClientId("other".into());
    let label = Label {
        client: other.clone(),
        ..label(1)
    };
    test.desk.admit(place(1), label, 1, test.now);
    assert_eq!(test.desk.clients_in_hand(), [client(), other.clone()]);
    test.desk.clients.note(&[other], &[false], test.now);
    assert_eq!(test.desk.abandon(), [1]);
    let ends = test.desk.ends.take(10, crate::cluster::worker::done::Which::All);
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].report, Some(Report::Incomplete { number: 1 }));
    assert_eq!(test.desk.with_pool(), 1);
}

#[test]
fn what_others_have_taken_over_is_nobodys_here() {
    let mut test = Test::new(2);
    (0..2).for_each(|number| assert!(test.admit(number)));
    assert_eq!(test.desk.lost(&place(0)), Some(0));
    test.end(0, MILLISECOND);
    assert!(test.desk.ends.is_empty());
    test.end(1, MILLISECOND);
    // It has ended, so there is nothing to stop.
    assert_eq!(test.desk.lost(&place(1)), None);
    assert_eq!(test.desk.lost(&place(7)), None);
}

#[test]
fn a_request_may_come_before_its_task() {
    let mut test = Test::new(1);
    let stop = |test: &mut Test, number| test.desk.asked(&client(), number, Treatment::Kill, test.now);
    test.admit(0);
    assert_eq!(stop(&mut test, 0), Some(0));
    assert_eq!(stop(&mut test, 1), None);
    assert_eq!(test.desk.asked_before(&ClientId("other".into()), 1), None);
    assert_eq!(test.desk.asked_before(&client(), 1), Some(Treatment::Kill));
    assert_eq!(test.desk.asked_before(&client(), 1), None);
    // One about a task that has ended long ago is forgotten.
    assert_eq!(stop(&mut test, 2), None);
    test.later(OVERTAKES_BY + MILLISECOND);
    assert_eq!(stop(&mut test, 3), None);
    assert_eq!(test.desk.asked_before(&client(), 2), None);
}

#[test]
fn told_to_stop_it_fetches_nothing_and_hands_back_what_waits() {
    let mut test = Test::new(2);
    (0..3).for_each(|number| assert!(test.admit(number)));
    test.start(0);
    test.desk.drain();
    assert_eq!(test.capacity(), 0);
    let mut waiting = test.desk.overdue(test.now);
    waiting.sort_unstable();
    assert_eq!(waiting, [1, 2]);
    for number in 0..3 {
        test.end(number, MILLISECOND);
        test.desk.finished(&place(number));
    }
    test.desk.ends.take(10, crate::cluster::worker::done::Which::All);
    assert!(test.desk.is_empty());
}

#[test]
fn what_is_looked_at_stays_held() {
    let mut test = Test::new(1);
    let delivery = |number| Delivery {
        place: place(number),
        body: Vec::new(),
        times: 1,
    };
    test.desk.delivered([delivery(0), delivery(1)]);
    assert_eq!((test.desk.holds().len(), test.capacity()), (2, 0));
    let mut opening = test.desk.open_all().into_iter();
    assert_eq!(test.desk.holds().len(), 2);
    opening.next();
    test.desk.opened(opening);
    assert_eq!(test.desk.holds(), [place(1)]);
}
