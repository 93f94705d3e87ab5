//! A run that hangs says where, and ends.

use crate::run::complain;
use concurrent_futures::{Executor, backend::Ledger};
use std::{
    fmt::Debug,
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// Far more than any step takes on a slow and busy machine.
const LIMIT: Duration = Duration::from_secs(60);

static STEPS: AtomicU64 = AtomicU64::new(0);
static NOW: Mutex<Option<Now>> = Mutex::new(None);

struct Now {
    title: String,
    pools: Vec<Box<dyn Fn() -> String + Send>>,
}

/// Something has ended.
pub(crate) fn step() {
    STEPS.fetch_add(1, Relaxed);
}

/// From here on it is this that hangs, if anything does.
pub(crate) fn begin(title: String) {
    let pools = Vec::new();
    *NOW.lock().unwrap_or_else(PoisonError::into_inner) = Some(Now { title, pools });
    step();
}

/// Shows the counters of this executor if the run hangs. Keeps no handle on it: its last one is to be dropped.
pub(crate) fn show<E: Executor>(executor: &E) {
    let ledger: Ledger = executor.ledger().clone();
    add(Box::new(move || format!("{ledger:?}")));
}

/// Shows the whole executor if the run hangs. Keeps a handle until the next round begins.
pub(crate) fn show_all<E: Executor + Debug>(executor: &E) {
    let executor = executor.clone();
    add(Box::new(move || format!("{executor:?}\n{}", executor.dump())));
}

fn add(pool: Box<dyn Fn() -> String + Send>) {
    if let Some(now) = &mut *NOW.lock().unwrap_or_else(PoisonError::into_inner) {
        now.pools.push(pool);
    }
}

/// Lets go of the executors that are shown.
pub(crate) fn end() {
    let ended = NOW.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(ended);
    step();
}

pub(crate) fn start() {
    let watch = || {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            thread::sleep(Duration::from_secs(1));
            let steps = STEPS.load(Relaxed);
            if steps != seen {
                (seen, since) = (steps, Instant::now());
            } else if since.elapsed() > LIMIT {
                say_and_exit();
            }
        }
    };
    thread::Builder::new()
        .name("watch".into())
        .spawn(watch)
        .expect("a thread for the watchdog");
}

fn say_and_exit() -> ! {
    let now = NOW.lock().unwrap_or_else(PoisonError::into_inner);
    match &*now {
        Some(now) => {
            complain(&format!("{} hangs for {LIMIT:?}", now.title));
            now.pools.iter().for_each(|pool| complain(&pool()));
        }
        None => complain(&format!("hangs for {LIMIT:?} between two rounds")),
    }
    process::exit(101)
}
