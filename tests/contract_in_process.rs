//! A user's program that the backends that share memory are held to, as its author wrote and formatted it.
#![cfg(all(unix, feature = "tokio"))]
#![allow(clippy::pedantic)]

#[rustfmt::skip]
#[path = "contract/inprocess.rs"]
mod program;
