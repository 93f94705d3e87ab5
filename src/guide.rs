//! Pages to read: what to choose, how it is done, what to expect.
//!
#![doc = include_str!("../docs/guide/links.md")]
#![doc = include_str!("../docs/guide/README.md")]

// The definitions in `links.md` stand before a page's own, and so win: the latter are for who reads the page as a file.

/// Which backend for what, and what each costs.
///
#[doc = include_str!("../docs/guide/choosing.svg")]
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/choosing.md")]
pub mod choosing {}

/// Each call of Python's tools for concurrency beside what it is here.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/from_python.md")]
pub mod from_python {}

/// Each tool of rayon beside what it is here, and both together.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/from_rayon.md")]
pub mod from_rayon {}

/// Each tool of tokio beside what it is here, and both together.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/from_tokio.md")]
pub mod from_tokio {}

/// How it is usually done: short programs.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/recipes.md")]
pub mod recipes {}

/// What becomes of everything when something fails, stops or dies: in pictures.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/what_happens_when.md")]
#[doc = include_str!("../docs/guide/what_happens_when/task.md")]
///
#[doc = include_str!("../docs/guide/what_happens_when/task.svg")]
///
#[doc = include_str!("../docs/guide/what_happens_when/panic.md")]
///
#[doc = include_str!("../docs/guide/what_happens_when/panic.svg")]
///
#[doc = include_str!("../docs/guide/what_happens_when/death.md")]
///
#[doc = include_str!("../docs/guide/what_happens_when/death.svg")]
///
#[doc = include_str!("../docs/guide/what_happens_when/ctrl_c.md")]
///
#[doc = include_str!("../docs/guide/what_happens_when/ctrl_c.svg")]
///
#[doc = include_str!("../docs/guide/what_happens_when/shutdown.md")]
///
#[doc = include_str!("../docs/guide/what_happens_when/shutdown.svg")]
pub mod what_happens_when {}

/// Workers on other machines: what changes, what it takes, what it promises.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/many_machines.md")]
pub mod many_machines {}

/// Where the time goes, what hangs, how far it is: from a number to a picture.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/observing.md")]
pub mod observing {}

/// What costs how much, and what to do about it.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/performance.md")]
pub mod performance {}

/// What it does not do, and where it does not run.
///
#[doc = include_str!("../docs/guide/links.md")]
#[doc = include_str!("../docs/guide/limits.md")]
pub mod limits {}
