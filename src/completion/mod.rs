//! Many results: in the order they come ([`as_completed()`]), or as a set ([`wait()`]).

mod as_completed;
mod inbox;
mod wait;

pub use as_completed::{AsCompleted, CompletedStream, NextCompleted, Tracked, as_completed};
pub(crate) use inbox::Inbox;
pub use wait::{ReturnWhen, Waited, wait};
