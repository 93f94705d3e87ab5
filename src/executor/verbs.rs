//! The inherent verbs of the backends that share the caller's memory.
//!
//! Inherent methods win over those of a trait, so on a concrete pool a call asks only for `Send`, and the same
//! call in generic code asks for what is portable. They are the same for every such backend: one macro writes
//! them.

/// Writes the in-process verbs of one backend; `$pool` makes one in the examples.
macro_rules! in_process_verbs {
    ($backend:ident, $example:literal) => {
        impl $backend {
            /// Calls a closure on a worker, once. It may consume what it captured.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let owned = vec![1, 2, 3];
            /// assert_eq!(pool.spawn(move || owned.into_iter().sum::<i32>()).result().unwrap(), 6);
            /// ```
            pub fn spawn<F, R>(&self, work: F) -> $crate::TaskFuture<R>
            where
                F: FnOnce() -> R + Send + 'static,
                R: Send + 'static,
            {
                $crate::executor::submit::spawn(self, work, $crate::task::Settings::plain())
            }

            /// Runs a future on a worker.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let word = "four".to_string();
            /// assert_eq!(pool.spawn_async(async move { word.len() }).result().unwrap(), 4);
            /// ```
            pub fn spawn_async<Fut>(&self, future: Fut) -> $crate::TaskFuture<Fut::Output>
            where
                Fut: ::std::future::Future<Output: Send + 'static> + Send + 'static,
            {
                $crate::executor::submit::spawn_async(self, future, $crate::task::Settings::plain())
            }

            /// Calls `work` with `arg` on a worker; as [`Executor::submit`](crate::Executor::submit), for work
            /// that captures and values that need no serde.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let factor = std::sync::Arc::new(2);
            /// assert_eq!(pool.submit(move |n| n * *factor, 21).result().unwrap(), 42);
            /// ```
            pub fn submit<F, T, R>(&self, work: F, arg: T) -> $crate::TaskFuture<R>
            where
                F: FnOnce(T) -> R + Send + 'static,
                T: Send + 'static,
                R: Send + 'static,
            {
                $crate::executor::submit::spawn_with(self, work, arg, $crate::task::Settings::plain())
            }

            /// As [`submit`](Self::submit), but never waits for room: the argument comes back instead.
            ///
            /// # Errors
            ///
            /// Returns [`TrySubmitError::Full`](crate::TrySubmitError::Full) while as many tasks wait as
            /// `max_pending` allows, and [`TrySubmitError::ShutDown`](crate::TrySubmitError::ShutDown) after a
            /// shutdown. Both give the argument back.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// assert_eq!(pool.try_submit(|n| n + 1, 1).unwrap().result().unwrap(), 2);
            /// ```
            pub fn try_submit<F, T, R>(
                &self,
                work: F,
                arg: T,
            ) -> Result<$crate::TaskFuture<R>, $crate::TrySubmitError<T>>
            where
                F: FnOnce(T) -> R + Send + 'static,
                T: Send + 'static,
                R: Send + 'static,
            {
                $crate::executor::submit::try_spawn(self, work, arg)
            }

            /// Waits for room, in async code; see [`Executor::reserve`](crate::Executor::reserve).
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let word = "captured".to_string();
            /// let length = async { pool.reserve().await.spawn(move || word.len()).await };
            /// assert_eq!(futures::executor::block_on(length).unwrap(), 8);
            /// ```
            pub fn reserve(
                &self,
            ) -> $crate::backend::Reserving<Self, $crate::backend::NoContext, $crate::backend::InProcess>
            {
                self.options().reserve()
            }

            /// Calls async `work` with `arg` and runs its future on a worker; as
            /// [`Executor::submit_async`](crate::Executor::submit_async), for work that captures.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let factor = 2;
            /// assert_eq!(pool.submit_async(move |n| async move { n * factor }, 21).result().unwrap(), 42);
            /// ```
            pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> $crate::TaskFuture<Fut::Output>
            where
                F: FnOnce(T) -> Fut + Send + 'static,
                T: Send + 'static,
                Fut: ::std::future::Future<Output: Send + 'static> + Send + 'static,
            {
                $crate::executor::submit::spawn_async_with(self, work, arg, $crate::task::Settings::plain())
            }

            /// Calls `work` with every item; as [`Executor::map`](crate::Executor::map), for work that captures
            /// and values that need no serde.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let offset = std::sync::Arc::new(10);
            /// let sums: Vec<i32> = pool.map(move |n| n + *offset, 0..3).map(Result::unwrap).collect();
            /// assert_eq!(sums, [10, 11, 12]);
            /// ```
            pub fn map<F, I, R>(&self, work: F, items: I) -> $crate::Map<I::IntoIter, R>
            where
                F: Fn(I::Item) -> R + Send + Sync + 'static,
                I: IntoIterator<Item: Send + 'static>,
                R: Send + 'static,
            {
                self.options().map(work, items)
            }

            /// Calls async `work` with every item; as [`Executor::map_async`](crate::Executor::map_async), for
            /// work that captures.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let offset = 10;
            /// let sums = pool.map_async(move |n| async move { n + offset }, 0..3);
            /// assert_eq!(sums.map(Result::unwrap).collect::<Vec<i32>>(), [10, 11, 12]);
            /// ```
            pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> $crate::Map<I::IntoIter, Fut::Output>
            where
                F: Fn(I::Item) -> Fut + Send + Sync + 'static,
                I: IntoIterator<Item: Send + 'static>,
                Fut: ::std::future::Future<Output: Send + 'static> + Send + 'static,
            {
                self.options().map_async(work, items)
            }

            /// The same verbs with options; see [`Executor::options`](crate::Executor::options).
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let word = "captured".to_string();
            /// let named = pool.options().name("measuring").spawn(move || word.len());
            /// assert_eq!((named.name(), named.id()), (Some("measuring"), named.handle().id()));
            /// assert_eq!(named.result().unwrap(), 8);
            /// ```
            pub fn options(
                &self,
            ) -> $crate::Options<Self, $crate::backend::NoContext, $crate::backend::InProcess> {
                $crate::Options::new(self.clone())
            }

            /// The same verbs with data that every call shares; see
            /// [`Executor::with`](crate::Executor::with).
            ///
            /// # Examples
            ///
            /// ```
            /// use std::sync::Mutex;
            ///
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let log = pool.with(Mutex::new(Vec::new()));
            /// log.map(|log, n: u32| log.lock().unwrap().push(n), 0..3).for_each(|done| done.unwrap());
            /// let seen = log.submit(|log, ()| log.lock().unwrap().len(), ());
            /// assert_eq!(seen.result().unwrap(), 3);
            /// ```
            pub fn with<C: Send + Sync + 'static>(
                &self,
                context: C,
            ) -> $crate::With<Self, C, $crate::backend::InProcess> {
                self.options().with(context)
            }

            /// The same verbs with a state on each worker; see
            /// [`Executor::with_state`](crate::Executor::with_state).
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let first = 41;
            /// let counters = pool.with_state(move || first);
            /// let next = counters.submit(|counter: &mut i32, ()| { *counter += 1; *counter }, ());
            /// assert_eq!(next.result().unwrap(), 42);
            /// ```
            pub fn with_state<S, I>(
                &self,
                init: I,
            ) -> $crate::WithState<Self, S, $crate::backend::Alone<I>, (), $crate::backend::InProcess>
            where
                S: 'static,
                I: Fn() -> S + Send + Sync + 'static,
            {
                self.options().with_state(init)
            }

            /// A group of tasks that succeed or fail as one; see
            /// [`Executor::group`](crate::Executor::group).
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let pool = concurrent_futures::", $example, ";")]
            /// let group = pool.group();
            /// for n in 0..3 {
            ///     group.spawn(move || n * n);
            /// }
            /// assert_eq!(group.join().unwrap(), [0, 1, 4]);
            /// ```
            pub fn group<R: Send + 'static>(
                &self,
            ) -> $crate::Group<R, Self, $crate::backend::NoContext, $crate::backend::InProcess> {
                self.options().group()
            }
        }
    };
}

pub(crate) use in_process_verbs;
