//! One timeline of threads, processes and futures: what waited where, and for what.
//!
//! `cargo run --release --example timeline -- folder` leaves `timeline.svg` (for a browser) and `timeline.json` (for
//! <https://ui.perfetto.dev>) in the folder; without one it prints the summary only. Any other program is recorded by
//! `CONCURRENT_FUTURES_TRACE=timeline.svg ./program`.

use concurrent_futures::{Executor, TaskError, ThreadPool};
use std::{env, path::PathBuf, thread, time::Duration};

/// Stands for a download: it waits.
fn fetch(page: u32) -> String {
    thread::sleep(Duration::from_millis(3 + u64::from(page % 5)));
    format!("page {page}").repeat(2_000)
}

/// Stands for a parser: it computes.
fn count_words(text: String) -> usize {
    (0..20)
        .map(|_| text.split_whitespace().count())
        .max()
        .unwrap_or(0)
}

/// Stands for a library that dies now and then.
fn render(words: usize) -> Vec<u8> {
    assert!(words % 7 != 3, "cannot render {words} words");
    thread::sleep(Duration::from_millis(1));
    vec![0; 200_000]
}

#[cfg(all(unix, feature = "tokio"))]
fn work_on(pool: &ThreadPool) -> Result<concurrent_futures::Timeline, TaskError> {
    use concurrent_futures::{AsyncBridge, ProcessPool};

    let (processes, bridge) = (ProcessPool::with_workers(2), AsyncBridge::new());
    let recording = pool.record().also(&processes).also(&bridge);

    let pages = pool.map(fetch, 0..30);
    let words: Vec<_> = processes
        .map(count_words, pages.map(Result::unwrap))
        .collect::<Result<_, _>>()?;
    let pictures = (0..12)
        .map(|n| processes.options().name("render").submit(render, n))
        .collect::<Vec<_>>();
    let naps = bridge.map_async(
        |n: u64| async move {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(2 + n % 7)).await;
            }
        },
        0..40,
    );
    naps.for_each(drop);
    let failed = pictures
        .into_iter()
        .filter_map(|picture| picture.result().err())
        .count();
    assert_eq!((words.len(), failed), (30, 2));
    Ok(recording.finish())
}

#[cfg(not(all(unix, feature = "tokio")))]
fn work_on(pool: &ThreadPool) -> Result<concurrent_futures::Timeline, TaskError> {
    let recording = pool.record();
    let pages = pool.map(fetch, 0..30).collect::<Result<Vec<_>, _>>()?;
    pool.map(count_words, pages).for_each(drop);
    pool.map(render, 0..12).for_each(drop);
    Ok(recording.finish())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::with_workers(4);
    let timeline = work_on(&pool)?;
    print!("{timeline}");
    assert!(timeline.items() >= 30 && timeline.lanes.len() >= 5);
    if let Some(folder) = env::args_os().nth(1).map(PathBuf::from) {
        timeline.write_svg(folder.join("timeline.svg"))?;
        timeline.write_chrome(folder.join("timeline.json"))?;
    }
    Ok(())
}
