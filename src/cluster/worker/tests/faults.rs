use super::{super::super::broker::WorkerId, *};
use crate::TaskError;

#[test]
fn nonsense_is_removed_and_the_worker_lives() {
    let mut meeting = Meeting::new(1);
    for body in [&b""[..], b"\x07nonsense", b"\x01\xff\xff\xff\xff\xff"] {
        let number = meeting.next;
        meeting.next += 1;
        meeting.submit_bytes(number, body);
    }
    let good = meeting.task(entry_of(double), &[1]);
    let mut spoilt: [Task; 6] = std::array::from_fn(|_| meeting.task(entry_of(double), &[1]));
    spoilt[0].items = 0;
    spoilt[1].items = 2;
    spoilt[2].items = u32::MAX;
    (spoilt[3].items, spoilt[3].bare) = (2, true);
    spoilt[4].payload = Payload::Here(vec![9; 3]);
    spoilt[5].payload = Payload::Here(vec![0; 9]);
    for task in &spoilt {
        meeting.submit(task);
    }
    let last = Task {
        number: meeting.next,
        ..good
    };
    meeting.submit(&last);
    let (number, outcomes) = meeting.next_end();
    assert_eq!((number, value(&outcomes[0])), (last.number, 2));
    assert_eq!(meeting.broker.queued(None), 0);
    let malformed = &meeting.host.malformed;
    assert_eq!(malformed.load(std::sync::atomic::Ordering::Relaxed), 9);
}

#[test]
fn a_place_without_work_fails_every_item() {
    let mut meeting = Meeting::new(1);
    let mut task = meeting.task(entry_of(double), &[1, 2]);
    task.entry += 8;
    meeting.submit(&task);
    let (_, outcomes) = meeting.next_end();
    assert_eq!(outcomes.len(), 2);
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(error(outcome), TaskError::Decode(_)))
    );
}

#[test]
fn nothing_runs_for_a_client_that_is_gone() {
    let mut meeting = Meeting::new(1);
    let (running, _) = meeting.call(entry_of(until_asked), &[1]);
    let (started, pid) = meeting.next_start();
    assert_eq!(started, running);
    meeting.call(entry_of(until_asked), &[1]);
    let client = meeting.client.clone();
    meeting.broker.expire_lease(&client);
    // What runs is stopped with the next renewal, and what waits is not begun.
    meeting.beat();
    let start = Instant::now();
    while meeting.broker.queued(None) > 0 {
        assert!(start.elapsed() < LONG, "something is left");
        meeting.step();
    }
    assert_eq!(meeting.host.desk.lock().with_pool(), 0);
    meeting.wait_for_death_of(pid);
}

#[test]
fn what_was_lost_to_another_worker_is_stopped_and_its_result_kept_to_itself() {
    let mut meeting = Meeting::new(1);
    let (running, _) = meeting.call(entry_of(until_asked), &[1]);
    let (started, pid) = meeting.next_start();
    assert_eq!(started, running);
    let other = WorkerId("other".into());
    meeting.broker.repeat();
    let taken = meeting.at_client.fetch(&other, &[], 1, Duration::ZERO).unwrap();
    assert_eq!(taken.len(), 1);
    meeting.beat();
    assert_eq!(meeting.host.desk.lock().with_pool(), 0);
    meeting.wait_for_death_of(pid);
    meeting.step();
    meeting.take_in();
    assert!(meeting.reports.is_empty());
    assert_eq!(meeting.broker.queued(None), 1);
}

#[test]
fn a_blob_of_a_result_that_is_not_ours_is_removed() {
    let mut meeting = Meeting::new(1);
    let (_, place) = meeting.call(entry_of(bytes), &[300_000]);
    fetch_step(&meeting.host, &mut *meeting.at_worker).unwrap();
    let start = Instant::now();
    while !meeting.host.desk.lock().ends.has_large() {
        assert!(start.elapsed() < LONG, "it does not end");
        meeting.host.attend();
    }
    meeting.broker.repeat();
    let other = WorkerId("other".into());
    let taken = meeting.at_client.fetch(&other, &[], 1, Duration::ZERO).unwrap();
    assert_eq!(taken[0].place, place);
    finish_step(&meeting.host, &mut *meeting.at_worker).unwrap();
    assert_eq!(meeting.broker.blobs(), 0);
}

#[test]
fn what_takes_its_workers_along_runs_alone_and_then_fails() {
    let mut meeting = Meeting::new(1);
    let mut task = meeting.task(entry_of(double), &[1, 2]);
    task.name = Some("the culprit".into());
    meeting.submit(&task);
    let lose = |meeting: &mut Meeting, times: u32| {
        for n in 0..times {
            let worker = WorkerId(format!("lost{n}"));
            let mut taken = meeting.at_client.fetch(&worker, &[], 1, Duration::ZERO).unwrap();
            let idle = Duration::from_secs(15);
            if taken.is_empty() {
                taken = meeting.at_client.reclaim(&worker, &[], idle, 1).unwrap();
            }
            assert_eq!(taken.len(), 1);
            meeting.broker.advance(Duration::from_secs(16));
            let client = meeting.client.clone();
            meeting.at_client.renew(&client).unwrap();
        }
    };
    lose(&mut meeting, 4);
    meeting.beat();
    let (_, outcomes) = meeting.next_end();
    assert_eq!(outcomes.len(), 2);
    let said = error(&outcomes[0]).to_string();
    assert!(
        said.contains("4 workers") && said.contains("the culprit"),
        "{said}"
    );

    let (alone, _) = meeting.call(entry_of(double), &[4]);
    lose(&mut meeting, 3);
    let (before, at) = meeting.call(entry_of(until_asked), &[1]);
    assert_eq!(meeting.next_start().0, before);
    meeting.beat();
    meeting.step();
    assert_eq!(meeting.host.desk.lock().capacity(Instant::now()), 0);
    meeting.ask_to_stop(before, at, Treatment::AskToStop);
    assert_eq!(meeting.next_end().0, before);
    assert_eq!(meeting.next_end().0, alone);
}

#[test]
fn whatever_fails_each_task_ends_once() {
    let mut meeting = Meeting::new(2);
    meeting.broker.fail_at_random(7, 5);
    let numbers: Vec<_> = (0..60)
        .map(|n| {
            let task = meeting.task(entry_of(bytes), &[if n % 10 == 0 { 300_000 } else { n }]);
            loop {
                // The client's own troubles are not the matter here.
                let batch = [Outgoing {
                    number: task.number,
                    body: &message::write(&task),
                }];
                match meeting.at_client.submit(&meeting.client, None, 1_000, &batch) {
                    Ok(_) => break task.number,
                    Err(_) => meeting.at_client = meeting.broker.open().unwrap(),
                }
            }
        })
        .collect();
    let mut ended = Vec::new();
    let start = Instant::now();
    while ended.len() < numbers.len() {
        assert!(
            start.elapsed() < LONG,
            "{} of {} have ended",
            ended.len(),
            numbers.len()
        );
        for step in [fetch_step, finish_step, beat_step] {
            if step(&meeting.host, &mut *meeting.at_worker).is_err() {
                meeting.at_worker = meeting.broker.open().unwrap();
            }
        }
        // What was delivered in an answer that got lost comes again when its hold is.
        meeting.broker.advance(Duration::from_secs(4));
        let client = meeting.client.clone();
        if meeting.at_client.renew(&client).is_err() {
            meeting.at_client = meeting.broker.open().unwrap();
        }
        let Ok(arrivals) = meeting
            .at_client
            .results(&client, meeting.read_to, Duration::ZERO)
        else {
            meeting.at_client = meeting.broker.open().unwrap();
            continue;
        };
        for arrival in arrivals {
            meeting.read_to = arrival.position;
            if let Report::Ended { number, outcomes, .. } = message::read(&arrival.body).unwrap() {
                assert!(!matches!(outcomes[0], Outcome::Failed(_)), "{outcomes:?}");
                ended.push(number);
            }
        }
    }
    ended.sort_unstable();
    assert_eq!(ended, numbers);
}
