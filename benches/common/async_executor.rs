use super::workers;
use futures::{channel::oneshot, executor::block_on};
use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

/// async-executor (as smol exports it) brings no threads: here are as many as everybody has.
pub(crate) struct AsyncExecutor {
    executor: Arc<smol::Executor<'static>>,
    /// Each thread runs tasks until its sender is dropped.
    threads: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl AsyncExecutor {
    pub(crate) fn new() -> Self {
        let executor = Arc::new(smol::Executor::new());
        let start = |_| {
            let (stop, stopped) = oneshot::channel();
            let executor = executor.clone();
            let thread = thread::spawn(move || {
                let _ = block_on(executor.run(stopped));
            });
            (stop, thread)
        };
        let threads = (0..workers()).map(start).collect();
        Self { executor, threads }
    }

    pub(crate) fn spawn<F: Future<Output: Send + 'static> + Send + 'static>(
        &self,
        future: F,
    ) -> smol::Task<F::Output> {
        self.executor.spawn(future)
    }
}

impl Drop for AsyncExecutor {
    fn drop(&mut self) {
        for (stop, thread) in self.threads.drain(..) {
            drop(stop);
            thread.join().unwrap();
        }
    }
}
