//! Producer, transformer and saver, each at its own speed, with bounded queues between them.
//!
//! Python: three threads and two `queue.Queue(maxsize=4)`, with a sentinel at the end. Here the end of a queue is that its sender
//! is gone. Queues are right where each stage is a loop of its own; where every record goes through the same functions,
//! chained maps say the same in two lines. The example `pipeline` is the large version, with ten million records.

use concurrent_futures::{TaskError, ThreadPool};
use std::sync::{
    atomic::{AtomicUsize, Ordering::SeqCst},
    mpsc::sync_channel,
};

const RECORDS: usize = 1_000;
const QUEUE: usize = 4;

/// What was produced and is not saved.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

fn produce(n: usize) -> usize {
    let others = UNDER_WAY.fetch_add(1, SeqCst);
    // Two full queues, and one record in the hands of each of the three.
    assert!(others < 2 * QUEUE + 3, "the producer runs away");
    n
}

fn transform(record: usize) -> String {
    format!("record {record}")
}

fn save(line: String) -> usize {
    UNDER_WAY.fetch_sub(1, SeqCst);
    line.len()
}

fn main() -> Result<(), TaskError> {
    // Three loops that wait for each other, so three workers.
    let pool = ThreadPool::with_workers(3);
    let (to_transformer, records) = sync_channel(QUEUE);
    let (to_saver, lines) = sync_channel(QUEUE);
    // Who sends waits while the queue is full.
    let producer = pool.spawn(move || (0..RECORDS).map(produce).try_for_each(|n| to_transformer.send(n)));
    let transformer = pool.spawn(move || {
        records
            .iter()
            .map(transform)
            .try_for_each(|line| to_saver.send(line))
    });
    let saver = pool.spawn(move || lines.iter().map(save).sum::<usize>());
    // An error here would be a panic of the stage, or that the next one had gone.
    producer.result()?.expect("the transformer goes on to the end");
    transformer.result()?.expect("the saver goes on to the end");
    let bytes = saver.result()?;
    println!("three loops, two queues: {RECORDS} records, {bytes} bytes");
    assert_eq!(bytes, 9_890);

    // As chained maps: the outcomes of one are the items of the next, and nobody is further ahead than its buffer.
    let options = pool.options().buffer_size(QUEUE);
    let lines = options.map(transform, (0..RECORDS).map(produce));
    let sizes = options.map(|line: Result<_, _>| line.map(save), lines);
    let bytes: usize = sizes.map(|outcome| outcome?).sum::<Result<_, TaskError>>()?;
    println!("two maps, two buffers:   {RECORDS} records, {bytes} bytes");
    assert_eq!(bytes, 9_890);
    Ok(())
}
