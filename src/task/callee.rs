//! What is called with each argument: the work alone, or the work with its shared context.

use super::Crossing;
use crate::{error::TaskError, ledger::Mode, sync::Arc};
use std::{marker::PhantomData, sync::OnceLock};

/// Work, ready to be called with arguments of type `T`.
pub(crate) trait Callee<T>: Send + Sync + 'static {
    type Output;
    /// # Errors
    ///
    /// Fails if the context cannot cross in this mode.
    fn call(&self, mode: Mode, argument: T) -> Result<Self::Output, TaskError>;
}

/// Work without a context.
#[derive(Clone, Copy)]
pub(crate) struct Plain<F>(pub(crate) F);

impl<F, T, R> Callee<T> for Plain<F>
where
    F: Fn(T) -> R + Send + Sync + 'static,
{
    type Output = R;

    fn call(&self, _: Mode, argument: T) -> Result<R, TaskError> {
        Ok((self.0)(argument))
    }
}

/// Data that many calls share, and the copy of it that crossed.
pub(crate) struct Context<C, X>(Arc<Copies<C>>, PhantomData<X>);

struct Copies<C> {
    original: Arc<C>,
    /// Crosses once, not once per call.
    crossed: OnceLock<Result<Arc<C>, TaskError>>,
}

impl<C, X> Context<C, X> {
    pub(crate) fn new(value: C) -> Self {
        Self(
            Arc::new(Copies {
                original: Arc::new(value),
                crossed: OnceLock::new(),
            }),
            PhantomData,
        )
    }
}

impl<C, X: Crossing<C>> Context<C, X> {
    fn get(&self, mode: Mode) -> Result<&Arc<C>, TaskError> {
        match mode {
            Mode::Here => Ok(&self.0.original),
            Mode::Checked => self
                .0
                .crossed
                .get_or_init(|| X::cross("the context", &self.0.original).map(Arc::new))
                .as_ref()
                .map_err(Clone::clone),
        }
    }
}

impl<C, X> Clone for Context<C, X> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

/// Work that takes a reference to a context before its argument.
pub(crate) struct Bound<F, C, X>(pub(crate) F, pub(crate) Context<C, X>);

impl<F, C, T, R, X> Callee<T> for Bound<F, C, X>
where
    F: Fn(&C, T) -> R + Send + Sync + 'static,
    C: Send + Sync + 'static,
    X: Crossing<C>,
{
    type Output = R;

    fn call(&self, mode: Mode, argument: T) -> Result<R, TaskError> {
        Ok((self.0)(self.1.get(mode)?, argument))
    }
}

/// Async work that takes a counted reference to a context: its future may outlive the call.
pub(crate) struct AsyncBound<F, C, X>(pub(crate) F, pub(crate) Context<C, X>);

impl<F, C, T, Fut, X> Callee<T> for AsyncBound<F, C, X>
where
    F: Fn(Arc<C>, T) -> Fut + Send + Sync + 'static,
    C: Send + Sync + 'static,
    X: Crossing<C>,
{
    type Output = Fut;

    fn call(&self, mode: Mode, argument: T) -> Result<Fut, TaskError> {
        Ok((self.0)(self.1.get(mode)?.clone(), argument))
    }
}

/// Work that many tasks share.
impl<K: Callee<T>, T> Callee<T> for Arc<K> {
    type Output = K::Output;

    fn call(&self, mode: Mode, argument: T) -> Result<K::Output, TaskError> {
        (**self).call(mode, argument)
    }
}
