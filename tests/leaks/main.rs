//! What pools leave behind: nothing, however often they are started, used and stopped.
//!
//! All of a process's descriptors, threads, children and memory are looked at, so each test has a process of its own.
#![cfg(target_os = "linux")]

mod alone;
mod counting;
mod cycles;
mod seen;
mod volume;
