//! "Is this generic type that vector?", for types that need not be `'static`.
//!
//! Safe Rust cannot ask: `TypeId::of` wants `T: 'static` and a visitor's value promises nothing of the kind.
//! This is the only unsafe code of the wire format.
#![allow(unsafe_code)]

use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, transmute, transmute_copy};

/// # Safety
/// No lifetime may occur in the type: then a type with the same id is the same type.
pub(crate) unsafe trait NoLifetimes: 'static {}

macro_rules! no_lifetimes {
    ($($number:ty)*) => {$(
        // SAFETY: a vector of a primitive has no lifetime in it.
        unsafe impl NoLifetimes for Vec<$number> {}
    )*};
}

no_lifetimes! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool }

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

/// Whether `T` is `U`.
#[inline]
pub(crate) fn same<T, U: NoLifetimes>() -> bool {
    let object: &dyn Identify = &PhantomData::<T>;
    // SAFETY: only the bound on the trait object's lifetime changes, not its layout or vtable, so that
    // `Self: 'static` of `id` is met. `id` reads no `T` (a `PhantomData` is empty) and returns an id, which
    // depends on no lifetime, so nothing is used past its own. The reference is used in this expression only.
    let id = unsafe { transmute::<&dyn Identify, &(dyn Identify + 'static)>(object) }.id();
    id == TypeId::of::<U>()
}

/// `value` as a `T` if that is what it is.
#[inline]
pub(crate) fn cast<U: NoLifetimes, T>(value: U) -> Option<T> {
    if !same::<T, U>() {
        return None;
    }
    let value = ManuallyDrop::new(value);
    // SAFETY: the ids are equal, so the types are equal but for lifetimes, and `U` has none (`NoLifetimes`):
    // size, layout and validity are the same. `ManuallyDrop` is transparent, so its address is the value's;
    // the original is never dropped or used again, so the value is moved, not copied.
    Some(unsafe { transmute_copy::<ManuallyDrop<U>, T>(&value) })
}

#[cfg(test)]
mod tests {
    use super::{cast, same};

    fn among_borrows<'a>(_: &'a str) -> [bool; 2] {
        [same::<Vec<&'a str>, Vec<u8>>(), same::<&'a str, Vec<u8>>()]
    }

    #[test]
    fn only_the_same_type_is_cast() {
        assert!(same::<Vec<f64>, Vec<f64>>() && !same::<Vec<i8>, Vec<u8>>() && !same::<u8, Vec<u8>>());
        assert_eq!(among_borrows(&String::from("short lived")), [false; 2]);
        assert_eq!(cast::<_, Vec<u64>>(vec![1u64, 2]).unwrap(), [1, 2]);
        assert!(cast::<Vec<u64>, Vec<i64>>(vec![1]).is_none());
    }
}
