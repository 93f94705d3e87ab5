#![doc = include_str!("README.md")]

mod broker;
mod build;
mod constructor;
mod message;
mod worker;

pub(crate) use constructor::init;
