//! Work with a state of its own on each worker.

use super::{AtMostOnce, Copies, NoContext, Options, WithContext};
use crate::{
    executor::{Executor, Map, mapping, submit},
    future::TaskFuture,
    task::{Alone, Anywhere, Context, Crossing, FromContext, InProcess, Init, Portable, Stateful, States},
};
use std::marker::PhantomData;

/// The state of a [`WithState`]: what makes it, and the context that this takes.
pub struct State<S, I, C, M>(States<I, C, M>, PhantomData<fn() -> S>);

/// The verbs of an executor with a state of type `S` on each worker. Made by [`Executor::with_state`].
///
/// Work takes `(&mut S, T)`. There are no async verbs: a future may go from worker to worker.
pub type WithState<E, S, I, C, M = Anywhere, A = AtMostOnce> = Options<E, State<S, I, C, M>, M, A>;

impl<S, I, C, M> Clone for State<S, I, C, M> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<E, C, M, A> Options<E, C, M, A> {
    fn in_context<D>(self, context: D) -> Options<E, D, M, A> {
        Options {
            executor: self.executor,
            settings: self.settings,
            context,
            mode: PhantomData,
        }
    }
}

impl<E: Executor, A> Options<E, NoContext, Anywhere, A> {
    /// See [`Executor::with_state`].
    pub fn with_state<S, I>(&self, init: I) -> WithState<E, S, Alone<I>, (), Anywhere, A>
    where
        S: 'static,
        I: Fn() -> S + Copy + Send + Sync + 'static,
    {
        const { submit::assert_captures_nothing::<I>() };
        let states = States::new(Alone(init), Context::new(()));
        self.clone().in_context(State(states, PhantomData))
    }
}

impl<E: Executor, C: Portable + Sync, A> Options<E, WithContext<C, Anywhere>, Anywhere, A> {
    /// See [`Executor::with_state`]; `init` takes the context.
    ///
    /// # Examples
    ///
    /// ```
    /// use concurrent_futures::{Executor, ThreadPool};
    ///
    /// fn count_each<E: Executor>(executor: &E, first: u64) -> u64 {
    ///     let counters = executor.with(first).with_state(|first| *first);
    ///     counters.submit(|counter, step: u64| { *counter += step; *counter }, 2).result().unwrap()
    /// }
    /// assert_eq!(count_each(&ThreadPool::with_workers(1), 40), 42);
    /// ```
    pub fn with_state<S, I>(&self, init: I) -> WithState<E, S, FromContext<I>, C, Anywhere, A>
    where
        S: 'static,
        I: Fn(&C) -> S + Copy + Send + Sync + 'static,
    {
        const { submit::assert_captures_nothing::<I>() };
        let states = States::new(FromContext(init), self.context.0.clone());
        self.clone().in_context(State(states, PhantomData))
    }
}

impl<E: Executor, A> Options<E, NoContext, InProcess, A> {
    /// See [`Executor::with_state`]; `init` may capture.
    pub fn with_state<S, I>(&self, init: I) -> WithState<E, S, Alone<I>, (), InProcess, A>
    where
        S: 'static,
        I: Fn() -> S + Send + Sync + 'static,
    {
        let states = States::new(Alone(init), Context::new(()));
        self.clone().in_context(State(states, PhantomData))
    }
}

impl<E: Executor, C: Send + Sync + 'static, A> Options<E, WithContext<C, InProcess>, InProcess, A> {
    /// See [`Executor::with_state`]; `init` takes the context.
    pub fn with_state<S, I>(&self, init: I) -> WithState<E, S, FromContext<I>, C, InProcess, A>
    where
        S: 'static,
        I: Fn(&C) -> S + Send + Sync + 'static,
    {
        let states = States::new(FromContext(init), self.context.0.clone());
        self.clone().in_context(State(states, PhantomData))
    }
}

#[allow(private_bounds)] // What makes states is a function, whose bounds `with_state` has asked for.
impl<E, S, I, C, A> WithState<E, S, I, C, Anywhere, A>
where
    E: Executor,
    S: 'static,
    I: Init<C, S>,
    C: Portable + Sync,
{
    /// See [`Executor::submit`]; work takes the state of its worker before its argument.
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(&mut S, T) -> R + Copy + Send + Sync + 'static,
        T: Portable,
        R: Portable,
        A: Copies<T>,
    {
        const { submit::assert_captures_nothing::<F>() };
        let work = self.stateful(work);
        submit::call::<_, _, _, Anywhere>(&self.executor, work, arg, &self.settings, A::COPY)
    }

    /// See [`Executor::map`]; work takes the state of its worker before its item.
    pub fn map<F, I2, R>(&self, work: F, items: I2) -> Map<I2::IntoIter, R>
    where
        F: Fn(&mut S, I2::Item) -> R + Copy + Send + Sync + 'static,
        I2: IntoIterator<Item: Portable>,
        R: Portable,
        A: Copies<I2::Item>,
    {
        const { submit::assert_captures_nothing::<F>() };
        let work = self.stateful(work);
        mapping::map::<_, _, _, Anywhere>(&self.executor, work, items, &self.settings, A::COPY)
    }
}

#[allow(private_bounds)] // As above.
impl<E, S, I, C, A> WithState<E, S, I, C, InProcess, A>
where
    E: Executor,
    S: 'static,
    I: Init<C, S>,
    C: Send + Sync + 'static,
{
    /// See [`Executor::submit`]; work takes the state of its worker before its argument.
    pub fn submit<F, T, R>(&self, work: F, arg: T) -> TaskFuture<R>
    where
        F: Fn(&mut S, T) -> R + Send + Sync + 'static,
        T: Send + 'static,
        R: Send + 'static,
        A: Copies<T>,
    {
        let work = self.stateful(work);
        submit::call::<_, _, _, InProcess>(&self.executor, work, arg, &self.settings, A::COPY)
    }

    /// See [`Executor::map`]; work takes the state of its worker before its item.
    pub fn map<F, I2, R>(&self, work: F, items: I2) -> Map<I2::IntoIter, R>
    where
        F: Fn(&mut S, I2::Item) -> R + Send + Sync + 'static,
        I2: IntoIterator<Item: Send + 'static>,
        R: Send + 'static,
        A: Copies<I2::Item>,
    {
        let work = self.stateful(work);
        mapping::map::<_, _, _, InProcess>(&self.executor, work, items, &self.settings, A::COPY)
    }
}

impl<E, S, I, C, M, A> WithState<E, S, I, C, M, A>
where
    M: Crossing<C>,
{
    fn stateful<F>(&self, work: F) -> Stateful<F, I, C, M, S> {
        Stateful::new(work, self.context.0.clone())
    }
}
