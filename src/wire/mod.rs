//! The wire format: how arguments and results cross to another process and back.
//!
//! It takes every type whose values come back equal through `serde_json` or through bincode, and it takes bytes
//! from anywhere: what is not a message is an error. `README.md` in this folder is the specification.
//!
//! Reading order: `tag`, `encode`, `decode` (first `decode/reader`), then `run` for what makes numbers fast. The
//! unsafe code is in `same_type` alone.

mod decode;
mod depth;
mod encode;
mod error;
mod extract;
mod names;
mod run;
mod same_type;
mod tag;
#[cfg(test)]
mod tests;
mod varint;

pub(crate) use error::Error;

/// Appends `value` to `into`; on an error `into` is as long as it was.
#[inline]
pub(crate) fn encode<T: serde::Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> Result<(), Error> {
    let before = into.len();
    let result = value.serialize(&mut encode::Encoder::new(into));
    if result.is_err() {
        into.truncate(before);
    }
    result
}

/// Reads the one value that `bytes` holds; anything after it is an error.
#[inline]
pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut decoder = decode::Decoder::new(bytes);
    let value = T::deserialize(&mut decoder).map_err(|error| error.near(decoder.pos()))?;
    decoder.finish()?;
    Ok(value)
}
