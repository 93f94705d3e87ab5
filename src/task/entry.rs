//! What names work to another process: a record in the executable, one for every call that was compiled.
//!
//! A function item or a closure that captures nothing has size zero: there is nothing of it to send. What tells the
//! other process which one is meant is the place of a record that was made for exactly this call. It lies at the
//! same offset in every process of the same executable, and it can be checked before it is used, which the bare
//! address of a function cannot.
#![allow(unsafe_code)]

use super::{Callee, Crossing, Packed, Received, failure, packed::bare};
use crate::{
    error::{TaskError, TaskPanic},
    ledger::Mode,
    panic,
    running::record::Mark,
};
use std::{future::Future, marker::PhantomData, pin::Pin, ptr::NonNull};

/// Two words that no other place of an executable holds by accident.
const MAGIC: [u64; 2] = [0x636f_6e63_7572_7265, 0x9d1f_46a7_0e5b_c283];

/// The record of one call.
pub(crate) struct Entry {
    magic: [u64; 2],
    /// The name of the work: of a type, as the compiler spells it.
    pub(crate) name: fn() -> &'static str,
    pub(crate) routine: Routine,
}

impl Entry {
    /// Where in a record the magic lies.
    pub(crate) const MAGIC_AT: usize = std::mem::offset_of!(Self, magic);

    /// Whether this is an entry at all. Asked of memory that a number from another process led to.
    pub(crate) fn is_genuine(magic: [u64; 2]) -> bool {
        magic == MAGIC
    }
}

/// What runs a call, given its argument as bytes.
#[derive(Clone, Copy)]
pub(crate) enum Routine {
    /// Puts the result into the vector, which is empty.
    Call(fn(Input<'_>, &mut Vec<u8>) -> Verdict),
    /// Makes a future that ends with the result.
    Async(fn(Input<'_>) -> Pending),
}

/// The future of an async call.
pub(crate) type Pending = Pin<Box<dyn Future<Output = (Verdict, Vec<u8>)> + Send>>;

/// What a call is given.
pub(crate) struct Input<'a> {
    pub(crate) argument: Packed<'a>,
    pub(crate) context: Option<&'a Received>,
}

/// What the bytes of an answer hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Verdict {
    Value = 1,
    /// See [`failure`].
    Failure = 2,
    /// A value that is a [bare](super::packed) vector.
    Bare = 3,
}

/// The entries of calls of `K` with a `T` that return an `R`, all of which cross as `X` says.
pub(crate) struct EntryOf<K, T, R, X>(PhantomData<fn(K, T, R, X)>);

impl<K, T, R, X> EntryOf<K, T, R, X>
where
    K: Callee<T, Output = R>,
    T: 'static,
    R: 'static,
    X: Crossing<T> + Crossing<R>,
{
    pub(crate) const CALL: &'static Entry = &Entry {
        magic: MAGIC,
        name: K::name,
        routine: Routine::Call(run_call::<K, T, R, X>),
    };
}

/// The entries of async calls.
pub(crate) struct AsyncEntryOf<K, T, Fut, X>(PhantomData<fn(K, T, Fut, X)>);

impl<K, T, Fut, X> AsyncEntryOf<K, T, Fut, X>
where
    K: Callee<T, Output = Fut>,
    T: Send + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    pub(crate) const CALL: &'static Entry = &Entry {
        magic: MAGIC,
        name: K::name,
        routine: Routine::Async(run_async::<K, T, Fut, X>),
    };
}

fn run_call<K, T, R, X>(input: Input<'_>, answer: &mut Vec<u8>) -> Verdict
where
    K: Callee<T, Output = R>,
    T: 'static,
    R: 'static,
    X: Crossing<T> + Crossing<R>,
{
    let ended = panic::catch(|| {
        let argument = input.argument.unpack::<T, X>("the argument")?;
        let callee = K::summon(input.context)?;
        Mark::Decoded.set();
        let result = callee.call(Mode::Here, argument)?;
        Mark::Ran.set();
        pack_result::<R, X>(result, answer)
    });
    conclude(ended, answer)
}

/// What is said of the bytes of a result.
fn pack_result<R: 'static, X: Crossing<R>>(result: R, answer: &mut Vec<u8>) -> Result<Verdict, TaskError> {
    match bare(result) {
        Ok(vector) => {
            *answer = vector;
            Ok(Verdict::Bare)
        }
        Err(result) => {
            let encoded = X::encode("the result", &result, answer);
            // A destructor that panics does not take the value back.
            panic::drop_contained(result);
            encoded.map(|()| Verdict::Value)
        }
    }
}

fn run_async<K, T, Fut, X>(input: Input<'_>) -> Pending
where
    K: Callee<T, Output = Fut>,
    T: Send + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    X: Crossing<T> + Crossing<Fut::Output>,
{
    let started = panic::catch(|| {
        let argument = input.argument.unpack::<T, X>("the argument")?;
        let callee = K::summon(input.context)?;
        Mark::Decoded.set();
        callee.call(Mode::Here, argument)
    });
    match started {
        Ok(Ok(future)) => {
            // Wrapped at once: it may be dropped before it is polled.
            let future = CatchingPanics(Some(Box::pin(future)));
            Box::pin(async move {
                let mut answer = Vec::new();
                let ended = future.await;
                Mark::Ran.set();
                let packed = ended
                    .and_then(|result| panic::catch(|| pack_result::<Fut::Output, X>(result, &mut answer)));
                let verdict = conclude(packed, &mut answer);
                (verdict, answer)
            })
        }
        failed => Box::pin(async move {
            let mut answer = Vec::new();
            let failed = failed.map(|result| result.map(|_| Verdict::Value));
            let verdict = conclude(failed, &mut answer);
            (verdict, answer)
        }),
    }
}

/// Ends with the panic that a poll of the future raised. A panic of its destructor goes no further.
struct CatchingPanics<F>(Option<Pin<Box<F>>>);

impl<F> Drop for CatchingPanics<F> {
    fn drop(&mut self) {
        panic::contain(|| drop(self.0.take()));
    }
}

impl<F: Future> Future for CatchingPanics<F> {
    type Output = Result<F::Output, panic::Caught>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        let Some(future) = &mut self.0 else {
            return std::task::Poll::Pending;
        };
        match panic::catch(|| future.as_mut().poll(context)) {
            Ok(polled) => polled.map(Ok),
            Err(caught) => std::task::Poll::Ready(Err(caught)),
        }
    }
}

fn conclude(ended: Result<Result<Verdict, TaskError>, panic::Caught>, answer: &mut Vec<u8>) -> Verdict {
    let error = match ended {
        Ok(Ok(verdict)) => return verdict,
        Ok(Err(error)) => error,
        Err(caught) => TaskError::Panicked(TaskPanic::new(caught)),
    };
    answer.clear();
    failure::write(&error, answer);
    Verdict::Failure
}

/// Work out of nothing: a value of a type that has size zero. `None` if it has a size.
///
/// The caller must only do so for a type of which the program has had a value: see `SECURITY.md` on proofs that a
/// closure may hold.
pub(super) fn conjure<F>() -> Option<F> {
    // SAFETY: a value of size zero has no bytes that could be wrong, and a dangling pointer is aligned, which is all that
    // a read of no bytes asks for. That the type has values at all: an entry for `F` is only reached through the place that a process of this
    // executable sent, which it got from a value of `F` it was given. The verbs that lead to an entry ask for
    // `F: Copy`, so no destructor runs once more than there were values. What cannot be checked is whether a zero-sized capture was a proof that
    // was to be made in one process only; SECURITY.md says so.
    (size_of::<F>() == 0).then(|| unsafe { NonNull::<F>::dangling().read() })
}
