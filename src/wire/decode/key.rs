//! Map keys. JSON turns every key into text, and types rely on getting it back as what they ask for.

use serde::de::value::StringDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::number::Number;
use super::reader::Decoder;
use super::variant::{Bare, Label};
use crate::wire::depth::Depth;
use crate::wire::error::Error;
use crate::wire::tag;

/// The value that comes next, as a map key.
pub(super) struct Key<'r, 'de> {
    pub(super) de: &'r mut Decoder<'de>,
}

impl<'de> Key<'_, 'de> {
    /// The key as a name or a string, if it is one.
    fn text(&mut self) -> Result<Option<Text<'de>>, Error> {
        let text = if let Some(name) = self.de.name()? {
            name
        } else {
            self.de.skip_some()?;
            if !self.de.eat(tag::STR)? {
                return Ok(None);
            }
            self.de.text("a string")?
        };
        Ok(Some(Text {
            text,
            depth: self.de.depth(),
        }))
    }

    fn number_as_text(&mut self) -> Result<Option<StringDeserializer<Error>>, Error> {
        Ok(self.de.number()?.map(|number| number.text().into_deserializer()))
    }
}

macro_rules! typed {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
            match self.text()? {
                Some(text) => text.$method(visitor),
                None => self.de.$method(visitor),
            }
        }
    )*};
}

macro_rules! textual {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
            if let Some(text) = self.text()? {
                text.$method(visitor)
            } else if let Some(text) = self.number_as_text()? {
                text.$method(visitor)
            } else {
                self.de.$method(visitor)
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        true
    }

    textual! {
        deserialize_any deserialize_str deserialize_string deserialize_identifier deserialize_char
    }

    typed! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_f32 deserialize_f64 deserialize_bool
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq deserialize_map
        deserialize_ignored_any
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if matches!(self.de.peek()?, tag::NONE | tag::UNIT) {
            self.de.step();
            return visitor.visit_none();
        }
        self.de.eat(tag::SOME)?;
        self.de.wrapper(|de| visitor.visit_some(Key { de }))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.de.wrapper(|de| visitor.visit_newtype_struct(Key { de }))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Error> {
        match self.text()? {
            Some(text) => text.deserialize_any(visitor),
            None => self.de.deserialize_tuple(len, visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.text()? {
            Some(text) => text.deserialize_any(visitor),
            None => self.de.deserialize_struct(name, fields, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.text()? {
            Some(text) => text.deserialize_enum(name, variants, visitor),
            None => self.de.deserialize_enum(name, variants, visitor),
        }
    }
}

/// A key that is text, whatever is asked of it.
pub(super) struct Text<'de> {
    pub(super) text: &'de str,
    pub(super) depth: Depth,
}

impl Text<'_> {
    fn is_numeric(&self) -> bool {
        // The standard parser takes more than JSON does: a plus sign, "inf", "nan".
        self.text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    }

    fn integer(&self) -> Option<Number> {
        if !self.is_numeric() {
            return None;
        }
        let text = self.text;
        (text.parse().map(Number::U64))
            .or_else(|_| text.parse().map(Number::I64))
            .or_else(|_| text.parse().map(Number::U128))
            .or_else(|_| text.parse().map(Number::I128))
            .ok()
    }
}

macro_rules! parse_integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.integer() {
                Some(number) => number.$method(visitor),
                None => visitor.visit_borrowed_str(self.text),
            }
        }
    )*};
}

macro_rules! parse_floats {
    ($($method:ident $kind:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.text.parse() {
                Ok(number) if self.is_numeric() => Number::$kind(number).visit(visitor),
                _ => visitor.visit_borrowed_str(self.text),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        true
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.text)
    }

    parse_integers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
    }

    parse_floats! { deserialize_f32 F32 deserialize_f64 F64 }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            text => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        super::visit_char(self.text, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.text.to_owned())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.text.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(Text {
            depth: self.depth.wrapper()?,
            ..self
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(Text {
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
        visitor.visit_enum(Bare(Label::Name(self.text)))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        str unit unit_struct seq tuple tuple_struct map struct identifier
    }
}
