//! The verbs of options: for work that runs anywhere and for work that stays in this process, without and with a context.

use super::{Copies, NoContext, Options, Retrying, With};
use crate::{
    executor::{Executor, Map, mapping, submit},
    future::TaskFuture,
    sync::Arc,
    task::{Anywhere, InProcess, Plain, Portable},
};
use std::future::Future;

/// Work of the trait's verbs: portable, so that it runs anywhere.
impl<E: Executor, A> Options<E, NoContext, Anywhere, A> {
    /// See [`Executor::submit`].
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        R: Portable,
        A: Copies<T>,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call::<_, _, _, Anywhere>(&self.executor, Plain(work), arg, &self.settings, A::COPY)
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output: Portable> + Send + 'static,
        A: Copies<T>,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call_async::<_, _, _, _, Anywhere>(&self.executor, Plain(work), arg, &self.settings, A::COPY)
    }

    /// See [`Executor::map`].
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(I::Item) -> R + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        R: Portable,
        A: Copies<I::Item>,
    {
        const { submit::assert_captures_nothing::<F>() };
        mapping::map::<_, _, _, Anywhere>(&self.executor, Plain(work), items, &self.settings, A::COPY)
    }

    /// See [`Executor::map_async`].
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(I::Item) -> Fut + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        Fut: Future<Output: Portable> + Send + 'static,
        A: Copies<I::Item>,
    {
        const { submit::assert_captures_nothing::<F>() };
        mapping::map_async::<_, _, _, _, Anywhere>(
            &self.executor,
            Plain(work),
            items,
            &self.settings,
            A::COPY,
        )
    }
}

/// Work of the trait's verbs with a context.
impl<E: Executor, C: Portable + Sync, A> With<E, C, Anywhere, A> {
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        R: Portable,
        A: Copies<T>,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call::<_, _, _, Anywhere>(&self.executor, self.bind(work), arg, &self.settings, A::COPY)
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(Arc<C>, T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output: Portable> + Send + 'static,
        A: Copies<T>,
    {
        const { submit::assert_captures_nothing::<F>() };
        submit::call_async::<_, _, _, _, Anywhere>(
            &self.executor,
            self.bind_async(work),
            arg,
            &self.settings,
            A::COPY,
        )
    }

    /// See [`Executor::map`]; work takes the context by reference before its item.
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(&C, I::Item) -> R + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        R: Portable,
        A: Copies<I::Item>,
    {
        const { submit::assert_captures_nothing::<F>() };
        mapping::map::<_, _, _, Anywhere>(&self.executor, self.bind(work), items, &self.settings, A::COPY)
    }

    /// See [`Executor::map_async`]; work takes the context as an `Arc` before its item.
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(Arc<C>, I::Item) -> Fut + Copy + Send + Sync + 'static,
        I: IntoIterator<Item: Portable>,
        Fut: Future<Output: Portable> + Send + 'static,
        A: Copies<I::Item>,
    {
        const { submit::assert_captures_nothing::<F>() };
        mapping::map_async::<_, _, _, _, Anywhere>(
            &self.executor,
            self.bind_async(work),
            items,
            &self.settings,
            A::COPY,
        )
    }
}

/// Work that stays in this process: it may capture, and values need no serde.
impl<E: Executor> Options<E, NoContext, InProcess> {
    /// Calls a closure on a worker, once.
    pub fn spawn<F, R>(&self, work: F) -> TaskFuture<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        submit::spawn(&self.executor, work, &self.settings)
    }

    /// Runs a future on the workers.
    pub fn spawn_async<Fut>(&self, future: Fut) -> TaskFuture<Fut::Output>
    where
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        submit::spawn_async(&self.executor, future, &self.settings)
    }

    /// See [`Executor::submit`].
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: FnOnce(T) -> R + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        submit::spawn_with(&self.executor, work, arg, &self.settings)
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: FnOnce(T) -> Fut + Send + 'static,
        T: Send + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        submit::spawn_async_with(&self.executor, work, arg, &self.settings)
    }
}

/// Work that stays in this process and may be tried again.
impl<E: Executor> Options<E, NoContext, InProcess, Retrying> {
    /// See [`Executor::submit`].
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(T) -> R + Send + Sync + 'static,
        T: Clone + Send + 'static,
        R: Send + 'static,
    {
        let copy = <Retrying as Copies<T>>::COPY;
        submit::call::<_, _, _, InProcess>(&self.executor, Plain(work), arg, &self.settings, copy)
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        T: Clone + Send + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        let copy = <Retrying as Copies<T>>::COPY;
        submit::call_async::<_, _, _, _, InProcess>(&self.executor, Plain(work), arg, &self.settings, copy)
    }
}

/// Maps whose items stay in this process.
impl<E: Executor, A> Options<E, NoContext, InProcess, A> {
    /// See [`Executor::map`].
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        R: Send + 'static,
        A: Copies<I::Item>,
    {
        mapping::map::<_, _, _, InProcess>(&self.executor, Plain(work), items, &self.settings, A::COPY)
    }

    /// See [`Executor::map_async`].
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(I::Item) -> Fut + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        Fut: Future<Output: Send + 'static> + Send + 'static,
        A: Copies<I::Item>,
    {
        mapping::map_async::<_, _, _, _, InProcess>(
            &self.executor,
            Plain(work),
            items,
            &self.settings,
            A::COPY,
        )
    }
}

/// Work with a context that stays in this process.
impl<E: Executor, C: Send + Sync + 'static, A> With<E, C, InProcess, A> {
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(&C, T) -> R + Send + Sync + 'static,
        T: Send + 'static,
        R: Send + 'static,
        A: Copies<T>,
    {
        submit::call::<_, _, _, InProcess>(&self.executor, self.bind(work), arg, &self.settings, A::COPY)
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T) -> TaskFuture<Fut::Output>
    where
        F: Fn(Arc<C>, T) -> Fut + Send + Sync + 'static,
        T: Send + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
        A: Copies<T>,
    {
        submit::call_async::<_, _, _, _, InProcess>(
            &self.executor,
            self.bind_async(work),
            arg,
            &self.settings,
            A::COPY,
        )
    }

    /// See [`Executor::map`]; work takes the context by reference before its item.
    pub fn map<F, I, R>(&self, work: F, items: I) -> Map<I::IntoIter, R>
    where
        F: Fn(&C, I::Item) -> R + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        R: Send + 'static,
        A: Copies<I::Item>,
    {
        mapping::map::<_, _, _, InProcess>(&self.executor, self.bind(work), items, &self.settings, A::COPY)
    }

    /// See [`Executor::map_async`]; work takes the context as an `Arc` before its item.
    pub fn map_async<F, I, Fut>(&self, work: F, items: I) -> Map<I::IntoIter, Fut::Output>
    where
        F: Fn(Arc<C>, I::Item) -> Fut + Send + Sync + 'static,
        I: IntoIterator<Item: Send + 'static>,
        Fut: Future<Output: Send + 'static> + Send + 'static,
        A: Copies<I::Item>,
    {
        mapping::map_async::<_, _, _, _, InProcess>(
            &self.executor,
            self.bind_async(work),
            items,
            &self.settings,
            A::COPY,
        )
    }
}
