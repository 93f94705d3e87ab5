//! Numbers read from a message, and how they are shown to a visitor.

use serde::de::{Deserializer, Visitor};

use super::variant::{Bare, Label};
use crate::wire::depth::Depth;
use crate::wire::error::Error;
use crate::wire::run::Kind;

/// A number or a bool, in its natural form: `I64` and `I128` are negative, the wide ones need their width.
#[derive(Clone, Copy)]
pub(super) enum Number {
    U64(u64),
    I64(i64),
    U128(u128),
    I128(i128),
    F32(f32),
    F64(f64),
    Bool(bool),
}

macro_rules! typed {
    ($($method:ident $visit:ident $number:ty;)*) => {$(
        /// The asked-for width if the number fits it, as bincode would show it: a visitor may know no other.
        #[inline]
        pub(super) fn $method<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let fitting = match self {
                Number::U64(v) => <$number>::try_from(v).ok(),
                Number::I64(v) => <$number>::try_from(v).ok(),
                Number::U128(v) => <$number>::try_from(v).ok(),
                Number::I128(v) => <$number>::try_from(v).ok(),
                _ => None,
            };
            match fitting {
                Some(v) => visitor.$visit(v),
                None => self.visit(visitor),
            }
        }
    )*};
}

impl Number {
    /// As JSON shows it: what is not negative is unsigned.
    #[inline]
    pub(super) fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Number::U64(v) => visitor.visit_u64(v),
            Number::I64(v) => visitor.visit_i64(v),
            Number::U128(v) => visitor.visit_u128(v),
            Number::I128(v) => visitor.visit_i128(v),
            Number::F32(v) => visitor.visit_f32(v),
            Number::F64(v) => visitor.visit_f64(v),
            Number::Bool(v) => visitor.visit_bool(v),
        }
    }

    typed! {
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
    }

    #[inline]
    pub(super) fn deserialize_f32<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    #[inline]
    pub(super) fn deserialize_f64<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    #[inline]
    pub(super) fn deserialize_bool<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    /// The text JSON writes for a number that is a map key.
    pub(super) fn text(self) -> String {
        match self {
            Number::U64(v) => v.to_string(),
            Number::I64(v) => v.to_string(),
            Number::U128(v) => v.to_string(),
            Number::I128(v) => v.to_string(),
            // The shortest form that reads back, with a `.0` where it is whole.
            Number::F32(v) => format!("{v:?}"),
            Number::F64(v) => format!("{v:?}"),
            Number::Bool(v) => v.to_string(),
        }
    }

    /// A number of a run; `bytes` are as many as the kind takes.
    #[inline]
    pub(super) fn of_run(kind: Kind, bytes: &[u8]) -> Self {
        #[inline]
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            let mut array = [0; N];
            array.copy_from_slice(bytes);
            array
        }
        match kind {
            Kind::U8 => Number::U64(bytes[0].into()),
            Kind::U16 => Number::U64(u16::from_le_bytes(array(bytes)).into()),
            Kind::U32 => Number::U64(u32::from_le_bytes(array(bytes)).into()),
            Kind::U64 => Number::U64(u64::from_le_bytes(array(bytes))),
            Kind::U128 => Self::unsigned(u128::from_le_bytes(array(bytes))),
            Kind::I8 => Self::signed(i8::from_le_bytes(array(bytes)).into()),
            Kind::I16 => Self::signed(i16::from_le_bytes(array(bytes)).into()),
            Kind::I32 => Self::signed(i32::from_le_bytes(array(bytes)).into()),
            Kind::I64 => Self::signed(i64::from_le_bytes(array(bytes))),
            Kind::I128 => {
                let value = i128::from_le_bytes(array(bytes));
                match (u128::try_from(value), i64::try_from(value)) {
                    (Ok(value), _) => Self::unsigned(value),
                    (_, Ok(value)) => Self::signed(value),
                    _ => Number::I128(value),
                }
            }
            Kind::F32 => Number::F32(f32::from_le_bytes(array(bytes))),
            Kind::F64 => Number::F64(f64::from_le_bytes(array(bytes))),
            Kind::Bool => Number::Bool(bytes[0] != 0),
        }
    }

    #[inline]
    fn signed(value: i64) -> Self {
        u64::try_from(value).map_or(Number::I64(value), Number::U64)
    }

    fn unsigned(value: u128) -> Self {
        u64::try_from(value).map_or(Number::U128(value), Number::U64)
    }
}

/// One number of a run, as a value of its own.
pub(super) struct Element {
    pub(super) number: Number,
    pub(super) depth: Depth,
}

macro_rules! forward_numbers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Element {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        true
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number.visit(visitor)
    }

    forward_numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_f32 deserialize_f64 deserialize_bool
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(Element {
            depth: self.depth.wrapper()?,
            ..self
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(Element {
            depth: self.depth.wrapper()?,
            ..self
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.number {
            Number::U64(index) => visitor.visit_enum(Bare(Label::Index(index))),
            number => number.visit(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}
