//! The trait itself: what a backend writes, and what callers use.

use super::{
    Closed, Dump, Group, Hang, Map, Options, Readmit, Reserving, Shutdown, Throttle, Watchdog, With,
    WithState, map, mapping, shutdown, submit,
};
use crate::{
    completion::{self, AsCompleted, Tracked},
    error::{StillRunning, TrySubmitError},
    future::{TaskFuture, host},
    ledger::{Ledger, Stats},
    sync::Arc,
    task::{Alone, Anywhere, CarrierHandle, Plain, Portable, Settings, Task},
    timeline::Recording,
};
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Where there is one attempt at a task, nothing is copied for another.
pub(super) fn no_copy<T>(_: &T) -> Option<T> {
    None
}

/// Runs work: on threads, in processes, on an async runtime, or here.
///
/// Write code once against `E: Executor` and choose the backend by a type parameter. So that what builds for
/// one backend builds for all, the verbs of this trait ask for work and data that can cross to another
/// process: functions and closures that capture nothing, arguments and results that are [`Portable`]. A backend
/// that shares the caller's memory has methods of the same names of its own, which ask only for `Send`; on a
/// concrete [`ThreadPool`](crate::ThreadPool) it is those that are called.
///
/// Executors are cheap to clone; a clone is a handle on the same workers, and the last one dropped shuts down.
///
/// # Examples
///
/// ```
/// use concurrent_futures::{Executor, Inline, TaskError, ThreadPool};
///
/// /// Knows nothing of threads or processes.
/// fn total<E: Executor>(executor: &E, words: Vec<String>) -> Result<usize, TaskError> {
///     executor.map(|word: String| word.len(), words).sum()
/// }
///
/// let words = ["one", "three"].map(String::from).to_vec();
/// assert_eq!(total(&ThreadPool::new(), words.clone()).unwrap(), 8);
/// assert_eq!(total(&Inline::new(), words).unwrap(), 8);
/// ```
///
/// # Writing a backend
///
/// The first five methods are all that a backend has to write; everything else stands on them. A backend
/// owns a [`Ledger`], takes [`Task`]s in
/// [`execute`](Self::execute), runs each once with [`Task::run`](crate::backend::Task::run), and opens a
/// [`Latch`](crate::backend::Latch) when it is closed. `examples/rayon_backend.rs` is a complete one. The suite that the backends of this crate pass can
/// be run on it: module `conformance`, with the feature of that name.
pub trait Executor: Clone + Send + Sync + 'static {
    /// Takes one task, to be run once on a worker. Must not run it on the calling thread, unless that is what
    /// the backend is for.
    ///
    /// A backend that is shut down drops the task, which resolves it. While it finishes, it accepts what comes
    /// from [inside](Self::is_inside).
    fn execute(&self, task: Task);

    /// The books of this executor; all clones return the same.
    fn ledger(&self) -> &Ledger;

    /// How many tasks can run at the same time.
    fn workers(&self) -> usize;

    /// Starts shutting down and returns. A later call may be stricter, never milder.
    fn begin_shutdown(&self, how: Shutdown);

    /// Resolves when the executor is shut down and its workers are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, Shutdown, ThreadPool};
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// pool.begin_shutdown(Shutdown::Finish);
    /// futures::executor::block_on(pool.closed());
    /// ```
    fn closed(&self) -> Closed;

    /// How many items a map reads ahead of its consumer unless told otherwise; 0 runs each item when it is
    /// asked for.
    fn read_ahead(&self) -> usize {
        map::DEFAULT_BUFFER_SIZE
    }

    /// Who carries this executor's work to other processes, if it runs there.
    #[doc(hidden)]
    fn carrier(&self) -> Option<CarrierHandle> {
        None
    }

    /// How many tasks may start in a time, if that is limited.
    #[doc(hidden)]
    fn throttle(&self) -> Option<Throttle> {
        None
    }

    /// Takes tasks later that are accepted now. Better not a handle, so that the last one can be dropped meanwhile.
    #[doc(hidden)]
    fn readmit(&self) -> Readmit {
        let executor = self.clone();
        Arc::new(move |task| executor.execute(task))
    }

    /// The counters, as they stand.
    fn stats(&self) -> Stats {
        self.ledger().stats()
    }

    /// How things stand: what each worker is doing and for how long, what is suspended, who waits for whom. Waits for nobody.
    fn dump(&self) -> Dump {
        Dump::of(self)
    }

    /// Prints a [`dump`](Self::dump) to stderr when a task has been running on a worker for longer than `limit`, when nothing
    /// starts or ends for so long although there are tasks, and when tasks wait for each other in a circle.
    ///
    /// # Panics
    ///
    /// Panics if the system starts no thread for it.
    fn watchdog(&self, limit: Duration) -> Watchdog {
        self.on_hang(limit, |hang| eprintln!("{hang}"))
    }

    /// As [`watchdog`](Self::watchdog), and calls `report` instead of printing.
    ///
    /// # Panics
    ///
    /// As [`watchdog`](Self::watchdog).
    fn on_hang(&self, limit: Duration, report: impl Fn(&Hang) + Send + 'static) -> Watchdog {
        Watchdog::over(self.ledger().clone(), limit, report)
    }

    /// Records what happens to the executor's tasks from now on: when each was submitted, started and finished, and where. Of what comes
    /// of it see [`timeline`](crate::timeline).
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool, timeline::TaskEnd};
    ///
    /// let pool = ThreadPool::with_workers(1);
    /// let recording = pool.record();
    /// pool.submit(|n: u32| n + 1, 1).result().unwrap();
    ///
    /// let task = &recording.finish().tasks[0];
    /// assert_eq!(task.end, TaskEnd::Succeeded);
    /// assert!(task.submitted <= task.started && task.started <= task.ended);
    /// ```
    fn record(&self) -> Recording {
        Recording::of(self.ledger())
    }

    /// Shows in the terminal what the executor is doing, live, until the [`Monitor`](super::Monitor) is dropped. Draws nothing where
    /// stderr is no terminal. Needs the feature `monitor`.
    ///
    /// # Panics
    ///
    /// As [`watchdog`](Self::watchdog).
    #[cfg(feature = "monitor")]
    fn monitor(&self) -> super::Monitor {
        super::Monitor::of(self.ledger().clone())
    }

    /// Publishes every so often what the executor counts and measures, to the recorder that the program has installed with the crate
    /// `metrics`. Which metrics those are, and an example: [`MetricsExporter`](super::MetricsExporter). Needs the feature `metrics`.
    ///
    /// # Panics
    ///
    /// As [`watchdog`](Self::watchdog).
    #[cfg(feature = "metrics")]
    fn export_metrics(&self, every: Duration) -> super::MetricsExporter {
        super::MetricsExporter::of(self.ledger().clone(), every)
    }

    /// Waits until the executor is closed, for at most `until`. False if it is not.
    #[doc(hidden)]
    fn wait_closed(&self, until: Option<Instant>) -> bool {
        self.closed().wait(until)
    }

    /// Whether the calling thread is running a task or a callback of this executor.
    fn is_inside(&self) -> bool {
        host::is_inside(self.ledger().id())
    }

    /// Calls `work` with `arg` on a worker.
    ///
    /// Blocks while as many tasks wait as the executor's `max_pending` allows, except inside one of its own
    /// tasks. On an executor that is shut down the future resolves as
    /// [`TaskError::ShutDown`](crate::TaskError::ShutDown).
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    ///
    /// fn area<E: Executor>(executor: &E) -> u32 {
    ///     executor.submit(|(a, b)| a * b, (6, 7)).result().unwrap()
    /// }
    /// assert_eq!(area(&ThreadPool::new()), 42);
    /// ```
    fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        R: Portable,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call::<_, _, _, Anywhere>(self, Plain(work), arg, Settings::plain(), no_copy)
    }

    /// As [`submit`](Self::submit), but never waits for room: the argument comes back instead.
    ///
    /// # Errors
    ///
    /// Returns [`TrySubmitError::Full`] while as many tasks wait as the executor's `max_pending` allows, and
    /// [`TrySubmitError::ShutDown`] after a shutdown. Both give the argument back.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, TrySubmitError, ThreadPool};
    /// use std::time::Duration;
    ///
    /// /// Sends what there is room for, and gives back the rest.
    /// fn offer<E: Executor>(executor: &E, jobs: Vec<u32>) -> Vec<u32> {
    ///     let refused = |job| executor.try_submit(|job: u32| job + 1, job).err().map(TrySubmitError::into_inner);
    ///     jobs.into_iter().filter_map(refused).collect()
    /// }
    ///
    /// let pool = ThreadPool::builder().workers(1).max_pending(2).build().unwrap();
    /// let (release, gate) = std::sync::mpsc::channel::<()>();
    /// let busy = pool.spawn(move || gate.recv());
    /// while !busy.is_running() {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(offer(&pool, vec![1, 2, 3]), [3]);
    /// drop(release);
    /// ```
    fn try_submit<F, T, R>(&self, work: F, arg: T) -> Result<TaskFuture<R>, TrySubmitError<T>>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        R: Portable,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::try_call::<_, _, _, Anywhere>(self, Plain(work), arg)
    }

    /// Waits for room, in async code: resolves to [`Options`] whose next task has its place already.
    ///
    /// Where [`submit`](Self::submit) would block because as many tasks wait as the executor's `max_pending` allows, awaiting this
    /// holds up nothing but the task that awaits. Who came first gets room first. Inside the executor's own tasks, on an
    /// executor without a bound, and after a shutdown it resolves at once. Room that is not used is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, TaskError};
    ///
    /// async fn total<E: Executor>(executor: &E, words: Vec<String>) -> Result<usize, TaskError> {
    ///     let mut lengths = Vec::new();
    ///     for word in words {
    ///         lengths.push(executor.reserve().await.submit(|word: String| word.len(), word));
    ///     }
    ///     let mut total = 0;
    ///     for length in lengths {
    ///         total += length.await?;
    ///     }
    ///     Ok(total)
    /// }
    ///
    /// let pool = concurrent_futures::ThreadPool::builder().workers(1).max_pending(1).build().unwrap();
    /// let words = ["one", "two", "three"].map(String::from).to_vec();
    /// assert_eq!(futures::executor::block_on(total(&pool, words)).unwrap(), 11);
    /// ```
    fn reserve(&self) -> Reserving<Self> {
        Options::new(self.clone()).reserve()
    }

    /// Calls `work` with `arg` on a worker and runs the future it returns there.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    ///
    /// async fn measure(word: String) -> usize {
    ///     word.len()
    /// }
    /// fn len<E: Executor>(executor: &E) -> usize {
    ///     executor.submit_async(measure, "four".to_string()).result().unwrap()
    /// }
    /// assert_eq!(len(&ThreadPool::new()), 4);
    /// ```
    fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output: Portable> + Send + 'static,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call_async::<_, _, _, _, Anywhere>(self, Plain(work), arg, Settings::plain(), no_copy)
    }

    /// Calls `work` with every item and yields the outcomes in the order of the items.
    ///
    /// Items are pulled on the calling thread, at the call and whenever the iterator is advanced, at most
    /// `buffer_size` ahead of what was yielded; so an endless iterator is fine. A failed item yields its
    /// error, and the others go on. Dropping the iterator cancels what has not started; see
    /// [`Map::detach`].
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, TaskError, ThreadPool};
    ///
    /// fn doubled<E: Executor>(executor: &E) -> Result<Vec<u64>, TaskError> {
    ///     executor.map(|n| n * 2, 0..4u64).collect()
    /// }
    /// assert_eq!(doubled(&ThreadPool::new()).unwrap(), [0, 2, 4, 6]);
    /// ```
    fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(I::Item) -> R + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        R: Portable,
    {
        const { submit::assert_captures_nothing::<F>() };
        mapping::map::<_, _, _, Anywhere>(self, Plain(work), items, Settings::plain(), no_copy)
    }

    /// As [`map`](Self::map), for async work: each item is a task of its own, and as many are under way at once
    /// as the buffer holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    ///
    /// fn lengths<E: Executor>(executor: &E) -> Vec<usize> {
    ///     let words = ["a", "bb"].map(String::from);
    ///     executor.map_async(|word: String| async move { word.len() }, words).map(Result::unwrap).collect()
    /// }
    /// assert_eq!(lengths(&ThreadPool::new()), [1, 2]);
    /// ```
    fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(I::Item) -> Fut + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        Fut: Future<Output: Portable> + Send + 'static,
    {
        const { submit::assert_captures_nothing::<F>() };
        mapping::map_async::<_, _, _, _, Anywhere>(self, Plain(work), items, Settings::plain(), no_copy)
    }

    /// The same as the function [`as_completed`](crate::as_completed).
    fn as_completed<I>(&self, futures: I) -> AsCompleted<I::Item>
    where
        I: IntoIterator<Item: Tracked>,
    {
        completion::as_completed(futures)
    }

    /// The same verbs with data that every call shares: work takes `(&C, T)`, async work `(Arc<C>, T)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    ///
    /// fn scaled<E: Executor>(executor: &E) -> Vec<f64> {
    ///     let weights = vec![1.0, 2.0];
    ///     executor
    ///         .with(weights)
    ///         .map(|weights, x| weights.iter().map(|w| w * x).sum::<f64>(), [1.0, 10.0])
    ///         .map(Result::unwrap)
    ///         .collect()
    /// }
    /// assert_eq!(scaled(&ThreadPool::new()), [3.0, 30.0]);
    /// ```
    fn with<C: Portable + Sync>(&self, context: C) -> With<Self, C> {
        Executor::options(self).with(context)
    }

    /// The same verbs with a state on each worker, such as a connection, a model or a parser: work takes `(&mut S, T)`.
    ///
    /// `init` makes the state when a worker first needs one, in the worker; it need be neither `Send` nor portable. To give `init`
    /// data, bind a context first: [`with(context).with_state(init)`](Options::with_state). Each call of `with_state` has states of
    /// its own. A worker has its state for as long as the returned options, a clone of them or their tasks exist, and lets it go at its next task
    /// with a state after that, or with its end; a worker process at once. If work panics, the state it had is dropped and the next task gets a new one; if `init`
    /// panics, that is the outcome of the task. A task that waits for another of its kind on the same worker has another state.
    ///
    /// On an [`AsyncBridge`](crate::AsyncBridge) the workers are the threads for blocking calls; on
    /// [`Inline`](crate::Inline) it is the calling thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    /// use std::{cell::RefCell, collections::HashMap, rc::Rc};
    ///
    /// /// Not `Send`, and slow to make.
    /// struct Cache(Rc<RefCell<HashMap<u64, u64>>>);
    ///
    /// fn cubes<E: Executor>(executor: &E) -> Vec<u64> {
    ///     let with_cache = executor.with_state(|| Cache(Rc::default()));
    ///     let cube = |cache: &mut Cache, n: u64| *cache.0.borrow_mut().entry(n).or_insert_with(|| n * n * n);
    ///     with_cache.map(cube, [1, 2, 1, 2]).map(Result::unwrap).collect()
    /// }
    /// assert_eq!(cubes(&ThreadPool::with_workers(2)), [1, 8, 1, 8]);
    /// ```
    fn with_state<S, I>(&self, init: I) -> WithState<Self, S, Alone<I>, ()>
    where
        S: 'static,
        I: Fn() -> S + Copy + Send + Sync + 'static,
    {
        Executor::options(self).with_state(init)
    }

    /// The same verbs with options on how to run: a deadline, a name, chunk and buffer sizes, a bound on what
    /// is in flight.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    ///
    /// fn in_sevens<E: Executor>(executor: &E) -> usize {
    ///     executor.options().chunk_size(7).map(|n: u32| n, 0..50).count()
    /// }
    /// assert_eq!(in_sevens(&ThreadPool::new()), 50);
    /// ```
    fn options(&self) -> Options<Self> {
        Options::new(self.clone())
    }

    /// A group of tasks that succeed or fail as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    ///
    /// fn squares<E: Executor>(executor: &E) -> Vec<u64> {
    ///     let group = executor.group();
    ///     for n in 0..4u64 {
    ///         group.submit(|n: u64| n * n, n);
    ///     }
    ///     group.join().unwrap()
    /// }
    /// assert_eq!(squares(&ThreadPool::new()), [0, 1, 4, 9]);
    /// ```
    fn group<R: Portable>(&self) -> Group<R, Self> {
        Executor::options(self).group()
    }

    /// Shuts down and waits until the workers are gone.
    ///
    /// Called inside one of the executor's own tasks or callbacks it starts the shutdown and returns. Calling
    /// it again is harmless; a stricter way takes over. In async code use
    /// [`begin_shutdown`](Self::begin_shutdown) and await [`closed`](Self::closed).
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, Shutdown, TaskError, ThreadPool};
    ///
    /// let pool = ThreadPool::new();
    /// let accepted = pool.spawn(|| 1);
    /// pool.shutdown(Shutdown::Finish);
    /// assert_eq!(accepted.result().unwrap(), 1);
    /// assert!(matches!(pool.spawn(|| 2).result(), Err(TaskError::ShutDown)));
    /// ```
    fn shutdown(&self, how: Shutdown) {
        self.begin_shutdown(how);
        if !self.is_inside() {
            self.wait_closed(None);
        }
    }

    /// As [`shutdown`](Self::shutdown), waiting for at most `limit`.
    ///
    /// # Errors
    ///
    /// Returns [`StillRunning`] if the workers are not gone by then, and inside the executor's own tasks; the
    /// shutdown goes on.
    fn shutdown_timeout(&self, how: Shutdown, limit: Duration) -> Result<(), StillRunning> {
        shutdown::within(self, how, limit)
    }
}
