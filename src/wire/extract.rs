//! The number inside a value that is one: a serializer that takes numbers and nothing else.

use serde::Serialize;
use serde::ser::{Impossible, Serializer};

/// A primitive as it told the serializer.
pub(crate) enum Prim {
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    F32(f32),
    F64(f64),
    Bool(bool),
}

/// The number that `value` is. Inlined, it is a plain load.
#[inline]
pub(crate) fn extract<T: Serialize + ?Sized>(value: &T) -> Option<Prim> {
    value.serialize(Extract).ok()
}

struct Extract;

/// No message and no allocation: the caller only wants to know.
#[derive(Debug)]
struct NotANumber;

impl std::fmt::Display for NotANumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a number")
    }
}

impl std::error::Error for NotANumber {}

impl serde::ser::Error for NotANumber {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        NotANumber
    }
}

macro_rules! take {
    ($($method:ident $kind:ident $number:ty;)*) => {$(
        #[inline]
        fn $method(self, v: $number) -> Result<Prim, NotANumber> { Ok(Prim::$kind(v)) }
    )*};
}

macro_rules! refuse {
    ($($method:ident($($arg:ty),*) $ok:ident;)*) => {$(
        fn $method(self, $(_: $arg),*) -> Result<Self::$ok, NotANumber> { Err(NotANumber) }
    )*};
}

impl Serializer for Extract {
    type Ok = Prim;
    type Error = NotANumber;
    type SerializeSeq = Impossible<Prim, NotANumber>;
    type SerializeTuple = Impossible<Prim, NotANumber>;
    type SerializeTupleStruct = Impossible<Prim, NotANumber>;
    type SerializeTupleVariant = Impossible<Prim, NotANumber>;
    type SerializeMap = Impossible<Prim, NotANumber>;
    type SerializeStruct = Impossible<Prim, NotANumber>;
    type SerializeStructVariant = Impossible<Prim, NotANumber>;

    take! {
        serialize_u8 U8 u8;
        serialize_u16 U16 u16;
        serialize_u32 U32 u32;
        serialize_u64 U64 u64;
        serialize_u128 U128 u128;
        serialize_i8 I8 i8;
        serialize_i16 I16 i16;
        serialize_i32 I32 i32;
        serialize_i64 I64 i64;
        serialize_i128 I128 i128;
        serialize_f32 F32 f32;
        serialize_f64 F64 f64;
        serialize_bool Bool bool;
    }

    refuse! {
        serialize_char(char) Ok;
        serialize_str(&str) Ok;
        serialize_bytes(&[u8]) Ok;
        serialize_none() Ok;
        serialize_unit() Ok;
        serialize_unit_struct(&'static str) Ok;
        serialize_unit_variant(&'static str, u32, &'static str) Ok;
        serialize_seq(Option<usize>) SerializeSeq;
        serialize_tuple(usize) SerializeTuple;
        serialize_tuple_struct(&'static str, usize) SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) SerializeTupleVariant;
        serialize_map(Option<usize>) SerializeMap;
        serialize_struct(&'static str, usize) SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Prim, NotANumber> {
        Err(NotANumber)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Prim, NotANumber> {
        Err(NotANumber)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Prim, NotANumber> {
        Err(NotANumber)
    }
}
