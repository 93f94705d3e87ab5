#![doc = include_str!("README.md")]

mod broker;
mod message;
#[cfg(test)]
mod model;
