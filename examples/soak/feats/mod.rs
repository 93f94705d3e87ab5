//! Things that are a matter of size. At scale 1 each is ten times what executors are usually tried with.

mod bursts;
mod crashes;
mod joins;
mod lifecycles;
mod message;
mod volume;

use crate::{random::Random, tally::Tally};
use std::path::Path;

type Feat = fn(f64, Random, &Path, &mut Tally);

pub(crate) const ALL: [(&str, Feat); 6] = [
    ("volume", volume::run),
    ("joins", joins::run),
    ("bursts", bursts::run),
    ("crashes", crashes::run),
    ("message", message::run),
    ("lifecycles", lifecycles::run),
];

/// So much of `whole`, and at least one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)] // sizes, roughly
fn scaled(whole: usize, scale: f64) -> usize {
    ((whole as f64 * scale) as usize).max(1)
}
