//! Reading the pieces of a message: nothing is trusted before it has been compared with what is left.

use crate::wire::depth::{Depth, WRAPPERS};
use crate::wire::error::Error;
use crate::wire::run::Kind;
use crate::wire::{tag, varint};

use super::number::Number;

/// The bytes of a message, and the reader's place in them.
pub(crate) struct Decoder<'de> {
    input: &'de [u8],
    pos: usize,
    names: Vec<&'de str>,
    depth: Depth,
}

/// A place to return to after looking ahead.
///
/// The names met while looking ahead are forgotten too: they will be met, and numbered, again.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pos: usize,
    names: usize,
}

impl<'de> Decoder<'de> {
    #[inline]
    pub(crate) fn new(input: &'de [u8]) -> Self {
        Decoder {
            input,
            pos: 0,
            names: Vec::new(),
            depth: Depth::default(),
        }
    }

    #[inline]
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    pub(super) fn depth(&self) -> Depth {
        self.depth
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            pos: self.pos,
            names: self.names.len(),
        }
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.pos = mark.pos;
        self.names.truncate(mark.names);
    }

    /// The whole message has to be one value.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.pos == self.input.len() {
            Ok(())
        } else {
            Err(self.not_at_the_end())
        }
    }

    #[cold]
    fn not_at_the_end(&self) -> Error {
        let left = self.input.len() - self.pos;
        Error::at(
            self.pos,
            format!("expected the end of the message, found {left} more bytes"),
        )
    }

    #[inline]
    pub(super) fn peek(&self) -> Result<u8, Error> {
        self.input
            .get(self.pos)
            .copied()
            .ok_or_else(|| Error::truncated("a tag", self.pos))
    }

    /// Steps over a byte that has been peeked.
    #[inline]
    pub(super) fn step(&mut self) {
        self.pos += 1;
    }

    /// Steps over `tag` if it comes next.
    #[inline]
    pub(super) fn eat(&mut self, tag: u8) -> Result<bool, Error> {
        let found = self.peek()? == tag;
        self.pos += usize::from(found);
        Ok(found)
    }

    #[inline]
    pub(super) fn expect(&mut self, tag: u8, expected: &str) -> Result<(), Error> {
        if self.eat(tag)? {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    #[cold]
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        match self.peek() {
            Ok(found) => Error::expected(expected, found, self.pos),
            Err(_) => Error::truncated(expected, self.pos),
        }
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize, what: &str) -> Result<&'de [u8], Error> {
        let rest = &self.input[self.pos..];
        match rest.get(..len) {
            Some(bytes) => {
                self.pos += len;
                Ok(bytes)
            }
            None => Err(Error::at(
                self.pos,
                format!(
                    "the message ends inside {what}: {len} bytes promised, {} left",
                    rest.len()
                ),
            )),
        }
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Error> {
        match varint::read(&self.input[self.pos..]) {
            Ok((value, used)) => {
                self.pos += used;
                Ok(value)
            }
            Err(fault) => Err(self.no_varint(&fault)),
        }
    }

    #[cold]
    fn no_varint(&self, fault: &varint::Fault) -> Error {
        match fault {
            varint::Fault::Truncated => Error::truncated("the rest of a number", self.pos),
            varint::Fault::Overflow => Error::at(self.pos, "a number does not fit 64 bits"),
        }
    }

    /// A length or a count; one that does not fit the machine is longer than any message.
    #[inline]
    fn len(&mut self) -> Result<usize, Error> {
        Ok(usize::try_from(self.varint()?).unwrap_or(usize::MAX))
    }

    #[inline]
    pub(super) fn sized(&mut self, what: &str) -> Result<&'de [u8], Error> {
        let len = self.len()?;
        self.take(len, what)
    }

    #[inline]
    pub(super) fn text(&mut self, what: &str) -> Result<&'de str, Error> {
        let bytes = self.sized(what)?;
        std::str::from_utf8(bytes)
            .map_err(|error| Error::at(self.pos - bytes.len(), format!("{what} is not UTF-8: {error}")))
    }

    /// The name that comes next, if one does.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Option<&'de str>, Error> {
        match self.peek()? {
            tag::NAME_REF => {
                let at = self.pos;
                self.step();
                let number = self.len()?;
                let known = self.names.len();
                match self.names.get(number) {
                    Some(name) => Ok(Some(name)),
                    None => Err(Error::at(
                        at,
                        format!("name {number} of {known} known ones was asked for"),
                    )),
                }
            }
            tag::NAME_NEW => {
                self.step();
                let name = self.text("a name")?;
                self.names.push(name);
                Ok(Some(name))
            }
            _ => Ok(None),
        }
    }

    /// A variant's index and name, after its tag.
    pub(super) fn variant(&mut self) -> Result<(u64, &'de str), Error> {
        let index = self.varint()?;
        match self.name()? {
            Some(name) => Ok((index, name)),
            None => Err(self.unexpected("the name of a variant")),
        }
    }

    /// The number or bool that comes next, if one does.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Option<Number>, Error> {
        let at = self.pos;
        let tag = self.peek()?;
        if !(tag::FALSE..=tag::F64).contains(&tag) {
            return Ok(None);
        }
        self.step();
        Ok(Some(match tag {
            tag::UINT => Number::U64(self.varint()?),
            tag::NINT => match i64::try_from(self.varint()?) {
                Ok(value) => Number::I64(!value),
                Err(_) => return Err(Error::at(at, "a negative number does not fit 64 bits")),
            },
            tag::U128 => Number::U128(u128::from_le_bytes(self.array("a 128-bit number")?)),
            tag::I128 => Number::I128(i128::from_le_bytes(self.array("a 128-bit number")?)),
            tag::F32 => Number::F32(f32::from_le_bytes(self.array("a float")?)),
            tag::F64 => Number::F64(f64::from_le_bytes(self.array("a float")?)),
            _ => Number::Bool(tag == tag::TRUE),
        }))
    }

    /// The kind and the packed numbers of a run, after its tag.
    pub(super) fn run(&mut self) -> Result<(Kind, &'de [u8]), Error> {
        let at = self.pos;
        let code = self.take(1, "a run")?[0];
        let kind =
            Kind::from_code(code).ok_or_else(|| Error::at(at, format!("no run has the kind {code}")))?;
        let count = self.len()?;
        if count == 0 {
            return Err(Error::at(at, "an empty run"));
        }
        let data = self.take(count.saturating_mul(kind.size()), "a run")?;
        // All of them together: a loop that may stop at each byte is many times slower.
        if kind == Kind::Bool && data.iter().fold(0, |all, byte| all | byte) > 1 {
            return Err(Error::at(at, "a bool in a run is neither 0 nor 1"));
        }
        Ok((kind, data))
    }

    /// Steps over the marks of options that the reader does not ask for, as JSON does not write them.
    #[inline]
    pub(super) fn skip_some(&mut self) -> Result<(), Error> {
        let mut skipped = 0;
        while self.eat(tag::SOME)? {
            skipped += 1;
            if skipped > WRAPPERS {
                return Err(Error::too_deep());
            }
        }
        Ok(())
    }

    /// Runs `read` one level further down.
    #[inline]
    pub(super) fn inside<R>(
        &mut self,
        depth: Depth,
        read: impl FnOnce(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let outer = std::mem::replace(&mut self.depth, depth);
        let result = read(self);
        self.depth = outer;
        result
    }

    #[inline]
    pub(super) fn container<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.inside(self.depth.container()?, read)
    }

    #[inline]
    pub(super) fn wrapper<R>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.inside(self.depth.wrapper()?, read)
    }

    /// Steps over one value, learning the names in it.
    pub(super) fn skip_value(&mut self) -> Result<(), Error> {
        loop {
            let tag = self.peek()?;
            if self.number()?.is_some() {
                return Ok(());
            }
            match tag {
                tag::NONE | tag::UNIT => self.step(),
                tag::STR | tag::BYTES => {
                    self.step();
                    self.sized("a string")?;
                }
                tag::UNIT_VARIANT => {
                    self.step();
                    self.variant()?;
                }
                // One value follows: no need to recurse for it.
                tag::SOME => {
                    self.step();
                    continue;
                }
                tag::VARIANT => {
                    self.step();
                    self.variant()?;
                    continue;
                }
                tag::SEQ => {
                    self.step();
                    self.container(Self::skip_elements)?;
                }
                tag::MAP => {
                    self.step();
                    self.container(Self::skip_entries)?;
                }
                _ => return Err(self.unexpected("a value")),
            }
            return Ok(());
        }
    }

    fn skip_elements(&mut self) -> Result<(), Error> {
        while !self.eat(tag::END)? {
            if self.eat(tag::RUN)? {
                self.run()?;
            } else {
                self.skip_value()?;
            }
        }
        Ok(())
    }

    fn skip_entries(&mut self) -> Result<(), Error> {
        while !self.eat(tag::END)? {
            if self.name()?.is_none() {
                self.skip_value()?;
            }
            self.skip_value()?;
        }
        Ok(())
    }
}
