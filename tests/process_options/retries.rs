//! `retries` for the items of a map.

use super::{build, within};
use concurrent_futures::{Executor, ProcessPool, TaskError};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::Duration,
};

/// What an item does the first times it is run: a file in the folder for each time.
type Item = (String, u64);

fn times_run((folder, n): &Item) -> usize {
    let time = (0..100).find(|time| {
        let mark = Path::new(folder).join(format!("{n}-{time}"));
        fs::File::options()
            .write(true)
            .create_new(true)
            .open(mark)
            .is_ok()
    });
    time.unwrap_or(usize::MAX)
}

/// Multiples of three crash the first time.
fn crashes_once(item: Item) -> u64 {
    if times_run(&item) == 0 && item.1.is_multiple_of(3) {
        std::process::abort();
    }
    item.1 * 10
}

/// Multiples of three hang the first time.
fn hangs_once(item: Item) -> u64 {
    if times_run(&item) == 0 && item.1.is_multiple_of(3) {
        loop {
            thread::sleep(Duration::from_secs(1));
        }
    }
    item.1 * 10
}

fn items(folder: &tempfile::TempDir) -> impl Iterator<Item = Item> + use<> {
    let folder = folder.path().to_str().unwrap().to_owned();
    (0..10).map(move |n| (folder.clone(), n))
}

fn marks(folder: &tempfile::TempDir) -> usize {
    fs::read_dir(folder.path()).unwrap().count()
}

#[test]
fn items_that_were_lost_are_run_again() {
    within(|| {
        let folder = tempfile::TempDir::new().unwrap();
        let pool = build(ProcessPool::builder().workers(2));
        let values: Vec<u64> = pool
            .options()
            .retries(1)
            .map(crashes_once, items(&folder))
            .map(Result::unwrap)
            .collect();
        assert!(values.into_iter().eq((0..10).map(|n| n * 10)));
        // Each of them once, and the four that crashed once more.
        assert_eq!(marks(&folder), 14);
    });
}

#[test]
fn items_that_were_stopped_at_their_deadline_are_run_again() {
    within(|| {
        let folder = tempfile::TempDir::new().unwrap();
        let pool = build(ProcessPool::builder().workers(2));
        let values: Vec<u64> = pool
            .options()
            .retries(1)
            .timeout(Duration::from_millis(300))
            .map(hangs_once, items(&folder))
            .map(Result::unwrap)
            .collect();
        assert!(values.into_iter().eq((0..10).map(|n| n * 10)));
    });
}

#[test]
fn without_retries_an_item_is_run_at_most_once() {
    within(|| {
        for chunk_size in [1, 10] {
            let folder = tempfile::TempDir::new().unwrap();
            let pool = build(ProcessPool::builder().workers(2));
            let options = pool.options().chunk_size(chunk_size);
            let outcomes: Vec<_> = options.map(crashes_once, items(&folder)).collect();
            for (n, outcome) in (0_u64..).zip(outcomes) {
                match outcome {
                    Ok(value) => assert!(value == n * 10 && !n.is_multiple_of(3)),
                    Err(error) => assert!(
                        matches!(error, TaskError::WorkerDied(_)) && n.is_multiple_of(3),
                        "{n}: {error}"
                    ),
                }
            }
            assert_eq!(marks(&folder), 10);
        }
    });
}

#[test]
fn retries_are_counted() {
    within(|| {
        fn always(item: Item) -> u64 {
            times_run(&item);
            std::process::abort()
        }
        let folder = tempfile::TempDir::new().unwrap();
        let pool = build(ProcessPool::builder().workers(2));
        let outcomes: Vec<_> = pool
            .options()
            .retries(2)
            .map(always, items(&folder).take(3))
            .collect();
        assert_eq!(outcomes.len(), 3);
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Err(TaskError::WorkerDied(_))))
        );
        assert_eq!(marks(&folder), 9);
        // A panic is an outcome like any other.
        fn panics(item: Item) -> u64 {
            panic!("time {}", times_run(&item))
        }
        assert!(
            pool.options()
                .retries(5)
                .map(panics, items(&folder).skip(3))
                .all(|outcome| outcome.unwrap_err().is_panicked())
        );
        assert_eq!(marks(&folder), 9 + 7);
    });
}

#[test]
fn an_async_item_that_was_lost_is_run_again() {
    within(|| {
        let folder = tempfile::TempDir::new().unwrap();
        let pool = build(ProcessPool::builder().workers(2).async_concurrency(1));
        let values: Vec<u64> = pool
            .options()
            .retries(1)
            .map_async(|item| async move { crashes_once(item) }, items(&folder))
            .map(Result::unwrap)
            .collect();
        assert!(values.into_iter().eq((0..10).map(|n| n * 10)));
    });
}

/// An argument whose destructor panics, but only where it is armed: in this process.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Touchy(u64);

static ARMED: AtomicBool = AtomicBool::new(false);

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(!ARMED.load(SeqCst) || thread::panicking(), "it was let go");
    }
}

#[test]
fn an_argument_that_panics_when_it_is_let_go_hurts_nobody() {
    within(|| {
        let pool = build(ProcessPool::builder().workers(1));
        ARMED.store(true, SeqCst);
        for retries in [0, 1] {
            let future = pool
                .options()
                .retries(retries)
                .submit(|touchy: Touchy| touchy.0 + 1, Touchy(1));
            assert_eq!(future.result().unwrap(), 2);
        }
        assert_eq!(pool.submit(|n: u64| n, 3).result().unwrap(), 3);
    });
}
