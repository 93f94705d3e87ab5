//! A bridge over the thread pool of the crate `futures`: whatever implements its trait `Spawn` will do.

use concurrent_futures::{AsyncBridge, TaskError, as_completed};
use futures::{channel::oneshot, executor};
use std::{error::Error, thread, time::Duration};

fn nap(milliseconds: u64) -> u64 {
    thread::sleep(Duration::from_millis(milliseconds));
    milliseconds
}

fn main() -> Result<(), Box<dyn Error>> {
    let threads = executor::ThreadPool::builder().pool_size(2).create()?;
    let bridge = AsyncBridge::from_spawner(threads);

    // Futures run on the two threads of the pool, which is enough for a thousand that wait for a word...
    let (tell, told): (Vec<_>, Vec<_>) = (0..1_000).map(|_| oneshot::channel::<u32>()).unzip();
    let waiting: Vec<_> = told.into_iter().map(|word| bridge.spawn_async(word)).collect();
    // ... and one more that tells them.
    let telling = bridge.spawn_async(async move { (0..).zip(tell).all(|(n, tell)| tell.send(n).is_ok()) });
    assert!(telling.result()?);
    let mut sum = 0;
    for future in waiting {
        sum += future.result()??;
    }
    println!("told: {sum}");
    assert_eq!(sum, 499_500);

    // Calls that block run on threads beside the pool, as many as there are calls: the shortest is the first to end.
    let naps = [60, 40, 20].map(|length| bridge.submit(nap, length));
    let mut ended = Vec::new();
    for future in as_completed(naps) {
        ended.push(future.result()?);
    }
    println!("ended: {ended:?}");
    assert_eq!(ended.len(), 3);

    // The same futures, awaited.
    let sum = executor::block_on(async {
        let (one, more) = (bridge.submit(nap, 1), bridge.spawn_async(async { 41 }));
        Ok::<_, TaskError>(one.await? + more.await?)
    })?;
    assert_eq!(sum, 42);
    Ok(())
}
