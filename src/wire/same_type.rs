//! "Is this generic type that one?", for types that need not be `'static`.
//!
//! A specialised `Vec<u8>` cannot be told from other visitor results in safe Rust: `TypeId::of` asks for
//! `T: 'static` and a visitor's value promises none. This is the only unsafe code of the wire format.
#![allow(unsafe_code)]

use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, transmute, transmute_copy};

trait Identify {
    fn id(&self) -> TypeId
    where
        Self: 'static;
}

impl<T: ?Sized> Identify for PhantomData<T> {
    fn id(&self) -> TypeId
    where
        Self: 'static,
    {
        TypeId::of::<T>()
    }
}

/// The id of `T` with every lifetime in it taken for `'static`.
#[inline]
fn id_of<T: ?Sized>() -> TypeId {
    let marker = PhantomData::<T>;
    let object: &dyn Identify = &marker;
    // SAFETY: only the trait object's lifetime bound changes, not its layout or its vtable, so the bound
    // `Self: 'static` of `id` can be met. `id` reads nothing of type `T` (there is none, a `PhantomData` is
    // empty) and a `TypeId` does not depend on lifetimes, so nothing is used past its lifetime. The reference
    // itself does not outlive `marker`: it is used in this expression only.
    unsafe { transmute::<&dyn Identify, &(dyn Identify + 'static)>(object) }.id()
}

/// Whether `T` is `U`; asking for `U: 'static` makes equal ids mean equal types, lifetimes included.
#[inline]
pub(crate) fn same<T, U: 'static>() -> bool {
    id_of::<T>() == TypeId::of::<U>()
}

/// `value` as a `T` if that is what it is.
#[inline]
pub(crate) fn cast<U: 'static, T>(value: U) -> Option<T> {
    if !same::<T, U>() {
        return None;
    }
    let value = ManuallyDrop::new(value);
    // SAFETY: the ids are equal, so `T` and `U` are one type up to lifetimes. Callers name `U` among types
    // without lifetime parameters (`Vec` of a primitive), so there are none to differ: size, layout and
    // validity are the same. The value is read once and the original is never dropped (`ManuallyDrop`), so
    // it is moved, not copied.
    Some(unsafe { transmute_copy::<U, T>(&value) })
}

#[cfg(test)]
mod tests {
    use super::{cast, same};

    fn borrows<'a>(_: &'a str) -> [bool; 3] {
        [
            same::<&'a str, Vec<u8>>(),
            same::<Vec<&'a str>, Vec<u8>>(),
            same::<Vec<u8>, Vec<u8>>(),
        ]
    }

    #[test]
    fn types_are_told_apart() {
        assert!(same::<u8, u8>() && same::<Vec<f64>, Vec<f64>>());
        assert!(!same::<u8, i8>() && !same::<Vec<u8>, Vec<i8>>() && !same::<[u8; 3], [u8; 4]>());
        assert_eq!(borrows(&String::from("short lived")), [false, false, true]);
    }

    #[test]
    fn a_cast_moves() {
        assert_eq!(
            cast::<_, Vec<String>>(vec![String::from("a")]),
            Some(vec![String::from("a")])
        );
        assert!(cast::<Vec<String>, Vec<u8>>(vec![String::from("dropped once")]).is_none());
    }
}
