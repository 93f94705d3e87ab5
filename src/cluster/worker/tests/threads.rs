use super::{
    super::{host::Ending, serve::serve},
    *,
};
use std::{sync::atomic::Ordering::SeqCst, thread};

/// A worker with its threads, on an engine that waits.
fn serving(broker: &FakeBroker, config: Config) -> (Arc<AtomicBool>, thread::JoinHandle<Ending>) {
    let stop = Arc::new(AtomicBool::new(false));
    let host = Host::new(config, stop.clone()).unwrap();
    let broker: Arc<dyn Broker> = Arc::new(broker.clone());
    let worker = thread::spawn(move || serve(&host, &broker).unwrap());
    (stop, worker)
}

fn quick() -> Config {
    Config {
        longest_wait: Duration::from_millis(50),
        beat_every: Duration::from_millis(50),
        ..config(2)
    }
}

#[test]
fn all_is_done_whatever_breaks_and_then_it_leaves() {
    const TASKS: u64 = 500;
    let broker = FakeBroker::patient();
    let mut meeting = Meeting::new(1);
    meeting.broker = broker.clone();
    meeting.at_client = broker.open().unwrap();
    meeting.at_client.enlist(&meeting.client).unwrap();
    let (stop, worker) = serving(&broker, quick());
    for _ in 0..TASKS {
        meeting.call(entry_of(double), &[4]);
    }
    let mut ended = Vec::new();
    let start = Instant::now();
    while ended.len() < usize::try_from(TASKS).unwrap() {
        assert!(start.elapsed() < LONG, "{} have ended", ended.len());
        let after = meeting.read_to;
        let arrivals = meeting
            .at_client
            .results(&meeting.client, after, Duration::from_millis(10));
        for arrival in arrivals.unwrap_or_default() {
            meeting.read_to = arrival.position;
            if let Report::Ended { number, outcomes, .. } = message::read(&arrival.body).unwrap() {
                assert_eq!(value(&outcomes[0]), 8);
                ended.push(number);
            }
        }
        if ended.len() % 100 == 50 {
            broker.disconnect();
        }
        // So that holds that nobody knows of are lost in time.
        broker.advance(Duration::from_millis(500));
        meeting.at_client = broker.open().unwrap();
        meeting.at_client.renew(&meeting.client).unwrap();
    }
    ended.sort_unstable();
    assert_eq!(ended, (1..=TASKS).collect::<Vec<_>>());
    stop.store(true, SeqCst);
    assert_eq!(worker.join().unwrap(), Ending::Drained);
    assert!(broker.open().unwrap().workers().unwrap().is_empty());
}

#[test]
fn without_its_engine_it_gives_up_in_time() {
    let broker = FakeBroker::patient();
    let config = Config {
        give_up_after: Duration::from_millis(300),
        ..quick()
    };
    let (_, worker) = serving(&broker, config.clone());
    let start = Instant::now();
    while broker.open().unwrap().workers().unwrap().is_empty() {
        assert!(start.elapsed() < LONG, "it does not come");
        thread::yield_now();
    }
    broker.away(true);
    assert!(matches!(worker.join().unwrap(), Ending::Alone(_)));
    // The same if it was never there.
    let (_, worker) = serving(&broker, config);
    assert!(matches!(worker.join().unwrap(), Ending::Alone(_)));
}
