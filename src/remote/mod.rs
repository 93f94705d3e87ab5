//! What every backend shares whose workers are other processes: how work is named there, and what a worker keeps.

mod contexts;
mod identity;
mod news;

pub(crate) use contexts::Contexts;
pub(crate) use identity::{EntryPlace, check_location, place_of, resolve};
pub(crate) use news::News;
