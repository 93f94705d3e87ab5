//! How executors with workers of their own come to an end: how far they are, what is queued or running, and which
//! async tasks are suspended meanwhile.

mod stage;
mod suspended;
mod traffic;

pub(crate) use stage::{Stage, StageCell};
pub(crate) use suspended::Suspended;
pub(crate) use traffic::Traffic;
