//! What bincode cannot tell apart: maps and sequences of pairs, structs and tuples.
//!
//! A type written as the one and read as the other (`#[serde(from = "(A, B)")]` on a struct) comes back through
//! bincode, so it has to come back from here. JSON refuses all of these, so nothing collides.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::key::Key;
use super::reader::Decoder;
use crate::wire::error::Error;
use crate::wire::tag;

/// A `MAP` read as a sequence, after its tag.
pub(super) fn map_as_seq<'de, V: Visitor<'de>>(
    de: &mut Decoder<'de>,
    form: Form,
    visitor: V,
) -> Result<V::Value, Error> {
    let mut entries = Entries {
        de,
        form,
        ended: false,
    };
    let value = visitor.visit_seq(&mut entries)?;
    if !entries.ended {
        entries.de.expect(tag::END, "the end of a map")?;
    }
    Ok(value)
}

/// What the elements are when a map is read as a sequence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Pairs,
    Values,
}

struct Entries<'r, 'de> {
    de: &'r mut Decoder<'de>,
    form: Form,
    ended: bool,
}

impl<'de> SeqAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.ended || self.de.eat(tag::END)? {
            self.ended = true;
            return Ok(None);
        }
        if self.form == Form::Pairs {
            return self.de.container(|de| seed.deserialize(Pair { de })).map(Some);
        }
        if self.de.name()?.is_none() {
            self.de.skip_value()?;
        }
        seed.deserialize(&mut *self.de).map(Some)
    }
}

/// One entry of a map as a tuple.
struct Pair<'r, 'de> {
    de: &'r mut Decoder<'de>,
}

impl<'de> Deserializer<'de> for Pair<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        true
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut halves = Halves { de: self.de, read: 0 };
        let value = visitor.visit_seq(&mut halves)?;
        match halves.read {
            2 => Ok(value),
            _ => Err(Error::at(halves.de.pos(), "an entry of a map has two parts")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.de.wrapper(|de| visitor.visit_some(Pair { de }))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.de.wrapper(|de| visitor.visit_newtype_struct(Pair { de }))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Halves<'r, 'de> {
    de: &'r mut Decoder<'de>,
    read: u8,
}

impl<'de> SeqAccess<'de> for Halves<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.read += 1;
        match self.read {
            1 => seed.deserialize(Key { de: &mut *self.de }).map(Some),
            2 => seed.deserialize(&mut *self.de).map(Some),
            _ => {
                self.read = 2;
                Ok(None)
            }
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(2 - self.read))
    }
}

/// A `SEQ` of pairs read as a map, after its tag.
pub(super) fn seq_as_map<'de, V: Visitor<'de>>(de: &mut Decoder<'de>, visitor: V) -> Result<V::Value, Error> {
    let mut pairs = Pairs { de, ended: false };
    let value = visitor.visit_map(&mut pairs)?;
    if !pairs.ended {
        pairs.de.expect(tag::END, "the end of a sequence")?;
    }
    Ok(value)
}

struct Pairs<'r, 'de> {
    de: &'r mut Decoder<'de>,
    ended: bool,
}

impl<'de> MapAccess<'de> for Pairs<'_, 'de> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.ended || self.de.eat(tag::END)? {
            self.ended = true;
            return Ok(None);
        }
        self.de.expect(tag::SEQ, "a map, or a sequence of pairs")?;
        seed.deserialize(&mut *self.de).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let value = seed.deserialize(&mut *self.de)?;
        self.de.expect(tag::END, "the end of a pair")?;
        Ok(value)
    }
}
