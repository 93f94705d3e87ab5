//! A value as bytes, on its way to another process or back.
//!
//! A message of the wire format is a copy of the value, and reading it makes another one. A long vector of bytes is
//! mostly a copy of itself there; so one that is all there is to send crosses as it is: *bare*, without a mark around
//! it. That it is one is said beside it.

use super::{Crossing, call::guarded, parcel::push_item};
use crate::error::{CodecError, TaskError};
use std::{any::Any, borrow::Cow};

/// A vector of bytes crosses bare from this length on. Shorter ones travel together with others, in messages.
const BARE_FROM: usize = 64 * 1024;

/// Bytes that an argument gets before it is encoded.
const USUAL_ARGUMENT: usize = 32;

/// A value to be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packed<'a> {
    /// A message.
    Encoded(Cow<'a, [u8]>),
    /// A vector of bytes.
    Bare(Vec<u8>),
}

impl Packed<'_> {
    /// The value. `what` it is goes into the error.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are none of a `T`.
    pub(crate) fn unpack<T: 'static, X: Crossing<T>>(self, what: &'static str) -> Result<T, TaskError> {
        match self {
            Self::Encoded(message) => X::decode(what, &message),
            Self::Bare(vector) => same(vector).map_err(|_| {
                TaskError::Decode(CodecError::new(
                    what,
                    "it is a bare vector of bytes, which was not expected",
                ))
            }),
        }
    }
}

/// An argument to be sent: an item, or a bare vector.
pub(crate) struct Argument {
    pub(crate) bytes: Vec<u8>,
    pub(crate) bare: bool,
}

impl Argument {
    /// Packs an argument that is not needed here any more.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be encoded.
    pub(crate) fn pack<T: 'static, X: Crossing<T>>(argument: T) -> Result<Self, TaskError> {
        match bare(argument) {
            Ok(bytes) => Ok(Self { bytes, bare: true }),
            Err(argument) => {
                let packed = Self::copy::<T, X>(&argument);
                crate::panic::drop_contained(argument);
                packed
            }
        }
    }

    /// Packs an argument that stays here.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be encoded.
    pub(crate) fn copy<T, X: Crossing<T>>(argument: &T) -> Result<Self, TaskError> {
        // Most arguments are small, and one allocation is enough for them.
        let mut bytes = Vec::with_capacity(USUAL_ARGUMENT);
        guarded(|| push_item(&mut bytes, |bytes| X::encode("the argument", argument, bytes)))?;
        Ok(Self { bytes, bare: false })
    }
}

/// The bytes of a value that crosses bare, or the value.
pub(crate) fn bare<T: 'static>(value: T) -> Result<Vec<u8>, T> {
    match same::<T, Vec<u8>>(value) {
        Ok(short) if short.len() < BARE_FROM => match same(short) {
            Ok(value) => Err(value),
            Err(vector) => Ok(vector),
        },
        vector_or_value => vector_or_value,
    }
}

/// A value as what it is, if it is that.
fn same<T: 'static, U: 'static>(value: T) -> Result<U, T> {
    let mut value = Some(value);
    let place: &mut dyn Any = &mut value;
    match place.downcast_mut::<Option<U>>().and_then(Option::take) {
        Some(value) => Ok(value),
        None => value.map_or_else(|| unreachable!("nobody has taken it"), Err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Anywhere;

    #[test]
    fn a_long_vector_of_bytes_crosses_as_it_is() {
        let vector = vec![7_u8; BARE_FROM];
        let address = vector.as_ptr();
        let packed = Argument::pack::<_, Anywhere>(vector).unwrap();
        assert!(packed.bare);
        let back: Vec<u8> = Packed::Bare(packed.bytes).unpack::<_, Anywhere>("it").unwrap();
        assert_eq!((back.as_ptr(), back.len()), (address, BARE_FROM));
    }

    #[test]
    fn everything_else_is_a_message() {
        assert!(bare(vec![7_u8; BARE_FROM - 1]).is_err_and(|short| short == vec![7; BARE_FROM - 1]));
        assert!(bare(vec![7_i8; BARE_FROM]).is_err_and(|numbers| numbers == vec![7; BARE_FROM]));
        assert!(bare((vec![7_u8; BARE_FROM],)).is_err_and(|tuple| tuple.0.len() == BARE_FROM));
        let kept = vec![7_u8; BARE_FROM];
        let copied = Argument::copy::<_, Anywhere>(&kept).unwrap();
        assert!(!copied.bare);
        let (message, _) = crate::task::parcel::split_item(&copied.bytes).unwrap();
        let back: Vec<u8> = Packed::Encoded(message.into())
            .unpack::<_, Anywhere>("it")
            .unwrap();
        assert!(back == kept);
    }

    #[test]
    fn a_bare_vector_is_nothing_but_that() {
        let read = |packed: Packed<'_>| packed.unpack::<u32, Anywhere>("it").unwrap_err();
        assert!(matches!(read(Packed::Bare(vec![5, 1])), TaskError::Decode(_)));
        assert!(matches!(read(Packed::Bare(Vec::new())), TaskError::Decode(_)));
    }
}
