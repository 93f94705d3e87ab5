//! A bridge over an async runtime that is not tokio: here smol, for which it takes an adapter of six lines.

use concurrent_futures::{AsyncBridge, TaskError};
use futures::{
    TryStreamExt,
    task::{FutureObj, Spawn, SpawnError},
};
use std::{thread, time::Duration};

struct Smol;

impl Spawn for Smol {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        smol::spawn(future).detach();
        Ok(())
    }
}

const NAP: Duration = Duration::from_millis(10);

fn main() -> Result<(), TaskError> {
    let bridge = AsyncBridge::from_spawner(Smol);

    // Both kinds of work, to be awaited: a future runs on smol, whose timers and sockets it may use...
    let future = bridge.submit_async(
        |n: u64| async move {
            smol::Timer::after(NAP).await;
            n * n
        },
        7,
    );
    // ... and a call that blocks runs on a thread beside it.
    let call = bridge.spawn(|| {
        thread::sleep(NAP);
        thread::current().name().map(String::from)
    });
    smol::block_on(async {
        println!("the call ran on {:?}", call.await?);
        assert_eq!(future.await?, 49);

        // Many of each, at the same time.
        let naps = bridge.map_async(|n| async move { smol::Timer::after(NAP * n).await }, 0..20);
        let calls = bridge.map(|n| thread::sleep(NAP * n), 0..20);
        let naps: Vec<_> = naps.into_stream().try_collect().await?;
        let calls: Vec<_> = calls.into_stream().try_collect().await?;
        assert_eq!((naps.len(), calls.len()), (20, 20));
        Ok(())
    })?;

    // Outside of async code the same futures can be waited for as any others.
    assert_eq!(bridge.spawn_async(async { 6 * 7 }).result()?, 42);
    Ok(())
}
