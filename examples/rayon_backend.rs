//! A complete backend in under a hundred lines, on the threads of rayon; `tests/rayon_backend.rs` tests it.
//!
//! One thing it cannot do: rayon is not told that a worker is about to block. So it is a deadlock if all wait for
//! tasks of their own pool (`ThreadPool` puts spare threads in their places), and an async task keeps its worker.

use concurrent_futures::backend::{Closed, Latch, Ledger, Task};
use concurrent_futures::{Executor, Shutdown, ThreadPool};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};

/// A handle. Those of rayon's jobs do not count: they have no second part.
#[derive(Debug, Clone)]
pub(crate) struct RayonPool(Arc<Shared>, Option<Arc<()>>);

#[derive(Debug, Default)]
struct Shared {
    /// Until a shutdown takes it. Each job holds one too: when the last is gone, the threads leave.
    open: Mutex<Option<Arc<rayon::ThreadPool>>>,
    threads: Weak<rayon::ThreadPool>,
    workers: usize,
    /// A job takes what is first here, not a task of its own, so that a shutdown can cancel what waits.
    queue: Mutex<std::collections::VecDeque<Task>>,
    cancelling: AtomicBool,
    ledger: Ledger,
    latch: Latch,
}

impl Drop for RayonPool {
    fn drop(&mut self) {
        if self.1.take().and_then(Arc::into_inner).is_some() {
            self.shutdown(Shutdown::Finish); // It was the last handle.
        }
    }
}

impl RayonPool {
    pub(crate) fn with_workers(workers: usize) -> Self {
        assert!(workers > 0, "a pool needs a worker");
        let mut shared = Shared::default();
        let (latch, staying) = (shared.latch.clone(), AtomicUsize::new(workers));
        let leave = move |_| _ = (staying.fetch_sub(1, SeqCst) == 1).then(|| latch.open());
        let builder = rayon::ThreadPoolBuilder::new().num_threads(workers);
        let threads = Arc::new(builder.exit_handler(leave).build().expect("threads"));
        (shared.workers, shared.threads) = (workers, Arc::downgrade(&threads));
        shared.open = Mutex::new(Some(threads));
        Self(Arc::new(shared), Some(Arc::default()))
    }

    fn queue(&self, task: Task, threads: &Arc<rayon::ThreadPool>) {
        self.0.queue.lock().unwrap().push_back(task);
        let (pool, kept) = (Self(self.0.clone(), None), threads.clone());
        threads.spawn_fifo(move || pool.run_one(&kept));
    }
    fn run_one(&self, threads: &Arc<rayon::ThreadPool>) {
        let mut task = self.0.queue.lock().unwrap().pop_front();
        if self.0.cancelling.load(SeqCst) {
            task = task.and_then(Task::cancel_queued);
        }
        if let Some(rest) = task.and_then(|task| task.run(&self.0.ledger)) {
            self.queue(rest, threads);
        }
    }
}

impl Executor for RayonPool {
    fn execute(&self, task: Task) {
        let open = self.0.open.lock().unwrap().clone();
        let inside = || self.is_inside().then(|| self.0.threads.upgrade()).flatten();
        if let Some(threads) = open.or_else(inside) {
            self.queue(task, &threads);
        }
    }
    fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }
    fn workers(&self) -> usize {
        self.0.workers
    }
    fn begin_shutdown(&self, how: Shutdown) {
        self.0.ledger.refuse_from_now_on();
        if how != Shutdown::Finish {
            self.0.cancelling.store(true, SeqCst);
            self.0.ledger.request_stop();
            let queued = std::mem::take(&mut *self.0.queue.lock().unwrap());
            drop(queued.into_iter().map(Task::cancel_queued).collect::<Vec<_>>());
        }
        drop(self.0.open.lock().unwrap().take());
    }
    fn closed(&self) -> Closed {
        self.0.latch.closed()
    }
}

fn main() {
    let (rayon, threads) = (RayonPool::with_workers(2), ThreadPool::with_workers(2));
    let squares = rayon.map(|n: u64| n * n, 0..10_000).map(Result::unwrap);
    assert!(squares.eq(threads.map(|n| n * n, 0..10_000).map(Result::unwrap)));
    println!("the same on rayon: {:?}", rayon.stats());
}
