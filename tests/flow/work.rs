//! Work that runs in any process.

use crate::checkpoint::Address;
use serde::{Deserialize, Serialize, Serializer, ser::Error};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the checkpoint, and waits there.
pub(crate) fn pass((at, number): (Address, u64)) -> u64 {
    at.pass(number);
    number
}

/// Tells the checkpoint, and goes on.
pub(crate) fn announce((at, number): (Address, u64)) -> u64 {
    at.announce(number);
    number
}

pub(crate) fn same(number: u64) -> u64 {
    number
}

/// A clock that all processes share.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.expect("it is later").as_nanos()).expect("for centuries")
}

/// When it started.
pub(crate) fn stamp(_: u64) -> u64 {
    now()
}

/// Tells the checkpoint when each attempt started; only the third one succeeds.
pub(crate) fn stamp_and_fail(at: Address) -> u64 {
    at.announce(now());
    assert!(concurrent_futures::attempt() > 2, "not yet");
    0
}

/// An argument that cannot be sent anywhere.
#[derive(Deserialize)]
pub(crate) struct Stuck;

impl Serialize for Stuck {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("it is stuck"))
    }
}

pub(crate) fn use_stuck(_: Stuck) -> u64 {
    7
}
