//! The reader: a serde `Deserializer` over a byte slice.

use serde::de::{Deserializer, Visitor};

use super::error::Error;
use super::tag;

mod access;
mod alike;
mod key;
mod number;
mod reader;
mod variant;

use access::{Elements, Entries, OneEntry};
use alike::Form;
use number::Number;
pub(crate) use reader::Decoder;

/// The name by which `serde_json` knows its raw values again: written as a struct, read as a newtype whose visitor
/// takes a map.
const RAW_JSON: &str = "$serde_json::private::RawValue";

/// A character as bincode shows it if `text` is one, text as JSON shows it otherwise.
fn visit_char<'de, V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, Error> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => visitor.visit_char(only),
        _ => visitor.visit_borrowed_str(text),
    }
}

impl<'de> Decoder<'de> {
    /// The text that comes next, if some does: a string, or the name of a variant that is only a name.
    #[inline]
    fn next_text(&mut self) -> Result<Option<&'de str>, Error> {
        self.skip_some()?;
        match self.peek()? {
            tag::STR => {
                self.step();
                self.text("a string").map(Some)
            }
            tag::UNIT_VARIANT => {
                self.step();
                let (_, name) = self.variant()?;
                Ok(Some(name))
            }
            _ => Ok(None),
        }
    }

    /// The bytes that come next, if some do.
    fn next_bytes(&mut self) -> Result<Option<&'de [u8]>, Error> {
        self.skip_some()?;
        match self.peek()? {
            tag::BYTES => {
                self.step();
                self.sized("bytes").map(Some)
            }
            _ => Ok(self.next_text()?.map(str::as_bytes)),
        }
    }

    /// The number that comes next, if one does; for bincode a variant that is only a name is its index.
    #[inline]
    fn next_integer(&mut self) -> Result<Option<Number>, Error> {
        if !self.eat(tag::UNIT_VARIANT)? {
            return self.number();
        }
        let (index, _) = self.variant()?;
        Ok(Some(Number::U64(index)))
    }

    /// A sequence, or what bincode cannot tell from one.
    #[inline]
    fn seq<V: Visitor<'de>>(&mut self, form: Form, visitor: V) -> Result<V::Value, Error> {
        self.skip_some()?;
        match self.peek()? {
            tag::SEQ => {
                self.step();
                self.container(|de| Elements::read(de, visitor))
            }
            tag::MAP => {
                self.step();
                self.container(|de| alike::map_as_seq(de, form, visitor))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// Anything that is not text, asked for as text: bincode writes bytes the same way.
    fn bytes_as_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        if !self.eat(tag::BYTES)? {
            return self.deserialize_any(visitor);
        }
        let bytes = self.sized("bytes")?;
        match std::str::from_utf8(bytes) {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => visitor.visit_borrowed_bytes(bytes),
        }
    }
}

macro_rules! numbers {
    ($read:ident: $($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.skip_some()?;
            match self.$read()? {
                Some(number) => number.$method(visitor),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Error;

    /// See the writer: the two have to agree.
    fn is_human_readable(&self) -> bool {
        true
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip_some()?;
        if let Some(number) = self.number()? {
            return number.visit(visitor);
        }
        match self.peek()? {
            tag::NONE | tag::UNIT => {
                self.step();
                visitor.visit_unit()
            }
            tag::STR => {
                self.step();
                visitor.visit_borrowed_str(self.text("a string")?)
            }
            tag::BYTES => {
                self.step();
                Elements::read_bytes(self, visitor)
            }
            tag::SEQ => {
                self.step();
                self.container(|de| Elements::read(de, visitor))
            }
            tag::MAP => {
                self.step();
                self.container(|de| Entries::read(de, &[], visitor))
            }
            tag::UNIT_VARIANT => {
                self.step();
                let (_, name) = self.variant()?;
                visitor.visit_borrowed_str(name)
            }
            tag::VARIANT => {
                self.step();
                self.container(|de| OneEntry::read(de, visitor))
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    numbers! {
        next_integer:
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
    }

    numbers! { number: deserialize_f32 deserialize_f64 deserialize_bool }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next_text()? {
            Some(text) => visit_char(text, visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next_text()? {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.bytes_as_text(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next_text()? {
            Some(text) => visitor.visit_string(text.to_owned()),
            None => self.bytes_as_text(visitor),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next_bytes()? {
            Some(bytes) => visitor.visit_borrowed_bytes(bytes),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next_bytes()? {
            Some(bytes) => visitor.visit_byte_buf(bytes.to_owned()),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if matches!(self.peek()?, tag::NONE | tag::UNIT) {
            self.step();
            return visitor.visit_none();
        }
        self.eat(tag::SOME)?;
        self.wrapper(|de| visitor.visit_some(de))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip_some()?;
        // A struct without fields is nothing at all to bincode.
        let mark = self.mark();
        if (self.eat(tag::MAP)? || self.eat(tag::SEQ)?) && self.eat(tag::END)? {
            return visitor.visit_unit();
        }
        self.rewind(mark);
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    /// The options inside are not skipped here: the newtype may be around one.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == RAW_JSON {
            return self.deserialize_any(visitor);
        }
        self.wrapper(|de| visitor.visit_newtype_struct(de))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.seq(Form::Pairs, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.seq(Form::Values, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.seq(Form::Values, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip_some()?;
        if self.eat(tag::SEQ)? {
            return self.container(|de| alike::seq_as_map(de, visitor));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.skip_some()?;
        if self.eat(tag::MAP)? {
            return self.container(|de| Entries::read(de, fields, visitor));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.skip_some()?;
        variant::read(self, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip_value()?;
        visitor.visit_unit()
    }
}
