//! Sequences and maps being written.

use serde::ser::{self, Serialize};

use super::{Encoder, OpenRun, not_a_number};
use crate::wire::depth::Depth;
use crate::wire::error::Error;
use crate::wire::{run, tag};

/// A `SEQ`: sequences, tuples, tuple structs and the content of tuple variants.
pub(crate) struct Seq<'e, 'a> {
    encoder: &'e mut Encoder<'a>,
    outer: Depth,
    /// Whether numbers go into runs.
    runs: bool,
    run: Option<OpenRun>,
}

impl<'e, 'a> Seq<'e, 'a> {
    #[inline]
    pub(super) fn new(encoder: &'e mut Encoder<'a>, outer: Depth, runs: bool) -> Self {
        Seq {
            encoder,
            outer,
            runs,
            run: None,
        }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.runs
            && let Some(kind) = run::kind_of::<T>()
        {
            if self.run.as_ref().is_none_or(|run| run.kind != kind) {
                self.close_run();
                self.run = Some(self.encoder.open_run(kind, 0));
            }
            return if run::pack_one(kind, value, self.encoder.out) {
                Ok(())
            } else {
                Err(not_a_number())
            };
        }
        self.close_run();
        value.serialize(&mut *self.encoder)
    }

    /// The count of a run is known only now. Making room for it moves the run once, no matter how many.
    #[inline]
    fn close_run(&mut self) {
        if let Some(run) = self.run.take() {
            let count = (self.encoder.out.len() - run.data_at) / run.kind.size();
            self.encoder.close_run(&run, count);
        }
    }

    #[inline]
    fn finish(mut self) {
        self.close_run();
        self.encoder.out.push(tag::END);
        self.encoder.depth = self.outer;
    }
}

/// A `MAP`: maps, structs and the content of struct variants.
pub(crate) struct Map<'e, 'a> {
    encoder: &'e mut Encoder<'a>,
    outer: Depth,
}

impl<'e, 'a> Map<'e, 'a> {
    #[inline]
    pub(super) fn new(encoder: &'e mut Encoder<'a>, outer: Depth) -> Self {
        Map { encoder, outer }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.encoder.name(name);
        value.serialize(&mut *self.encoder)
    }

    #[inline]
    fn finish(self) {
        self.encoder.out.push(tag::END);
        self.encoder.depth = self.outer;
    }
}

macro_rules! sequences {
    ($($kind:ident $method:ident;)*) => {$(
        impl ser::$kind for Seq<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

sequences! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! structs {
    ($($kind:ident)*) => {$(
        impl ser::$kind for Map<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

structs! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for Map<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        key.serialize(&mut *self.encoder)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.encoder)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}
