//! Tests of the format as a whole; the small parts are tested where they stand.
#![allow(
    clippy::cast_lossless,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::enum_variant_names,
    clippy::float_cmp,
    clippy::needless_pass_by_value,
    clippy::option_option,
    clippy::zero_sized_map_values,
    reason = "odd types and wrapped numbers are what is tested here"
)]

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, decode, encode};

mod by_hand;
mod families;
mod fuzz;
mod hostile;
mod numbers;
mod shapes;
mod spec;
mod table;

fn write<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out).expect("the value should encode");
    out
}

/// Writes one type and reads another.
fn reread<T: DeserializeOwned>(value: &(impl Serialize + ?Sized)) -> Result<T, Error> {
    decode(&write(value))
}

#[track_caller]
fn crosses<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let bytes = write(&value);
    match decode::<T>(&bytes) {
        Ok(back) => assert_eq!(back, value, "as {bytes:02x?}"),
        Err(error) => panic!("{value:?} as {bytes:02x?}: {error}"),
    }
}
