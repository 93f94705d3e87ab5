//! What is called with each argument: the work alone, or the work with its shared context.

use super::{Crossing, Received, Shipment, call::guarded, entry::conjure};
use crate::{
    error::{CodecError, TaskError},
    ledger::Mode,
    sync::Arc,
};
use std::{any::type_name, marker::PhantomData, sync::OnceLock};

/// Work, ready to be called with arguments of type `T`.
pub(crate) trait Callee<T>: Send + Sync + 'static {
    type Output;
    /// # Errors
    ///
    /// Fails if the context cannot cross in this mode.
    fn call(&self, mode: Mode, argument: T) -> Result<Self::Output, TaskError>;

    /// What the work is called, in errors.
    fn name() -> &'static str
    where
        Self: Sized;

    /// The context, encoded, if there is one.
    ///
    /// # Errors
    ///
    /// Fails if the context cannot be encoded.
    fn shipment(&self) -> Result<Option<Arc<Shipment>>, TaskError>;

    /// The same callee in another process, where only its type is known.
    ///
    /// # Errors
    ///
    /// Fails if the context is not there or cannot be decoded.
    fn summon(context: Option<&Received>) -> Result<Self, TaskError>
    where
        Self: Sized;
}

pub(super) fn summon_work<F: Send + 'static>() -> Result<F, TaskError> {
    conjure().ok_or_else(|| {
        TaskError::Decode(CodecError::new(
            "the work",
            "it captures variables, which are in another process",
        ))
    })
}

pub(super) fn received(context: Option<&Received>) -> Result<&Received, TaskError> {
    context.ok_or_else(|| TaskError::Decode(CodecError::new("the context", "the worker was not sent it")))
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

    fn name() -> &'static str {
        type_name::<F>()
    }

    fn shipment(&self) -> Result<Option<Arc<Shipment>>, TaskError> {
        Ok(None)
    }

    fn summon(_: Option<&Received>) -> Result<Self, TaskError> {
        summon_work().map(Self)
    }
}

/// Data that many calls share, and the copy of it that crossed.
pub(crate) struct Context<C, X>(Arc<Copies<C>>, PhantomData<X>);

struct Copies<C> {
    original: Arc<C>,
    /// Crosses once, not once per call.
    crossed: OnceLock<Result<Arc<C>, TaskError>>,
    /// For other processes; made when the first one needs it.
    encoded: OnceLock<Result<Arc<Shipment>, TaskError>>,
}

impl<C, X> Context<C, X> {
    pub(crate) fn new(value: C) -> Self {
        Self::of(Arc::new(value))
    }

    pub(super) fn of(original: Arc<C>) -> Self {
        Self(
            Arc::new(Copies {
                original,
                crossed: OnceLock::new(),
                encoded: OnceLock::new(),
            }),
            PhantomData,
        )
    }
}

impl<C, X: Crossing<C>> Context<C, X> {
    pub(super) fn get(&self, mode: Mode) -> Result<&Arc<C>, TaskError> {
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

    pub(super) fn shipment(&self) -> Result<Arc<Shipment>, TaskError> {
        let encoded = self.0.encoded.get_or_init(|| {
            let mut bytes = Vec::new();
            guarded(|| X::encode("the context", &self.0.original, &mut bytes))?;
            Ok(Shipment::new(bytes))
        });
        encoded.clone()
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

    fn name() -> &'static str {
        type_name::<F>()
    }

    fn shipment(&self) -> Result<Option<Arc<Shipment>>, TaskError> {
        self.1.shipment().map(Some)
    }

    fn summon(context: Option<&Received>) -> Result<Self, TaskError> {
        let context = received(context)?.get::<C, X>()?;
        Ok(Self(summon_work()?, Context::of(context)))
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

    fn name() -> &'static str {
        type_name::<F>()
    }

    fn shipment(&self) -> Result<Option<Arc<Shipment>>, TaskError> {
        self.1.shipment().map(Some)
    }

    fn summon(context: Option<&Received>) -> Result<Self, TaskError> {
        let context = received(context)?.get::<C, X>()?;
        Ok(Self(summon_work()?, Context::of(context)))
    }
}

/// Work that many tasks share.
impl<K: Callee<T>, T> Callee<T> for Arc<K> {
    type Output = K::Output;

    fn call(&self, mode: Mode, argument: T) -> Result<K::Output, TaskError> {
        (**self).call(mode, argument)
    }

    fn name() -> &'static str {
        K::name()
    }

    fn shipment(&self) -> Result<Option<Arc<Shipment>>, TaskError> {
        (**self).shipment()
    }

    fn summon(context: Option<&Received>) -> Result<Self, TaskError> {
        K::summon(context).map(Arc::new)
    }
}
