//! Many futures as one: all results in order, all outcomes whatever they are, or nothing once one has failed.
//!
//! Python: `asyncio.gather(..)`, `asyncio.gather(.., return_exceptions=True)` and `asyncio.TaskGroup`. The first two are for
//! calls that do not depend on each other; a group is for those that make sense together only: what is in it has ended when
//! it has been awaited, one way or the other.

use concurrent_futures::{AsyncBridge, TaskError};
use futures::TryStreamExt;
use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

/// The shorter the word, the sooner it is there. One cannot be had.
async fn look_up(word: &'static str) -> usize {
    tokio::time::sleep(Duration::from_millis(word.len() as u64)).await;
    assert!(word != "grail", "nobody has found the grail");
    word.len()
}

/// Notices that a future ends, whether it is ready or dropped.
struct Notice;
static LAST_OF_THE_GROUP_IS_GONE: AtomicBool = AtomicBool::new(false);

impl Drop for Notice {
    fn drop(&mut self) {
        LAST_OF_THE_GROUP_IS_GONE.store(true, SeqCst);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), TaskError> {
    let bridge = AsyncBridge::current();

    // gather: at the same time, and the values in the order of the items.
    let words = ["concurrent", "async", "map"];
    let lengths = bridge.map_async(look_up, words).into_stream();
    let lengths: Vec<usize> = lengths.try_collect().await?;
    println!("gather:            {lengths:?}");
    assert_eq!(lengths, [10, 5, 3]);

    // return_exceptions=True: a failure is an outcome like any other.
    let group = bridge.group().keep_going();
    for word in ["map", "grail", "async"] {
        group.spawn_async(look_up(word));
    }
    let outcomes = group.join_all_async().await;
    let [Ok(3), Err(TaskError::Panicked(panic)), Ok(5)] = &outcomes[..] else {
        unreachable!("{outcomes:?}")
    };
    println!("return_exceptions: 3, \"{}\", 5", panic.message());

    // TaskGroup: the first failure ends the others, and when the group has been awaited, nothing of it runs.
    let group = bridge.group();
    group.spawn_async(async {
        let _notice = Notice;
        std::future::pending().await
    });
    group.spawn_async(look_up("map"));
    group.spawn_async(look_up("grail"));
    let error = group.await.expect_err("one has failed");
    println!("task group:        {error}");
    assert!(error.is_panicked());
    assert!(LAST_OF_THE_GROUP_IS_GONE.load(SeqCst));
    Ok(())
}
