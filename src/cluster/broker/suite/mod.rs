//! What an engine must do, as tests that every one of them is held against: each holds a sentence of the seam.

mod batches;
mod clients;
mod holds;
mod loss;
mod on_redis;
mod workers;

pub(super) use batches::*;
pub(super) use clients::*;
pub(super) use holds::*;
pub(super) use loss::*;
pub(super) use workers::*;

use super::{
    Broker, ClientId, Delivery, Ended, Outgoing, Place, Position, Recall, Recalled, Session, Submitted,
    WorkerId,
};
use std::time::Duration;

/// An engine that a test has for itself. What waits on it does so in real time.
pub(super) trait Ground: Send + Sync {
    fn broker(&self) -> &dyn Broker;

    /// All data is gone, connections live on.
    fn wipe(&self);

    /// It goes and comes back, with or without its data.
    fn restart(&self);
}

/// Runs all tests on what the expression makes, one for each.
macro_rules! hold_to_the_seam {
    ($ground:expr) => {
        $crate::cluster::broker::suite::hold_to_the_seam! {
            $ground;
            what_is_submitted_twice_is_stored_once
            a_batch_that_is_repeated_in_part_is_stored_in_part
            an_unknown_client_stores_nothing
            no_more_than_most_are_stored
            what_is_passed_over_takes_no_room
            each_label_has_room_of_its_own
            later_ones_lie_at_larger_positions
            any_bytes_come_as_they_went
            many_at_once_are_dealt_with_at_once
            enlisting_again_changes_nothing
            renewing_says_the_last_number
            results_are_kept_until_they_are_acknowledged
            each_client_has_a_row_of_its_own
            who_waits_for_results_is_woken
            who_waits_in_vain_comes_back
            what_nobody_has_had_is_removed_when_recalled
            what_a_worker_has_is_asked_for_when_recalled
            what_is_gone_cannot_be_recalled
            a_recall_says_what_became_of_each
            who_leaves_is_not_there
            payloads_lie_apart
            the_clock_goes_on
            each_task_is_delivered_to_one_worker
            no_more_than_most_are_delivered
            a_label_reaches_only_those_who_ask_for_it
            who_waits_for_a_task_is_woken
            what_was_queued_before_the_first_worker_is_delivered
            a_task_ends_once
            a_task_ends_without_a_result
            what_ends_for_nobody_is_removed
            notices_reach_those_who_are_there
            requests_are_heard_once
            who_is_asked_hears_it
            who_waits_for_requests_is_woken
            a_worker_is_shown_as_it_describes_itself
            a_hold_is_lost_to_who_reclaims
            what_is_held_is_not_reclaimed_before_its_time
            deliveries_are_counted
            who_lost_the_hold_cannot_finish
            what_is_handed_back_is_new
            who_lost_the_hold_cannot_hand_back
            what_is_handed_back_for_nobody_is_removed
            a_worker_that_retires_leaves_what_it_has_to_others
            wiped_it_knows_nobody
            wiped_it_goes_on_with_the_same_sessions
            who_waits_while_it_is_wiped_is_woken_by_what_comes
            after_a_restart_new_sessions_work
        }
    };
    ($ground:expr; $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::cluster::broker::suite::$test(&$ground);
            }
        )*
    };
}
pub(super) use hold_to_the_seam;

/// Longer than any test takes, and shorter than whoever watches them waits.
const LONG: Duration = Duration::from_secs(60);

/// In what the engine counts.
const AN_HOUR: Duration = Duration::from_secs(60 * 60);

const UNBOUNDED: usize = 1_000_000;

fn client(name: &str) -> ClientId {
    ClientId(name.to_owned())
}

fn worker(name: &str) -> WorkerId {
    WorkerId(name.to_owned())
}

/// A session, with which the client `c` has enlisted.
fn session(ground: &dyn Ground) -> Box<dyn Session> {
    let mut session = ground.broker().open().unwrap();
    session.enlist(&client("c")).unwrap();
    session
}

fn body(number: u64) -> Vec<u8> {
    format!("task {number}").into_bytes()
}

/// What becomes of the tasks of the client `c` with these numbers.
fn try_submit(session: &mut dyn Session, label: Option<&str>, most: usize, numbers: &[u64]) -> Submitted {
    submit_for(session, "c", label, most, numbers)
}

fn submit_for(
    session: &mut dyn Session,
    name: &str,
    label: Option<&str>,
    most: usize,
    numbers: &[u64],
) -> Submitted {
    let bodies: Vec<_> = numbers.iter().map(|number| body(*number)).collect();
    let batch: Vec<_> = numbers
        .iter()
        .zip(&bodies)
        .map(|(number, body)| Outgoing {
            number: *number,
            body,
        })
        .collect();
    session.submit(&client(name), label, most, &batch).unwrap()
}

/// Stores tasks of the client `c`, and says where they lie.
fn submit(session: &mut dyn Session, label: Option<&str>, numbers: &[u64]) -> Vec<Place> {
    let Submitted::Stored(positions) = try_submit(session, label, UNBOUNDED, numbers) else {
        panic!("the client is not known");
    };
    assert_eq!(positions.len(), numbers.len(), "not all were stored");
    let place = |position: Option<Position>| Place {
        label: label.map(str::to_owned),
        position: position.expect("it was stored before"),
    };
    positions.into_iter().map(place).collect()
}

/// What there is for a worker, without waiting.
fn fetch(session: &mut dyn Session, name: &str, labels: &[&str]) -> Vec<Delivery> {
    session
        .fetch(&worker(name), &owned(labels), UNBOUNDED, Duration::ZERO)
        .unwrap()
}

fn reclaim(session: &mut dyn Session, name: &str, idle: Duration) -> Vec<Delivery> {
    session.reclaim(&worker(name), &[], idle, UNBOUNDED).unwrap()
}

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

fn ended(delivery: &Delivery, result: &[u8]) -> Ended {
    Ended {
        place: delivery.place.clone(),
        client: client("c"),
        result: Some(result.to_vec()),
    }
}

fn finish(session: &mut dyn Session, name: &str, ended: Ended) -> bool {
    let done = session.finish(&worker(name), &[ended]).unwrap();
    assert_eq!(done.len(), 1);
    done[0]
}

fn recall(session: &mut dyn Session, place: &Place) -> Recalled {
    let recall = Recall {
        place: place.clone(),
        request: b"stop".to_vec(),
    };
    let recalled = session.recall(&[recall]).unwrap();
    assert_eq!(recalled.len(), 1);
    recalled[0]
}

/// The bodies in the row of the client `c`, which may come in several answers.
fn results(session: &mut dyn Session) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut after = Position::default();
    loop {
        let arrivals = session.results(&client("c"), after, Duration::ZERO).unwrap();
        let Some(last) = arrivals.last() else {
            return bodies;
        };
        after = last.position;
        bodies.extend(arrivals.into_iter().map(|arrival| arrival.body));
    }
}

/// Where deliveries lie.
fn places(deliveries: &[Delivery]) -> Vec<Place> {
    deliveries.iter().map(|delivery| delivery.place.clone()).collect()
}
