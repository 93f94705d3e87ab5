#![doc = include_str!("README.md")]
#![allow(dead_code)]

mod address;
mod broker;
mod local_server;
mod message;
