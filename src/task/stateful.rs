//! Work that has something of its own on each worker.

use super::{
    Callee, Context, Crossing, Received, Shipment,
    callee::{received, summon_work},
    worker_state::{StateKey, with_state},
};
use crate::{error::TaskError, ledger::Mode, sync::Arc};
use std::any::type_name;

/// What makes the state of a worker, from a context.
pub(crate) trait Init<C, S>: Send + Sync + 'static {
    fn init(&self, context: &C) -> S;
}

/// What makes a state and needs no context: see [`Executor::with_state`](crate::Executor::with_state).
#[derive(Debug, Clone, Copy)]
pub struct Alone<I>(pub(crate) I);

/// What makes a state from a context: see [`Executor::with_state`](crate::Executor::with_state).
#[derive(Debug, Clone, Copy)]
pub struct FromContext<I>(pub(crate) I);

impl<I, S> Init<(), S> for Alone<I>
where
    I: Fn() -> S + Send + Sync + 'static,
{
    fn init(&self, (): &()) -> S {
        (self.0)()
    }
}

impl<I, C, S> Init<C, S> for FromContext<I>
where
    I: Fn(&C) -> S + Send + Sync + 'static,
{
    fn init(&self, context: &C) -> S {
        (self.0)(context)
    }
}

/// Where the states of all workers come from.
pub(crate) struct States<I, C, X> {
    key: StateKey,
    init: Arc<I>,
    context: Context<C, X>,
}

impl<I, C, X> States<I, C, X> {
    pub(crate) fn new(init: I, context: Context<C, X>) -> Self {
        Self {
            key: StateKey::default(),
            init: Arc::new(init),
            context,
        }
    }
}

impl<I, C, X> Clone for States<I, C, X> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            init: self.init.clone(),
            context: self.context.clone(),
        }
    }
}

/// Work that takes the state of its worker before its argument.
pub(crate) struct Stateful<F, I, C, X, S>(F, States<I, C, X>, std::marker::PhantomData<fn() -> S>);

impl<F, I, C, X, S> Stateful<F, I, C, X, S> {
    pub(crate) fn new(work: F, states: States<I, C, X>) -> Self {
        Self(work, states, std::marker::PhantomData)
    }
}

impl<F, I, C, X, S, T, R> Callee<T> for Stateful<F, I, C, X, S>
where
    F: Fn(&mut S, T) -> R + Send + Sync + 'static,
    I: Init<C, S>,
    C: Send + Sync + 'static,
    X: Crossing<C>,
    S: 'static,
{
    type Output = R;

    fn call(&self, mode: Mode, argument: T) -> Result<R, TaskError> {
        let Self(work, states, _) = self;
        let context = states.context.get(mode)?;
        let init = || states.init.init(context);
        Ok(with_state(&states.key, init, |state| work(state, argument)))
    }

    fn name() -> &'static str {
        type_name::<F>()
    }

    fn shipment(&self) -> Result<Option<Arc<Shipment>>, TaskError> {
        self.1.context.shipment().map(Some)
    }

    fn summon(context: Option<&Received>) -> Result<Self, TaskError> {
        let received = received(context)?;
        let states = States {
            key: received.key().clone(),
            init: Arc::new(summon_work()?),
            context: Context::of(received.get::<C, X>()?),
        };
        Ok(Self::new(summon_work()?, states))
    }
}
