//! Many results: in the order they come ([`as_completed()`]), as a set ([`wait()`]), or as one ([`race()`] and its like).

mod as_completed;
mod gather;
mod inbox;
mod wait;

pub use as_completed::{AsCompleted, CompletedStream, NextCompleted, Tracked, as_completed};
pub use gather::{AllFailed, First, Gathered, all_or_first_error, first_completed, race};
pub(crate) use inbox::Inbox;
pub use wait::{ReturnWhen, Waited, wait};
