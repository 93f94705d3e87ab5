//! Enums, in each of the forms one may have on the wire.

use serde::de::value::{BorrowedStrDeserializer, U32Deserializer, U64Deserializer, UnitDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, Unexpected,
    VariantAccess, Visitor,
};

use super::reader::Decoder;
use crate::wire::error::Error;
use crate::wire::tag;

/// What a visitor is told a variant is.
#[derive(Clone, Copy)]
pub(super) enum Label<'de> {
    Name(&'de str),
    Index(u64),
}

impl<'de> Label<'de> {
    /// Both are on the wire. The name is what JSON goes by, so it counts unless the reader cannot know it
    /// (the type is renamed for writing only): then the index does, as it would for bincode.
    fn choose((index, name): (u64, &'de str), variants: &'static [&'static str]) -> Self {
        let there = usize::try_from(index).ok().and_then(|index| variants.get(index));
        if there.is_some_and(|there| *there == name) || variants.is_empty() || variants.contains(&name) {
            Label::Name(name)
        } else {
            Label::Index(index)
        }
    }

    fn give<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        match self {
            Label::Name(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            // The narrow one if it fits: its visitor method forwards to the wide one, not the other way round.
            Label::Index(index) => {
                if let Ok(narrow) = u32::try_from(index) {
                    let narrow: U32Deserializer<Error> = narrow.into_deserializer();
                    return seed.deserialize(narrow);
                }
                let wide: U64Deserializer<Error> = index.into_deserializer();
                seed.deserialize(wide)
            }
        }
    }
}

/// What `deserialize_enum` does.
pub(super) fn read<'de, V: Visitor<'de>>(
    de: &mut Decoder<'de>,
    variants: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, Error> {
    let tag = de.peek()?;
    match tag {
        tag::UNIT_VARIANT => {
            de.step();
            visitor.visit_enum(Bare(Label::choose(de.variant()?, variants)))
        }
        tag::VARIANT => {
            de.step();
            let label = Label::choose(de.variant()?, variants);
            de.container(|de| with_content(de, label, visitor))
        }
        tag::STR => {
            de.step();
            visitor.visit_enum(Bare(Label::Name(de.text("a string")?)))
        }
        tag::UINT => {
            de.step();
            visitor.visit_enum(Bare(Label::Index(de.varint()?)))
        }
        // An enum written by hand as JSON would write it.
        tag::MAP => {
            de.step();
            de.container(|de| {
                let name = if let Some(name) = de.name()? {
                    name
                } else {
                    de.skip_some()?;
                    de.expect(tag::STR, "the name of a variant")?;
                    de.text("a string")?
                };
                let value = with_content(de, Label::Name(name), visitor)?;
                de.expect(tag::END, "the end of a map that holds one variant")?;
                Ok(value)
            })
        }
        _ => de.deserialize_any(visitor),
    }
}

fn with_content<'de, V: Visitor<'de>>(
    de: &mut Decoder<'de>,
    label: Label<'de>,
    visitor: V,
) -> Result<V::Value, Error> {
    let start = de.pos();
    let value = visitor.visit_enum(Content { de: &mut *de, label })?;
    // What follows would be taken for something else.
    if de.pos() == start {
        return Err(Error::at(start, "the content of a variant was not read"));
    }
    Ok(value)
}

/// A variant and the value it holds, which comes next.
struct Content<'r, 'de> {
    de: &'r mut Decoder<'de>,
    label: Label<'de>,
}

impl<'de> EnumAccess<'de> for Content<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        Ok((self.label.give(seed)?, self))
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Deserialize::deserialize(self.de)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.de)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.de.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.de.deserialize_struct("", fields, visitor)
    }
}

/// A variant that holds nothing.
pub(super) struct Bare<'de>(pub(super) Label<'de>);

impl<'de> EnumAccess<'de> for Bare<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        Ok((self.0.give(seed)?, self))
    }
}

impl<'de> VariantAccess<'de> for Bare<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    /// To bincode a variant without content and one that holds a unit are the same.
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(UnitDeserializer::new())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        Err(Error::invalid_type(Unexpected::UnitVariant, &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        Err(Error::invalid_type(Unexpected::UnitVariant, &visitor))
    }
}
