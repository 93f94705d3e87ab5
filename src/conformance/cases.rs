//! The cases of each group, as values: a test runs one of them, a report all.

use super::{Capability, Subject, watchdog::within};

/// One promise, put to the test.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub(super) capability: Option<Capability>,
    pub(super) topic: &'static str,
    pub(super) name: &'static str,
    pub(super) run: fn(),
}

macro_rules! cases {
    (($capability:expr, $subject:ty) $($topic:ident: $($name:ident),+;)+) => {
        vec![$($(
            Case {
                capability: $capability,
                topic: stringify!($topic),
                name: stringify!($name),
                run: super::$topic::$name::<$subject>,
            }
        ),+),+]
    };
}

macro_rules! groups {
    ($($group:ident: $capability:expr;)+) => {
        $(
            pub fn $group<S: Subject>() -> Vec<Case> {
                crate::__conformance_group!($group, [cases], ($capability, S))
            }
        )+

        /// The cases of all groups.
        pub(super) fn all<S: Subject>() -> Vec<Case> {
            [$($group::<S>()),+].concat()
        }
    };
}

// A group for itself, so that a test target compiles only what its backends can do.
groups! {
    everywhere: None;
    at_once: Some(Capability::AtOnce);
    shares_memory: Some(Capability::SharesMemory);
    at_once_shared: Some(Capability::AtOnceShared);
    nested: Some(Capability::Nested);
    nested_at_once: Some(Capability::NestedAtOnce);
    in_order: Some(Capability::InOrder);
    newest_first: Some(Capability::NewestFirst);
}

/// Runs one of the cases as a test.
pub fn hold(cases: Vec<Case>, topic: &str, name: &str) {
    let case = cases
        .into_iter()
        .find(|case| (case.topic, case.name) == (topic, name))
        .expect("the tests are made from the same list");
    within(case.run);
}
