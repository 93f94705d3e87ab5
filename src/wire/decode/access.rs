//! Sequences and maps being read.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::key::{Key, Text};
use super::number::{Element, Number};
use super::reader::Decoder;
use crate::wire::error::Error;
use crate::wire::run::{self, Kind};
use crate::wire::tag;

/// The elements of a `SEQ`, or those of a byte string.
pub(super) struct Elements<'r, 'de> {
    de: &'r mut Decoder<'de>,
    kind: Kind,
    /// What is left of the run being read.
    data: &'de [u8],
    /// Whether the end has been passed; a byte string has no end mark.
    ended: bool,
}

impl<'r, 'de> Elements<'r, 'de> {
    /// Reads a sequence, after its tag.
    #[inline]
    pub(super) fn read<V: Visitor<'de>>(de: &'r mut Decoder<'de>, visitor: V) -> Result<V::Value, Error> {
        let mut elements = Elements {
            de,
            kind: Kind::U8,
            data: &[],
            ended: false,
        };
        // The first run is opened ahead so that its length can be told to the visitor.
        if elements.de.eat(tag::RUN)? {
            elements.open()?;
            if elements.de.eat(tag::END)? {
                elements.ended = true;
                if let Some(value) = run::unpack::<V>(elements.kind, elements.data) {
                    return Ok(value);
                }
            }
        }
        elements.visit(visitor)
    }

    /// Reads a byte string as the numbers it consists of, after its tag.
    pub(super) fn read_bytes<V: Visitor<'de>>(
        de: &'r mut Decoder<'de>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let data = de.sized("bytes")?;
        if let Some(value) = run::unpack::<V>(Kind::U8, data) {
            return Ok(value);
        }
        Elements {
            de,
            kind: Kind::U8,
            data,
            ended: true,
        }
        .visit(visitor)
    }

    fn open(&mut self) -> Result<(), Error> {
        (self.kind, self.data) = self.de.run()?;
        Ok(())
    }

    #[inline]
    fn visit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_seq(&mut self)?;
        let spent = self.data.is_empty() && (self.ended || self.de.eat(tag::END)?);
        if spent {
            Ok(value)
        } else {
            Err(Error::at(
                self.de.pos(),
                "the sequence has more elements than expected",
            ))
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.data.is_empty() {
            if self.ended {
                return Ok(None);
            }
            match self.de.peek()? {
                tag::END => {
                    self.de.step();
                    self.ended = true;
                    return Ok(None);
                }
                tag::RUN => {
                    self.de.step();
                    self.open()?;
                }
                _ => return seed.deserialize(&mut *self.de).map(Some),
            }
        }
        let (first, rest) = self.data.split_at(self.kind.size());
        self.data = rest;
        seed.deserialize(Element {
            number: Number::of_run(self.kind, first),
            depth: self.de.depth(),
        })
        .map(Some)
    }

    /// Only what is certain to be there: the rest of a run, which is in the message.
    #[inline]
    fn size_hint(&self) -> Option<usize> {
        match self.data.len() / self.kind.size() {
            0 if !self.ended => None,
            count => Some(count),
        }
    }
}

/// The entries of a `MAP`.
pub(super) struct Entries<'r, 'de> {
    de: &'r mut Decoder<'de>,
    /// The names the reader knows, if it reads a struct.
    fields: &'static [&'static str],
    index: usize,
    /// Whether names the reader does not know stand for the field at the same place; `None` until one comes.
    by_position: Option<bool>,
    /// Whether each known name so far was at the place it has in `fields`.
    in_place: bool,
    ended: bool,
}

impl<'r, 'de> Entries<'r, 'de> {
    fn new(de: &'r mut Decoder<'de>, fields: &'static [&'static str]) -> Self {
        Entries {
            de,
            fields,
            index: 0,
            by_position: None,
            in_place: true,
            ended: false,
        }
    }

    /// Reads a map, after its tag.
    pub(super) fn read<V: Visitor<'de>>(
        de: &'r mut Decoder<'de>,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut entries = Self::new(de, fields);
        let value = visitor.visit_map(&mut entries)?;
        entries.close(value)
    }

    fn close<T>(&mut self, value: T) -> Result<T, Error> {
        if !self.ended {
            self.de.expect(tag::END, "the end of a map")?;
        }
        Ok(value)
    }

    #[inline]
    fn at_end(&mut self) -> Result<bool, Error> {
        if !self.ended {
            self.ended = self.de.eat(tag::END)?;
        }
        Ok(self.ended)
    }

    /// The name to show for the one on the wire.
    #[inline]
    fn known_as(&mut self, name: &'de str) -> Result<&'de str, Error> {
        let place = self.fields.get(self.index);
        if self.fields.is_empty() || place.is_some_and(|field| *field == name) {
            return Ok(name);
        }
        if self.fields.contains(&name) {
            self.in_place = false;
            return Ok(name);
        }
        let by_position = match self.by_position {
            Some(known) => known,
            None => self.in_place && self.rest_is_in_place()?,
        };
        self.by_position = Some(by_position);
        Ok(place.filter(|_| by_position).map_or(name, |field| *field))
    }

    /// Looks ahead: are there as many entries as fields, and is each known name at its field's place?
    ///
    /// Then the type has other names for writing than for reading, which bincode does not notice. JSON would
    /// drop the unknown ones, so a struct with more or fewer entries is left to do that.
    fn rest_is_in_place(&mut self) -> Result<bool, Error> {
        let mark = self.de.mark();
        let mut index = self.index;
        let result = loop {
            self.de.skip_value()?;
            index += 1;
            if self.de.eat(tag::END)? {
                break index == self.fields.len();
            }
            let Some(name) = self.de.name()? else { break false };
            let known = self.fields.contains(&name);
            if known && self.fields.get(index).is_none_or(|field| *field != name) {
                break false;
            }
        };
        self.de.rewind(mark);
        Ok(result)
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.at_end()? {
            return Ok(None);
        }
        let key = if let Some(name) = self.de.name()? {
            let text = self.known_as(name)?;
            seed.deserialize(Text {
                text,
                depth: self.de.depth(),
            })?
        } else {
            seed.deserialize(Key { de: &mut *self.de })?
        };
        self.index += 1;
        Ok(Some(key))
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(&mut *self.de)
    }
}

/// A variant with content read as a map: JSON writes it as one entry.
pub(super) struct OneEntry<'r, 'de> {
    de: &'r mut Decoder<'de>,
    name: Option<&'de str>,
    content: bool,
}

impl<'r, 'de> OneEntry<'r, 'de> {
    /// Reads the variant, after its tag.
    pub(super) fn read<V: Visitor<'de>>(de: &'r mut Decoder<'de>, visitor: V) -> Result<V::Value, Error> {
        let (_, name) = de.variant()?;
        let mut entry = OneEntry {
            de,
            name: Some(name),
            content: true,
        };
        let value = visitor.visit_map(&mut entry)?;
        if entry.content {
            return Err(entry
                .de
                .unexpected("the visitor to read the content of a variant"));
        }
        Ok(value)
    }
}

impl<'de> MapAccess<'de> for OneEntry<'_, 'de> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.name.take() {
            Some(text) => seed
                .deserialize(Text {
                    text,
                    depth: self.de.depth(),
                })
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        if !std::mem::take(&mut self.content) {
            return Err(Error::at(
                self.de.pos(),
                "the content of a variant was asked for twice",
            ));
        }
        seed.deserialize(&mut *self.de)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.name.is_some()))
    }
}
