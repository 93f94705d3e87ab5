use super::{super::super::message::WorkerRecord, *};
use crate::TaskError;

#[test]
fn values_come_back_and_nothing_stays_behind() {
    let mut meeting = Meeting::new(2);
    let (chunk, _) = meeting.call(entry_of(double), &(0..100).collect::<Vec<_>>());
    let singles: Vec<_> = (0..20).map(|n| meeting.call(entry_of(double), &[n]).0).collect();
    for _ in 0..21 {
        let (number, outcomes) = meeting.next_end();
        let values: Vec<_> = outcomes.iter().map(value).collect();
        if number == chunk {
            assert_eq!(values, (0..100).map(double).collect::<Vec<_>>());
        } else {
            let n = singles.iter().position(|single| *single == number).unwrap();
            assert_eq!(values, [2 * u32::try_from(n).unwrap()]);
        }
    }
    assert_eq!(meeting.broker.queued(None), 0);
    assert!(meeting.host.desk.lock().is_empty());
}

#[test]
fn a_panic_fails_its_item_only() {
    let mut meeting = Meeting::new(1);
    meeting.call(entry_of(panics_at_three), &[2, 3, 4]);
    let (_, outcomes) = meeting.next_end();
    assert_eq!((value(&outcomes[0]), value(&outcomes[2])), (2, 4));
    let TaskError::Panicked(panic) = error(&outcomes[1]) else {
        panic!("another kind");
    };
    assert!(panic.message().contains("not that one"));
}

#[test]
fn a_death_fails_its_item_and_says_where() {
    let mut meeting = Meeting::new(1);
    meeting.call(entry_of(dies_at_three), &(0..50).collect::<Vec<_>>());
    let (_, outcomes) = meeting.next_end();
    for (n, outcome) in (0..).zip(&outcomes) {
        if n == 3 {
            let TaskError::WorkerDied(death) = error(outcome) else {
                panic!("another kind");
            };
            assert_eq!(death.signal(), Some(6));
            assert!(death.host().is_some_and(|host| !host.is_empty()));
        } else {
            assert_eq!(value(outcome), n);
        }
    }
    // What was behind it ran in another process.
    assert_eq!(meeting.host.record().restarted, 1);
}

#[test]
fn an_async_task_runs() {
    async fn soon(n: u32) -> u32 {
        n + 1
    }
    let mut meeting = Meeting::new(1);
    for n in 0..10 {
        meeting.call(async_entry_of(soon), &[n]);
    }
    let mut values: Vec<_> = (0..10).map(|_| value(&meeting.next_end().1[0])).collect();
    values.sort_unstable();
    assert_eq!(values, (1..11).collect::<Vec<_>>());
}

#[test]
fn long_payloads_lie_apart_on_both_ways() {
    let mut meeting = Meeting::new(1);
    for entry in [entry_of(bytes), entry_of(text)] {
        let mut task = meeting.task(entry, &[300_000]);
        let key = BlobKey(format!("client:{}", task.number));
        let Payload::Here(argument) = std::mem::replace(&mut task.payload, Payload::Apart(key.clone()))
        else {
            panic!("it was inline");
        };
        meeting.at_client.put(&key, &argument).unwrap();
        meeting.submit(&task);
        let (_, outcomes) = meeting.next_end();
        let result = match &outcomes[0] {
            Outcome::Bare(Payload::Apart(key)) | Outcome::ValueApart(key) => key.clone(),
            other => panic!("{other:?}"),
        };
        let length = meeting.at_client.get(&result).unwrap().unwrap().len();
        assert!((300_000..300_010).contains(&length), "{length}");
        meeting.at_client.remove(&[key, result]).unwrap();
    }
    assert_eq!(meeting.broker.blobs(), 0);
}

#[test]
fn what_is_missing_is_said() {
    let mut meeting = Meeting::new(1);
    let missing = BlobKey("client:nothing".into());
    let mut without_argument = meeting.task(entry_of(double), &[1]);
    without_argument.payload = Payload::Apart(missing.clone());
    let mut without_context = meeting.task(entry_of(double), &[1]);
    without_context.context = Some(missing);
    for task in [without_argument, without_context] {
        meeting.submit(&task);
        let number = task.number;
        assert_eq!(meeting.next_report().0, Report::Incomplete { number });
    }
    assert_eq!(meeting.broker.queued(None), 0);
}

#[test]
fn a_worker_tells_how_long_the_steps_took_if_asked() {
    let mut meeting = Meeting::new(1);
    meeting.beat();
    let began = meeting.at_client.now().unwrap();
    let mut task = meeting.task(entry_of(double), &[1, 2, 3]);
    task.timed = true;
    meeting.submit(&task);
    let ran = loop {
        if let Report::Ended { ran, .. } = meeting.next_report().0 {
            break ran;
        }
    };
    assert_eq!(ran.iter().map(|ran| ran.items).sum::<u32>(), 3);
    assert!(ran.iter().all(|ran| ran.pid != 0 && !ran.died && ran.failed == 0));
    // The fake's clock stands still.
    assert!(
        ran.iter()
            .all(|ran| ran.began >= began && ran.began < began + 60_000_000)
    );
    meeting.call(entry_of(double), &[1]);
    let Report::Ended { ran, .. } = meeting.next_report().0 else {
        panic!("another report");
    };
    assert!(ran.is_empty());
}

#[test]
fn starts_are_told_at_once_if_asked_and_later_if_it_takes_long() {
    let mut meeting = Meeting::new(2);
    for announce in [true, false] {
        let mut task = meeting.task(entry_of(until_asked), &[1]);
        task.announce = announce;
        let place = meeting.submit(&task);
        let (number, pid) = meeting.next_start();
        assert_eq!(number, task.number);
        assert!(meeting.host.pool.worker_pids().contains(&pid));
        meeting.ask_to_stop(number, place, Treatment::AskToStop);
        assert_eq!(value(&meeting.next_end().1[0]), 2);
    }
}

#[test]
fn the_record_says_what_the_worker_is() {
    let mut meeting = Meeting::new(2);
    meeting.beat();
    let workers = meeting.at_client.workers().unwrap();
    let record: WorkerRecord = message::read(&workers[0].record).unwrap();
    assert_eq!((record.slots, record.pid), (2, std::process::id()));
    assert_eq!(record.labels, ["gpu"]);
    assert_eq!((record.build.as_str(), record.in_hand), ("build", 0));
}
