//! A user's program that holds every backend to one meaning, as its author wrote and formatted it.
#![cfg(all(unix, feature = "tokio"))]
#![allow(clippy::pedantic)]

#[rustfmt::skip]
#[path = "contract/swap.rs"]
mod program;
