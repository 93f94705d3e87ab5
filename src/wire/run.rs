//! Runs: the numbers of a sequence packed side by side.
//!
//! `Serialize` and `Deserialize` hand numbers over one at a time. For a large vector that costs many times
//! what copying it would, so the kind of the elements is found out once and the loop left to the compiler.

use std::any::type_name;

use serde::de::Visitor;

use super::extract::{Prim, extract};
use super::same_type;
use crate::sys::huge_pages;

/// The numbers gathered on the stack before they are appended: small enough for the first-level cache.
const BLOCK: usize = 4096;

/// The most that is reserved on an iterator's word alone.
const RESERVED: usize = 1 << 28;

/// For the marks around a run: without room for them a vector that just fits would double for the last one.
const MARKS: usize = 64;

macro_rules! kinds {
    ($($code:literal $kind:ident $number:ty, $size:literal;)*) => {
        /// What the numbers of a run are.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Kind { $($kind,)* }

        impl Kind {
            pub(crate) fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Kind::$kind),)* _ => None }
            }

            pub(crate) fn code(self) -> u8 {
                match self { $(Kind::$kind => $code,)* }
            }

            /// Bytes a number takes.
            #[inline]
            pub(crate) fn size(self) -> usize {
                match self { $(Kind::$kind => $size,)* }
            }
        }

        $(
            impl Number for $number {
                type Bytes = [u8; $size];
                #[inline]
                fn pick(prim: &Prim) -> Option<[u8; $size]> {
                    match prim { Prim::$kind(number) => Some(number.le_bytes()), _ => None }
                }
            }
        )*

        /// Appends the numbers, packed; says how many, or `None` when one was no number of that kind.
        #[inline]
        pub(crate) fn pack<I>(kind: Kind, numbers: I, out: &mut Vec<u8>) -> Option<usize>
        where
            I: Iterator,
            I::Item: serde::Serialize,
        {
            match kind {
                $(Kind::$kind => pack_all::<$number, _, $size>(numbers, out),)*
            }
        }

        /// Appends one number to a run that has begun; says whether it was one.
        #[inline]
        pub(crate) fn pack_one<T: serde::Serialize + ?Sized>(kind: Kind, number: &T, out: &mut Vec<u8>) -> bool {
            let Some(prim) = extract(number) else { return false };
            match kind {
                $(Kind::$kind => <$number>::pick(&prim).map(|bytes| out.extend_from_slice(&bytes)).is_some(),)*
            }
        }
    };
}

kinds! {
    0 U8 u8, 1;
    1 U16 u16, 2;
    2 U32 u32, 4;
    3 U64 u64, 8;
    4 U128 u128, 16;
    5 I8 i8, 1;
    6 I16 i16, 2;
    7 I32 i32, 4;
    8 I64 i64, 8;
    9 I128 i128, 16;
    10 F32 f32, 4;
    11 F64 f64, 8;
    12 Bool bool, 1;
}

/// A primitive that runs are made of.
trait Number {
    type Bytes;
    fn pick(prim: &Prim) -> Option<Self::Bytes>;
}

trait LeBytes<const N: usize> {
    fn le_bytes(&self) -> [u8; N];
}

macro_rules! le_bytes {
    ($($number:ty, $size:literal;)*) => {$(
        impl LeBytes<$size> for $number {
            #[inline]
            fn le_bytes(&self) -> [u8; $size] { self.to_le_bytes() }
        }
    )*};
}

le_bytes! {
    u8, 1; u16, 2; u32, 4; u64, 8; u128, 16; i8, 1; i16, 2; i32, 4; i64, 8; i128, 16; f32, 4; f64, 8;
}

impl LeBytes<1> for bool {
    #[inline]
    fn le_bytes(&self) -> [u8; 1] {
        [u8::from(*self)]
    }
}

#[inline]
fn pick<T: serde::Serialize, K: Number>(number: T) -> Option<K::Bytes> {
    extract(&number).as_ref().and_then(K::pick)
}

#[inline]
fn pack_all<K: Number<Bytes = [u8; N]>, I, const N: usize>(numbers: I, out: &mut Vec<u8>) -> Option<usize>
where
    I: Iterator,
    I::Item: serde::Serialize,
{
    let mut all = true;
    let mut numbers = numbers.map(|number| {
        pick::<_, K>(number).unwrap_or_else(|| {
            all = false;
            [0; N]
        })
    });
    let mut count = 0;
    if N == 1 {
        let before = out.len();
        out.extend(numbers.map(|bytes| bytes[0]));
        count = out.len() - before;
    } else {
        // One `extend` per number checks the capacity every time; a block in between does not.
        let mut block = [0u8; BLOCK];
        loop {
            let mut filled = 0;
            for (slot, bytes) in block.chunks_exact_mut(N).zip(&mut numbers) {
                slot.copy_from_slice(&bytes);
                filled += 1;
            }
            out.extend_from_slice(&block[..filled * N]);
            count += filled;
            if filled < BLOCK / N {
                break;
            }
        }
    }
    all.then_some(count)
}

/// What to reserve for a run of about `count` numbers and the marks around it.
#[inline]
pub(crate) fn space_for(kind: Kind, count: usize) -> usize {
    count.saturating_mul(kind.size()).min(RESERVED) + MARKS
}

/// The kind of the numbers that `T` (or what `T` refers to) is, if it is one.
///
/// The name of a primitive is bare, that of any other type has a path, so no other type can have one of
/// these. Nothing rests on it all the same: [`extract`] checks what a value really is. Naming the type is
/// constant, so an optimised build keeps only the branch that holds.
#[inline]
pub(crate) fn kind_of<T: ?Sized>() -> Option<Kind> {
    Some(match type_name::<T>() {
        "u8" | "&u8" => Kind::U8,
        "u16" | "&u16" => Kind::U16,
        "u32" | "&u32" => Kind::U32,
        "u64" | "&u64" | "usize" | "&usize" => Kind::U64,
        "u128" | "&u128" => Kind::U128,
        "i8" | "&i8" => Kind::I8,
        "i16" | "&i16" => Kind::I16,
        "i32" | "&i32" => Kind::I32,
        "i64" | "&i64" | "isize" | "&isize" => Kind::I64,
        "i128" | "&i128" => Kind::I128,
        "f32" | "&f32" => Kind::F32,
        "f64" | "&f64" => Kind::F64,
        "bool" | "&bool" => Kind::Bool,
        _ => return None,
    })
}

/// Whether `V` is serde's own visitor for a standard collection.
///
/// A hand-written visitor may make a `Vec<u8>` too, and check or change the elements on the way: it has to
/// see them. Should serde rename its module, vectors still cross, only slower (a test notices).
fn is_standard<V>() -> bool {
    let name = type_name::<V>();
    name.starts_with("serde_core::de::impls::") || name.starts_with("serde::de::impls::")
}

/// An empty vector with room for so many numbers.
fn room_for<T>(count: usize) -> Vec<T> {
    let mut numbers = Vec::with_capacity(count);
    huge_pages::prefer(numbers.spare_capacity_mut());
    numbers
}

/// The whole run as the visitor's value, if that is a vector of these very numbers.
#[inline]
pub(crate) fn unpack<'de, V: Visitor<'de>>(kind: Kind, data: &[u8]) -> Option<V::Value> {
    macro_rules! vectors {
        ($($kind:ident => $number:ty, $size:literal;)*) => {$(
            if kind == Kind::$kind && same_type::same::<V::Value, Vec<$number>>() {
                let (chunks, _) = data.as_chunks::<$size>();
                let mut numbers: Vec<$number> = room_for(chunks.len());
                numbers.extend(chunks.iter().map(|chunk| <$number>::from_le_bytes(*chunk)));
                return same_type::cast(numbers);
            }
        )*};
    }
    if !is_standard::<V>() {
        return None;
    }
    if kind == Kind::U8 && same_type::same::<V::Value, Vec<u8>>() {
        let mut bytes = room_for(data.len());
        bytes.extend_from_slice(data);
        return same_type::cast(bytes);
    }
    if kind == Kind::Bool && same_type::same::<V::Value, Vec<bool>>() {
        return same_type::cast(data.iter().map(|&byte| byte != 0).collect::<Vec<bool>>());
    }
    vectors! {
        I8 => i8, 1; U16 => u16, 2; I16 => i16, 2; U32 => u32, 4; I32 => i32, 4; F32 => f32, 4;
        U64 => u64, 8; I64 => i64, 8; F64 => f64, 8; U128 => u128, 16; I128 => i128, 16;
    }
    #[cfg(target_pointer_width = "64")]
    vectors! { U64 => usize, 8; I64 => isize, 8; }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use serde::de::{Deserialize, Deserializer, Visitor};

    use super::{Kind, unpack};
    use crate::wire::error::Error;

    /// Offers a run of two bytes, in bulk or not at all.
    struct Bulk;

    impl<'de> Deserializer<'de> for Bulk {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            unpack::<V>(Kind::U8, &[1, 2]).ok_or_else(|| Error::new("not in bulk"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
        }
    }

    /// Fails when serde has moved its visitors: then vectors still cross, but a number at a time.
    #[test]
    fn vectors_are_read_in_bulk() {
        assert_eq!(Vec::<u8>::deserialize(Bulk).unwrap(), [1, 2]);
        assert!(Vec::<i8>::deserialize(Bulk).is_err());
        assert!(VecDeque::<u8>::deserialize(Bulk).is_err());
    }
}
