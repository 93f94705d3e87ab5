//! Blocking work in async code, as with `asyncio.to_thread`: a bridge runs it on threads beside the runtime, and what
//! else the runtime has to do goes on. Called directly, it would stop all of that. `cargo run --example to_thread`

use concurrent_futures::{AsyncBridge, TaskError};
use futures::TryStreamExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

const BEAT: Duration = Duration::from_millis(50);
const CALL: Duration = Duration::from_millis(500);

/// Stands for whatever has no async version: a database driver, a C library.
fn slow_square(n: u64) -> u64 {
    thread::sleep(CALL);
    n * n
}

/// Something that should happen regularly.
async fn heartbeat(beats: Arc<AtomicU32>) {
    loop {
        tokio::time::sleep(BEAT).await;
        beats.fetch_add(1, Ordering::Relaxed);
    }
}

/// One thread for all futures: whoever blocks, blocks everybody.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), TaskError> {
    let beats = Arc::new(AtomicU32::new(0));
    tokio::spawn(heartbeat(beats.clone()));
    tokio::task::yield_now().await;
    let beats_until_now = || beats.swap(0, Ordering::Relaxed);

    // The mistake: nothing else happens for that long.
    let square = slow_square(2);
    let missed = beats_until_now();
    println!("called directly:    {missed} beats");
    assert_eq!((square, missed), (4, 0));

    // The cure. The same runtime, which is this one, awaits the call like anything else.
    let bridge = AsyncBridge::current();
    let square = bridge.submit(slow_square, 3).await?;
    let during_call = beats_until_now();
    println!("through the bridge: {during_call} beats");
    assert_eq!(square, 9);
    assert!(during_call >= 3, "about ten");

    // Many calls: they block threads of their own, all at the same time, and take as long as one.
    let squares: Vec<u64> = bridge.map(slow_square, 0..20).into_stream().try_collect().await?;
    let during_map = beats_until_now();
    println!("twenty calls:       {during_map} beats");
    assert!(squares.into_iter().eq((0..20).map(|n| n * n)));
    assert!(during_map >= 3, "about ten, and not two hundred");
    assert!(during_map < 100, "one after the other?");
    Ok(())
}
