//! How tasks come into a group: the verbs of its options, without a future to keep.

use super::Group;
use crate::{
    executor::{Copies, Executor, NoContext, Retrying, State, With, WithContext, WithState},
    sync::Arc,
    task::{Anywhere, InProcess, Init, Portable},
};
use std::future::Future;

impl<R, E, A> Group<R, E, NoContext, Anywhere, A>
where
    R: Portable,
    E: Executor,
{
    /// See [`Executor::submit`].
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        A: Copies<T>,
    {
        self.members.add(|| self.options.submit(work, arg));
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: Fn(T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output = R> + Send + 'static,
        A: Copies<T>,
    {
        self.members.add(|| self.options.submit_async(work, arg));
    }
}

impl<R, E> Group<R, E, NoContext, InProcess>
where
    R: Send + 'static,
    E: Executor,
{
    /// Calls a closure on a worker, once.
    pub fn spawn<F>(&self, work: F)
    where
        F: FnOnce() -> R + Send + 'static,
    {
        self.members.add(|| self.options.spawn(work));
    }

    /// Runs a future on a worker.
    pub fn spawn_async<Fut>(&self, future: Fut)
    where
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members.add(|| self.options.spawn_async(future));
    }

    /// See [`Executor::submit`].
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: FnOnce(T) -> R + Send + 'static,
        T: Send + 'static,
    {
        self.members.add(|| self.options.submit(work, arg));
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: FnOnce(T) -> Fut + Send + 'static,
        T: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members.add(|| self.options.submit_async(work, arg));
    }
}

impl<R, E> Group<R, E, NoContext, InProcess, Retrying>
where
    R: Send + 'static,
    E: Executor,
{
    /// See [`Executor::submit`].
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(T) -> R + Send + Sync + 'static,
        T: Clone + Send + 'static,
    {
        self.members.add(|| self.options.submit(work, arg));
    }

    /// See [`Executor::submit_async`].
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        T: Clone + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.members.add(|| self.options.submit_async(work, arg));
    }
}

impl<R, E, C, A> Group<R, E, WithContext<C, Anywhere>, Anywhere, A>
where
    R: Portable,
    E: Executor,
    C: Portable + Sync,
{
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        A: Copies<T>,
    {
        self.members
            .add(|| With::<E, C, Anywhere, A>::submit(&self.options, work, arg));
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: Fn(Arc<C>, T) -> Fut + Copy + Send + Sync + 'static,
        T: Portable,
        Fut: Future<Output = R> + Send + 'static,
        A: Copies<T>,
    {
        self.members
            .add(|| With::<E, C, Anywhere, A>::submit_async(&self.options, work, arg));
    }
}

impl<R, E, C, A> Group<R, E, WithContext<C, InProcess>, InProcess, A>
where
    R: Send + 'static,
    E: Executor,
    C: Send + Sync + 'static,
{
    /// See [`Executor::submit`]; work takes the context by reference before its argument.
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(&C, T) -> R + Send + Sync + 'static,
        T: Send + 'static,
        A: Copies<T>,
    {
        self.members.add(|| self.options.submit(work, arg));
    }

    /// See [`Executor::submit_async`]; work takes the context as an `Arc` before its argument.
    pub fn submit_async<F, T, Fut>(&self, work: F, arg: T)
    where
        F: Fn(Arc<C>, T) -> Fut + Send + Sync + 'static,
        T: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        A: Copies<T>,
    {
        self.members.add(|| self.options.submit_async(work, arg));
    }
}

#[allow(private_bounds)] // What makes states is a function, whose bounds `with_state` has asked for.
impl<R, E, S, I, C, A> Group<R, E, State<S, I, C, Anywhere>, Anywhere, A>
where
    R: Portable,
    E: Executor,
    S: 'static,
    I: Init<C, S>,
    C: Portable + Sync,
{
    /// See [`Executor::submit`]; work takes the state of its worker before its argument.
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(&mut S, T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        A: Copies<T>,
    {
        self.members
            .add(|| WithState::<E, S, I, C, Anywhere, A>::submit(&self.options, work, arg));
    }
}

#[allow(private_bounds)] // As above.
impl<R, E, S, I, C, A> Group<R, E, State<S, I, C, InProcess>, InProcess, A>
where
    R: Send + 'static,
    E: Executor,
    S: 'static,
    I: Init<C, S>,
    C: Send + Sync + 'static,
{
    /// See [`Executor::submit`]; work takes the state of its worker before its argument.
    pub fn submit<F, T>(&self, work: F, arg: T)
    where
        F: Fn(&mut S, T) -> R + Send + Sync + 'static,
        T: Send + 'static,
        A: Copies<T>,
    {
        self.members
            .add(|| WithState::<E, S, I, C, InProcess, A>::submit(&self.options, work, arg));
    }
}
