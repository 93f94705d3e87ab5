//! The tag bytes. `README.md` in this folder is the specification they belong to.

pub(crate) const NONE: u8 = 0x00;
pub(crate) const SOME: u8 = 0x01;
pub(crate) const UNIT: u8 = 0x02;
pub(crate) const FALSE: u8 = 0x03;
pub(crate) const TRUE: u8 = 0x04;
pub(crate) const UINT: u8 = 0x05;
pub(crate) const NINT: u8 = 0x06;
pub(crate) const U128: u8 = 0x07;
pub(crate) const I128: u8 = 0x08;
pub(crate) const F32: u8 = 0x09;
pub(crate) const F64: u8 = 0x0a;
pub(crate) const STR: u8 = 0x0b;
pub(crate) const BYTES: u8 = 0x0c;
pub(crate) const SEQ: u8 = 0x0d;
pub(crate) const MAP: u8 = 0x0e;
pub(crate) const UNIT_VARIANT: u8 = 0x0f;
pub(crate) const VARIANT: u8 = 0x10;
/// Packed numbers; stands only among the elements of a `SEQ`.
pub(crate) const RUN: u8 = 0x11;
/// Closes a `SEQ` or a `MAP`.
pub(crate) const END: u8 = 0x12;
/// A name seen for the first time; stands where a map key or a variant's name does.
pub(crate) const NAME_NEW: u8 = 0x13;
pub(crate) const NAME_REF: u8 = 0x14;

/// What an error message calls the thing a tag begins.
pub(crate) fn describe(tag: u8) -> &'static str {
    match tag {
        NONE => "none",
        SOME => "some",
        UNIT => "unit",
        FALSE | TRUE => "a bool",
        UINT | NINT | U128 | I128 => "an integer",
        F32 | F64 => "a float",
        STR => "a string",
        BYTES => "bytes",
        SEQ => "a sequence",
        MAP => "a map",
        UNIT_VARIANT => "a unit variant",
        VARIANT => "a variant with content",
        RUN => "a run of numbers",
        END => "an end mark",
        NAME_NEW | NAME_REF => "a name",
        _ => "an unknown tag",
    }
}
