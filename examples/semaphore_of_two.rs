//! Six downloads, never more than two at once; and one semaphore for two kinds of work.
//!
//! Python: `asyncio.Semaphore(2)`, entered by every coroutine. Here it is an option of a map, on every backend: that is what
//! most semaphores are for. A semaphore of one's own is for what several maps or tasks have to share, as downloads and
//! uploads share a line here.

use concurrent_futures::{AsyncBridge, TaskError};
use futures::{TryStreamExt, try_join};
use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};
use tokio::sync::Semaphore;

/// How many transfers are under way, and how many were at most.
static NOW: AtomicU32 = AtomicU32::new(0);
static MOST: AtomicU32 = AtomicU32::new(0);

async fn transfer() {
    MOST.fetch_max(NOW.fetch_add(1, SeqCst) + 1, SeqCst);
    tokio::time::sleep(Duration::from_millis(10)).await; // stands for the network
    NOW.fetch_sub(1, SeqCst);
}

async fn download(page: u32) -> String {
    transfer().await;
    format!("page {page}")
}

static TURNS: Semaphore = Semaphore::const_new(2);

async fn download_in_turn(page: u32) -> String {
    let _turn = TURNS.acquire().await;
    download(page).await
}

async fn upload_in_turn(page: String) -> usize {
    let _turn = TURNS.acquire().await;
    transfer().await;
    page.len()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), TaskError> {
    let bridge = AsyncBridge::current();

    let downloads = bridge.options().max_in_flight(2).map_async(download, 1..=6);
    let pages: Vec<String> = downloads.into_stream().try_collect().await?;
    let most = MOST.swap(0, SeqCst);
    println!("six downloads, an option of the map:     at most {most} at once");
    assert_eq!((pages.len(), &*pages[5], most), (6, "page 6", 2));

    let downloads = bridge.map_async(download, 1..=6);
    let pages: Vec<String> = downloads.into_stream().try_collect().await?;
    let most = MOST.swap(0, SeqCst);
    println!("six downloads without it:                {most} at once");
    assert_eq!(most, 6);

    // Both maps are under way at the same time. Who has no turn waits for it, and no thread waits with it.
    let downloads = bridge.map_async(download_in_turn, 7..=9);
    let uploads = bridge.map_async(upload_in_turn, pages.into_iter().take(3));
    let (pages, sizes): (Vec<String>, Vec<usize>) = try_join!(
        downloads.into_stream().try_collect(),
        uploads.into_stream().try_collect()
    )?;
    let most = MOST.swap(0, SeqCst);
    println!("3 downloads and 3 uploads, a semaphore:  at most {most} at once");
    assert_eq!((&*pages[2], &sizes[..], most), ("page 9", &[6, 6, 6][..], 2));
    Ok(())
}
