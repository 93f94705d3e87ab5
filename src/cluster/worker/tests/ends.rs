use super::*;

#[test]
fn what_has_not_started_is_given_back_and_what_has_is_said() {
    let mut meeting = Meeting::new(1);
    let (running, at) = meeting.call(entry_of(until_asked), &[1]);
    assert_eq!(meeting.next_start().0, running);
    let (waiting, behind) = meeting.call(entry_of(until_asked), &[5]);
    meeting.step();
    meeting.ask_to_stop(waiting, behind, Treatment::AskToStop);
    let (number, outcomes) = loop {
        // It may not have been fetched yet; then it goes without a word.
        meeting.step();
        meeting.take_in();
        if meeting.broker.queued(None) == 1 {
            break meeting
                .reports
                .iter()
                .find_map(|(report, _)| match report {
                    Report::Ended { number, outcomes, .. } => Some((*number, outcomes.clone())),
                    _ => None,
                })
                .unwrap_or((waiting, vec![Outcome::Unrun]));
        }
    };
    assert_eq!((number, outcomes), (waiting, vec![Outcome::Unrun]));
    meeting.reports.clear();
    meeting.ask_to_stop(running, at, Treatment::AskToStop);
    assert_eq!(value(&meeting.next_end().1[0]), 2);
}

#[test]
fn killing_ends_what_runs_and_what_has_ended_keeps_its_value() {
    fn first_only(n: u32) -> u32 {
        if n == 1 { n } else { until_asked(n) }
    }
    let mut meeting = Meeting::new(1);
    for arguments in [&[7][..], &[1, 2, 3]] {
        let (number, place) = meeting.call(entry_of(first_only), arguments);
        assert_eq!(meeting.next_start().0, number);
        meeting.ask_to_stop(number, place, Treatment::Kill);
        let (of, outcomes) = meeting.next_end();
        assert_eq!((of, outcomes.len()), (number, arguments.len()));
        for outcome in &outcomes {
            match outcome {
                Outcome::Value(_) => assert_eq!(value(outcome), 1),
                Outcome::Unrun => {}
                failed => assert!(error(failed).is_cancelled()),
            }
        }
        assert!(
            outcomes
                .iter()
                .any(|outcome| matches!(outcome, Outcome::Failed(_)))
        );
    }
}

#[test]
fn a_request_that_comes_before_its_task_is_heeded() {
    let mut meeting = Meeting::new(1);
    let (number, place) = meeting.call(entry_of(until_asked), &[1]);
    let fetched = meeting
        .at_worker
        .fetch(&meeting.host.worker, &[], 1, Duration::ZERO)
        .unwrap();
    meeting.ask_to_stop(number, place, Treatment::AskToStop);
    hear_step(&meeting.host, &mut *meeting.at_worker).unwrap();
    meeting.host.desk.lock().delivered(fetched);
    let (of, outcomes) = meeting.next_end();
    assert_eq!(of, number);
    assert!(outcomes == [Outcome::Unrun] || value(&outcomes[0]) == 2);
}

#[test]
fn what_waits_behind_long_work_is_handed_back_as_it_was() {
    let mut meeting = Meeting::new(1);
    let (running, at) = meeting.call(entry_of(until_asked), &[1]);
    let task = meeting.task(entry_of(double), &[21]);
    meeting.submit(&task);
    let moved = loop {
        if let (Report::Moved { number }, moved) = meeting.next_report() {
            assert_eq!(number, task.number);
            break moved.unwrap();
        }
    };
    let elsewhere = super::super::super::broker::WorkerId("other".into());
    let fetched = meeting
        .at_client
        .fetch(&elsewhere, &[], 1, Duration::ZERO)
        .unwrap();
    assert_eq!(fetched[0].place.position, moved);
    assert_eq!(message::read::<Task>(&fetched[0].body).unwrap(), task);
    meeting.ask_to_stop(running, at, Treatment::AskToStop);
    assert_eq!(meeting.next_end().0, running);
}

#[test]
fn told_to_stop_it_hands_back_what_waits_and_finishes_what_runs() {
    let mut meeting = Meeting::new(1);
    let (running, at) = meeting.call(entry_of(until_asked), &[1]);
    assert_eq!(meeting.next_start().0, running);
    meeting.call(entry_of(double), &[1]);
    meeting.step();
    meeting.host.stop.store(true, std::sync::atomic::Ordering::SeqCst);
    meeting.step();
    meeting.step();
    // Either it was handed back, or never fetched.
    assert_eq!(meeting.broker.queued(None), 2);
    assert_eq!(meeting.host.ending(), None);
    meeting.ask_to_stop(running, at, Treatment::AskToStop);
    let start = Instant::now();
    while meeting.host.ending().is_none() {
        assert!(start.elapsed() < LONG, "it does not end");
        meeting.step();
    }
    meeting.take_in();
    let ended =
        |(report, _): &(Report, _)| matches!(report, Report::Ended { number, .. } if *number == running);
    assert!(meeting.reports.iter().any(ended));
    assert_eq!(meeting.broker.queued(None), 1);
    assert_eq!(meeting.host.ending(), Some(super::super::host::Ending::Drained));
}

#[test]
fn what_has_begun_is_not_handed_back_and_goes_on() {
    /// Stands for a request that takes a while.
    fn slow(n: u32) -> u32 {
        std::thread::sleep(Duration::from_millis(30));
        n
    }
    let mut meeting = Meeting::new(1);
    let (number, _) = meeting.call(entry_of(slow), &[1, 2, 3, 4, 5]);
    assert_eq!(meeting.next_start().0, number);
    let client = meeting.client.clone();
    let work = meeting
        .host
        .desk
        .lock()
        .asked(&client, number, Treatment::Leave, Instant::now());
    assert_eq!(work.unwrap().withdraw(&meeting.host.carrier), None);
    let (_, outcomes) = meeting.next_end();
    assert_eq!(outcomes.iter().map(value).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn what_others_may_have_taken_over_does_not_start() {
    let mut meeting = Meeting::with(Config {
        hold_lost_after: Duration::from_millis(50),
        ..config(1)
    });
    let (running, at) = meeting.call(entry_of(until_asked), &[1]);
    assert_eq!(meeting.next_start().0, running);
    meeting.call(entry_of(until_asked), &[5]);
    while meeting.host.desk.lock().in_hand() < 2 {
        meeting.step();
    }
    while meeting.host.desk.lock().with_pool() > 1 {
        meeting.host.let_go_of_what_is_lost();
    }
    // It lies where it was until the engine is told; then it is behind the others.
    assert_eq!(meeting.broker.queued(None), 2);
    finish_step(&meeting.host, &mut *meeting.at_worker).unwrap();
    meeting.take_in();
    let moved = |(report, _): &(Report, Option<Position>)| matches!(report, Report::Moved { number: 2 });
    assert!(meeting.reports.iter().any(moved));
    meeting.ask_to_stop(running, at, Treatment::AskToStop);
    // Nothing is fetched any more.
    meeting.host.stop.store(true, std::sync::atomic::Ordering::SeqCst);
    let ended = |(report, _): &(Report, Option<Position>)| matches!(report, Report::Ended { number, .. } if *number == running);
    while !meeting.reports.iter().any(ended) {
        meeting.step();
        meeting.take_in();
    }
    assert_eq!(meeting.broker.queued(None), 1);
}
