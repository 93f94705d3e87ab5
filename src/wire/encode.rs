//! The writer: a serde `Serializer` onto a byte vector.

use crate::sys::huge_pages;
use serde::ser::{Serialize, Serializer};

use super::depth::Depth;
use super::error::Error;
use super::names::Names;
use super::run::{self, Kind};
use super::{tag, varint};

mod compound;

pub(crate) use compound::{Map, Seq};

/// Tuples from this length on look for runs: below it a run's header costs more than it saves.
const TUPLE_RUNS_FROM: usize = 16;

pub(crate) struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    names: Names,
    depth: Depth,
}

impl<'a> Encoder<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Encoder {
            out,
            names: Names::default(),
            depth: Depth::default(),
        }
    }

    #[inline]
    fn varint(&mut self, value: usize) {
        varint::write(value as u64, self.out);
    }

    #[inline]
    fn unsigned(&mut self, value: u64) {
        self.out.push(tag::UINT);
        varint::write(value, self.out);
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            self.unsigned(value);
        } else {
            self.out.push(tag::NINT);
            // -(1 + n), so that the smallest one fits too.
            varint::write(!value.cast_unsigned(), self.out);
        }
    }

    #[inline]
    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    fn sized(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.varint(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        if let Some(number) = self.names.number(name) {
            self.out.push(tag::NAME_REF);
            self.varint(number);
        } else {
            self.sized(tag::NAME_NEW, name.as_bytes());
        }
    }

    /// Begins a variant that holds a tuple or a struct, which is a level of its own, as it is for the reader.
    /// Returns the depth to come back to.
    fn variant_around(&mut self, index: u32, name: &'static str) -> Result<Depth, Error> {
        self.variant(tag::VARIANT, index, name);
        let inner = self.depth.container()?;
        Ok(std::mem::replace(&mut self.depth, inner))
    }

    fn variant(&mut self, tag: u8, index: u32, name: &'static str) {
        self.out.push(tag);
        varint::write(u64::from(index), self.out);
        self.name(name);
    }

    /// Writes one wrapped value, one level further down.
    #[inline]
    fn inside<T: Serialize + ?Sized>(&mut self, depth: Depth, value: &T) -> Result<(), Error> {
        let outer = std::mem::replace(&mut self.depth, depth);
        value.serialize(&mut *self)?;
        self.depth = outer;
        Ok(())
    }

    #[inline]
    fn seq(&mut self, runs: bool) -> Result<Seq<'_, 'a>, Error> {
        let outer = self.enter(tag::SEQ)?;
        Ok(Seq::new(self, outer, runs))
    }

    #[inline]
    fn map(&mut self) -> Result<Map<'_, 'a>, Error> {
        let outer = self.enter(tag::MAP)?;
        Ok(Map::new(self, outer))
    }

    fn enter(&mut self, tag: u8) -> Result<Depth, Error> {
        let inner = self.depth.container()?;
        self.out.push(tag);
        Ok(std::mem::replace(&mut self.depth, inner))
    }

    /// Writes the header of a run whose numbers follow; [`Self::close_run`] corrects the count.
    #[inline]
    fn open_run(&mut self, kind: Kind, count: usize) -> OpenRun {
        self.out.extend_from_slice(&[tag::RUN, kind.code()]);
        let count_at = self.out.len();
        self.varint(count);
        OpenRun {
            kind,
            count_at,
            data_at: self.out.len(),
            promised: count,
        }
    }

    fn close_run(&mut self, run: &OpenRun, count: usize) {
        if count != run.promised {
            let mut right = Vec::with_capacity(varint::MAX_LEN);
            varint::write(count as u64, &mut right);
            self.out.splice(run.count_at..run.data_at, right);
        }
    }
}

/// A run whose numbers are being written.
struct OpenRun {
    kind: Kind,
    count_at: usize,
    data_at: usize,
    promised: usize,
}

impl<'e, 'a> Serializer for &'e mut Encoder<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Seq<'e, 'a>;
    type SerializeTuple = Seq<'e, 'a>;
    type SerializeTupleStruct = Seq<'e, 'a>;
    type SerializeTupleVariant = Seq<'e, 'a>;
    type SerializeMap = Map<'e, 'a>;
    type SerializeStruct = Map<'e, 'a>;
    type SerializeStructVariant = Map<'e, 'a>;

    /// The format describes itself as JSON does, so it takes the form of a type that suits JSON: internally
    /// tagged and flattened parts rely on it, and both sides have to agree.
    fn is_human_readable(&self) -> bool {
        true
    }

    #[inline]
    fn serialize_bool(self, v: bool) -> Result<(), Error> {
        self.out.push(if v { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, v: u8) -> Result<(), Error> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u16(self, v: u16) -> Result<(), Error> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u32(self, v: u32) -> Result<(), Error> {
        self.serialize_u64(v.into())
    }

    #[inline]
    fn serialize_u64(self, v: u64) -> Result<(), Error> {
        self.unsigned(v);
        Ok(())
    }

    #[inline]
    fn serialize_u128(self, v: u128) -> Result<(), Error> {
        match u64::try_from(v) {
            Ok(v) => self.unsigned(v),
            Err(_) => self.tagged(tag::U128, &v.to_le_bytes()),
        }
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, v: i8) -> Result<(), Error> {
        self.serialize_i64(v.into())
    }

    #[inline]
    fn serialize_i16(self, v: i16) -> Result<(), Error> {
        self.serialize_i64(v.into())
    }

    #[inline]
    fn serialize_i32(self, v: i32) -> Result<(), Error> {
        self.serialize_i64(v.into())
    }

    #[inline]
    fn serialize_i64(self, v: i64) -> Result<(), Error> {
        self.signed(v);
        Ok(())
    }

    #[inline]
    fn serialize_i128(self, v: i128) -> Result<(), Error> {
        if let Ok(v) = u128::try_from(v) {
            return self.serialize_u128(v);
        }
        match i64::try_from(v) {
            Ok(v) => self.signed(v),
            Err(_) => self.tagged(tag::I128, &v.to_le_bytes()),
        }
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, v: f32) -> Result<(), Error> {
        self.tagged(tag::F32, &v.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, v: f64) -> Result<(), Error> {
        self.tagged(tag::F64, &v.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_char(self, v: char) -> Result<(), Error> {
        self.sized(tag::STR, v.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Result<(), Error> {
        self.sized(tag::STR, v.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, v: &[u8]) -> Result<(), Error> {
        self.sized(tag::BYTES, v);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Error> {
        self.out.push(tag::NONE);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.out.push(tag::SOME);
        self.inside(self.depth.wrapper()?, value)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Error> {
        self.out.push(tag::UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.variant(tag::UNIT_VARIANT, index, variant);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.inside(self.depth.wrapper()?, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(tag::VARIANT, index, variant);
        self.inside(self.depth.container()?, value)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Seq<'e, 'a>, Error> {
        self.seq(true)
    }

    fn serialize_tuple(self, len: usize) -> Result<Seq<'e, 'a>, Error> {
        self.seq(len >= TUPLE_RUNS_FROM)
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Seq<'e, 'a>, Error> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Seq<'e, 'a>, Error> {
        let outer = self.variant_around(index, variant)?;
        self.enter(tag::SEQ)?;
        Ok(Seq::new(self, outer, len >= TUPLE_RUNS_FROM))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Map<'e, 'a>, Error> {
        self.map()
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Map<'e, 'a>, Error> {
        self.map()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Map<'e, 'a>, Error> {
        let outer = self.variant_around(index, variant)?;
        self.enter(tag::MAP)?;
        Ok(Map::new(self, outer))
    }

    /// Where vectors and slices arrive: all elements at once, so numbers can be packed in one loop.
    #[inline]
    fn collect_seq<I>(self, iter: I) -> Result<(), Error>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut iter = iter.into_iter();
        if let Some(kind) = run::kind_of::<I::Item>() {
            let outer = self.enter(tag::SEQ)?;
            self.depth = outer;
            let start = self.out.len();
            let expected = iter.size_hint().0;
            if expected > 0 {
                self.out.reserve(run::space_for(kind, expected));
                huge_pages::prefer(self.out.spare_capacity_mut());
            }
            let run = self.open_run(kind, expected);
            let count = run::pack(kind, iter, self.out).ok_or_else(not_a_number)?;
            if count == 0 {
                self.out.truncate(start);
            } else {
                self.close_run(&run, count);
            }
            self.out.push(tag::END);
            return Ok(());
        }
        let mut seq = self.seq(true)?;
        iter.try_for_each(|element| serde::ser::SerializeSeq::serialize_element(&mut seq, &element))?;
        serde::ser::SerializeSeq::end(seq)
    }
}

/// Cannot happen while primitives are the only types with bare names; an error then, not wrong data.
#[cold]
fn not_a_number() -> Error {
    Error::new("a type named like a primitive did not serialize as one")
}
